"""Reads lines as they come, from files that may hold anything."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from s2s_core.errors import DataError

MOST_BYTES = 1 << 20
"""The longest line that is read."""

BYTE_ORDER_MARK = "\ufeff"

_CHUNK = 1 << 16
_BATCH = 1024


def read_file(file: str) -> Iterator[str]:
    """Yields the lines of a file; takes and raises what ``read_batches`` does."""
    yield from itertools.chain.from_iterable(read_batches(file, _BATCH))


def read_batches(file: str, batch_size: int) -> Iterator[list[str]]:
    """Yields the lines of a file in batches, each as soon as its lines are there.

    Args:
        file: Its path, or ``-`` for standard input.
        batch_size: The most lines in a batch.

    Raises:
        DataError: It can't be read, or as ``read_lines`` says.
    """
    if file == "-":
        yield from read_lines(sys.stdin.buffer, file_name(file), batch_size)
        return
    try:
        with Path(file).open("rb") as stream:
            yield from read_lines(stream, file_name(file), batch_size)
    except OSError as error:
        raise DataError(f"can't read {file}: {error.strerror}") from error


def file_name(file: str) -> str:
    """Returns what a file is called in messages."""
    return "standard input" if file == "-" else file


def read_lines(stream: BinaryIO, name: str, batch_size: int) -> Iterator[list[str]]:
    """Yields the lines of a stream in batches, each as soon as its lines are there.

    A line ends with LF or CR LF; the last one needs no end. A byte order mark before the first is no part of it.

    Args:
        stream: Buffered, so that it has ``read1``.
        name: What to call it in messages.
        batch_size: The most lines in a batch.

    Raises:
        DataError: A line is not UTF-8, or longer than ``MOST_BYTES``. The lines before it were yielded.
    """
    number = 0
    for lines in _available(stream, name):
        for start in range(0, len(lines), batch_size):
            batch: list[str] = []
            try:
                for line in lines[start : start + batch_size]:
                    batch.append(_decode(line, name, number + 1))
                    number += 1
            except DataError:
                if batch:
                    yield batch
                raise
            yield batch


def _available(stream: BinaryIO, name: str) -> Iterator[list[bytes]]:
    """Yields the lines of each read."""
    rest = b""
    count = 0
    while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # buffered streams have it
        *lines, rest = (rest + chunk).split(b"\n")
        if len((lines or [rest])[0]) > MOST_BYTES:  # those after it fit into a chunk
            raise DataError(f"{name}, line {count + 1} is longer than {MOST_BYTES:,} bytes")
        count += len(lines)
        if lines:
            yield lines
    if rest:
        yield [rest]


def _decode(line: bytes, name: str, number: int) -> str:
    try:
        text = line.removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}, line {number} is not UTF-8: byte 0x{line[error.start]:02x} at position {error.start + 1}"
        ) from error
    return text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text
