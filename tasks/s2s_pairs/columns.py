"""Which two columns of a row are a pair."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from s2s_core import DataError, Example
from s2s_pairs.config import PairsConfig


class BadRowError(ValueError):
    """A row is no pair of texts.

    Args:
        reason: What it is instead, to be read after the row's place.
        file: Where the row stands in several files, the one that is meant.
    """

    def __init__(self, reason: str, file: str = "") -> None:
        super().__init__(reason)
        self.file = file


class TableColumns:
    """Finds the pair in rows of fields, all of which have as many as the first good one.

    Args:
        config: Names the columns.
        names: The header, if there is one.
        file: Its name, for messages.

    Raises:
        DataError: The header lacks a column.
    """

    def __init__(self, config: PairsConfig, names: Sequence[str] | None, file: str) -> None:
        self._width = len(names or ())
        self._source = _place("source_column", config.source_column, names, file)
        self._target = _place("target_column", config.target_column, names, file)

    def __call__(self, fields: Sequence[str]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: The row has too few columns, or other ones than those before.
        """
        if len(fields) != self._width:
            self._check_width(len(fields))
        return Example(fields[self._source], fields[self._target])

    def _check_width(self, width: int) -> None:
        if self._width:
            raise BadRowError(f"has {_columns(width)}, but the rows before have {self._width}")
        for name, place in (("source", self._source), ("target", self._target)):
            if place >= width:
                raise BadRowError(f"has {_columns(width)}, but task.{name}_column is {place + 1}")
        self._width = width


class RecordColumns:
    """Finds the pair in rows whose fields have names.

    A number is that of a name in the first row. A name with dots leads into records in records.

    Args:
        config: Names the columns.
    """

    def __init__(self, config: PairsConfig) -> None:
        self._config = config
        self._names: list[str] = []

    def __call__(self, record: Mapping[str, Any]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: A field is missing, or no string.
        """
        self._names = self._names or list(record)
        return Example(self._field(record, self._config.source_column), self._field(record, self._config.target_column))

    def _field(self, record: Mapping[str, Any], column: int | str) -> str:
        if isinstance(column, int):
            if column > len(self._names):
                raise BadRowError(f"has no column {column}; the first row has: {', '.join(self._names)}")
            column = self._names[column - 1]
        value = _inner(record, column)
        if not isinstance(value, str):
            raise BadRowError(f"has no text in {column!r} (got {textwrap.shorten(repr(value), 40)})")
        return value


def _inner(record: Mapping[str, Any], name: str) -> Any:
    if name in record:
        return record[name]
    first, _, rest = name.partition(".")
    if rest and isinstance(record.get(first), Mapping):
        return _inner(record[first], rest)
    raise BadRowError(f"has no {name!r}; it has: {', '.join(record) or 'nothing'}")


def _place(setting: str, column: int | str, names: Sequence[str] | None, file: str) -> int:
    """Returns a column's place, counted from 0."""
    if isinstance(column, int):
        if names is not None and column > len(names):
            raise DataError(f"task.{setting} is {column}, but {file} has {_columns(len(names))}")
        return column - 1
    if names is None or column not in names:
        raise DataError(f"task.{setting} is {column!r}, but {file} has the columns: {', '.join(names or ())}")
    return names.index(column)


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)
