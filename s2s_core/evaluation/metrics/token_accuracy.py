"""The share of tokens that are right at their place."""

from collections.abc import Sequence

from s2s_core.evaluation.metric import Metric


class TokenAccuracy(Metric):
    """The share of positions, from 0 to 1, at which hypothesis and reference have the same token.

    The positions are those of the longer of the two, so that missing and surplus tokens count as wrong. Of several
    references the nearest counts. Two empty texts are one right position.
    """

    percent = True

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the share; see ``Metric.score``."""
        right = total = 0
        for hypothesis, candidates in zip(hypotheses, references, strict=True):
            tokens = self.split(hypothesis)
            best = max(
                (self._count(tokens, self.split(text)) for text in candidates),
                key=lambda pair: (pair[0] / pair[1], -pair[1]),
            )
            right += best[0]
            total += best[1]
        return right / total

    @staticmethod
    def _count(hypothesis: Sequence[str], reference: Sequence[str]) -> tuple[int, int]:
        """Returns how many positions are right, of how many."""
        if not hypothesis and not reference:
            return 1, 1
        right = sum(left == other for left, other in zip(hypothesis, reference, strict=False))
        return right, max(len(hypothesis), len(reference))
