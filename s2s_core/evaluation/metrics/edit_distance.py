"""Edit distance: how many edits turn an answer into the correct one."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from s2s_core.evaluation.metric import Metric


class EditDistance(Metric):
    """The mean Levenshtein distance in tokens: insertions, deletions and substitutions per hypothesis.

    If there are several references, the nearest one counts.
    """

    higher_is_better = False

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the mean distance; see ``Metric.score``."""
        total = sum(
            min(Levenshtein.distance(self.split(hypothesis), self.split(text)) for text in candidates)
            for hypothesis, candidates in zip(hypotheses, references, strict=True)
        )
        return total / len(hypotheses)
