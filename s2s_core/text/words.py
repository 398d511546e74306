"""The tokenizer whose tokens are words."""

from s2s_core.text.nodes import Op, Value
from s2s_core.text.tokenizer import Tokenizer


class Words(Tokenizer):
    """Each word is a token. Words are separated by any run of spaces (U+0020), and by one space in an answer."""

    separator = " "

    def split(self, text: str) -> list[str]:
        """Returns the words."""
        return [word for word in text.split(" ") if word]

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds ``StringSplit``; see ``Tokenizer.onnx_split``."""
        words, _ = op.StringSplit(texts, _outputs=2)
        return words
