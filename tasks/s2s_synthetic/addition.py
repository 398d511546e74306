"""The task ``add``: the sum of two numbers."""

import itertools
import random
from collections.abc import Sequence
from typing import ClassVar

import attrs

from s2s_core import between, setting
from s2s_synthetic.synthetic import SyntheticConfig, SyntheticTask


@attrs.frozen
class AddConfig(SyntheticConfig):
    """The settings of the task ``add``."""

    maximum_digits: int = setting(3, "maximum number of digits of the two numbers", between(1, 100))


class Add(SyntheticTask[tuple[int, int]]):
    """The sum of two numbers: ``12+345`` becomes ``357``.

    A source's shape is the number of digits of each number.
    """

    Config: ClassVar[type] = AddConfig
    room = ("maximum_digits",)
    config: AddConfig

    def shapes(self) -> Sequence[tuple[int, int]]:
        """Returns the pairs of digit counts."""
        digits = range(1, self.config.maximum_digits + 1)
        return list(itertools.product(digits, digits))

    def size(self, shape: tuple[int, int]) -> int:
        """Returns the number of pairs of numbers with these digit counts."""
        first, second = (high - low for low, high in map(_bounds, shape))
        return first * second

    def draw(self, shape: tuple[int, int], rng: random.Random) -> str:
        """Returns two numbers with these digit counts, with ``+`` between them."""
        first, second = (rng.randrange(*_bounds(digits)) for digits in shape)
        return f"{first}+{second}"

    def answer(self, source: str) -> str:
        """Returns the sum."""
        first, second = map(int, source.split("+"))
        return str(first + second)


def _bounds(digits: int) -> tuple[int, int]:
    """Returns the smallest number with this many digits, and the smallest with one more; 0 has one digit."""
    return (10 ** (digits - 1) if digits > 1 else 0), 10**digits
