"""What one reading of the training pairs tells: how many there are, and which sources are held out."""

import hashlib
from array import array
from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core import Example

Hashes = NDArray[np.uint64]

HELD_OUT_SHARE = 20
"""Validation, and so the test, holds out at most one in so many sources."""

_BYTES = 8


@attrs.frozen(eq=False)
class Survey:
    """Counts of pairs, and hashes of their sources, eight bytes each.

    Attributes:
        pairs: How many there are.
        repeated: How many of them are the same as an earlier one.
        sources: The hashes of the distinct sources, in order.
    """

    pairs: int
    repeated: int
    sources: Hashes

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Survey":
        """Goes through all pairs once."""
        sources, pairs = bytearray(), array("q")
        for example in examples:
            sources += _digest(example.source)
            pairs.append(hash(example))  # good within this process, which is all that counting needs
        distinct_pairs = len(np.unique(np.frombuffer(pairs, np.int64)))
        return cls(len(pairs), len(pairs) - distinct_pairs, np.unique(np.frombuffer(sources, ">u8")).astype(np.uint64))

    def share(self, sources: Iterable[str]) -> float:
        """Returns how many of some sources are among these, as a share."""
        hashes = np.array([_hash(source) for source in dict.fromkeys(sources)], np.uint64)
        return float(np.isin(hashes, self.sources).mean())


@attrs.frozen
class HeldOut:
    """Which sources belong to validation and test: those with the lowest and with the highest hashes.

    So a source's part depends on the source and on the set of all, not on their order, nor on any chance. As sources
    are added, some go back to training, but none goes from one held-out part to the other.

    Attributes:
        lowest: The hashes below it are validation's.
        highest: The hashes above it are the test's.
    """

    lowest: int
    highest: int

    @classmethod
    def of(cls, sources: Hashes, most: int, *, validation: bool, test: bool) -> "HeldOut":
        """Holds out at most so many sources for each part that is asked for, and no more than a twentieth."""
        count = max(1, min(most, len(sources) // HELD_OUT_SHARE))
        lowest = int(sources[count]) if validation else 0
        highest = int(sources[-count - 1]) if test else 1 << (8 * _BYTES)
        return cls(lowest, highest)

    def split_of(self, source: str) -> str:
        """Returns the split that a source belongs to."""
        number = _hash(source)
        if number < self.lowest:
            return "validation"
        return "test" if number > self.highest else "train"


def _digest(source: str) -> bytes:
    return hashlib.blake2b(source.encode(), digest_size=_BYTES).digest()


def _hash(source: str) -> int:
    return int.from_bytes(_digest(source), "big")
