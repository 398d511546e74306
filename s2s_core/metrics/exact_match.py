"""The share of answers that are exactly right."""

from collections.abc import Sequence

from s2s_core.metric import Metric


class ExactMatch(Metric):
    """The share of hypotheses that equal one of their references, from 0 to 1."""

    percent = True

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the share; see ``Metric.score``."""
        return sum(map(_contains, references, hypotheses)) / len(hypotheses)


def _contains(references: Sequence[str], hypothesis: str) -> bool:
    return hypothesis in references
