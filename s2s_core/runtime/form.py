"""Checks that a file is one of s2s: what it may be made of, what it takes and what it gives."""

from s2s_core.config.decoding import INPUTS
from s2s_core.config.outputs import OUTPUTS
from s2s_core.errors import ModelError
from s2s_core.runtime.inputs import TEXTS
from s2s_core.runtime.session import Session
from s2s_core.runtime.structure import structure_of

_KINDS = {"int64": "tensor(int64)", "float32": "tensor(float)"}


def require_plain(name: str, content: bytes) -> int:
    """Checks that a file has only parts that a file of s2s may have, and returns its checksum.

    Raises:
        ModelError: It has others, or is no ONNX file.
    """
    try:
        structure = structure_of(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is damaged or is not an ONNX file: {error}") from error
    if structure.external:
        raise ModelError(f"{name} was not made by s2s: it has weights in other files, which are not read")
    if structure.foreign:
        raise ModelError(f"{name} was not made by s2s: it has functions, or graphs for training")
    return structure.checksum


def require_form(name: str, session: Session) -> None:
    """Checks that a file takes one list of texts, and gives what a file of s2s gives.

    Raises:
        ModelError: It doesn't.
    """
    needed = [(value.name, value.type, len(value.shape)) for value in session.inputs]
    given = {value.name: (value.type, len(value.shape)) for value in session.outputs}
    allowed = {*((text, "tensor(string)", 1) for text in TEXTS)}
    allowed |= {(setting, _KINDS[known.kind], 0) for setting, known in INPUTS.items()}
    if needed[:1] != [("source", "tensor(string)", 1)] or not allowed.issuperset(needed[1:]):
        raise ModelError(f"{name} was not made by s2s: it needs other inputs than a list of texts, 'source'")
    for output, declared in OUTPUTS.items():
        form = f"tensor({declared.kind})", declared.rank
        if given.get(output, form if declared.asked_by else None) != form:
            raise ModelError(f"{name} was not made by s2s: its output {output!r} isn't {form[0]} of rank {form[1]}")
