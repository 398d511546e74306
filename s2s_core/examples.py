"""Reads examples from a file that belongs to no task."""

from s2s_core.errors import DataError
from s2s_core.lines import read_file
from s2s_core.task import Example


def read_examples(file: str) -> list[Example]:
    """Reads a source, a tab and a target from each line. A source that comes again has several right targets.

    Args:
        file: Its path, or ``-`` for standard input.

    Raises:
        DataError: The file can't be read or is empty, or a line is something else.
    """
    name = "standard input" if file == "-" else file
    examples = []
    for number, line in enumerate(read_file(file), 1):
        columns = (line.removeprefix("\ufeff") if number == 1 else line).split("\t")
        if len(columns) != 2:
            raise DataError(f"{name}, line {number} must be a source, a tab and a target (got {line[:80]!r})")
        examples.append(Example(*columns))
    if not examples:
        raise DataError(f"{name} is empty: each line takes a source, a tab and a target")
    return examples
