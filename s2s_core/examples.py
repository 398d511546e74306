"""Reads examples from a file that belongs to no task."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from s2s_core.errors import DataError
from s2s_core.lines import read_lines
from s2s_core.task import Example

_BATCH = 1024


def read_examples(file: str) -> list[Example]:
    """Reads a source, a tab and a target from each line. A source that comes again has several right targets.

    Args:
        file: Its path, or ``-`` for standard input.

    Raises:
        DataError: The file can't be read or is empty, or a line is something else.
    """
    name = "standard input" if file == "-" else file
    if file == "-":
        examples = list(_read(sys.stdin.buffer, name))
    else:
        try:
            with Path(file).open("rb") as stream:
                examples = list(_read(stream, name))
        except OSError as error:
            raise DataError(f"can't read {file}: {error.strerror}") from error
    if not examples:
        raise DataError(f"{name} is empty: each line takes a source, a tab and a target")
    return examples


def _read(stream: BinaryIO, name: str) -> Iterator[Example]:
    number = 0
    for lines in read_lines(stream, name, _BATCH):
        for number, line in enumerate(lines, number + 1):  # noqa: B020  # counts on over all batches
            columns = (line.removeprefix("\ufeff") if number == 1 else line).split("\t")
            if len(columns) != 2:
                raise DataError(f"{name}, line {number} must be a source, a tab and a target (got {line[:80]!r})")
            yield Example(*columns)
