"""The tasks ``reverse``, ``copy`` and ``sort``, whose sources are random words."""

import random
from typing import ClassVar

import attrs

from s2s_core import BadValueError, at_least, described, must_be, setting
from s2s_synthetic.synthetic import SyntheticConfig, SyntheticTask


def _are_letters(alphabet: str) -> bool:
    return len(alphabet) > 1 and len(set(alphabet)) == len(alphabet)


def _at_least_the_minimum(config: "WordConfig", attribute: "attrs.Attribute[int]", value: int) -> None:
    if value < config.minimum_length:
        raise BadValueError(attribute.name, f"at least minimum_length, which is {config.minimum_length}", value)


@attrs.frozen
class WordConfig(SyntheticConfig):
    """The settings of a task whose sources are random words."""

    alphabet: str = setting(
        "abcdefghijklmnopqrstuvwxyz",
        "letters of the words, in order",
        must_be("two or more distinct characters", _are_letters),
    )
    minimum_length: int = setting(1, "minimum number of letters of a word", at_least(1))
    maximum_length: int = setting(
        8, "maximum number of letters of a word", described("at least minimum_length", _at_least_the_minimum)
    )


class WordTask(SyntheticTask[int]):
    """Draws words over an alphabet; a word's shape is its length.

    A subclass implements ``answer``.
    """

    Config: ClassVar[type] = WordConfig
    room = ("alphabet", "maximum_length")
    config: WordConfig

    def shapes(self) -> range:
        """Returns the possible lengths."""
        return range(self.config.minimum_length, self.config.maximum_length + 1)

    def size(self, shape: int) -> int:
        """Returns the number of words of a length."""
        return int(len(self.config.alphabet) ** shape)

    def draw(self, shape: int, rng: random.Random) -> str:
        """Returns a random word of a length."""
        return "".join(rng.choices(self.config.alphabet, k=shape))


class Reverse(WordTask):
    """The letters in reverse order: ``hello`` becomes ``olleh``."""

    def answer(self, source: str) -> str:
        """Returns the reversed word."""
        return source[::-1]


class Copy(WordTask):
    """The word itself: ``hello`` becomes ``hello``."""

    def answer(self, source: str) -> str:
        """Returns the same word."""
        return source


class Sort(WordTask):
    """The letters in the order of the alphabet: ``hello`` becomes ``ehllo``."""

    def answer(self, source: str) -> str:
        """Returns the sorted letters."""
        return "".join(sorted(source, key=self.config.alphabet.index))
