"""Position encodings: sinusoidal, learned, rotary and relative.

The axis letters of this package, besides the core's, are ``A`` for heads, ``W`` for the width of a head, and ``N`` for
the positions of all rows.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from s2s_transformer.config import TransformerConfig

Shape = tuple[int, int]
"""The number of rows and the number of positions per row, B and T."""


class Order(NamedTuple):
    """How self-attention takes the order of T positions into account, which may follow earlier ones.

    Attributes:
        rotation: The cosines and sines by which queries and keys are rotated, [2, T, W/2].
        bias: The summand of the scores, which broadcasts to [B, A, T, S]; the T positions are the last of the S.
    """

    rotation: Tensor | None
    bias: Tensor | None

    def biased(self, bias: Tensor) -> "Order":
        """Returns an order in which ``bias`` is added to the scores as well."""
        return Order(self.rotation, bias if self.bias is None else bias + self.bias)


class Positions(nn.Module):
    """The base class, which encodes no positions. A subclass overrides ``vectors``, ``rotation`` or ``bias``."""

    def vectors(self, first: int, count: int) -> Tensor | None:
        """Returns what is added to the vectors of ``count`` positions from number ``first`` on, [T, H]."""
        del first, count
        return None

    def order(self, first: int, count: int) -> Order:
        """Returns the order of ``count`` positions from number ``first`` on, for every self-attention."""
        return Order(self.rotation(first, count), self.bias(first, count))

    def rotation(self, first: int, count: int) -> Tensor | None:
        """Returns the cosines and sines to rotate by, [2, T, W/2]; None for no rotation."""
        del first, count
        return None

    def bias(self, first: int, count: int) -> Tensor | None:
        """Returns the summand of the scores, [A, T, S]; None for no bias."""
        del first, count
        return None


class SinusoidalPositions(Positions):
    """Adds sines and cosines of falling frequencies (Vaswani et al. 2017, arXiv 1706.03762, section 3.5)."""

    frequencies: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.size = config.hidden_size
        self.register_buffer("frequencies", _frequencies(self.size + 1), persistent=False)

    def vectors(self, first: int, count: int) -> Tensor:
        """See ``Positions.vectors``."""
        return torch.cat(_waves(self.frequencies, first, count), 1)[:, : self.size]


class LearnedPositions(Positions):
    """Adds a learned vector; positions past ``maximum_positions`` share the last one."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.maximum_positions, config.hidden_size)
        nn.init.normal_(self.embedding.weight, std=0.5**0.5)  # the variance of sines and cosines

    def vectors(self, first: int, count: int) -> Tensor:
        """See ``Positions.vectors``."""
        numbers = torch.arange(first, first + count, device=self.embedding.weight.device)  # [T]
        vectors: Tensor = self.embedding(numbers.clamp(max=self.embedding.num_embeddings - 1))
        return vectors


class RotaryPositions(Positions):
    """Rotates queries and keys by their position (Su et al. 2021, arXiv 2104.09864)."""

    frequencies: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(config.hidden_size // config.heads), persistent=False)

    def rotation(self, first: int, count: int) -> Tensor:
        """See ``Positions.rotation``."""
        return torch.stack(_waves(self.frequencies, first, count))


class RelativePositions(Positions):
    """Adds a learned bias for the distance to each score, the same in all layers.

    There is one number per head and distance, as in T5 (Raffel et al. 2020, arXiv 1910.10683, section 2.1); distances
    are clipped as in Shaw et al. 2018 (arXiv 1803.02155).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.farthest = config.maximum_distance
        self.biases = nn.Embedding(2 * self.farthest + 1, config.heads)

    def bias(self, first: int, count: int) -> Tensor:
        """See ``Positions.bias``."""
        numbers = torch.arange(first + count, device=self.biases.weight.device)  # [S]
        distances = numbers - numbers[first:, None]  # [T, S]
        rows = distances.clamp(-self.farthest, self.farthest) + self.farthest  # [T, S]
        bias: Tensor = self.biases(rows).permute(2, 0, 1)  # [A, T, S]
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
    """Returns the frequencies 10000^(-i / (size / 2)) for i below size / 2, [size // 2]."""
    half = size // 2
    return 10000.0 ** (-torch.arange(half) / max(half, 1))


def _waves(frequencies: Tensor, first: int, count: int) -> tuple[Tensor, Tensor]:
    """Returns the cosines and the sines of each position, [T, frequencies] both."""
    numbers = torch.arange(first, first + count, device=frequencies.device)
    angles = numbers[:, None] * frequencies  # [T, frequencies]
    return angles.cos(), angles.sin()
