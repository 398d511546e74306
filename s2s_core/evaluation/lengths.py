"""Scores by source length, in buckets of sources that are about equally long."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Answered, Scores, score
from s2s_core.evaluation.metric import BaseMetric

MOST_BUCKETS = 6
LEAST_ANSWERS = 20
"""The answers that a bucket should have, unless the user sets the buckets; a score of fewer means little.

Where many sources are equally long, some buckets have fewer.
"""


@attrs.frozen
class LengthScores:
    """The scores of sources that are about equally long.

    Attributes:
        shortest: The smallest length in tokens that belongs to the bucket.
        longest: The largest length; for the last bucket, the length of its longest source.
        mean_length: The mean length of the sources of these answers.
        answers: The number of answers that were scored, each as often as it counts.
        scores: The scores by metric.
    """

    shortest: int
    longest: int
    mean_length: float
    answers: int
    scores: Scores

    def to_json(self) -> dict[str, Any]:
        """Returns the bucket as JSON can hold it."""
        return attrs.asdict(self)


def bucket_starts(lengths: Sequence[int], length_buckets: Sequence[int] = ()) -> list[int]:
    """Returns the length at which each bucket begins.

    Args:
        lengths: The length of the source of each answer.
        length_buckets: The lengths at which buckets begin, besides the shortest source's; if empty, each bucket gets
            about the same number of answers.
    """
    shortest = min(lengths)
    if length_buckets:
        return sorted({shortest, *(start for start in length_buckets if start > shortest)})
    count = max(1, min(MOST_BUCKETS, len(lengths) // LEAST_ANSWERS))
    ordered = sorted(lengths)
    return sorted({ordered[number * len(ordered) // count] for number in range(count)})


def by_length(
    answered: Answered, lengths: Sequence[int], metrics: Mapping[str, BaseMetric], length_buckets: Sequence[int] = ()
) -> list[LengthScores]:
    """Scores each bucket that has sources, from the shortest to the longest.

    Args:
        answered: All sources and answers.
        lengths: The number of tokens of the source of each row.
        metrics: The metrics by name.
        length_buckets: See ``bucket_starts``.
    """
    starts = bucket_starts(lengths, length_buckets)
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
    answered: Answered, lengths: Sequence[int], bounds: tuple[int, int], metrics: Mapping[str, BaseMetric]
) -> LengthScores:
    return LengthScores(*bounds, sum(lengths) / len(lengths), len(lengths), score(answered, metrics))
