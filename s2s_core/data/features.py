"""Reads sources and their features from lines with columns."""

from collections.abc import Iterable, Iterator, Sequence

from s2s_core.errors import DataError
from s2s_core.text.tags import with_features


def join_features(
    batches: Iterable[list[str]], name: str, columns: Sequence[int], separator: str
) -> Iterator[list[str]]:
    """Yields the sources of lines, each beginning with its features; see ``with_features``.

    Args:
        batches: Lines whose columns are separated by one TAB each. The first column is the source.
        name: The name of the lines' origin, for messages.
        columns: The numbers of the columns of features, from 2 on.
        separator: What separates the features in a column.

    Raises:
        DataError: A line lacks a column or has a bad feature. The lines before it are yielded first.
    """
    number = 0
    for batch in batches:
        sources: list[str] = []
        try:
            for line in batch:
                sources.append(_joined(line.split("\t"), columns, separator))
                number += 1
        except ValueError as error:
            if sources:
                yield sources
            raise DataError(f"{name}, line {number + 1} {error}") from error
        yield sources


def _joined(fields: Sequence[str], columns: Sequence[int], separator: str) -> str:
    if len(fields) < max(columns):
        count = f"{len(fields)} column{'s' * (len(fields) != 1)}"
        raise ValueError(f"has {count}, but column {max(columns)} should hold features")
    try:
        return with_features(fields[0], [fields[column - 1] for column in columns], separator)
    except ValueError as error:
        raise ValueError(f"has a bad feature: {error}") from error
