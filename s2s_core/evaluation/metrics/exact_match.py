"""Exact match: the share of answers that are entirely correct."""

from collections.abc import Sequence

from s2s_core.evaluation.metric import Metric


class ExactMatch(Metric):
    """The share of hypotheses that equal one of their references, from 0 to 1."""

    percent = True

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the share; see ``Metric.score``."""
        right = sum(hypothesis in texts for hypothesis, texts in zip(hypotheses, references, strict=True))
        return right / len(hypotheses)
