"""A task's examples, and what they are encoded: pairs of sequences of ids, of which some are a batch."""

import itertools
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.data.task import Example, Split, Task
from s2s_core.errors import DataError
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import EOS, PAD

Ids = NDArray[np.int64]

Tokenizers = tuple[Tokenizer, Tokenizer]
"""Of the source and of the target."""

HELD_OUT = 1000
"""How many examples an endless task's validation and test sets have at most, each."""

MOST_REPEATS = 20_000
"""How many examples in a row may be known before an endless task is taken to have no others.

It is well above ``HELD_OUT``, as a task that doesn't look at the split begins its test set with its validation set.
"""

MOST_HELD_OUT = 0.1
"""The share of an endless task's draws that validation and test may hold without a warning."""

VOCABULARY_EXAMPLES = 20_000
"""How many examples of an endless task the tokenizers are trained on."""


@attrs.frozen(eq=False)
class Batch:
    """Some pairs as padded ids.

    Attributes:
        source: With EOS, [B, S].
        source_lengths: EOS included, [B].
        target: With EOS, [B, T].
        target_lengths: EOS included, [B].
    """

    source: Ids
    source_lengths: Ids
    target: Ids
    target_lengths: Ids

    def part(self, number: int, count: int) -> "Batch":
        """Returns every ``count``-th row from row ``number`` on, for one process of several."""
        return Batch(*(array[number::count] for array in attrs.astuple(self, recurse=False)))


class Sequences:
    """Many sequences of ids, each ended by EOS, one after the other in one array.

    Args:
        sequences: Ids without EOS.

    Attributes:
        ids: Of all sequences.
        starts: Where each begins, and the last one ends.
    """

    ids: NDArray[Any]
    starts: Ids

    def __init__(self, sequences: Iterable[Sequence[int]] = ()) -> None:
        writer = SequenceWriter()
        for ids in sequences:
            writer.append(ids)
        self.ids, self.starts = writer.arrays()

    @classmethod
    def of(cls, ids: NDArray[Any], starts: Ids) -> Self:
        """Makes them of what a ``SequenceWriter`` wrote; both arrays may lie on disk."""
        sequences = cls.__new__(cls)
        sequences.ids, sequences.starts = ids, starts
        return sequences

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Ids:
        """The lengths of all, EOS included."""
        return np.diff(self.starts)

    def lengths_of(self, rows: Ids) -> Ids:
        """Returns the lengths of some, EOS included."""
        return self.starts[rows + 1] - self.starts[rows]

    def padded(self, rows: Iterable[int]) -> tuple[Ids, Ids]:
        """Returns some sequences as padded ids [B, S], and their lengths [B]."""
        chosen = np.fromiter(rows, np.int64)
        lengths = self.lengths_of(chosen)
        ids = np.full((len(chosen), int(lengths.max(initial=1))), PAD, np.int64)
        for row, start, length in zip(ids, self.starts[chosen], lengths, strict=True):
            row[:length] = self.ids[start : start + length]
        return ids, lengths


class SequenceWriter:
    """Collects sequences of ids, ended by EOS, in two arrays that grow."""

    def __init__(self) -> None:
        self._ids, self._starts = array("i"), array("q", [0])

    def append(self, ids: Sequence[int]) -> None:
        """Adds a sequence, given without EOS."""
        self._ids.extend(ids)
        self._ids.append(EOS)
        self._starts.append(len(self._ids))

    def arrays(self) -> tuple[NDArray[np.int32], Ids]:
        """Returns the ids of all sequences, and where each begins and the last one ends."""
        return np.array(self._ids, np.int32), np.array(self._starts, np.int64)


class Pairs:
    """Encoded examples.

    Args:
        sources: Their sources.
        targets: Their targets, in the same order.
    """

    def __init__(self, sources: Sequences, targets: Sequences) -> None:
        self.sources, self.targets = sources, targets

    @classmethod
    def encode(cls, examples: Iterable[Example], tokenizers: Tokenizers) -> Self:
        """Encodes examples as they come, without holding their texts."""
        writers = SequenceWriter(), SequenceWriter()
        for example in examples:
            for writer, tokenizer, text in zip(writers, tokenizers, example, strict=True):
                writer.append(tokenizer.encode(text))
        return cls(*(Sequences.of(*writer.arrays()) for writer in writers))

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, rows: Iterable[int]) -> Batch:
        """Returns some of the pairs as a batch."""
        chosen = np.fromiter(rows, np.int64)
        return Batch(*self.sources.padded(chosen), *self.targets.padded(chosen))

    def by_length(self, rows: Ids) -> Ids:
        """Returns rows in the order of their sources' lengths, those of equal ones by their targets'."""
        return rows[np.lexsort((self.targets.lengths_of(rows), self.sources.lengths_of(rows)))]


class Splits:
    """A task's examples. Validation and test sets are drawn first and are the same in every run.

    Args:
        task: Gives the examples.
        name: What the task is called.
        version: Of the task's code, where that is known.

    Raises:
        DataError: A split has no examples.
    """

    def __init__(self, task: Task, name: str, version: str = "") -> None:
        self._task, self.name, self.version, self.endless = task, name, version, task.endless
        self.validation = self._held_out("validation", frozenset())
        self.test = self._held_out("test", {example.source for example in self.validation})
        self._excluded = {example.source for example in itertools.chain(self.validation, self.test)}

    def train(self, rng: random.Random) -> Iterator[Example]:
        """Yields training examples; of an endless task, without end and none that is held out."""
        examples = self._task.examples("train", rng)
        if not self.endless:
            return examples
        return self._not_held_out(examples)

    def vocabulary_examples(self, seed: int) -> Iterable[Example]:
        """Returns the examples that tokenizers are trained on: all, or many of an endless task's.

        They can be gone through more than once, and those of a finite task are not held in memory.
        """
        stream = _Again(lambda: self.train(generator(seed, "vocabulary")))
        return list(itertools.islice(stream, VOCABULARY_EXAMPLES)) if self.endless else stream

    def training_size(self) -> int | None:
        """Returns how many training examples there are, or nothing if that isn't known."""
        return self._task.training_size()

    def fingerprint(self) -> str | None:
        """Returns what tells these training examples from others; see ``Task.fingerprint``."""
        return self._task.fingerprint()

    def remarks(self) -> Sequence[str]:
        """Returns what a reader should know about the data, a line each."""
        return [*self._task.remarks(), *self._scarcity()]

    def _scarcity(self) -> Iterator[str]:
        """Yields a warning if training lacks much of what an endless task draws."""
        if not self.endless:
            return
        drawn = list(itertools.islice(self._task.examples("train", generator(0, "scarcity")), HELD_OUT))
        share = sum(example.source in self._excluded for example in drawn) / max(len(drawn), 1)
        if share > MOST_HELD_OUT:
            yield (
                f"warning: {share:.0%} of what the task draws is held out for validation and test, and so never "
                "trained on: let it have more sources"
            )

    def _not_held_out(self, examples: Iterable[Example]) -> Iterator[Example]:
        repeats = 0
        for example in examples:
            repeats = repeats + 1 if example.source in self._excluded else 0
            if not repeats:
                yield example
            elif repeats == MOST_REPEATS:
                raise DataError(f"task {self.name!r} gives no training examples but the held-out ones")

    def _held_out(self, split: Split, taken: Iterable[str]) -> list[Example]:
        examples = self._task.examples(split, generator(0, "held out"))
        if self.endless:
            examples = itertools.islice(_distinct(examples, taken), HELD_OUT)
        found = list(examples)
        if not found:
            raise DataError(f"task {self.name!r} gives no {split} examples")
        return found


class _Again:
    """Iterates over the same examples as often as it is asked to."""

    def __init__(self, start: Callable[[], Iterator[Example]]) -> None:
        self._start = start

    def __iter__(self) -> Iterator[Example]:
        return self._start()


def generator(seed: int, purpose: str) -> random.Random:
    """Returns a generator whose numbers differ for each purpose."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311  # not for secrets


def _distinct(examples: Iterable[Example], taken: Iterable[str]) -> Iterator[Example]:
    """Yields examples whose sources are new, until ``MOST_REPEATS`` in a row were not."""
    seen = set(taken)
    repeats = 0
    for example in examples:
        repeats = repeats + 1 if example.source in seen else 0
        if not repeats:
            seen.add(example.source)
            yield example
        elif repeats == MOST_REPEATS:
            return
