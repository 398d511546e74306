"""The errors that s2s raises for problems that a user can fix.

    S2SError
    ├── ConfigError     a setting is unknown, has the wrong type or a value that can't be used
    ├── PluginError     a plugin or one of its components is missing, broken or claimed twice
    ├── DataError       data can't be read, or is not what a task or a model expects
    ├── ModelError      a model, checkpoint or exported file is missing, damaged or foreign
    └── ExportError     an exported file doesn't answer as the model does

Other packages have errors of their own beside these, such as that training diverged or was interrupted. An S2SWarning
is no error: what it warns of is used.

The command line prints the message of each without a traceback and ends with exit code 1, or with 128 and the signal's
number after an interruption. Any other exception is a bug and keeps its traceback.
"""

from collections.abc import Iterable

_EXTRAS = {
    "accelerate": ("Accelerate", "train"),
    "datasets": ("Datasets", "datasets"),
    "filelock": ("filelock", "train"),
    "h11": ("h11", "serve"),
    "huggingface_hub": ("huggingface_hub", "hub"),
    "matplotlib": ("Matplotlib", "plot"),
    "onnx": ("ONNX", "patch"),
    "onnx_ir": ("ONNX IR", "patch"),
    "onnxscript": ("ONNX Script", "patch"),
    "pyarrow": ("PyArrow", "parquet"),
    "sacrebleu": ("sacrebleu", "train"),
    "safetensors": ("safetensors", "train"),
    "starlette": ("Starlette", "serve"),
    "tokenizers": ("Tokenizers", "train"),
    "torch": ("PyTorch", "train"),
    "uvicorn": ("Uvicorn", "serve"),
    "zstandard": ("zstandard", "train"),
}
"""The modules that extras install, each with its display name and its extra."""


class S2SError(Exception):
    """The base of all errors that s2s raises on purpose.

    Args:
        message: What was wrong, where, and what to do.
        others: More lines, such as other faults of the same kind.

    Attributes:
        lines: The message and the others.
    """

    def __init__(self, message: str = "", *others: str) -> None:
        super().__init__("\n".join((message, *others)))
        self.lines = (message, *others)


class ConfigError(S2SError):
    """A setting is unknown, has the wrong type or a value that can't be used."""


class PluginError(S2SError):
    """A plugin or one of its components is missing, broken or claimed twice."""


class DataError(S2SError):
    """Data can't be read, or is not what a task or a model expects."""


class ModelError(S2SError):
    """A model, checkpoint or exported file is missing, damaged or foreign."""


class ExportError(S2SError):
    """An exported file doesn't answer as the model does."""


REPORT = "which is a bug: please report it. No file is written"
"""The end of an export's refusal that no user caused."""


_LONGEST_LINE = 1200
"""The most characters of a line for the user."""

_LONGEST_NAME = 200
"""The most characters of a name that may be a misspelt one; to compare longer ones would take long."""

_LINE_END = 300
"""How many of them are its last ones, which often say what to do."""


def one_line(text: str) -> str:
    """Returns a text as one line that a terminal shows as it is.

    A value from a file may be long, break the line, move the cursor, set colours or turn the direction of writing.
    What Python's ``repr`` would escape is escaped; of a long text, the middle is left out.
    """
    if len(text) > _LONGEST_LINE:
        text = f"{text[: _LONGEST_LINE - _LINE_END]} … {text[-_LINE_END:]}"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class S2SWarning(UserWarning):
    """The base class of our warnings, each one line."""


class ChangedFileWarning(S2SWarning):
    """An exported file isn't as it was when it was proved: another tool changed it, or it is damaged."""


class ChangedDataWarning(S2SWarning):
    """The training data aren't those that a run was trained on, so what is held out may have been trained on."""


class UnreachableEntriesWarning(S2SWarning):
    """A lexicon has entries that no text leads to, as they are no single word and the file looks words up."""


def closest(name: str, names: Iterable[str]) -> str:
    """Returns ``" (did you mean 'x'?)"`` for the one of some names that is nearest to ``name``, or an empty string."""
    if len(name) > _LONGEST_NAME:
        return ""
    import difflib  # noqa: PLC0415  # who makes no mistake needs none of it

    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def listing(names: Iterable[str]) -> str:
    """Returns the names in order, separated by commas, or ``"none"``."""
    return ", ".join(sorted(names)) or "none"


def is_utf8(text: str) -> bool:
    """Returns whether a text can be encoded as UTF-8, which half of a surrogate pair can't."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def missing_package(error: BaseException) -> str | None:
    """Returns what to install if the error is a missing package of an extra; None otherwise."""
    extra = _EXTRAS.get(error.name or "") if isinstance(error, ModuleNotFoundError) else None
    return extra and f'needs {extra[0]}, which isn\'t installed: pip install "s2s-toolkit[{extra[1]}]"'
