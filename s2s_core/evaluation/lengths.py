"""Scores by the length of the source."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Answered, Scores, score
from s2s_core.evaluation.metric import Measure

MOST_BUCKETS = 6
LEAST_SOURCES = 20
"""How many sources a bucket has at least, where nobody chose the buckets."""


@attrs.frozen
class Bucket:
    """The scores of the sources that are about equally long.

    Attributes:
        shortest: The least length in tokens that belongs here.
        longest: The greatest one; of the last bucket, that of its longest source.
        mean_length: Of its sources.
        examples: Their number.
        scores: By metric.
    """

    shortest: int
    longest: int
    mean_length: float
    examples: int
    scores: Scores

    def record(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return attrs.asdict(self)


def bucket_starts(lengths: Sequence[int], chosen: Sequence[int] = ()) -> list[int]:
    """Returns the length at which each bucket begins.

    Args:
        lengths: Of all sources.
        chosen: Where to begin buckets, besides at the shortest source; none gives about equally many sources to each.
    """
    shortest = min(lengths)
    if chosen:
        return sorted({shortest, *(start for start in chosen if start > shortest)})
    count = max(1, min(MOST_BUCKETS, len(lengths) // LEAST_SOURCES))
    ordered = sorted(lengths)
    return sorted({ordered[number * len(ordered) // count] for number in range(count)})


def by_length(
    answered: Answered, lengths: Sequence[int], metrics: Mapping[str, Measure], chosen: Sequence[int] = ()
) -> list[Bucket]:
    """Scores each bucket that has sources, from the shortest to the longest.

    Args:
        answered: All sources and answers.
        lengths: The tokens of each source.
        metrics: By name.
        chosen: See ``bucket_starts``.
    """
    starts = bucket_starts(lengths, chosen)
    ends = [*(start - 1 for start in starts[1:]), max(lengths)]
    members: list[list[int]] = [[] for _ in starts]
    for row, length in enumerate(lengths):
        members[bisect_right(starts, length) - 1].append(row)
    return [
        _bucket(answered.rows(rows), [lengths[row] for row in rows], (shortest, longest), metrics)
        for rows, shortest, longest in zip(members, starts, ends, strict=True)
        if rows
    ]


def _bucket(
    answered: Answered, lengths: Sequence[int], bounds: tuple[int, int], metrics: Mapping[str, Measure]
) -> Bucket:
    return Bucket(*bounds, sum(lengths) / len(lengths), len(lengths), score(answered, metrics))
