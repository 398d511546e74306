"""A file of pairs that a model has answered: a JSON object on each line, so that texts may hold tabs and line ends."""

import json
from collections.abc import Iterable
from pathlib import Path

from s2s_core.data.task import Example
from s2s_core.errors import DataError
from s2s_core.files import write_atomically


def write_pairs(path: Path, examples: Iterable[Example]) -> None:
    """Writes pairs to a new file, completely or not at all."""
    write_atomically(path, "".join(map(_line, examples)))


def append_pairs(path: Path, examples: Iterable[Example]) -> None:
    """Appends pairs to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(map(_line, examples)))


def read_pairs(path: Path) -> list[Example]:
    """Returns the pairs of a file, except a last one that was only half written; none if there is no file.

    Raises:
        DataError: The file can't be read, or a line is not a pair.
    """
    if not path.exists():
        return []
    try:
        *lines, _ = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read {path}: {error}") from error
    return [_pair(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _line(example: Example) -> str:
    return json.dumps(example._asdict(), ensure_ascii=False) + "\n"


def _pair(line: str, where: str) -> Example:
    try:
        pair = json.loads(line)
        return Example(str(pair["source"]), str(pair["target"]))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{where} is damaged: it must have a source and a target (got {line[:80]!r})") from error
