"""The rows of a file: each has a text to answer, and is written again with its answer."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import BinaryIO

Answer = str | None
"""What a row is answered; None if its text was too long, or needed too much memory."""


class Rows(ABC):
    """The rows of a file, which may be read again and again; only a few are in memory at a time."""

    @abstractmethod
    def texts(self) -> Iterator[str]:
        """Yields the text of each row.

        Raises:
            DataError: The file can't be read, or a row has no text that a model could answer.
        """

    @abstractmethod
    def write(self, file: BinaryIO, answers: Iterator[Answer]) -> None:
        """Writes the rows with their answers.

        Args:
            file: What they are written to.
            answers: As many as there are rows.

        Raises:
            OSError: They can't be written.
            DataError: The rows can't be read any more.
        """
