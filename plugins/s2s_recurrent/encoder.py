"""The recurrent encoders: stacks of LSTM or GRU layers."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

from s2s_core import BadValueError, Dropout, Encoder, Memory, between, padding_mask, setting
from s2s_recurrent.cell import GRU, LSTM, Cell


@attrs.frozen
class RecurrentEncoderConfig:
    """The settings of a recurrent encoder."""

    hidden_size: int = setting(256, "width H of a position's vector, both directions together", between(1, 16_384))
    layers: int = setting(1, "number of stacked layers", between(1, 100))
    bidirectional: bool = setting(default=True, help="whether half of each vector comes from reading backwards")
    dropout: float = setting(0.0, "dropout probability between layers and on the states", between(0, 0.99))

    def __attrs_post_init__(self) -> None:
        """Checks that the two directions can share the width."""
        if self.bidirectional and self.hidden_size % 2:
            raise BadValueError("hidden_size", "even, as two directions share it", self.hidden_size)


class RecurrentEncoder(Encoder):
    """Reads a source with a stack of recurrent layers.

    The memory's states are those of the last layer. Its summary is the final state of all layers, h and then, for an
    LSTM, c: [B, L · H] or [B, 2 · L · H]. A decoder of the same kind, width and number of layers can use it directly as
    its initial state.
    """

    Config: ClassVar[type] = RecurrentEncoderConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8, "layers": 2}
    config: RecurrentEncoderConfig
    cell: ClassVar[Cell]

    def __init__(self, config: RecurrentEncoderConfig, input_size: int) -> None:
        super().__init__(config, input_size)
        self.states_size = config.hidden_size
        self.summary_size = self.cell.tensors * config.layers * config.hidden_size
        self.layers = self.cell.make(
            input_size,
            config.hidden_size // (2 if config.bidirectional else 1),
            config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources; see ``Encoder.forward``."""
        states, final = self.cell.run(self.layers, inputs, lengths)  # [B, S, H]
        summary = torch.cat([tensor.flatten(1) for tensor in final], 1)  # [B, Z]
        return Memory(self.dropout(states), padding_mask(lengths, inputs.shape[1]), summary)


class LSTMEncoder(RecurrentEncoder):
    """Reads a source with LSTM layers (Hochreiter and Schmidhuber 1997)."""

    cell = LSTM


class GRUEncoder(RecurrentEncoder):
    """Reads a source with GRU layers (Cho et al. 2014, arXiv 1406.1078)."""

    cell = GRU
