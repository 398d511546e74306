"""Multi-head attention: self-attention within a sequence, and cross-attention to a memory."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2s_transformer.positions import Order, Shape

MASKED = -30000.0
"""The summand of a masked position's score.

It is finite, so that a row in which every position is masked has no NaN. Its exponential is 0 in every dtype, and the
sum of two of them is still above the lowest number of float16, -65504.
"""

FEW_KEYS = 256
"""Up to so many keys, a CPU attends in 16 bits by separate operators instead of the fused one, which needs less memory.

With a width of 64 they are 4 to 9 times as fast up to 100 keys, 1.6 times at 200 and 1.1 times at 400 (one core of a
Xeon with AMX, PyTorch 2.13), so a transformer 3+3 of 256 trains twice as fast on words. With 32 bits both take as long.
"""


class Heads(NamedTuple):
    """The keys and values of all heads, each [B, A, S, W].

    The keys are divided by the root of W, once and for all, so that no step has to scale the queries or the scores.
    """

    keys: Tensor
    values: Tensor


def masked_bias(mask: Tensor, like: Tensor) -> Tensor:
    """Returns the summand of scores: 0 where ``mask`` is true and ``MASKED`` elsewhere, in the dtype of ``like``."""
    return like.new_zeros(mask.shape).masked_fill(~mask, MASKED)


class SelfAttention(nn.Module):
    """Attention of each position to the positions of its own sequence.

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
        """Returns new vectors, [N, H], and the keys and values of all positions so far.

        Args:
            vectors: [N, H].
            shape: B and T, whose product is N.
            order: The order of the T positions.
            past: The keys and values of the positions before them.
        """
        query, key, value = _split(self.project(vectors), shape, self.width).chunk(3, 1)  # each [B, A, T, W]
        if order.rotation is not None:
            query, key = _rotate(query, order.rotation), _rotate(key, order.rotation)
        seen = Heads(_scaled(key), value)
        if past is not None:
            seen = Heads(torch.cat([past.keys, seen.keys], 2), torch.cat([past.values, value], 2))  # [B, A, S, W]
        return self.merge(_joined(_attend(query, seen, order.bias))), seen


class CrossAttention(nn.Module):
    """Attention of each position to the positions of a memory.

    Keys and values have no bias: a bias of the keys would not change the weights, and a bias of the values would only
    duplicate the bias of the output. So a memory of zeros has the same effect as no memory.

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
        keys, values = heads.chunk(2, 1)
        return Heads(_scaled(keys), values)

    def forward(
        self, vectors: Tensor, shape: Shape, memory: Heads, bias: Tensor, *, weighed: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Returns new vectors, [N, H], and the weight of each position of the memory, the mean of all heads, [B, T, S].

        Args:
            vectors: [N, H].
            shape: B and T, whose product is N.
            memory: The result of ``read``.
            bias: The summand of the scores, [B, 1, 1, S].
            weighed: Whether to return the weights, which takes longer; otherwise they are None.
        """
        query = _split(self.query(vectors), shape, self.width)  # [B, A, T, W]
        if not weighed:
            return self.merge(_joined(_attend(query, memory, bias))), None
        weights = _weigh(query, memory.keys, bias)  # [B, A, T, S]
        return self.merge(_joined(weights @ memory.values)), weights.mean(1)


def _attend(query: Tensor, seen: Heads, bias: Tensor | None) -> Tensor:
    """Returns the weighted mean of the values for queries [B, A, T, W], in the same shape."""
    if torch.compiler.is_exporting() or _fused_is_slow(query, seen.keys):
        return _weigh(query, seen.keys, bias) @ seen.values
    return functional.scaled_dot_product_attention(query, *seen, attn_mask=bias, scale=1.0)


def _fused_is_slow(query: Tensor, keys: Tensor) -> bool:
    """Whether the fused operator is slower than separate ones; see ``FEW_KEYS``."""
    return query.is_cpu and query.dtype is torch.bfloat16 and keys.shape[2] <= FEW_KEYS


def _weigh(query: Tensor, keys: Tensor, bias: Tensor | None) -> Tensor:
    """Returns the weight of each key for each query, [B, A, T, S]."""
    scores: Tensor = query @ keys.transpose(2, 3)  # [B, A, T, S]
    return (scores if bias is None else scores + bias).softmax(-1)


def _scaled(keys: Tensor) -> Tensor:
    """Divides keys by the root of their width."""
    scaled: Tensor = keys * keys.shape[-1] ** -0.5
    return scaled


def _split(vectors: Tensor, shape: Shape, width: int) -> Tensor:
    """Splits vectors [N, A · W] into heads [B, A, T, W]."""
    rows, count = shape
    if count == 1:  # no number moves, so the graph of a step needs no node that would move them
        return vectors.view(rows, vectors.shape[1] // width, 1, width)
    return vectors.view(rows, count, vectors.shape[1] // width, width).transpose(1, 2)


def _joined(heads: Tensor) -> Tensor:
    """Joins heads [B, A, T, W] to vectors [N, H]."""
    if heads.shape[2] == 1:  # as above
        return heads.flatten(1)
    return heads.transpose(1, 2).flatten(2).flatten(0, 1)


def _rotate(heads: Tensor, rotation: Tensor) -> Tensor:
    """Rotates pairs of numbers, one from each half of a head."""
    cosine, sine = rotation.unbind(0)  # each [T, W/2]
    left, right = heads.chunk(2, -1)  # each [B, A, T, W/2]
    return torch.cat([left * cosine - right * sine, right * cosine + left * sine], -1)
