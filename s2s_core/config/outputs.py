"""The outputs of an exported file: what each holds, and how an export asks for those that only some files have."""

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Output(NamedTuple):
    """An output.

    Attributes:
        kind: What it holds, in ONNX's words.
        rank: The number of its dimensions; the first one is that of the texts.
        asked_by: What an export sets for it; empty if every file has it.
    """

    kind: Literal["string", "float"]
    rank: int
    asked_by: str = ""


OUTPUTS: Mapping[str, Output] = {
    "target": Output("string", 1),
    "hypotheses": Output("string", 2),
    "scores": Output("float", 2),
    "confidence": Output("float", 1, "export.confidence=true"),
    "origin": Output("string", 1, "export.origin=true"),
    "answer_scores": Output("float", 1, "export.scorer=true"),
}

ALWAYS = tuple(name for name, output in OUTPUTS.items() if not output.asked_by)
"""The outputs that every file has."""

TOLD = ("confidence", "origin")
"""The outputs about a file's own answers that only some files have."""
