"""Attention with several heads, over a sequence itself and over a memory."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2s_transformer.positions import Order

MASKED = -30000.0
"""What is added to the score of a masked position.

It is finite, so that a row with nothing to look at has no NaN, and fits into float16.
"""

Shape = tuple[int, int]
"""Rows and positions of a row, B and T."""


class Heads(NamedTuple):
    """Keys and values, each [B, A, S, W]."""

    keys: Tensor
    values: Tensor


def masked_bias(mask: Tensor, like: Tensor) -> Tensor:
    """Returns what is added to scores, 0 where ``mask`` is true and ``MASKED`` elsewhere, in the dtype of ``like``."""
    return like.new_zeros(mask.shape).masked_fill(~mask, MASKED)


class SelfAttention(nn.Module):
    """Each position looks at positions of its own sequence.

    Args:
        size: The width H of the vectors.
        heads: The number of heads, A.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.width = size // heads
        self.project, self.merge = nn.Linear(size, 3 * size), nn.Linear(size, size)
        for weight in (*self.project.weight.chunk(3), self.merge.weight):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.merge.bias)

    def forward(self, vectors: Tensor, shape: Shape, order: Order, past: Heads | None) -> tuple[Tensor, Heads]:
        """Returns new vectors, and the keys and values of all positions up to now.

        Args:
            vectors: [N, H].
            shape: B and T, whose product is N.
            order: Of the T positions.
            past: Of the positions before them.
        """
        query, key, value = _split(self.project(vectors), shape, self.width).chunk(3, 1)
        if order.rotation is not None:
            query, key = _rotate(query, order.rotation), _rotate(key, order.rotation)
        seen = Heads(key, value)
        if past is not None:
            seen = Heads(torch.cat([past.keys, key], 2), torch.cat([past.values, value], 2))
        return self.merge(_joined(_attend(query, seen, order.bias))), seen


class CrossAttention(nn.Module):
    """Each position looks at a memory.

    Keys and values have no bias: that of the keys would change no weight, and that of the values is the last bias. So
    a memory of zeros adds what no memory at all adds.

    Args:
        size: The width H of the vectors.
        heads: The number of heads, A.
        memory_size: The width M of the memory's vectors.
    """

    def __init__(self, size: int, heads: int, memory_size: int) -> None:
        super().__init__()
        self.width = size // heads
        self.query, self.merge = nn.Linear(size, size), nn.Linear(size, size)
        self.memory = nn.Linear(memory_size, 2 * size, bias=False)
        for weight in (self.query.weight, *self.memory.weight.chunk(2), self.merge.weight):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.query.bias)
        nn.init.zeros_(self.merge.bias)

    def read(self, states: Tensor) -> Heads:
        """Returns the keys and values of a memory's states, [B, S, M]."""
        heads = _split(self.memory(states.flatten(0, 1)), (states.shape[0], states.shape[1]), self.width)
        return Heads(*heads.chunk(2, 1))

    def forward(
        self, vectors: Tensor, shape: Shape, memory: Heads, bias: Tensor, *, weighed: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Returns new vectors, [N, H], and how much each position of the memory counted, [B, T, S].

        Args:
            vectors: [N, H].
            shape: B and T, whose product is N.
            memory: What ``read`` returned.
            bias: Added to the scores, [B, 1, 1, S].
            weighed: Whether to say what counted, which takes longer; None otherwise.
        """
        query = _split(self.query(vectors), shape, self.width)
        if not weighed:
            return self.merge(_joined(_attend(query, memory, bias))), None
        weights = _weigh(query, memory.keys, bias)
        return self.merge(_joined(weights @ memory.values)), weights.mean(1)


def _attend(query: Tensor, seen: Heads, bias: Tensor | None) -> Tensor:
    """Returns the values that queries [B, A, T, W] see."""
    if torch.compiler.is_exporting():
        return _weigh(query, seen.keys, bias) @ seen.values
    return functional.scaled_dot_product_attention(query, *seen, attn_mask=bias)


def _weigh(query: Tensor, keys: Tensor, bias: Tensor | None) -> Tensor:
    """Returns how much each key counts for each query, [B, A, T, S]."""
    scores: Tensor = query * keys.shape[-1] ** -0.5 @ keys.transpose(2, 3)
    return (scores if bias is None else scores + bias).softmax(-1)


def _split(vectors: Tensor, shape: Shape, width: int) -> Tensor:
    """Returns heads [B, A, T, W] of vectors [N, A · W]."""
    return vectors.view(*shape, vectors.shape[1] // width, width).transpose(1, 2)


def _joined(heads: Tensor) -> Tensor:
    """Returns vectors [N, H] of heads [B, A, T, W]."""
    return heads.transpose(1, 2).flatten(2).flatten(0, 1)


def _rotate(heads: Tensor, rotation: Tensor) -> Tensor:
    """Turns pairs of numbers, one of each half of a head."""
    cosine, sine = rotation.unbind(0)
    left, right = heads.chunk(2, -1)
    return torch.cat([left * cosine - right * sine, right * cosine + left * sine], -1)
