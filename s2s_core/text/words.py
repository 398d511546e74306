"""The tokenizer whose tokens are words."""

from s2s_core.text.nodes import Op, Value
from s2s_core.text.survey import TextSurvey
from s2s_core.text.tokenizer import Misfit, Tokenizer

MOST_SEEN_ONCE = 0.5
"""The share of words seen once above which a vocabulary of words lacks most words of new texts."""


class Words(Tokenizer):
    """Each word is a token. Words are separated by any run of spaces (U+0020), and by one space in an answer."""

    separator = " "

    def split(self, text: str) -> list[str]:
        """Returns the words."""
        return [word for word in text.split(" ") if word]

    @classmethod
    def misfit(cls, survey: TextSurvey) -> Misfit | None:
        """Finds that no text has a space though they are long, or that more than half of all words are seen once."""
        better = "bpe" if survey.is_long else "characters"
        if survey.is_unspaced:
            return Misfit("none of them has a space, and so each is a single word", better)
        if survey.words_seen_once > MOST_SEEN_ONCE:
            share = f"{survey.words_seen_once:.0%} of their words are seen once"
            return Misfit(f"{share}, and so most words of new ones are unknown", better)
        return None

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds ``StringSplit``; see ``Tokenizer.onnx_split``."""
        words, _ = op.StringSplit(texts, _outputs=2)
        return words
