"""JSON lines: an object in each line, one of whose fields is the source."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from s2s_core.bulk.rows import Answer, Rows
from s2s_core.data.lines import read_file
from s2s_core.errors import DataError, closest, is_utf8, listing


class JSONLines(Rows):
    """The objects of a JSON Lines file.

    Args:
        path: The file.
        column: The name of the field that is the source.
        answer: The name of the field that the answer is written to.
    """

    def __init__(self, path: str, column: str, answer: str) -> None:
        self._path, self._column, self._answer = path, column, answer

    def texts(self) -> Iterator[str]:
        """Yields the source of each line."""
        for number, line in enumerate(read_file(self._path), 1):
            try:
                yield self._source(_object(line))
            except ValueError as error:
                raise DataError(f"{self._path}, line {number:,} {error}") from error

    def write(self, file: BinaryIO, answers: Iterator[Answer]) -> None:
        """Writes each line as it is, with one field more, which is null if there is no answer."""
        name = json.dumps(self._answer, ensure_ascii=False)
        for line, answer in zip(read_file(self._path), answers, strict=True):
            fields = line.rstrip().removesuffix("}").rstrip()
            file.write(f"{fields}, {name}: {json.dumps(answer, ensure_ascii=False)}}}\n".encode())

    def _source(self, fields: dict[str, Any]) -> str:
        """Returns the source of an object.

        Raises:
            ValueError: It has none.
        """
        if self._answer in fields:
            raise ValueError(f"has a field {self._answer!r} already: name another with --answer-column")
        if self._column not in fields:
            near = closest(self._column, fields)
            raise ValueError(f"has no field {self._column!r}{near}; it has: {listing(fields)}")
        source = fields[self._column]
        if source is None:
            raise ValueError(f"has null in {self._column!r}: fill it or leave the line out")
        if not isinstance(source, str):
            raise ValueError(f"has no text in {self._column!r} (got {json.dumps(source)})")  # noqa: TRY004  # bad data
        if not is_utf8(source):
            raise ValueError(f"names half of a surrogate pair in {self._column!r}, which UTF-8 can't hold")
        return source


def _object(line: str) -> dict[str, Any]:
    """Returns the object in a line.

    Raises:
        ValueError: There is none.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # bad data
    return fields
