"""The splits of a task: training examples, and the held-out validation and test sets."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from s2s_core.data.task import Example, Split, Task
from s2s_core.errors import DataError, PluginError

Item = TypeVar("Item")

HELD_OUT = 1000
"""The maximum size of an endless task's validation set, and of its test set."""

MOST_EVALUATED = 1_000_000
"""The maximum size of another task's validation set, and of its test set, as they are held in memory."""

MOST_REPEATS = 20_000
"""How many repeated examples in a row mean that an endless task has no others.

It is well above ``HELD_OUT``, since a task that ignores ``split`` yields its whole validation set again for the test.
"""

MOST_HELD_OUT = 0.1
"""The share of an endless task's examples that may be held out without a warning."""

VOCABULARY_EXAMPLES = 20_000
"""How many examples of an endless task are used to train the tokenizers."""


class Splits:
    """A task's examples. Validation and test sets are drawn first and are the same in every run.

    Args:
        task: Provides the examples.
        name: The task's name.
        version: The version of the task's code, if it is known.

    Raises:
        DataError: A split has no examples, or more than anyone evaluates.
        PluginError: The task yields something else than examples.
    """

    def __init__(self, task: Task, name: str, version: str = "") -> None:
        self._task, self.name, self.version, self.endless = task, name, version, task.endless
        self.validation = self._held_out("validation", frozenset())
        self.test = self._held_out("test", {example.source for example in self.validation})
        self._excluded = {example.source for example in itertools.chain(self.validation, self.test)}

    def train(self, rng: random.Random) -> Iterator[Example]:
        """Yields training examples; for an endless task, a stream without the held-out ones."""
        examples = self._examples("train", rng)
        if not self.endless:
            return examples
        return self._not_held_out(examples)

    def vocabulary_examples(self, seed: int) -> Iterable[Example]:
        """Returns the examples to train tokenizers on: all of them, or ``VOCABULARY_EXAMPLES`` of an endless task.

        They can be iterated over more than once, and those of a finite task are not held in memory.
        """
        stream = Again(lambda: self.train(generator(seed, "vocabulary")))
        return list(itertools.islice(stream, VOCABULARY_EXAMPLES)) if self.endless else stream

    def training_size(self) -> int | None:
        """Returns how many training examples there are, or ``None`` if that isn't known."""
        return self._task.training_size()

    def fingerprint(self) -> str | None:
        """Returns a string that identifies the training examples; see ``Task.fingerprint``."""
        return self._task.fingerprint()

    def remarks(self) -> Sequence[str]:
        """Returns remarks about the data, each one line."""
        return [*self._task.remarks(), *self._scarcity()]

    def _scarcity(self) -> Iterator[str]:
        """Yields a warning if much of what an endless task draws is held out."""
        if not self.endless:
            return
        drawn = list(itertools.islice(self._examples("train", generator(0, "scarcity")), HELD_OUT))
        share = sum(example.source in self._excluded for example in drawn) / max(len(drawn), 1)
        if share > MOST_HELD_OUT:
            yield (
                f"warning: {share:.0%} of what the task draws is held out for validation and test, and so never "
                "trained on: let it have more sources"
            )

    def _examples(self, split: Split, rng: random.Random) -> Iterator[Example]:
        """Yields the task's examples of a split, after a check that they are what they must be."""
        for example in self._task.examples(split, rng):
            if not isinstance(example, Example) or not all(isinstance(text, str) for text in example):
                raise PluginError(
                    f"task {self.name!r} must yield s2s_core.Example(source, target) with two texts (got {example!r})"
                )
            yield example

    def _not_held_out(self, examples: Iterable[Example]) -> Iterator[Example]:
        repeats = 0
        for example in examples:
            repeats = repeats + 1 if example.source in self._excluded else 0
            if not repeats:
                yield example
            elif repeats == MOST_REPEATS:
                raise DataError(f"task {self.name!r} gives no training examples but the held-out ones")

    def _held_out(self, split: Split, taken: Iterable[str]) -> list[Example]:
        examples = self._examples(split, generator(0, "held out"))
        if self.endless:
            examples = itertools.islice(distinct(examples, taken), HELD_OUT)
        held_out = list(itertools.islice(examples, MOST_EVALUATED + 1))
        if len(held_out) > MOST_EVALUATED:
            raise DataError(
                f"task {self.name!r} gives more than {MOST_EVALUATED:,} {split} examples, which are held in memory: "
                "give fewer; if they never end, its class must say endless = True"
            )
        if not held_out:
            raise DataError(f"task {self.name!r} gives no {split} examples")
        return held_out


class Again(Generic[Item]):
    """An iterable that can be iterated over any number of times.

    Args:
        start: Returns a new iterator over the items.
    """

    def __init__(self, start: Callable[[], Iterator[Item]]) -> None:
        self._start = start

    def __iter__(self) -> Iterator[Item]:
        return self._start()


def generator(seed: int, purpose: str) -> random.Random:
    """Returns a generator whose numbers differ for each purpose."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311  # not for cryptography


def distinct(examples: Iterable[Example], taken: Iterable[str]) -> Iterator[Example]:
    """Yields examples with new sources, until ``MOST_REPEATS`` in a row are repeats."""
    seen = set(taken)
    repeats = 0
    for example in examples:
        repeats = repeats + 1 if example.source in seen else 0
        if not repeats:
            seen.add(example.source)
            yield example
        elif repeats == MOST_REPEATS:
            return
