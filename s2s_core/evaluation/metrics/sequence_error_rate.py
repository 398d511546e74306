"""Sequence error rate: the share of answers that are not entirely correct."""

from collections.abc import Sequence

from s2s_core.evaluation.metric import Metric


class SequenceErrorRate(Metric):
    """The share of answers that equal none of their references: the WER of grapheme-to-phoneme conversion, 0 to 1.

    Speech recognition calls it the sentence error rate. It is 1 - ``exact_match``.
    """

    higher_is_better = False
    percent = True

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the share; see ``Metric.score``."""
        wrong = sum(hypothesis not in texts for hypothesis, texts in zip(hypotheses, references, strict=True))
        return wrong / len(hypotheses)

    def signature(self) -> str:
        """Returns what is counted."""
        return "answers that equal no reference / answers"
