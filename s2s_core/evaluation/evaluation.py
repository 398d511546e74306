"""A whole evaluation: scores, how they were computed, and scores by length."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Answered, Scores, score
from s2s_core.evaluation.lengths import Bucket, by_length
from s2s_core.evaluation.metric import Measure
from s2s_core.evaluation.table import details


@attrs.frozen
class Evaluation:
    """What an evaluation found.

    Attributes:
        answered: Every source and the answer to it.
        metrics: Those that were asked for, which know how to show a score.
        scores: By metric, of all answers together.
        signatures: How a score was computed, of each metric that says so.
        buckets: The scores by the length of the source.
    """

    answered: Answered
    metrics: Mapping[str, Measure]
    scores: Scores
    signatures: dict[str, str]
    buckets: list[Bucket]

    def record(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "examples": len(self.answered.sources),
            "scores": self.scores,
            "signatures": self.signatures,
            "buckets": [bucket.record() for bucket in self.buckets],
        }

    def details(self) -> Iterator[str]:
        """Yields the lines of a table of all answers, the worst first; see ``s2s_core.evaluation.table``."""
        return details(self.answered, self.metrics)


def examine(
    answered: Answered, lengths: Sequence[int], metrics: Mapping[str, Measure], length_buckets: Sequence[int] = ()
) -> Evaluation:
    """Scores answers in every way.

    Args:
        answered: The sources and the answers to them.
        lengths: The tokens of each source.
        metrics: By name.
        length_buckets: Where a bucket begins; none takes about equal parts.
    """
    scores = score(answered, metrics)
    signatures = {name: metric.signature() for name, metric in metrics.items() if metric.signature()}
    return Evaluation(answered, metrics, scores, signatures, by_length(answered, lengths, metrics, length_buckets))
