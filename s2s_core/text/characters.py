"""The tokenizer whose tokens are characters."""

from s2s_core.text.nodes import Op, Value
from s2s_core.text.tokenizer import Tokenizer


class Characters(Tokenizer):
    """Each Unicode code point is a token."""

    def split(self, text: str) -> list[str]:
        """Returns the code points."""
        return list(text)

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of ``split``; see ``Tokenizer.onnx_split``."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        return onnx_text.characters(op, texts)
