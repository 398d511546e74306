"""A job: answers the rows of a file, and writes them with their answers to another."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol

import attrs

from s2s_core.bulk.journal import Description, Journal, journal_path
from s2s_core.bulk.rows import Rows
from s2s_core.bulk.workers import Unanswered, Workers
from s2s_core.errors import DataError, S2SError
from s2s_core.files import opened_atomically

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ends."""


class JobInterruptedError(S2SError):
    """Ctrl-C stopped a job, whose answers so far are on disk."""

    exit_code = INTERRUPTED


class Course(Protocol):
    """Hears of the course of a job."""

    def began(self, done: int, rows: int) -> None:
        """Rows are going to be answered, after those that were answered before."""

    def advanced(self, done: int) -> None:
        """So many rows are answered."""

    def unanswered(self, number: int, characters: int, reason: str) -> None:
        """A row, counted from 1, gets no answer."""


@attrs.frozen
class Job:
    """What to answer, and how.

    Attributes:
        rows: The rows.
        source: Their file.
        output: The file that is written.
        workers: What answers batches.
        batch_size: The number of rows in a batch.
        settings: Whatever decides the answers beside the rows, by names that messages show.
        course: Hears of its course.
    """

    rows: Rows
    source: Path
    output: Path
    workers: Workers
    batch_size: int
    settings: Mapping[str, str]
    course: Course

    def run(self, *, resume: bool = False) -> None:
        """Answers all rows, and then writes the output, as a whole.

        All rows are read and checked before the first one is answered.

        Args:
            resume: Go on after the answers of an interrupted job, if there are some.

        Raises:
            DataError: The rows can't be read, the output can't be written, an interrupted job was another one, or some
                rows got no answer. In the last case, the output is written.
            JobInterruptedError: Ctrl-C was pressed; what was answered is kept.
        """
        content = _digest(self.source)
        journal = self._journal({"input": content, **self.settings}, resume=resume)
        try:
            self._answer(journal)
            if _digest(self.source) != content:
                raise DataError(f"{self.source} was changed while it was answered: start again with --overwrite")
            unanswered = self._write(journal)
        except KeyboardInterrupt as error:
            raise JobInterruptedError(
                f"interrupted after {journal.done:,} of {journal.rows:,} rows, which {journal.path} holds: "
                "--resume goes on"
            ) from error
        finally:
            journal.close()
        journal.remove()
        if unanswered:
            raise DataError(f"{unanswered:,} of {journal.rows:,} rows without an answer")

    def _journal(self, description: Description, *, resume: bool) -> Journal:
        """Returns the journal of an interrupted job, or else an empty one, after a check of all rows."""
        path = journal_path(self.output)
        if resume and path.exists():
            return Journal.resume(path, description, self.batch_size)
        return Journal.begin(path, description, sum(1 for _ in self.rows.texts()))

    def _answer(self, journal: Journal) -> None:
        """Answers the rows that aren't answered yet."""
        self.course.began(journal.done, journal.rows)
        texts = islice(self.rows.texts(), journal.done, None)
        for batch, answers in self.workers.answers(_batches(texts, self.batch_size)):
            for number, (text, answer) in enumerate(zip(batch, answers, strict=True), journal.done + 1):
                if isinstance(answer, Unanswered):
                    self.course.unanswered(number, len(text), answer.reason)
            journal.append([None if isinstance(answer, Unanswered) else answer for answer in answers])
            self.course.advanced(journal.done)

    def _write(self, journal: Journal) -> int:
        """Writes the output, and returns how many rows have no answer."""
        try:
            with opened_atomically(self.output) as file:
                self.rows.write(file, journal.answers())
        except OSError as error:
            raise DataError(
                f"can't write {self.output}: {error.strerror}; the answers are in {journal.path}: --resume goes on"
            ) from error
        return sum(answer is None for answer in journal.answers())


def _batches(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := [*islice(texts, size)]:
        yield batch


def _digest(path: Path) -> str:
    """Returns a hash of a file's content."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}") from error
