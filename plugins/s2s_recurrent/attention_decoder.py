"""The recurrent decoders with attention."""

from typing import ClassVar, NamedTuple

import attrs
import torch
from torch import Tensor, nn

from s2s_core import Decoder, Memory, MemorySizes, Output, one_of, setting
from s2s_recurrent.attention import SCORES, Attended, Attention
from s2s_recurrent.cell import GRU, LSTM, CellState
from s2s_recurrent.decoder import RecurrentDecoder, RecurrentDecoderConfig


@attrs.frozen
class AttentionDecoderConfig(RecurrentDecoderConfig):
    """The settings of a recurrent decoder with attention."""

    score: str = setting("general", "function that scores source positions for a step", one_of(*SCORES))
    input_feeding: bool = setting(
        default=False, help="whether a step also reads the previous step's output, which slows training down"
    )


class AttentionState(NamedTuple):
    """The state of a decoder with attention.

    Attributes:
        layers: The state of the recurrent layers.
        answer: The output vectors of the previous step, [B, H]; empty without input feeding.
        attended: The prepared memory, which never changes.
    """

    layers: CellState
    answer: tuple[Tensor, ...]
    attended: Attended


class AttentionDecoder(RecurrentDecoder):
    """Writes a target with recurrent layers, and attends to the source at every step.

    ``s_t = cell(e(y_{t-1}), s_{t-1})`` and ``o_t = tanh(W [s_t; c_t])``, where ``c_t`` is the context vector of ``s_t``
    (Luong et al. 2015, arXiv 1508.04025). With ``input_feeding`` the cell reads ``o_{t-1}`` too.
    """

    Config: ClassVar[type] = AttentionDecoderConfig
    config: AttentionDecoderConfig

    def __init__(self, config: AttentionDecoderConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.attention = Attention(config.score, config.hidden_size, memory.states)
        self.combine = nn.Linear(config.hidden_size + memory.states, config.hidden_size)

    @property
    def cell_input_size(self) -> int:
        """The input width of the first layer, which with input feeding includes the previous output."""
        return self.input_size + (self.config.hidden_size if self.config.input_feeding else 0)

    def start(self, memory: Memory) -> AttentionState:
        """Returns the initial state of the layers and the prepared memory; see ``Decoder.start``."""
        layers = self.first_layers(memory)
        answer = (torch.zeros_like(layers[0][:, 0]),) if self.config.input_feeding else ()  # [B, H]
        return AttentionState(layers, answer, self.attention.attend(memory))

    def step(self, inputs: Tensor, state: AttentionState) -> tuple[Output, AttentionState]:
        """Takes one step; see ``Decoder.step``."""
        read = torch.cat([inputs, *state.answer], 1)[:, None]  # [B, 1, E]
        states, layers = self.cell.run(self.layers, read, state=state.layers)  # [B, 1, H]
        answer, attention = self._answer(states, state.attended)
        vectors = answer[:, 0]
        fed = (vectors,) if self.config.input_feeding else ()
        return Output(vectors, attention[:, 0]), AttentionState(layers, fed, state.attended)

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets, all steps at once unless a step reads another's output; see ``Decoder.forward``."""
        if self.config.input_feeding:
            return Decoder.forward(self, inputs, lengths, memory)
        states, _ = self.cell.run(self.layers, inputs, state=self.first_layers(memory))  # [B, T, H]
        return Output(*self._answer(states, self.attention.attend(memory)))

    def _answer(self, states: Tensor, attended: Attended) -> tuple[Tensor, Tensor]:
        """Returns the outputs of states [B, T, H], in the same shape, and the weight of each position, [B, T, S]."""
        context, weights = self.attention(states, attended)  # [B, T, M], [B, T, S]
        return self.dropout(torch.tanh(self.combine(torch.cat([states, context], 2)))), weights


class AttentionLSTMDecoder(AttentionDecoder):
    """Writes a target with LSTM layers and attention."""

    cell = LSTM


class AttentionGRUDecoder(AttentionDecoder):
    """Writes a target with GRU layers and attention."""

    cell = GRU
