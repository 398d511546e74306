"""How a transformer is told the order of its positions.

Axis letters of this package, beside the core's: ``A`` heads, ``W`` the width of a head, ``N`` positions of all rows.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from s2s_transformer.config import TransformerConfig


class Order(NamedTuple):
    """What self-attention is told of the order of T positions, which follow others.

    Attributes:
        rotation: The cosine and sine by which queries and keys are turned, [2, T, W/2].
        bias: What is added to the scores, to be broadcast to [B, A, T, S] for S positions with the T at their end.
    """

    rotation: Tensor | None
    bias: Tensor | None

    def biased(self, bias: Tensor) -> "Order":
        """Returns an order in which ``bias`` is added to the scores as well."""
        return Order(self.rotation, bias if self.bias is None else bias + self.bias)


class Positions(nn.Module):
    """Tells no order. A subclass tells it in one of three ways."""

    def place(self, vectors: Tensor, first: int) -> Tensor:
        """Adds to vectors [B, T, H] where they stand; the first of them is number ``first``."""
        del first
        return vectors

    def order(self, first: int, count: int) -> Order:
        """Returns what each self-attention is told, for ``count`` positions from number ``first`` on."""
        return Order(self.rotation(first, count), self.bias(first, count))

    def rotation(self, first: int, count: int) -> Tensor | None:
        """Returns cosines and sines, [2, T, W/2]."""
        del first, count
        return None

    def bias(self, first: int, count: int) -> Tensor | None:
        """Returns what is added to the scores, [A, T, S]."""
        del first, count
        return None


class SinusoidalPositions(Positions):
    """Adds sines and cosines of falling frequencies (Vaswani et al. 2017, arXiv 1706.03762, section 3.5)."""

    frequencies: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(config.hidden_size + 1), persistent=False)

    def place(self, vectors: Tensor, first: int) -> Tensor:
        """See ``Positions.place``."""
        waves = _waves(self.frequencies, first, vectors.shape[1]).transpose(0, 1).flatten(1)  # [T, H] or one wider
        return vectors + waves[:, : vectors.shape[2]]


class LearnedPositions(Positions):
    """Adds a learned vector; past ``maximum_positions`` it's the last one."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.maximum_positions, config.hidden_size)
        nn.init.normal_(self.embedding.weight, std=0.5**0.5)  # as large as sines and cosines

    def place(self, vectors: Tensor, first: int) -> Tensor:
        """See ``Positions.place``."""
        numbers = torch.arange(first, first + vectors.shape[1], device=vectors.device)
        placed: Tensor = vectors + self.embedding(numbers.clamp(max=self.embedding.num_embeddings - 1))
        return placed


class RotaryPositions(Positions):
    """Turns queries and keys by their position (Su et al. 2021, arXiv 2104.09864)."""

    frequencies: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(config.hidden_size // config.heads), persistent=False)

    def rotation(self, first: int, count: int) -> Tensor:
        """See ``Positions.rotation``."""
        return _waves(self.frequencies, first, count)


class RelativePositions(Positions):
    """Adds to a score what each head has learned of the distance, for all layers alike.

    One number a head, as T5 has it (Raffel et al. 2020, arXiv 1910.10683, section 2.1), for distances clipped as in
    Shaw et al. 2018 (arXiv 1803.02155).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.farthest = config.maximum_distance
        self.biases = nn.Embedding(2 * self.farthest + 1, config.heads)

    def bias(self, first: int, count: int) -> Tensor:
        """See ``Positions.bias``."""
        numbers = torch.arange(first + count, device=self.biases.weight.device)
        distances = numbers - numbers[first:, None]  # [T, S]
        rows = distances.clamp(-self.farthest, self.farthest) + self.farthest
        bias: Tensor = self.biases(rows).permute(2, 0, 1)
        return bias


_KINDS = {
    "sinusoidal": SinusoidalPositions,
    "learned": LearnedPositions,
    "rotary": RotaryPositions,
    "relative": RelativePositions,
}


def make_positions(config: TransformerConfig) -> Positions:
    """Returns the positions that a configuration names."""
    return _KINDS[config.positions](config)


def _frequencies(size: int) -> Tensor:
    """Returns 10000^(-i / (size / 2)) for i below size / 2, [size // 2]."""
    half = size // 2
    return 10000.0 ** (-torch.arange(half) / max(half, 1))


def _waves(frequencies: Tensor, first: int, count: int) -> Tensor:
    """Returns the cosines and sines of each position, [2, T, frequencies]."""
    numbers = torch.arange(first, first + count, device=frequencies.device)
    angles = numbers[:, None] * frequencies  # [T, frequencies]
    return torch.stack([angles.cos(), angles.sin()])
