"""The tokenizer whose tokens are characters."""

from s2s_core.text.nodes import Op, Value
from s2s_core.text.survey import LONG, TextSurvey
from s2s_core.text.tokenizer import Misfit, Tokenizer


class Characters(Tokenizer):
    """Each Unicode code point is a token."""

    def split(self, text: str) -> list[str]:
        """Returns the code points."""
        return list(text)

    @classmethod
    def misfit(cls, survey: TextSurvey) -> Misfit | None:
        """Finds that the texts are symbols separated by spaces, such as phones, or long texts such as sentences."""
        if survey.is_symbols:
            symbols = f"{survey.distinct_words:,} symbols separated by spaces"
            return Misfit(f"they consist of {symbols}, and each space is a token too", "words")
        if survey.is_long and survey.is_spaced:
            better = "words" if survey.is_closed else "bpe"
            return Misfit(f"half of them have more than {LONG} characters, each of which is a token", better)
        return None

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of ``split``; see ``Tokenizer.onnx_split``."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        return onnx_text.characters(op, texts)
