"""The rows of each format, as pairs of texts."""

import csv
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from s2s_core import DataError, Example
from s2s_pairs.columns import BadRowError, RecordColumns, TableColumns
from s2s_pairs.config import PairsConfig
from s2s_pairs.files import MOST_BYTES, LineFile

Report = Callable[[int, BadRowError], None]
"""Takes the number of a bad row, and what is bad about it. If it returns, the row is left out."""


def read_tsv(file: LineFile, config: PairsConfig, report: Report) -> Iterator[Example]:
    """Yields the pairs of a file whose columns are separated by one TAB each; quotes mean nothing."""
    lines = enumerate(file.lines(), 1)
    columns = TableColumns(config, _header(config, (decoded(line).split("\t") for _, line in lines)), file.name)
    return _good(lines, lambda line: columns(decoded(line).split("\t")), report)


def read_csv(file: LineFile, config: PairsConfig, report: Report) -> Iterator[Example]:
    """Yields the pairs of a file of comma-separated values, whose quoted fields may go over several lines."""
    rows = _csv_rows(file, report)
    columns = TableColumns(config, _header(config, (fields for _, fields in rows)), file.name)
    return _good(rows, lambda fields: _written(columns(fields)), report)


def read_jsonl(file: LineFile, config: PairsConfig, report: Report) -> Iterator[Example]:
    """Yields the pairs of a file with a JSON object on each line."""
    columns = RecordColumns(config)
    return _good(enumerate(file.lines(), 1), lambda line: _written(columns(_json_object(decoded(line)))), report)


def read_parallel(sources: LineFile, targets: LineFile, report: Report) -> Iterator[Example]:
    """Yields the pairs of two files, one of sources and one of targets, line by line.

    Raises:
        DataError: One file has more lines than the other.
    """
    lines = enumerate(itertools.zip_longest(sources.lines(), targets.lines()), 1)

    def pair(both: tuple[bytes | None, bytes | None]) -> Example:
        texts = []
        for line, file, other in zip(both, (sources, targets), (targets, sources), strict=True):
            if line is None:
                raise DataError(f"{other.name} has more lines than {file.name}")
            texts.append(_of_file(file, line))
        return Example(*texts)

    return _good(lines, pair, report)


def read_records(records: Iterable[tuple[int, Any]], config: PairsConfig, report: Report) -> Iterator[Example]:
    """Yields the pairs of numbered rows whose fields have names."""
    columns = RecordColumns(config)
    return _good(records, lambda record: _written(columns(record)), report)


def decoded(line: bytes) -> str:
    """Returns a line's text.

    Raises:
        BadRowError: It is too long, or no text.
    """
    if len(line) > MOST_BYTES:
        raise BadRowError(f"is longer than {MOST_BYTES:,} bytes")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        place = error.start
        raise BadRowError(f"is not UTF-8: byte 0x{line[place]:02x} at position {place + 1}") from error
    if "\0" in text:
        raise BadRowError("has a NUL character")
    return text


def _good(rows: Iterable[tuple[int, Any]], parse: Callable[[Any], Example], report: Report) -> Iterator[Example]:
    """Yields the pairs of the good rows, and reports the others."""
    for number, row in rows:
        try:
            example = parse(row)
            if not example.source or example.source.isspace():
                raise BadRowError("has an empty source")  # noqa: TRY301  # one place reports all
            if not example.target or example.target.isspace():
                raise BadRowError("has an empty target")  # noqa: TRY301
        except BadRowError as error:
            report(number, error)
        else:
            yield example


def _header(config: PairsConfig, rows: Iterator[Sequence[str]]) -> Sequence[str] | None:
    """Returns the first row, if it names the columns."""
    named = isinstance(config.source_column, str) or isinstance(config.target_column, str)
    return next(rows, ()) if named or config.header else None


def _csv_rows(file: LineFile, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Yields the fields of each record, with the number of its first line."""
    reader = csv.reader(_csv_lines(file), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report(number, BadRowError(f"is no CSV: {error}"))


def _csv_lines(file: LineFile) -> Iterator[str]:
    """Yields lines; what isn't UTF-8 is marked, to be reported with the record that it is in."""
    for number, line in enumerate(file.lines(), 1):
        if len(line) > MOST_BYTES:
            raise DataError(f"{file.name}, line {number} is longer than {MOST_BYTES:,} bytes")
        yield line.decode(errors="surrogateescape") + "\n"


def _written(example: Example) -> Example:
    """Returns a pair if it can be written as UTF-8."""
    for text in example:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadRowError("is not UTF-8, or names half a surrogate pair") from error
        if "\0" in text:
            raise BadRowError("has a NUL character")
    return example


def _json_object(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRowError(f"is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise BadRowError("is no JSON object")
    return record


def _of_file(file: LineFile, line: bytes) -> str:
    try:
        text = decoded(line)
    except BadRowError as error:
        raise BadRowError(str(error), file.name) from error
    if not text or text.isspace():
        raise BadRowError("is empty", file.name)
    return text
