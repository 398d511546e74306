"""The tokenizer whose tokens are characters."""

from s2s_core.tokenizer import Op, Tokenizer, Value


class Characters(Tokenizer):
    """Every Unicode code point is a token."""

    def split(self, text: str) -> list[str]:
        """Returns the code points."""
        return list(text)

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds ``com.microsoft.Tokenizer``, as no standard operator splits characters; see ``Tokenizer.onnx_split``."""
        return op.Tokenizer(texts, _domain="com.microsoft", tokenexp="(?s).", mark=0, mincharnum=1, pad_value="")
