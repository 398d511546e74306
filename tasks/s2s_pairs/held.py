"""Pairs in memory, as long as they are few."""

from collections.abc import Iterable, Iterator

from s2s_core import Example

MOST_PAIRS = 200_000
MOST_CHARACTERS = 20_000_000
"""Together they keep what is held below about 150 MB, whatever the texts are."""


class HeldPairs:
    """Holds the pairs that pass by, and lets go of all when they become too many.

    Attributes:
        examples: All pairs that have passed, or nothing if they are too many.
    """

    def __init__(self) -> None:
        self.examples: list[Example] | None = []
        self._characters = 0

    def passing(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Yields the pairs, and holds them."""
        for example in examples:
            if self.examples is not None:
                self._hold(example)
            yield example

    def _hold(self, example: Example) -> None:
        assert self.examples is not None  # noqa: S101  # for the type checker
        self.examples.append(example)
        self._characters += len(example.source) + len(example.target)
        if len(self.examples) > MOST_PAIRS or self._characters > MOST_CHARACTERS:
            self.examples = None
