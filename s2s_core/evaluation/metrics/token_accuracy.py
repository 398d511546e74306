"""Token accuracy: the share of positions with the correct token."""

from collections.abc import Sequence

from s2s_core.evaluation.metric import Metric


class TokenAccuracy(Metric):
    """The share of positions, from 0 to 1, at which hypothesis and reference have the same token.

    The positions are those of the longer of the two, so that missing and surplus tokens count as wrong. If there are
    several references, the best one counts. Two empty texts count as one correct position.
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
        """Returns the number of correct positions and of all positions."""
        if not hypothesis and not reference:
            return 1, 1
        right = sum(left == other for left, other in zip(hypothesis, reference, strict=False))
        return right, max(len(hypothesis), len(reference))
