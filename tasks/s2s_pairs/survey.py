"""The survey of the training pairs: counts from one reading, and which sources to hold out."""

import hashlib
from array import array
from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core import Example

Hashes = NDArray[np.uint64]

HELD_OUT_SHARE = 20
"""Validation and test each hold out at most one source in this many."""

_BYTES = 8
"""The size of a hash: eight bytes keep memory small, and collisions among millions of sources unlikely."""


@attrs.frozen(eq=False)
class Survey:
    """The counts of pairs and the hashes of their sources, eight bytes each.

    Attributes:
        pairs: The number of pairs.
        repeated: The number of pairs that repeat an earlier one.
        sources: The hashes of the distinct sources, sorted.
    """

    pairs: int
    repeated: int
    sources: Hashes

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Survey":
        """Makes the survey in one pass over the pairs."""
        sources, pairs = bytearray(), array("q")
        for example in examples:
            sources += _digest(example.source)
            pairs.append(hash(example))  # stable only within this process, which suffices for counting
        distinct_pairs = len(np.unique(np.frombuffer(pairs, np.int64)))
        return cls(len(pairs), len(pairs) - distinct_pairs, np.unique(np.frombuffer(sources, ">u8")).astype(np.uint64))

    def share(self, sources: Iterable[str]) -> float:
        """Returns the share of the distinct ``sources`` that are training sources too."""
        hashes = np.array([_hash(source) for source in dict.fromkeys(sources)], np.uint64)
        return float(np.isin(hashes, self.sources).mean())


@attrs.frozen
class HeldOut:
    """The sources held out for validation and test: those with the lowest and with the highest hashes.

    A source's split thus depends only on the source and on the set of all sources, neither on their order nor on
    randomness. As sources are added, some return to training, but none moves from validation to test or back.

    Attributes:
        lowest: Hashes below this one belong to validation.
        highest: Hashes above this one belong to the test.
    """

    lowest: int
    highest: int

    @classmethod
    def of(cls, sources: Hashes, most: int, *, validation: bool, test: bool) -> "HeldOut":
        """Holds out at most ``most`` sources, and at most a twentieth of all, for each of the requested splits."""
        count = max(1, min(most, len(sources) // HELD_OUT_SHARE))
        lowest = int(sources[count]) if validation else 0
        highest = int(sources[-count - 1]) if test else 1 << (8 * _BYTES)
        return cls(lowest, highest)

    def split_of(self, source: str) -> str:
        """Returns the split of a source."""
        number = _hash(source)
        if number < self.lowest:
            return "validation"
        return "test" if number > self.highest else "train"


def _digest(source: str) -> bytes:
    return hashlib.blake2b(source.encode(), digest_size=_BYTES).digest()


def _hash(source: str) -> int:
    return int.from_bytes(_digest(source), "big")
