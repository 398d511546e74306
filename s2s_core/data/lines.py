"""Reads lines from files and standard input as they arrive, and checks their encoding and length."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from s2s_core.errors import DataError

MOST_LINE_BYTES = 1 << 20
"""The length in bytes of the longest line that is accepted."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""What a file begins with that is UTF-16."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_CHUNK = 1 << 16
_BATCH = 1024


class BadLineError(ValueError):
    """A line can't be read."""


def read_file(file: str) -> Iterator[str]:
    """Yields the lines of a file; takes and raises what ``read_batches`` does."""
    yield from itertools.chain.from_iterable(read_batches(file, _BATCH))


def read_batches(file: str, batch_size: int) -> Iterator[list[str]]:
    """Yields the lines of a file in batches, each as soon as its lines have arrived.

    Args:
        file: Its path, or ``-`` for standard input.
        batch_size: The maximum number of lines in a batch.

    Raises:
        DataError: The file can't be read, or a line can't; see ``read_lines``.
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
    """Returns the name of a file for messages."""
    return "standard input" if file == "-" else file


def read_lines(stream: BinaryIO, name: str, batch_size: int) -> Iterator[list[str]]:
    """Yields the lines of a stream in batches, each as soon as its lines have arrived.

    Args:
        stream: A buffered stream, which has ``read1``.
        name: The name of the stream in messages.
        batch_size: The maximum number of lines in a batch.

    Raises:
        DataError: A line is not UTF-8, or longer than ``MOST_LINE_BYTES``. The lines before it are yielded first.
    """
    number = 0
    for lines in raw_lines(stream):
        for start in range(0, len(lines), batch_size):
            batch: list[str] = []
            try:
                for line in lines[start : start + batch_size]:
                    batch.append(decode_line(line))
                    number += 1
            except BadLineError as error:
                if batch:
                    yield batch
                raise DataError(f"{name}, line {number + 1} {error}") from error
            yield batch


def raw_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yields the lines of a stream as bytes, one list for each read.

    A line ends with LF or CR LF, which is not part of it; the last line needs no line ending. Byte order marks at the
    beginning of the stream are removed. A line longer than ``MOST_LINE_BYTES`` is truncated, but remains longer than
    that, so that ``decode_line`` refuses it.

    Args:
        stream: A buffered stream, which has ``read1``.
    """
    first, cut, rest = True, False, b""
    while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # buffered streams have it
        if cut:
            _, end, chunk = chunk.partition(b"\n")
            if not end:
                continue
            cut = False
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MOST_LINE_BYTES + 1:  # the last byte may be a CR
            lines, rest, cut = [*lines, rest], b"", True
        if lines:
            if first:
                lines[0], first = _unmarked(lines[0]), False
            yield [line.removesuffix(b"\r") for line in lines]
    last = _unmarked(rest) if first else rest
    if last:
        yield [last.removesuffix(b"\r")]


def decode_line(line: bytes) -> str:
    """Returns a line's text.

    Raises:
        BadLineError: The line is too long or not UTF-8; the message says what is wrong, but not where.
    """
    if len(line) > MOST_LINE_BYTES:
        raise BadLineError(f"is longer than {MOST_LINE_BYTES:,} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        if line.startswith(UTF_16):
            raise BadLineError("is UTF-16: convert the file to UTF-8") from error
        byte = f"0x{line[error.start]:02x}"
        raise BadLineError(f"is not UTF-8: byte {byte} at position {error.start + 1}") from error


def _unmarked(line: bytes) -> bytes:
    """Removes the byte order marks at the beginning of a line."""
    while line.startswith(BYTE_ORDER_MARK):
        line = line.removeprefix(BYTE_ORDER_MARK)
    return line
