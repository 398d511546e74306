"""Error rates: edits divided by the length of the references, in characters, words or tokens."""

from collections.abc import Sequence
from typing import ClassVar

from rapidfuzz.distance import Levenshtein

from s2s_core.evaluation.metric import Metric


class ErrorRate(Metric):
    """The edits to the nearest reference, summed over all lines, divided by the summed length of these references.

    The nearest of several references is the one with the fewest edits; a tie goes to the longest. The rate may exceed
    1. If all nearest references are empty, their length counts as 1.

    Attributes:
        unit: The plural name of what is inserted, deleted and substituted.
    """

    higher_is_better = False
    percent = True
    unit: ClassVar[str]

    def units(self, text: str) -> Sequence[str]:
        """Splits a text into its units."""
        raise NotImplementedError

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the error rate; see ``Metric.score``."""
        edits = length = 0
        for hypothesis, candidates in zip(hypotheses, references, strict=True):
            units = self.units(hypothesis)
            nearest = min(self._compare(units, self.units(text)) for text in candidates)
            edits += nearest[0]
            length -= nearest[1]
        return edits / max(length, 1)

    def signature(self) -> str:
        """Returns what is counted."""
        return f"edits of {self.unit} / {self.unit} of the nearest reference"

    @staticmethod
    def _compare(hypothesis: Sequence[str], reference: Sequence[str]) -> tuple[int, int]:
        """Returns the number of edits and the negative length, so that the minimum is the nearest and longest."""
        return Levenshtein.distance(hypothesis, reference), -len(reference)


class CharacterErrorRate(ErrorRate):
    """The character error rate, CER: edits of characters divided by the references' characters."""

    unit = "characters"

    def units(self, text: str) -> Sequence[str]:
        """Returns the characters."""
        return text


class WordErrorRate(ErrorRate):
    """The word error rate of speech recognition, WER: edits of words divided by the references' words.

    Words are separated by whitespace. The WER of grapheme-to-phoneme conversion is ``sequence_error_rate``.
    """

    unit = "words"

    def units(self, text: str) -> Sequence[str]:
        """Returns the words."""
        return text.split()


class TokenErrorRate(ErrorRate):
    """The token error rate: edits of tokens divided by the references' tokens, as the target's tokenizer splits them.

    If the tokens are phones, it is the phone error rate, PER.
    """

    unit = "tokens"

    def units(self, text: str) -> Sequence[str]:
        """Returns the tokens."""
        return self.split(text)
