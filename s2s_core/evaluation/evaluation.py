"""A complete evaluation: the scores, how they were computed, and the scores by source length."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from s2s_core.evaluation.answers import Answered, Scores, score
from s2s_core.evaluation.lengths import LengthScores, by_length
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.reliability import Reliability
from s2s_core.evaluation.table import details


@attrs.frozen
class Evaluation:
    """The result of an evaluation.

    Attributes:
        answered: Every row that was scored: a source, its references and the answer.
        metrics: The metrics by name; they format the scores.
        scores: The score of all answers together, by metric.
        signatures: How each score was computed, for the metrics that have a signature.
        buckets: The scores by source length.
        reliability: Whether the answers are as often right as they should be, if there are confidences.
    """

    answered: Answered
    metrics: Mapping[str, BaseMetric]
    scores: Scores
    signatures: dict[str, str]
    buckets: list[LengthScores]
    reliability: Reliability | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON can hold it."""
        reliability = {"reliability": self.reliability.to_json()} if self.reliability else {}
        return {
            "lines": self.answered.lines,
            "sources": self.answered.distinct_sources,
            "references": self.answered.rule,
            "scores": self.scores,
            "signatures": self.signatures,
            "buckets": [bucket.to_json() for bucket in self.buckets],
            **reliability,
        }

    def details(self) -> Iterator[str]:
        """Yields the lines of a table of all answers, worst first; see ``s2s_core.evaluation.table``."""
        return details(self.answered, self.metrics)


def evaluate_answers(
    answered: Answered, lengths: Sequence[int], metrics: Mapping[str, BaseMetric], length_buckets: Sequence[int] = ()
) -> Evaluation:
    """Scores answers, all together and by source length.

    Args:
        answered: The sources and their answers.
        lengths: The number of tokens of the source of each row.
        metrics: The metrics by name.
        length_buckets: The lengths at which buckets begin; if empty, the buckets are of about equal size.
    """
    scores = score(answered, metrics)
    signatures = {name: metric.signature() for name, metric in metrics.items() if metric.signature()}
    return Evaluation(answered, metrics, scores, signatures, by_length(answered, lengths, metrics, length_buckets))
