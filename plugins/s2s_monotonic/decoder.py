"""The decoders with exact hard attention."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import attrs
import torch
from torch import Tensor, nn

from s2s_core import Decoder, Dropout, Memory, MemorySizes, Output, between, bridge, lstm, setting

IMPOSSIBLE = float("-inf")


@attrs.frozen
class HardAttentionConfig:
    """The settings of a decoder with hard attention."""

    hidden_size: int = setting(256, "width H of a layer's state", between(1, 16_384))
    layers: int = setting(1, "number of stacked layers", between(1, 100))
    dropout: float = setting(0.0, "dropout probability between layers and on the output", between(0, 0.99))


class Positions(NamedTuple):
    """A memory prepared for hard attention; it doesn't change from step to step.

    Attributes:
        keys: The vectors that are compared with the layers' states, [B, S, H].
        values: What each position contributes to its candidate, [B, S, H].
        real: False at padding, [B, S]. The first position always counts as real, so that an empty source has one.
    """

    keys: Tensor
    values: Tensor
    real: Tensor


class HardAttentionState(NamedTuple):
    """The state of a decoder with hard attention.

    Attributes:
        layers: The LSTM's h and c, each [B, L, H].
        positions: The prepared memory.
    """

    layers: tuple[Tensor, Tensor]
    positions: Positions


class HardAttentionDecoder(Decoder):
    """Writes each token from one source position, whichever it may be.

    The sum over all positions is exact: ``p(y_t) = sum_j p(j | s_t) p(y_t | s_t, h_j)``, where
    ``s_t = LSTM(e(y_{t-1}), s_{t-1})``, ``p(j | s_t)`` is a softmax over ``s_t · W h_j``, and ``tanh(W [s_t; h_j])`` is
    projected onto the vocabulary. This is the hard attention of Wu, Shapiro and Cotterell 2018 (arXiv 1808.10024).
    """

    Config: ClassVar[type] = HardAttentionConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8, "layers": 2}
    config: HardAttentionConfig

    def __init__(self, config: HardAttentionConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        size = self.output_size = config.hidden_size
        self.bridge = bridge(memory.summary, 2 * config.layers * size)
        between_layers = config.dropout if config.layers > 1 else 0.0  # PyTorch warns if a single layer ignores it
        self.layers = nn.LSTM(input_size, size, config.layers, batch_first=True, dropout=between_layers)
        self.keys = nn.Linear(memory.states, size, bias=False)
        self.values = nn.Linear(memory.states, size, bias=False)
        self.combine = nn.Linear(size, size)
        self.dropout = Dropout(config.dropout)

    def start(self, memory: Memory) -> HardAttentionState:
        """Returns the source's summary as the state of all layers, and the prepared memory; see ``Decoder.start``."""
        return HardAttentionState(self._first_layers(memory), self._prepare(memory))

    def step(self, inputs: Tensor, state: HardAttentionState) -> tuple[Output, HardAttentionState]:
        """Takes one step; see ``Decoder.step``."""
        states, layers = self._run(inputs[:, None], state.layers)  # [B, 1, H]
        output = self._answer(states, state.positions).each(lambda tensor: tensor[:, 0])
        return output, state._replace(layers=layers)

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets, all steps at once; see ``Decoder.forward``."""
        del lengths  # the layers run forwards only, so padding can't influence the positions before it
        states, _ = self._run(inputs, self._first_layers(memory))  # [B, T, H]
        return self._answer(states, self._prepare(memory))

    def weigh(self, scores: Tensor, positions: Positions) -> dict[str, Tensor]:
        """Returns the ``weights`` of the output, [B, T, S], by the scores of the positions in each step, [B, T, S]."""
        return {"weights": scores.masked_fill(~positions.real[:, None], IMPOSSIBLE).log_softmax(-1)}

    def _first_layers(self, memory: Memory) -> tuple[Tensor, Tensor]:
        shape = (-1, self.config.layers, self.config.hidden_size)
        hidden, cell = self.bridge(memory.summary).chunk(2, 1)  # each [B, L · H]
        return hidden.reshape(shape), cell.reshape(shape)

    def _prepare(self, memory: Memory) -> Positions:
        states = memory.states.masked_fill(~memory.mask[:, :, None], 0.0)  # [B, S, M]
        first = torch.arange(memory.mask.shape[1], device=memory.mask.device) == 0  # [S]
        return Positions(self.keys(states), self.values(states), memory.mask | first)

    def _run(self, inputs: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Runs the layers over inputs [B, T, E]; returns the last one's states [B, T, H], and the state of all."""
        hidden, cell = (part.transpose(0, 1) for part in state)  # each [L, B, H]
        states, (hidden, cell) = lstm(self.layers, inputs, initial=(hidden, cell))
        return states, (hidden.transpose(0, 1), cell.transpose(0, 1))

    def _answer(self, states: Tensor, positions: Positions) -> Output:
        """Returns the output for the states [B, T, H] of some steps; the candidates are the source positions."""
        mixed = torch.tanh(self.combine(states)[:, :, None] + positions.values[:, None])  # [B, T, S, H]
        # One position's vector explains the token, so all of them may lose the same numbers; drawing is slow.
        mask = self.dropout(torch.ones_like(states))[:, :, None]  # [B, T, 1, H]
        scores = states @ positions.keys.transpose(1, 2)  # [B, T, S]
        size = scores.shape[2]
        attention = torch.eye(size, dtype=scores.dtype, device=scores.device).expand(*scores.shape, size)
        return Output(mixed * mask, attention, **self.weigh(scores, positions))


class MonotonicDecoder(HardAttentionDecoder):
    """Writes each token from the same source position as the token before, or from one further right.

    The sum over all monotonic alignments is exact. Each is a path of a hidden Markov model, whose transitions from a
    position are a softmax over the scores ``s_t · W h_j`` of this position and those to its right: the first-order
    model of Wu and Cotterell 2019 (arXiv 1905.06319). The first token may come from any position.
    """

    def initial_weights(self, memory: Memory) -> Tensor:
        """Returns certainty that the first position comes before the first step; see ``Decoder.initial_weights``."""
        places = torch.arange(memory.mask.shape[1], device=memory.mask.device)  # [S]
        certain = torch.zeros_like(memory.mask, dtype=memory.summary.dtype)  # [B, S]
        return certain.masked_fill(places > 0, IMPOSSIBLE)

    def weigh(self, scores: Tensor, positions: Positions) -> dict[str, Tensor]:
        """Returns the ``transitions`` of the output, [B, T, S, S], by the positions' scores [B, T, S]."""
        places = torch.arange(scores.shape[2], device=scores.device)
        right = places[:, None] < places  # [S, S]
        same = places[:, None] == places  # whatever is padding leads to itself, as its probabilities must have a sum
        possible = (right & positions.real[:, None]) | same  # [B, S, S]
        every = scores[:, :, None].expand(*scores.shape[:2], scores.shape[2], -1)  # [B, T, S, S]
        return {"transitions": every.masked_fill(~possible[:, None], IMPOSSIBLE).log_softmax(-1)}
