"""Encoded examples: pairs of sequences of ids, and padded batches of them."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.data.task import Example
from s2s_core.text.copies import Tokenizers, encode_source, encode_target
from s2s_core.text.vocabulary import EOS, PAD

Ids = NDArray[np.int64]


@attrs.frozen(eq=False)
class Batch:
    """A batch of pairs as padded ids.

    Attributes:
        source: The ids of the sources, EOS included, [B, S].
        source_lengths: The lengths of the sources, EOS included, [B].
        target: The ids of the targets, EOS included, [B, T].
        target_lengths: The lengths of the targets, EOS included, [B].
        copies: What the tokens of the sources are as tokens of the targets, for a model that copies, [B, S].
    """

    source: Ids
    source_lengths: Ids
    target: Ids
    target_lengths: Ids
    copies: Ids | None = None

    def part(self, number: int, count: int) -> "Batch":
        """Returns every ``count``-th row, starting at row ``number``, for one of several processes."""
        part = slice(number, None, count)
        copies = None if self.copies is None else self.copies[part]
        return Batch(self.source[part], self.source_lengths[part], self.target[part], self.target_lengths[part], copies)


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
        copies: For a model that copies, the sources again, with the ids that their tokens have in targets.
    """

    def __init__(self, sources: Sequences, targets: Sequences, copies: Sequences | None = None) -> None:
        self.sources, self.targets, self.copies = sources, targets, copies

    @classmethod
    def encode(cls, examples: Iterable[Example], tokenizers: Tokenizers, *, copying: bool = False) -> Self:
        """Encodes examples one at a time, without keeping their texts in memory.

        Args:
            examples: Pairs of texts.
            tokenizers: Of source and target.
            copying: Whether it is for a model that copies.
        """
        encode = _encode_copying if copying else _encode
        writers = [SequenceWriter() for _ in range(3 if copying else 2)]
        for example in examples:
            for writer, ids in zip(writers, encode(example, tokenizers), strict=True):
                writer.append(ids)
        return cls(*(Sequences.of(*writer.arrays()) for writer in writers))

    def __len__(self) -> int:
        return len(self.sources)

    def batch(self, rows: Iterable[int]) -> Batch:
        """Returns some of the pairs as a batch."""
        numbers = np.fromiter(rows, np.int64)
        copies = None if self.copies is None else self.copies.padded(numbers)[0]
        return Batch(*self.sources.padded(numbers), *self.targets.padded(numbers), copies)

    def by_length(self, rows: Ids) -> Ids:
        """Returns rows sorted by the length of their sources, then of their targets."""
        return rows[np.lexsort((self.targets.lengths_of(rows), self.sources.lengths_of(rows)))]


def _encode(example: Example, tokenizers: Tokenizers) -> Iterator[list[int]]:
    """Yields the ids of source and target."""
    for tokenizer, text in zip(tokenizers, example, strict=True):
        yield tokenizer.encode(text)


def _encode_copying(example: Example, tokenizers: Tokenizers) -> Iterator[list[int]]:
    """Yields the ids of the source, those of the target, and what the source's tokens are as tokens of the target."""
    source, copies = encode_source(example.source, tokenizers)
    yield source
    yield encode_target(example.target, example.source, tokenizers)
    yield copies
