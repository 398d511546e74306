"""The recurrent decoders with attention."""

from typing import ClassVar, NamedTuple

import attrs
import torch
from torch import Tensor, nn

from s2s_core import Decoder, Memory, MemorySizes, Output, one_of, setting
from s2s_recurrent.attention import SCORES, Attended, Attention
from s2s_recurrent.cell import GRU, LSTM, Layers
from s2s_recurrent.decoder import RecurrentDecoder, RecurrentDecoderConfig


@attrs.frozen
class AttentionDecoderConfig(RecurrentDecoderConfig):
    """What can be set of a recurrent decoder with attention."""

    score: str = setting("general", "how a step is compared with a source position", one_of(*SCORES))
    input_feeding: bool = setting(
        default=False, help="whether a step also reads the step before's answer, which makes training slower"
    )


class AttentionState(NamedTuple):
    """What an attention decoder carries from step to step.

    Attributes:
        layers: The recurrent layers' state.
        answer: The vectors of the step before, [B, H]; nothing without input feeding.
        attended: The memory, which stays.
    """

    layers: Layers
    answer: tuple[Tensor, ...]
    attended: Attended


class AttentionDecoder(RecurrentDecoder):
    """Writes a target with recurrent layers, and looks at all source positions before every answer.

    ``s_t = cell(e(y_{t-1}), s_{t-1})`` and ``o_t = tanh(W [s_t; c_t])``, where ``c_t`` is what attention finds for
    ``s_t`` (Luong et al. 2015, arXiv 1508.04025). With ``input_feeding`` the cell reads ``o_{t-1}`` too.
    """

    Config: ClassVar[type] = AttentionDecoderConfig
    config: AttentionDecoderConfig

    def __init__(self, config: AttentionDecoderConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.attention = Attention(config.score, config.hidden_size, memory.states)
        self.combine = nn.Linear(config.hidden_size + memory.states, config.hidden_size)

    @property
    def cell_input_size(self) -> int:
        """The width of what the first layer reads; with input feeding it reads an answer too."""
        return self.input_size + (self.config.hidden_size if self.config.input_feeding else 0)

    def start(self, memory: Memory) -> AttentionState:
        """Returns the layers' first state, and the memory as attention reads it; see ``Decoder.start``."""
        layers = self.first_layers(memory)
        answer = (torch.zeros_like(layers[0][:, 0]),) if self.config.input_feeding else ()
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
        """Decodes whole targets, all steps at once where no step reads another's answer; see ``Decoder.forward``."""
        if self.config.input_feeding:
            return Decoder.forward(self, inputs, lengths, memory)
        states, _ = self.cell.run(self.layers, inputs, state=self.first_layers(memory))  # [B, T, H]
        return Output(*self._answer(states, self.attention.attend(memory)))

    def _answer(self, states: Tensor, attended: Attended) -> tuple[Tensor, Tensor]:
        """Returns the answers to states [B, T, H], and how much each source position counted, [B, T, S]."""
        context, weights = self.attention(states, attended)
        return self.dropout(torch.tanh(self.combine(torch.cat([states, context], 2)))), weights


class AttentionLSTMDecoder(AttentionDecoder):
    """Writes a target with LSTM layers and attention."""

    cell = LSTM


class AttentionGRUDecoder(AttentionDecoder):
    """Writes a target with GRU layers and attention."""

    cell = GRU
