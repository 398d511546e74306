"""The layers of a transformer, in which each sublayer reads normalised vectors and adds its output to its input.

Normalising first (pre-norm, Xiong et al. 2020, arXiv 2002.04745) trains without a long warm-up.
"""

from torch import Tensor, nn

from s2s_core import Dropout
from s2s_transformer.attention import CrossAttention, Heads, SelfAttention
from s2s_transformer.config import TransformerConfig
from s2s_transformer.positions import Order, Shape


class FeedForward(nn.Sequential):
    """The perceptron that is applied to each position separately."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(
            nn.Linear(config.hidden_size, config.feed_forward_size),
            nn.ReLU() if config.activation == "relu" else nn.GELU(),
            Dropout(config.dropout),
            nn.Linear(config.feed_forward_size, config.hidden_size),
        )
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)


class EncoderLayer(nn.Module):
    """Self-attention and a perceptron."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.attention_norm, self.attention = nn.LayerNorm(size), SelfAttention(size, config.heads)
        self.feed_forward_norm, self.feed_forward = nn.LayerNorm(size), FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, vectors: Tensor, shape: Shape, order: Order) -> Tensor:
        """Returns new vectors, [N, H], of B rows with T positions each."""
        attended, _ = self.attention(self.attention_norm(vectors), shape, order, None)  # [N, H]
        vectors = vectors + self.dropout(attended)  # [N, H]
        new: Tensor = vectors + self.dropout(self.feed_forward(self.feed_forward_norm(vectors)))  # [N, H]
        return new


class DecoderLayer(nn.Module):
    """Self-attention, attention over the memory, and a perceptron."""

    def __init__(self, config: TransformerConfig, memory_size: int) -> None:
        super().__init__()
        size, heads = config.hidden_size, config.heads
        self.attention_norm, self.attention = nn.LayerNorm(size), SelfAttention(size, heads)
        self.memory_norm, self.memory_attention = nn.LayerNorm(size), CrossAttention(size, heads, memory_size)
        self.feed_forward_norm, self.feed_forward = nn.LayerNorm(size), FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        vectors: Tensor,
        shape: Shape,
        order: Order,
        memory: Heads,
        memory_bias: Tensor,
        past: Heads | None = None,
        *,
        weighed: bool = False,
    ) -> tuple[Tensor, Tensor | None, Heads]:
        """Returns new vectors, the weights of the memory's positions if ``weighed``, and all keys and values so far.

        Args:
            vectors: [N, H].
            shape: B and T, whose product is N.
            order: The order of the T positions.
            memory: The keys and values of the memory.
            memory_bias: The summand of the scores of the memory's positions, [B, 1, 1, S].
            past: The keys and values of the previous positions, if there are any.
            weighed: Whether to return the weights.
        """
        attended, seen = self.attention(self.attention_norm(vectors), shape, order, past)  # [N, H]
        vectors = vectors + self.dropout(attended)  # [N, H]
        read, weights = self.memory_attention(self.memory_norm(vectors), shape, memory, memory_bias, weighed=weighed)
        vectors = vectors + self.dropout(read)  # [N, H]
        vectors = vectors + self.dropout(self.feed_forward(self.feed_forward_norm(vectors)))  # [N, H]
        return vectors, weights, seen
