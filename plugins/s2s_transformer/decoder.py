"""The transformer decoder."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from s2s_core import Decoder, Memory, MemorySizes, Output, padding_mask
from s2s_transformer.attention import Heads, masked_bias
from s2s_transformer.config import TransformerConfig
from s2s_transformer.input_layer import InputLayer
from s2s_transformer.layers import DecoderLayer
from s2s_transformer.positions import Order


class TransformerState(NamedTuple):
    """The state of a transformer decoder.

    Attributes:
        past: Each layer's keys and values of the previous positions, which grow by one position per step.
        memory: Each layer's keys and values of the memory, which never change.
        memory_bias: The summand of the scores of the memory's positions, [B, 1, 1, S], which never changes.
    """

    past: tuple[Heads, ...]
    memory: tuple[Heads, ...]
    memory_bias: Tensor


class TransformerDecoder(Decoder):
    """Writes a target with self-attention and attention over the memory (Vaswani et al. 2017, arXiv 1706.03762).

    It is pre-norm: it normalises before each sublayer, and once more at the end. The attention that it returns is that
    of the last layer, the mean of its heads; in training it returns none unless the model reads it.
    """

    Config: ClassVar[type] = TransformerConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8, "layers": 2, "heads": 2, "feed_forward_size": 12}
    config: TransformerConfig

    def __init__(self, config: TransformerConfig, input_size: int, memory: MemorySizes) -> None:
        super().__init__(config, input_size, memory)
        self.output_size = config.hidden_size
        self.entrance = InputLayer(config, input_size)  # saved weights have this name
        self.layers: Any = nn.ModuleList([DecoderLayer(config, memory.states) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.hidden_size)

    def start(self, memory: Memory) -> TransformerState:
        """Returns the state before the first step; see ``TransformerState``."""
        states = memory.states.masked_fill(~memory.mask[:, :, None], 0.0)  # [B, S, M]
        read = tuple(layer.memory_attention.read(states) for layer in self.layers)
        past = tuple(Heads(_nothing(heads.keys), _nothing(heads.values)) for heads in read)
        return TransformerState(past, read, masked_bias(memory.mask[:, None, None], states))

    def step(self, inputs: Tensor, state: TransformerState) -> tuple[Output, TransformerState]:
        """Takes one step; see ``Decoder.step``."""
        first, shape = state.past[0].keys.shape[2], (inputs.shape[0], 1)
        vectors = self.entrance(inputs, shape, first)  # [B, H]
        order = self.entrance.positions.order(first, 1)
        output, past = self._run(vectors, shape, order, state)
        attention = None if output.attention is None else output.attention[:, 0]
        return Output(output.vectors, attention), state._replace(past=past)

    def forward(self, inputs: Tensor, lengths: Tensor, memory: Memory) -> Output:
        """Decodes whole targets; see ``Decoder.forward``."""
        shape = (inputs.shape[0], inputs.shape[1])
        padding = ~padding_mask(lengths, shape[1])[:, :, None]  # [B, T, 1]
        vectors = self.entrance(inputs.masked_fill(padding, 0.0).flatten(0, 1), shape, 0)  # [N, H]
        earlier = inputs.new_ones(shape[1], shape[1], dtype=torch.bool).tril()  # [T, T]
        order = self.entrance.positions.order(0, shape[1]).biased(masked_bias(earlier, vectors))
        output, _ = self._run(vectors, shape, order, self.start(memory))
        return Output(output.vectors.view(*shape, self.output_size), output.attention)

    def _run(
        self, vectors: Tensor, shape: tuple[int, int], order: Order, state: TransformerState
    ) -> tuple[Output, tuple[Heads, ...]]:
        """Returns the output vectors [N, H], the attention [B, T, S], and each layer's keys and values."""
        weights, seen = None, []
        for layer, past, memory in zip(self.layers, state.past, state.memory, strict=True):
            weighed = (self.attention_is_read or not self.training) and layer is self.layers[-1]
            vectors, weights, heads = layer(vectors, shape, order, memory, state.memory_bias, past, weighed=weighed)
            seen.append(heads)
        return Output(self.norm(vectors), weights), tuple(seen)


def _nothing(heads: Tensor) -> Tensor:
    """Returns heads of no positions, [B, A, 0, W]."""
    return heads.new_zeros(heads.shape[0], heads.shape[1], 0, heads.shape[3])
