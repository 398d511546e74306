"""Extracts the pair of texts from the columns of a row."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from s2s_core import DataError, Example, with_features
from s2s_pairs.config import PairsConfig

Note = Callable[[Sequence[int | str]], None]
"""Receives the columns that aren't used."""


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
        note: Receives the names or numbers of the columns that aren't used.

    Raises:
        DataError: The header lacks a column or has it twice, or a column has two roles.
    """

    def __init__(self, config: PairsConfig, names: Sequence[str] | None, file: str, separator: str, note: Note) -> None:
        self._config, self._width = config, 0
        self._separator, self._note = separator, note
        self._source = self._place("source_column", config.source_column, names, file)
        self._target = self._place("target_column", config.target_column, names, file)
        if self._source == self._target:
            raise _same_column(self._source + 1, file)
        self._features = [self._place("feature_columns", column, names, file) for column in config.feature_columns]
        _require_apart([place + 1 for place in self._features], [self._source + 1, self._target + 1], file)
        if names is not None:
            self._start(names)

    def __call__(self, fields: Sequence[str]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: The row has too few columns, or not as many as the rows before, or a bad feature.
        """
        if not self._width or len(fields) != self._width:
            self._check_width(len(fields))
        features = [fields[place] for place in self._features]
        return _pair(self._config, fields[self._source], fields[self._target], features)

    def _check_width(self, width: int) -> None:
        if self._width:
            raise BadRowError(f"has {_columns(width)}, but the first good row has {self._width}")
        features = [("feature_columns", place) for place in self._features]
        for setting, place in (("source_column", self._source), ("target_column", self._target), *features):
            if place >= width:
                raise BadRowError(f"has {_columns(width)}{self._hint(width)}, but {_set(setting, place + 1)}")
        self._start(range(1, width + 1))

    def _start(self, columns: Sequence[int | str]) -> None:
        self._width = len(columns)
        used = {self._source, self._target, *self._features}
        self._note([column for place, column in enumerate(columns) if place not in used])

    def _place(self, setting: str, column: int | str, names: Sequence[str] | None, file: str) -> int:
        """Returns a column's index, counted from 0."""
        if isinstance(column, int):
            if names is not None and column > len(names):
                raise DataError(
                    f"{_set(setting, column)}, but {file} has {_columns(len(names))}{self._hint(len(names))}"
                )
            return column - 1
        names = names or ()
        if column not in names:
            columns = f"{', '.join(names)}{self._hint(len(names))}"
            raise DataError(f"{_set(setting, column)}, but {file} has the columns: {columns}")
        if names.count(column) > 1:
            places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == column)
            raise DataError(f"{_set(setting, column)}, but in {file} this is the name of the columns {places}")
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
        note: Receives the names of the first row's fields that aren't used.
    """

    def __init__(self, config: PairsConfig, file: str, note: Note) -> None:
        self._config, self._file, self._note = config, file, note
        self._names: list[str] = []

    def __call__(self, record: Mapping[str, Any]) -> Example:
        """Returns the pair.

        Raises:
            BadRowError: A field is missing or isn't a string, or a feature is bad.
            DataError: The first row lacks a column, or a column has two roles.
        """
        if not record:
            raise BadRowError("has no fields")
        if not self._names:
            self._start(record)
        config = self._config
        features = [self._feature(record, column) for column in config.feature_columns]
        source, target = (self._field(record, column) for column in (config.source_column, config.target_column))
        return _pair(config, source, target, features)

    def _start(self, first: Mapping[str, Any]) -> None:
        """Takes the names of the first row and, if bad rows end the run, refuses a setting that doesn't match them."""
        self._names = list(first)
        columns = [(name, getattr(self._config, name)) for name in ("source_column", "target_column")]
        columns += [("feature_columns", column) for column in self._config.feature_columns]
        if self._config.on_error == "stop":
            for setting, column in columns:
                self._check(setting, column, first)
        source, target, *features = (self._name(column) for _, column in columns)
        if source == target:
            raise _same_column(source, self._file)
        _require_apart(features, [source, target], self._file)
        used = {source, target, *features}
        self._note([name for name in first if not any(f"{each}.".startswith(f"{name}.") for each in used)])

    def _check(self, setting: str, column: int | str, first: Mapping[str, Any]) -> None:
        try:
            _inner(first, self._name(column))
        except BadRowError as error:
            raise DataError(f"{_set(setting, column)}, but the first row of {self._file} {error}") from error

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

    def _feature(self, record: Mapping[str, Any], column: int | str) -> str:
        """Returns the features in a column; none if it holds null."""
        return "" if _inner(record, self._name(column)) is None else self._field(record, column)


def _pair(config: PairsConfig, source: str, target: str, features: Sequence[str]) -> Example:
    """Returns the pair, whose source begins with its features.

    Raises:
        BadRowError: The source is empty, or a feature can't be a tag.
    """
    if not features:
        return Example(source, target)
    if not source or source.isspace():
        raise BadRowError("has an empty source")
    try:
        return Example(with_features(source, features, config.feature_separator), target)
    except ValueError as error:
        raise BadRowError(f"has a bad feature: {error}") from error


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


def _require_apart(features: Sequence[int | str], others: Sequence[int | str], file: str) -> None:
    """Checks that no column of features is another one of them, the source or the target."""
    for number, column in enumerate(features):
        if column in (*others, *features[:number]):
            raise DataError(
                f"task.feature_columns has column {column!r} of {file}, which is also the source, the target or "
                "another of them: leave it out"
            )


def _set(setting: str, column: int | str) -> str:
    """Returns what a setting says about a column, as a message begins."""
    return f"task.{setting} {'has' if setting == 'feature_columns' else 'is'} {column!r}"


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)
