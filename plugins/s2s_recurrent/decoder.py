"""The recurrent decoders without attention, as in Sutskever et al. 2014 (arXiv 1409.3215)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from torch import Tensor

from s2s_core import Decoder, Dropout, Memory, MemorySizes, Output, State, between, bridge, setting
from s2s_recurrent.cell import GRU, LSTM, Cell, CellState


@attrs.frozen
class RecurrentDecoderConfig:
    """The settings of a recurrent decoder."""

    hidden_size: int = setting(256, "width H of a layer's state", between(1, 16_384))
    layers: int = setting(1, "number of stacked layers", between(1, 100))
    dropout: float = setting(0.0, "dropout probability between layers and on the output", between(0, 0.99))


class RecurrentDecoder(Decoder):
    """Writes a target with a stack of recurrent layers, which see only the summary of the source, as initial state."""

    Config: ClassVar[type] = RecurrentDecoderConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8, "layers": 2}
    config: RecurrentDecoderConfig
    cell: ClassVar[Cell]

    def __init__(self, config: RecurrentDecoderConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.output_size = config.hidden_size
        self.bridge = bridge(memory.summary, self.cell.tensors * config.layers * config.hidden_size)
        self.layers = self.cell.make(
            self.cell_input_size, config.hidden_size, config.layers, bidirectional=False, dropout=config.dropout
        )
        self.dropout = Dropout(config.dropout)

    @property
    def cell_input_size(self) -> int:
        """The input width of the first layer."""
        return self.input_size

    def first_layers(self, memory: Memory) -> CellState:
        """Returns the summary as the state of all layers, each tensor [B, L, H]."""
        tensors = self.bridge(memory.summary).chunk(self.cell.tensors, 1)  # each [B, L · H]
        return tuple(tensor.reshape(-1, self.config.layers, self.config.hidden_size) for tensor in tensors)

    def start(self, memory: Memory) -> State:
        """Returns the initial state of all layers; see ``Decoder.start``."""
        return self.first_layers(memory)

    def step(self, inputs: Tensor, state: State) -> tuple[Output, State]:
        """Takes one step; see ``Decoder.step``."""
        vectors, after = self.cell.run(self.layers, inputs[:, None], state=state)  # [B, 1, H]
        return Output(self.dropout(vectors[:, 0])), after

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets; see ``Decoder.forward``."""
        del lengths  # the layers run forwards only, so padding can't influence the positions before it
        vectors, _ = self.cell.run(self.layers, inputs, state=self.first_layers(memory))  # [B, T, H]
        return Output(self.dropout(vectors))


class LSTMDecoder(RecurrentDecoder):
    """Writes a target with LSTM layers, which continue from the encoder's final state (arXiv 1409.3215)."""

    cell = LSTM


class GRUDecoder(RecurrentDecoder):
    """Writes a target with GRU layers, which continue from the encoder's final state."""

    cell = GRU
