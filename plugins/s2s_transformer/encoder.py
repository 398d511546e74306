"""The transformer encoder."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from s2s_core import Encoder, Memory, padding_mask
from s2s_transformer.attention import masked_bias
from s2s_transformer.config import TransformerConfig
from s2s_transformer.input_layer import InputLayer
from s2s_transformer.layers import EncoderLayer


class TransformerEncoder(Encoder):
    """Reads a source with self-attention (Vaswani et al. 2017, arXiv 1706.03762), normalising before each sublayer.

    The memory's states are the last layer's vectors, normalised once more; its summary is their mean.
    """

    Config: ClassVar[type] = TransformerConfig
    small: ClassVar[Mapping[str, Any]] = {"hidden_size": 8, "layers": 2, "heads": 2, "feed_forward_size": 12}
    config: TransformerConfig

    def __init__(self, config: TransformerConfig, input_size: int) -> None:
        super().__init__(config, input_size)
        self.states_size = self.summary_size = config.hidden_size
        self.entrance = InputLayer(config, input_size)  # saved weights have this name
        self.layers = nn.ModuleList([EncoderLayer(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.hidden_size)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Memory:
        """Reads whole sources; see ``Encoder.forward``."""
        shape = (inputs.shape[0], inputs.shape[1])
        mask = padding_mask(lengths, shape[1])  # [B, S]
        padding = ~mask[:, :, None]  # [B, S, 1]
        vectors = self.entrance(inputs.masked_fill(padding, 0.0).flatten(0, 1), shape, 0)  # [N, H]
        order = self.entrance.positions.order(0, shape[1]).biased(masked_bias(mask[:, None, None], vectors))
        for layer in self.layers:
            vectors = layer(vectors, shape, order)
        states = self.norm(vectors).view(*shape, self.states_size)  # [B, S, H]
        summary = states.masked_fill(padding, 0.0).sum(1) / lengths.clamp(min=1)[:, None]  # [B, H]
        return Memory(states, mask, summary)
