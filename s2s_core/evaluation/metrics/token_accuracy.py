"""Token accuracy: how much of an answer's tokens is right, wherever they stand."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from s2s_core.evaluation.metric import Metric


class TokenAccuracy(Metric):
    """The mean over answers of 1 - edits / tokens of the longer of answer and reference, from 0 to 1.

    It is "1-N.E.D." of text recognition (Chng et al. 2019, arXiv 1909.07145), in tokens. An edit inserts, deletes or
    substitutes one token, so a surplus token at the start costs as much as one at the end. If there are several
    references, the most similar one counts. Two empty texts are equal.
    """

    percent = True

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the mean; see ``Metric.score``."""
        total = sum(
            max(Levenshtein.normalized_similarity(self.split(hypothesis), self.split(text)) for text in candidates)
            for hypothesis, candidates in zip(hypotheses, references, strict=True)
        )
        return total / len(hypotheses)
