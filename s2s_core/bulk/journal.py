"""The journal of a job: the answers so far, on disk, so that an interrupted job can be resumed."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self

from s2s_core.bulk.rows import Answer
from s2s_core.errors import DataError
from s2s_core.files import write_atomically

Description = Mapping[str, str]
"""What a job answers, with what and how: whatever decides the answers, by names that messages show."""

_ROWS = "rows"
"""The key of the number of rows, beside the description."""


def journal_path(output: Path) -> Path:
    """Returns where the journal of a job is that writes to a file: beside it."""
    return output.with_name(f"{output.name}.part")


class Journal:
    """The answers so far, one a line, after a line that describes the job.

    Args:
        path: Where they are.
        file: The open file.
        rows: How many rows the job has.

    Attributes:
        done: How many of them are answered.
    """

    def __init__(self, path: Path, file: BinaryIO, rows: int = 0) -> None:
        self.path, self._file, self.rows = path, file, rows
        self.done = 0

    @classmethod
    def begin(cls, path: Path, description: Description, rows: int) -> Self:
        """Returns an empty journal, which replaces another one.

        Raises:
            DataError: It can't be written.
        """
        with _explained(path):
            if path.exists():
                _locked(path, path.open("rb")).close()
            write_atomically(path, json.dumps({**description, _ROWS: rows}, ensure_ascii=False) + "\n")
            journal = cls(path, _locked(path, path.open("rb+")), rows)
            journal._file.seek(0, os.SEEK_END)
        return journal

    @classmethod
    def resume(cls, path: Path, description: Description, batch_size: int) -> Self:
        """Returns a journal that is there already, up to its last whole batch.

        Raises:
            DataError: It can't be read, is another job's, or another process writes to it.
        """
        if path.is_symlink():
            raise DataError(f"{path} is a symbolic link: remove it")
        with _explained(path):
            journal = cls(path, _locked(path, path.open("rb+")))
        with journal._closed_on_error():
            journal._read_description(description)
            journal._keep_whole_batches(batch_size)
        return journal

    def append(self, answers: Sequence[Answer]) -> None:
        """Adds answers.

        Raises:
            DataError: They can't be written.
        """
        self._write("\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers))
        self.done += len(answers)

    def answers(self) -> Iterator[Answer]:
        """Yields all answers."""
        self._file.seek(0)
        self._file.readline()
        for line in self._file:
            yield json.loads(line)

    def close(self) -> None:
        """Keeps the journal for later."""
        with contextlib.suppress(OSError):  # of a full disk, which has been told
            self._file.close()

    def remove(self) -> None:
        """Removes the journal of a job that is done."""
        self._file.close()
        self.path.unlink()

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Closes the file if the block fails, which releases its lock.

        Raises:
            DataError: The file can't be read or written.
        """
        try:
            with _explained(self.path):
                yield
        except BaseException:
            self.close()
            raise

    def _write(self, lines: str) -> None:
        with _explained(self.path, "; --resume goes on when it can"):
            self._file.write(lines.encode() + b"\n")
            self._file.flush()

    def _read_description(self, description: Description) -> None:
        """Checks that the journal is the one of a job, and reads how many rows that has."""
        begun = _parsed(self._file.readline())
        if not (isinstance(begun, dict) and isinstance(begun.get(_ROWS), int)):
            raise DataError(f"{self.path} is no file of an interrupted job: remove it, or give --overwrite")
        self.rows = begun.pop(_ROWS)
        for name in {**begun, **description}:
            if begun.get(name) != description.get(name):
                raise DataError(
                    f"{self.path} was begun with another {name}: go on with the same, or start again with --overwrite"
                )

    def _keep_whole_batches(self, batch_size: int) -> None:
        """Drops what follows the last whole batch, such as half a line that a killed process has left."""
        end = self._file.tell()
        while batch := [*islice(iter(self._file.readline, b""), batch_size)]:
            if len(batch) != min(batch_size, self.rows - self.done) or not all(map(_is_whole, batch)):
                break
            self.done += len(batch)
            end = self._file.tell()
        self._file.seek(end)
        self._file.truncate()


def _parsed(line: bytes) -> Any:
    """Returns what a line holds; a number if it is damaged, which is neither a description nor an answer."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return 0


def _is_whole(line: bytes) -> bool:
    """Returns whether a line holds an answer."""
    return line.endswith(b"\n") and isinstance(_parsed(line), str | None)


def _locked(path: Path, file: BinaryIO) -> BinaryIO:
    """Locks a file until it is closed, where the system can.

    Raises:
        DataError: Another process holds the lock.
    """
    with contextlib.suppress(ImportError):  # Windows
        import fcntl  # noqa: PLC0415

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise DataError(f"another process writes to {path}") from error
    return file


@contextlib.contextmanager
def _explained(path: Path, way_out: str = "") -> Iterator[None]:
    """Turns what goes wrong with the file into one line.

    Raises:
        DataError: Something did.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"can't write {path}: {reason}{way_out}") from error
