"""From pairs of texts to batches of ids."""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.errors import DataError
from s2s_core.task import Example, Split, Task
from s2s_core.tokenizer import Tokenizer
from s2s_core.vocabulary import EOS, PAD

Ids = NDArray[np.int64]

HELD_OUT = 1000
"""How many examples an endless task's validation and test sets have at most, each."""

MOST_REPEATS = 20_000
"""How many examples in a row may be known before an endless task is taken to have no others.

It is well above ``HELD_OUT``, as a task that doesn't look at the split begins its test set with its validation set.
"""

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
    """Many sequences of ids, each ended by EOS, in one array.

    Args:
        sequences: Ids without EOS.
    """

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        ended = [np.array([*ids, EOS], np.int32) for ids in sequences]
        self.lengths: Ids = np.array([len(ids) for ids in ended], np.int64)
        self._starts = np.concatenate([[0], self.lengths.cumsum()])
        self._ids = np.concatenate(ended) if ended else np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    def padded(self, rows: Iterable[int]) -> tuple[Ids, Ids]:
        """Returns some sequences as padded ids [B, S], and their lengths [B]."""
        chosen = np.fromiter(rows, np.int64)
        lengths = self.lengths[chosen]
        ids = np.full((len(chosen), int(lengths.max(initial=1))), PAD, np.int64)
        for row, number in zip(ids, chosen, strict=True):
            row[: self.lengths[number]] = self._ids[self._starts[number] : self._starts[number + 1]]
        return ids, lengths


class Pairs:
    """Encoded examples.

    Args:
        examples: Texts.
        source_tokenizer: Encodes their sources.
        target_tokenizer: Encodes their targets.
    """

    def __init__(self, examples: Iterable[Example], source_tokenizer: Tokenizer, target_tokenizer: Tokenizer) -> None:
        texts = list(examples)
        self.sources = Sequences(source_tokenizer.encode(example.source) for example in texts)
        self.targets = Sequences(target_tokenizer.encode(example.target) for example in texts)

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, rows: Sequence[int]) -> Batch:
        """Returns some of the pairs as a batch."""
        return Batch(*self.sources.padded(rows), *self.targets.padded(rows))

    def batches(self, rows: Sequence[int], size: int) -> list[Batch]:
        """Cuts some of the pairs into batches of pairs that are about equally long."""
        by_length = sorted(rows, key=lambda row: (self.sources.lengths[row], self.targets.lengths[row]))
        return [self.batch(by_length[start : start + size]) for start in range(0, len(rows), size)]


class Splits:
    """A task's examples. Validation and test sets are drawn first and are the same in every run.

    Args:
        task: Gives the examples.
        name: What the task is called, for messages.

    Raises:
        DataError: A split has no examples.
    """

    def __init__(self, task: Task, name: str) -> None:
        self._task, self.name = task, name
        self.validation = self._held_out("validation", frozenset())
        self.test = self._held_out("test", {example.source for example in self.validation})
        self._excluded = {example.source for example in itertools.chain(self.validation, self.test)}

    def train(self, rng: random.Random) -> Iterator[Example]:
        """Yields training examples; of an endless task, without end and none that is held out."""
        examples = self._task.examples("train", rng)
        if not self._task.endless:
            return examples
        return self._not_held_out(examples)

    def vocabulary_examples(self, seed: int) -> list[Example]:
        """Returns the examples that tokenizers are trained on: all, or many of an endless task's."""
        limit = VOCABULARY_EXAMPLES if self._task.endless else None
        return list(itertools.islice(self.train(_generator(seed, "vocabulary")), limit))

    def _not_held_out(self, examples: Iterable[Example]) -> Iterator[Example]:
        repeats = 0
        for example in examples:
            repeats = repeats + 1 if example.source in self._excluded else 0
            if not repeats:
                yield example
            elif repeats == MOST_REPEATS:
                raise DataError(f"task {self.name!r} gives no training examples but the held-out ones")

    def _held_out(self, split: Split, taken: Iterable[str]) -> list[Example]:
        examples = self._task.examples(split, _generator(0, "held out"))
        if self._task.endless:
            examples = itertools.islice(_distinct(examples, taken), HELD_OUT)
        found = list(examples)
        if not found:
            raise DataError(f"task {self.name!r} gives no {split} examples")
        return found


class TrainingBatches:
    """An endless stream of batches that depends on nothing but the seed and the step.

    Args:
        splits: Where the pairs come from.
        endless: Whether the task's training examples have no end.
        tokenizers: Of the source and of the target.
        batch_size: B.
        bucket_batches: How many batches are sorted by length together.
        seed: The only source of chance.
    """

    def __init__(
        self,
        splits: Splits,
        *,
        endless: bool,
        tokenizers: tuple[Tokenizer, Tokenizer],
        batch_size: int,
        bucket_batches: int,
        seed: int,
    ) -> None:
        self._splits, self._tokenizers = splits, tokenizers
        self._batch_size, self._bucket_batches, self._seed = batch_size, bucket_batches, seed
        self._fixed = None if endless else self._encode(splits.train(_generator(seed, "train")))
        if self._fixed is not None and not len(self._fixed):
            raise DataError(f"task {splits.name!r} gives no train examples")

    def after(self, step: int) -> Iterator[Batch]:
        """Yields the batches that follow the first ``step`` ones."""
        bucket, skipped = divmod(step, self._bucket_batches)
        for number in itertools.count(bucket):
            batches = self._bucket(number)
            yield from batches[skipped:]
            skipped = 0

    def _bucket(self, number: int) -> list[Batch]:
        rng = _generator(self._seed, f"bucket {number}")
        size = self._bucket_batches * self._batch_size
        if self._fixed is None:
            pairs = self._encode(itertools.islice(self._splits.train(rng), size))
            if not len(pairs):
                raise DataError(f"task {self._splits.name!r} calls itself endless, but gives no train examples")
            rows: Sequence[int] = range(len(pairs))
        else:
            pairs = self._fixed
            rows = self._epoch_rows(number * size, size)
        batches = pairs.batches(rows, self._batch_size)
        rng.shuffle(batches)
        return batches

    def _epoch_rows(self, start: int, count: int) -> list[int]:
        """Returns part of an endless row of shuffled epochs."""
        assert self._fixed is not None  # noqa: S101  # for the type checker
        total = len(self._fixed)
        rows: list[int] = []
        while len(rows) < count:
            epoch, offset = divmod(start + len(rows), total)
            order = np.random.default_rng([self._seed, epoch]).permutation(total)
            rows.extend(order[offset : offset + count - len(rows)].tolist())
        return rows

    def _encode(self, examples: Iterable[Example]) -> Pairs:
        return Pairs(examples, *self._tokenizers)


def _generator(seed: int, purpose: str) -> random.Random:
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
