"""Training batches: shuffled, sorted by length and reproducible from any step on."""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from s2s_core.config.training import TrainingConfig
from s2s_core.data.pairs import Batch, Ids, Pairs
from s2s_core.data.splits import Splits, generator
from s2s_core.data.store import fixed_pairs
from s2s_core.errors import DataError
from s2s_core.text.copies import Tokenizers


class _Bucket(NamedTuple):
    """A fixed number of pairs, sorted by length and cut into batches."""

    pairs: Pairs
    batches: list[Ids]
    rng: random.Random

    def shuffled(self) -> Iterator[Batch]:
        """Yields the batches in a new order."""
        self.rng.shuffle(self.batches)
        return map(self.pairs.batch, self.batches)


class TrainingBatches:
    """An endless stream of batches that depends only on the data, the settings and the step.

    ::

        pairs ──shuffled, epoch after epoch──► buckets ──sorted by length, cut──► batches ──shuffled──► updates

    A bucket has ``bucket_batches`` times ``batch_size`` pairs. A batch has ``batch_size`` of them. Where
    ``batch_tokens`` is set, it has as many as fit: sources and targets, EOS and padding included, are together at most
    that many ids; a pair that is longer by itself is a batch. How many batches a bucket has follows from lengths alone,
    so that training can go on anywhere.

    Args:
        splits: The task's examples.
        tokenizers: The tokenizers of the source and the target.
        config: The training settings, of which ``BatchConfig`` declares those that matter here.
        copying: Whether the batches are for a model that copies.
    """

    def __init__(
        self, splits: Splits, tokenizers: Tokenizers, config: TrainingConfig, *, copying: bool = False
    ) -> None:
        self._splits, self._tokenizers, self._config, self._copying = splits, tokenizers, config, copying
        self._fixed = None if splits.endless else fixed_pairs(splits, tokenizers, config.seed, copying=copying)
        self._shuffled: tuple[int, Ids] | None = None
        if self._fixed is not None and not len(self._fixed):
            raise DataError(f"task {splits.name!r} gives no train examples")

    @property
    def updates_per_epoch(self) -> float | None:
        """The number of updates that train on every pair once; ``None`` if the examples never end.

        With ``batch_tokens`` it is an estimate, from the first bucket.
        """
        if self._fixed is None:
            return None
        if not self._config.batch_tokens:
            return len(self._fixed) / self._config.batch_size
        batches = self._bucket(0).batches
        return len(self._fixed) * len(batches) / sum(map(len, batches))

    def after(self, step: int) -> Iterator[Batch]:
        """Yields the batches after the first ``step`` ones."""
        number, skipped = self._place(step)
        for bucket in map(self._bucket, itertools.count(number)):
            yield from itertools.islice(bucket.shuffled(), skipped, None)
            skipped = 0

    def _place(self, step: int) -> tuple[int, int]:
        """Returns the bucket that contains a step, and how many of the bucket's batches come before it."""
        if not self._config.batch_tokens:
            return divmod(step, self._config.bucket_batches)
        for number in itertools.count():
            count = len(self._bucket(number).batches)
            if step < count:
                break
            step -= count
        return number, step

    def _bucket(self, number: int) -> _Bucket:
        rng = generator(self._config.seed, f"bucket {number}")
        size = self._config.bucket_batches * self._config.batch_size
        if self._fixed is None:
            examples = itertools.islice(self._splits.train(rng), size)
            pairs = Pairs.encode(examples, self._tokenizers, copying=self._copying)
            if not len(pairs):
                raise DataError(f"task {self._splits.name!r} calls itself endless, but gives no train examples")
            rows: Ids = np.arange(len(pairs))
        else:
            pairs = self._fixed
            rows = self._epoch_rows(number * size, size)
        rows = pairs.by_length(rows)
        return _Bucket(pairs, np.split(rows, self._cuts(pairs, rows)), rng)

    def _cuts(self, pairs: Pairs, rows: Ids) -> list[int]:
        """Returns the positions in the sorted rows where each batch except the first begins."""
        if not self._config.batch_tokens:
            return list(range(self._config.batch_size, len(rows), self._config.batch_size))
        cuts: list[int] = []
        start = longest = 0
        sources, targets = (side.lengths_of(rows).tolist() for side in (pairs.sources, pairs.targets))
        for end, (source, target) in enumerate(zip(sources, targets, strict=True)):
            longest = max(longest, target)
            if end > start and (end + 1 - start) * (source + longest) > self._config.batch_tokens:
                cuts.append(end)
                start, longest = end, target
        return cuts

    def _epoch_rows(self, start: int, count: int) -> Ids:
        """Returns ``count`` rows from position ``start`` of an endless sequence of shuffled epochs."""
        assert self._fixed is not None  # noqa: S101  # for the type checker
        total = len(self._fixed)
        pieces: list[Ids] = []
        while count:
            epoch, offset = divmod(start, total)
            pieces.append(self._order(epoch, total)[offset : offset + count])
            start, count = start + len(pieces[-1]), count - len(pieces[-1])
        return np.concatenate(pieces)

    def _order(self, epoch: int, total: int) -> Ids:
        """Returns an epoch's order; the latest is cached, as shuffling many pairs takes a while."""
        if self._shuffled is None or self._shuffled[0] != epoch:
            self._shuffled = epoch, np.random.default_rng([self._config.seed, epoch]).permutation(total)
        return self._shuffled[1]
