"""Encoded examples: pairs of sequences of ids, and padded batches of them."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.data.task import Example
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import EOS, PAD

Ids = NDArray[np.int64]

Tokenizers = tuple[Tokenizer, Tokenizer]
"""The tokenizers of the source and the target."""


@attrs.frozen(eq=False)
class Batch:
    """A batch of pairs as padded ids.

    Attributes:
        source: The ids of the sources, EOS included, [B, S].
        source_lengths: The lengths of the sources, EOS included, [B].
        target: The ids of the targets, EOS included, [B, T].
        target_lengths: The lengths of the targets, EOS included, [B].
    """

    source: Ids
    source_lengths: Ids
    target: Ids
    target_lengths: Ids

    def part(self, number: int, count: int) -> "Batch":
        """Returns every ``count``-th row, starting at row ``number``, for one of several processes."""
        return Batch(*(array[number::count] for array in attrs.astuple(self, recurse=False)))


class Sequences:
    """Sequences of ids, each ended by EOS, concatenated in one array.

    Args:
        sequences: The ids of each sequence, without EOS.

    Attributes:
        ids: The ids of all sequences.
        starts: The position where each sequence begins, then the position where the last one ends.
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
        """Wraps the arrays that a ``SequenceWriter`` wrote; both may lie on disk."""
        sequences = cls.__new__(cls)
        sequences.ids, sequences.starts = ids, starts
        return sequences

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Ids:
        """The lengths of all sequences, EOS included."""
        return np.diff(self.starts)

    def lengths_of(self, rows: Ids) -> Ids:
        """Returns the lengths of some sequences, EOS included."""
        return self.starts[rows + 1] - self.starts[rows]

    def padded(self, rows: Iterable[int]) -> tuple[Ids, Ids]:
        """Returns some sequences as padded ids [B, S], and their lengths [B]."""
        numbers = np.fromiter(rows, np.int64)
        lengths = self.lengths_of(numbers)
        ids = np.full((len(numbers), int(lengths.max(initial=1))), PAD, np.int64)
        for row, start, length in zip(ids, self.starts[numbers], lengths, strict=True):
            row[:length] = self.ids[start : start + length]
        return ids, lengths


class SequenceWriter:
    """Collects sequences of ids, ended by EOS, in two arrays that grow."""

    def __init__(self) -> None:
        self._ids, self._starts = array("i"), array("q", [0])

    def append(self, ids: Sequence[int]) -> None:
        """Adds a sequence of ids that has no EOS yet."""
        self._ids.extend(ids)
        self._ids.append(EOS)
        self._starts.append(len(self._ids))

    def arrays(self) -> tuple[NDArray[np.int32], Ids]:
        """Returns the ``ids`` and ``starts`` of ``Sequences``."""
        return np.array(self._ids, np.int32), np.array(self._starts, np.int64)


class Pairs:
    """Encoded examples.

    Args:
        sources: The encoded sources.
        targets: The encoded targets, in the same order.
    """

    def __init__(self, sources: Sequences, targets: Sequences) -> None:
        self.sources, self.targets = sources, targets

    @classmethod
    def encode(cls, examples: Iterable[Example], tokenizers: Tokenizers) -> Self:
        """Encodes examples one at a time, without keeping their texts in memory."""
        writers = SequenceWriter(), SequenceWriter()
        for example in examples:
            for writer, tokenizer, text in zip(writers, tokenizers, example, strict=True):
                writer.append(tokenizer.encode(text))
        return cls(*(Sequences.of(*writer.arrays()) for writer in writers))

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, rows: Iterable[int]) -> Batch:
        """Returns some of the pairs as a batch."""
        numbers = np.fromiter(rows, np.int64)
        return Batch(*self.sources.padded(numbers), *self.targets.padded(numbers))

    def by_length(self, rows: Ids) -> Ids:
        """Returns rows sorted by the length of their sources, then of their targets."""
        return rows[np.lexsort((self.targets.lengths_of(rows), self.sources.lengths_of(rows)))]
