"""Extracts the pair of texts from the columns of a row."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from s2s_core import DataError, Example
from s2s_pairs.config import PairsConfig


class BadRowError(ValueError):
    """A row is not a pair of texts.

    Args:
        reason: What is wrong, in words that follow the row's place, such as ``"has no fields"``.
        file: The file in question, if the row is spread over several files.
    """

    def __init__(self, reason: str, file: str = "") -> None:
        super().__init__(reason)
        self.file = file


class TableColumns:
    """Extracts the pair from rows of fields, which must all have as many fields as the first good row.

    Args:
        config: The names or numbers of the columns.
        names: The header, if there is one.
        file: The file's name, for messages.
        separator: The name of the separator of two fields, for messages.

    Raises:
        DataError: The header lacks a column or has it twice, or the source and the target are the same column.
    """

    def __init__(self, config: PairsConfig, names: Sequence[str] | None, file: str, separator: str) -> None:
        self._width = len(names or ())
        self._separator = separator
        self._source = self._place("source_column", config.source_column, names, file)
        self._target = self._place("target_column", config.target_column, names, file)
        if self._source == self._target:
            raise _same_column(self._source + 1, file)

    def __call__(self, fields: Sequence[str]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: The row has too few columns, or not as many as the rows before.
        """
        if len(fields) != self._width:
            self._check_width(len(fields))
        return Example(fields[self._source], fields[self._target])

    def _check_width(self, width: int) -> None:
        if self._width:
            raise BadRowError(f"has {_columns(width)}, but the first good row has {self._width}")
        for name, place in (("source", self._source), ("target", self._target)):
            if place >= width:
                raise BadRowError(f"has {_columns(width)}{self._hint(width)}, but task.{name}_column is {place + 1}")
        self._width = width

    def _place(self, setting: str, column: int | str, names: Sequence[str] | None, file: str) -> int:
        """Returns a column's index, counted from 0."""
        if isinstance(column, int):
            if names is not None and column > len(names):
                raise DataError(
                    f"task.{setting} is {column}, but {file} has {_columns(len(names))}{self._hint(len(names))}"
                )
            return column - 1
        names = names or ()
        if column not in names:
            columns = f"{', '.join(names)}{self._hint(len(names))}"
            raise DataError(f"task.{setting} is {column!r}, but {file} has the columns: {columns}")
        if names.count(column) > 1:
            places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == column)
            raise DataError(f"task.{setting} is {column!r}, but in {file} this is the name of the columns {places}")
        return names.index(column)

    def _hint(self, width: int) -> str:
        """Returns a likely explanation if there is only a single column."""
        return f" ({self._separator} separates columns here; task.format sets another format)" if width == 1 else ""


class RecordColumns:
    """Extracts the pair from rows whose fields have names.

    A column's number is the place of its name in the first row. A name with dots leads into nested records.

    Args:
        config: The names or numbers of the columns.
        file: The name of the rows' origin, for messages.
    """

    def __init__(self, config: PairsConfig, file: str) -> None:
        self._config, self._file = config, file
        self._names: list[str] = []

    def __call__(self, record: Mapping[str, Any]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: A field is missing or isn't a string.
            DataError: The first row lacks a column, or the source and the target are the same column.
        """
        if not record:
            raise BadRowError("has no fields")
        if not self._names:
            self._start(record)
        return Example(self._field(record, self._config.source_column), self._field(record, self._config.target_column))

    def _start(self, first: Mapping[str, Any]) -> None:
        """Takes the names of the first row and, if bad rows end the run, refuses a setting that doesn't match them."""
        self._names = list(first)
        columns = {name: getattr(self._config, name) for name in ("source_column", "target_column")}
        if self._config.on_error == "stop":
            for setting, column in columns.items():
                self._check(setting, column, first)
        source, target = (self._name(column) for column in columns.values())
        if source == target:
            raise _same_column(source, self._file)

    def _check(self, setting: str, column: int | str, first: Mapping[str, Any]) -> None:
        try:
            _inner(first, self._name(column))
        except BadRowError as error:
            raise DataError(f"task.{setting} is {column!r}, but the first row of {self._file} {error}") from error

    def _name(self, column: int | str) -> str:
        if isinstance(column, str):
            return column
        if column > len(self._names):
            raise BadRowError(f"has no column {column}; the first row has: {', '.join(self._names)}")
        return self._names[column - 1]

    def _field(self, record: Mapping[str, Any], column: int | str) -> str:
        name = self._name(column)
        value = _inner(record, name)
        if not isinstance(value, str):
            raise BadRowError(f"has no text in {name!r} (got {textwrap.shorten(repr(value), 40)})")
        return value


def _inner(record: Mapping[str, Any], name: str) -> Any:
    if name in record:
        return record[name]
    first, _, rest = name.partition(".")
    if rest and isinstance(record.get(first), Mapping):
        return _inner(record[first], rest)
    raise BadRowError(f"has no {name!r}; it has: {', '.join(record) or 'nothing'}")


def _same_column(column: int | str, file: str) -> DataError:
    return DataError(
        f"the source and the target are both column {column!r} of {file}: set task.source_column and "
        "task.target_column to different ones; the task copy learns to copy"
    )


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)
