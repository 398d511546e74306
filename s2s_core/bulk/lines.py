"""Lines of text: each is a source, and its answer alone is written."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from s2s_core.bulk.rows import Answer, Rows


class Lines(Rows):
    """The lines of a text file.

    Args:
        read: Yields the sources of the file in batches.
    """

    def __init__(self, read: Callable[[], Iterator[list[str]]]) -> None:
        self._read = read

    def texts(self) -> Iterator[str]:
        """Yields the lines."""
        for batch in self._read():
            yield from batch

    def write(self, file: BinaryIO, answers: Iterator[Answer]) -> None:
        """Writes a line for each answer, which is empty if there is none."""
        file.writelines((answer or "").encode() + b"\n" for answer in answers)
