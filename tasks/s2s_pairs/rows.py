"""Parses the rows of each format into pairs of texts."""

import csv
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from s2s_core import MOST_LINE_BYTES, BadLineError, DataError, Example, decode_line, is_utf8
from s2s_pairs.columns import BadRowError, Note, RecordColumns, TableColumns
from s2s_pairs.config import PairsConfig
from s2s_pairs.files import LineFile

Place = int | range
"""The number of a row's line, or the range of its lines."""

Report = Callable[[Place, BadRowError], None]
"""Takes the place of a bad row and what is wrong with it. If it returns, the row is skipped."""

Texts = TypeVar("Texts", bound=Sequence[str])

_JSON_LINES = "JSON Lines has one object on each line, and no list around them"


def read_tsv(file: LineFile, config: PairsConfig, report: Report, note: Note) -> Iterator[Example]:
    """Yields the pairs of a file whose columns are separated by one TAB each; quotes have no special meaning."""
    lines = enumerate(file.lines(), 1)
    columns = TableColumns(config, _header(config, file, lines, _tsv_fields), file.name, "a TAB", note)
    return _good(lines, lambda line: columns(_tsv_fields(line)), config, report)


def read_csv(file: LineFile, config: PairsConfig, report: Report, note: Note) -> Iterator[Example]:
    """Yields the pairs of a file of comma-separated values, whose quoted fields may span several lines."""
    rows = _csv_rows(file)
    names = _header(config, file, rows, lambda row: _written(_csv_fields(row)))
    columns = TableColumns(config, names, file.name, "a comma", note)
    return _good(rows, lambda row: _written(columns(_csv_fields(row))), config, report)


def read_jsonl(file: LineFile, config: PairsConfig, report: Report, note: Note) -> Iterator[Example]:
    """Yields the pairs of a file with a JSON object on each line."""
    columns = RecordColumns(config, file.name, note)
    lines = enumerate(file.lines(), 1)
    return _good(lines, lambda line: _written(columns(_json_object(decoded(line)))), config, report)


def read_parallel(sources: LineFile, targets: LineFile, config: PairsConfig, report: Report) -> Iterator[Example]:
    """Yields the pairs of two files, one of sources and one of targets, line by line.

    Raises:
        DataError: One file has more lines than the other.
    """
    lines = enumerate(itertools.zip_longest(sources.lines(), targets.lines()), 1)

    def pair(numbered: tuple[int, tuple[bytes | None, bytes | None]]) -> Example:
        number, both = numbered
        texts: list[str] = []
        for line, file, other in zip(both, (sources, targets), (targets, sources), strict=True):
            if line is None:
                counts = number - 1, number + sum(1 for _ in lines)
                raise DataError(f"{file.name} has {_lines(counts[0])} and {other.name} has {counts[1]:,}")
            texts.append(_of_file(file, line, may_be_empty=config.allow_empty_target and file is targets))
        return Example(*texts)

    return _good(((row[0], row) for row in lines), pair, config, report)


def read_records(
    records: Iterable[tuple[int, Any]], name: str, config: PairsConfig, report: Report, note: Note
) -> Iterator[Example]:
    """Yields the pairs of numbered rows whose fields have names."""
    columns = RecordColumns(config, name, note)
    return _good(records, lambda record: _written(columns(record)), config, report)


def decoded(line: bytes) -> str:
    """Returns the text of a line.

    Raises:
        BadRowError: The line is too long, isn't UTF-8, or has a NUL character.
    """
    try:
        text = decode_line(line)
    except BadLineError as error:
        raise BadRowError(str(error)) from error
    if "\0" in text:
        raise BadRowError("has a NUL character")
    return text


def _good(
    rows: Iterable[tuple[Place, Any]], parse: Callable[[Any], Example], config: PairsConfig, report: Report
) -> Iterator[Example]:
    """Yields the pairs of the good rows, and reports the others."""
    for place, row in rows:
        try:
            example = parse(row)
            if not example.source or example.source.isspace():
                raise BadRowError("has an empty source")  # noqa: TRY301  # reported below, like every fault
            if not config.allow_empty_target and (not example.target or example.target.isspace()):
                raise BadRowError("has an empty target")  # noqa: TRY301
        except BadRowError as error:
            report(place, error)
        else:
            yield example


def _header(
    config: PairsConfig, file: LineFile, rows: Iterator[tuple[Place, Any]], fields: Callable[[Any], Sequence[str]]
) -> Sequence[str] | None:
    """Returns the fields of the first row, if it names the columns."""
    if not config.has_header:
        return None
    try:
        names = next((fields(row) for _, row in rows), ())
    except BadRowError as error:
        raise DataError(f"{file.name}, line 1 {error}; it must name the columns") from error
    if not any(names):
        raise DataError(f"{file.name}, line 1 is empty; it must name the columns")
    return names


def _tsv_fields(line: bytes) -> list[str]:
    return decoded(line).split("\t")


def _csv_rows(file: LineFile) -> Iterator[tuple[range, list[str] | csv.Error]]:
    """Yields the lines of each record, and its fields or what is wrong with it."""
    reader = csv.reader(_csv_lines(file), strict=True)
    while True:
        first = reader.line_num + 1
        row: list[str] | csv.Error
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = error
        yield range(first, reader.line_num + 1), row


def _csv_fields(row: list[str] | csv.Error) -> list[str]:
    if isinstance(row, csv.Error):
        raise BadRowError(f"is not CSV: {row}") from row
    return row


def _csv_lines(file: LineFile) -> Iterator[str]:
    """Yields lines; bytes that aren't UTF-8 become surrogates, and are reported with the record that contains them."""
    for number, line in enumerate(file.lines(), 1):
        if len(line) > MOST_LINE_BYTES:
            raise DataError(f"{file.name}, line {number} is longer than {MOST_LINE_BYTES:,} bytes")
        yield line.decode(errors="surrogateescape") + "\n"


def _written(texts: Texts) -> Texts:
    """Returns the same texts, after a check that they can be written as UTF-8."""
    for text in texts:
        if not is_utf8(text):
            raise BadRowError("is not UTF-8, or names half a surrogate pair")
        if "\0" in text:
            raise BadRowError("has a NUL character")
    return texts


def _with_distinct_names(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(fields)
    if len(record) < len(fields):
        repeated = next(name for name, count in Counter(name for name, _ in fields).items() if count > 1)
        raise BadRowError(f"has {repeated!r} twice")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_with_distinct_names)


def _json_object(text: str) -> dict[str, Any]:
    try:
        record = _DECODER.decode(text)
    except BadRowError:
        raise
    except (ValueError, RecursionError) as error:
        raise BadRowError(f"is not JSON: {error} ({_JSON_LINES})") from error
    if not isinstance(record, dict):
        raise BadRowError(f"is not a JSON object ({_JSON_LINES})")
    return record


def _lines(count: int) -> str:
    return f"{count:,} line{'s' * (count != 1)}"


def _of_file(file: LineFile, line: bytes, *, may_be_empty: bool) -> str:
    try:
        text = decoded(line)
    except BadRowError as error:
        raise BadRowError(str(error), file.name) from error
    if not may_be_empty and (not text or text.isspace()):
        raise BadRowError("is empty", file.name)
    return text
