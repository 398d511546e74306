"""Reads examples from a file that isn't part of a task."""

import itertools
from collections.abc import Iterator

from s2s_core.data.lines import file_name, read_batches
from s2s_core.data.task import Example
from s2s_core.errors import DataError

_BATCH = 1024


def read_examples(file: str) -> list[Example]:
    """Returns all examples; see ``read_example_batches``."""
    return list(itertools.chain.from_iterable(read_example_batches(file, _BATCH)))


def read_example_batches(file: str, batch_size: int) -> Iterator[list[Example]]:
    """Reads a source, a tab and a target from each line.

    Args:
        file: Its path, or ``-`` for standard input.
        batch_size: The maximum number of lines in a batch.

    Raises:
        DataError: The file can't be read or is empty, or a line has another form.
    """
    count = 0
    for lines in read_batches(file, batch_size):
        yield [_example(line, file, number) for number, line in enumerate(lines, count + 1)]
        count += len(lines)
    if not count:
        raise DataError(f"{file_name(file)} is empty: each line takes a source, a tab and a target")


def _example(line: str, file: str, number: int) -> Example:
    columns = line.split("\t")
    if len(columns) != 2:
        raise DataError(
            f"{file_name(file)}, line {number} must be a source, a tab and a target (got {line[:80]!r}); "
            "only TSV is read here"
        )
    return Example(*columns)
