"""LSTM and GRU behind one interface: a stack of layers, and a state of one or two tensors."""

from collections.abc import Callable
from typing import Any

import attrs
from torch import Tensor, nn

from s2s_core import gru, lstm

CellState = tuple[Tensor, ...]
"""The state of a stack of L layers: ``(h, c)`` of an LSTM or ``(h,)`` of a GRU, each [B, L, H]."""


@attrs.frozen
class Cell:
    """A kind of recurrent cell.

    Attributes:
        module: Its PyTorch module.
        tensors: The number of tensors in its state.
        helper: Runs the module over time, both in PyTorch and in an exported file.
    """

    module: type[nn.LSTM] | type[nn.GRU]
    tensors: int
    helper: Callable[..., tuple[Tensor, Any]]

    def make(self, input_size: int, hidden_size: int, layers: int, *, bidirectional: bool, dropout: float) -> Any:
        """Returns a module with dropout between its layers."""
        between = dropout if layers > 1 else 0.0  # PyTorch warns of dropout that a single layer ignores
        return self.module(
            input_size, hidden_size, layers, batch_first=True, bidirectional=bidirectional, dropout=between
        )

    def run(
        self, module: Any, inputs: Tensor, lengths: Tensor | None = None, state: CellState | None = None
    ) -> tuple[Tensor, CellState]:
        """Runs a module over inputs [B, T, E]; returns the last layer's states, [B, T, H], and the final state."""
        initial = None if state is None else self._joined(tuple(tensor.transpose(0, 1) for tensor in state))
        outputs, final = self.helper(module, inputs, lengths, initial)
        return outputs, tuple(tensor.transpose(0, 1) for tensor in (final if self.tensors == 2 else (final,)))

    def _joined(self, state: CellState) -> Any:
        """Returns a state as PyTorch's module takes it, which for a GRU is not a tuple."""
        return state if self.tensors == 2 else state[0]


LSTM = Cell(nn.LSTM, 2, lstm)
GRU = Cell(nn.GRU, 1, gru)
