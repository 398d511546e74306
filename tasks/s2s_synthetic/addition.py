"""The task of adding two numbers."""

import itertools
import random
from collections.abc import Sequence
from typing import ClassVar

import attrs

from s2s_core import between, setting
from s2s_synthetic.synthetic import SyntheticConfig, SyntheticTask


@attrs.frozen
class AddConfig(SyntheticConfig):
    """What can be set of the task ``add``."""

    maximum_digits: int = setting(3, "digits of the longest numbers that are added", between(1, 100))


class Add(SyntheticTask[tuple[int, int]]):
    """The sum of two numbers: ``12+345`` becomes ``357``.

    A source's shape is how many digits each number has.
    """

    Config: ClassVar[type] = AddConfig
    room = ("maximum_digits",)
    config: AddConfig

    def shapes(self) -> Sequence[tuple[int, int]]:
        """Returns the pairs of digit counts."""
        digits = range(1, self.config.maximum_digits + 1)
        return list(itertools.product(digits, digits))

    def size(self, shape: tuple[int, int]) -> int:
        """Returns how many pairs of numbers have these digit counts."""
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
    """Returns the least number of so many digits, and the least of more; 0 has one digit."""
    return (10 ** (digits - 1) if digits > 1 else 0), 10**digits
