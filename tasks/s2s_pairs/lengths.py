"""Filters pairs by length: too short, too long, or too different in length."""

from collections import Counter
from collections.abc import Callable, Iterator

from s2s_core import Example
from s2s_pairs.config import PairsConfig


class LengthLimits:
    """The limits of the lengths of a pair.

    Args:
        config: The settings of the limits.
    """

    def __init__(self, config: PairsConfig) -> None:
        self._measure: Callable[[str], int] = len if config.length_unit == "characters" else _words
        self._limits = [
            (f"{side} {word} than {limit:,} {config.length_unit}", exceeds, number, limit)
            for number, side in enumerate(("source", "target"))
            for word, exceeds, limit in (
                ("shorter", int.__lt__, getattr(config, f"minimum_{side}")),
                ("longer", int.__gt__, getattr(config, f"maximum_{side}")),
            )
            if limit
        ]
        self._ratio = config.maximum_ratio

    def within(self, examples: Iterator[Example], dropped: Counter[str]) -> Iterator[Example]:
        """Yields the pairs within the limits, and counts the others by the first limit that they exceed."""
        if not self._limits and not self._ratio:
            yield from examples
            return
        for example in examples:
            reason = self._reason(example)
            if reason is None:
                yield example
            else:
                dropped[reason] += 1

    def _reason(self, example: Example) -> str | None:
        lengths = self._measure(example.source), self._measure(example.target)
        for reason, exceeds, side, limit in self._limits:
            if exceeds(lengths[side], limit):
                return reason
        if self._ratio and min(lengths) and max(lengths) > self._ratio * min(lengths):  # an empty target has no ratio
            return f"one side more than {self._ratio:g} times as long as the other"
        return None


def _words(text: str) -> int:
    return sum(map(bool, text.split(" ")))
