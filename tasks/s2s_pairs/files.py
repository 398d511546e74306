"""Reads the lines of a file, compressed or not, or of standard input."""

import contextlib
import functools
import gzip
import hashlib
import io
import os
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from s2s_core import DataError, raw_lines
from s2s_pairs.config import STANDARD_INPUT

_BUFFER = 1 << 18
_COMPRESSED = 1 << 9  # so few, because Zstandard may expand them 32,768 times
_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class LineFile:
    """The lines of a file as bytes, which can be read more than once.

    Compression by gzip or Zstandard is detected by the first bytes, whatever the file's name. Standard input and named
    pipes, which can be read only once, are copied to a temporary file at the first reading.

    Args:
        path: The file, or ``-`` for standard input.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.name = "standard input" if path == STANDARD_INPUT else path

    def lines(self) -> Iterator[bytes]:
        """Yields the lines, as ``raw_lines`` does.

        Raises:
            DataError: The file can't be read, is damaged, or isn't text.
        """
        try:
            with contextlib.closing(self._decompressed()) as stream:
                self._require_text(stream)
                for lines in raw_lines(stream):
                    yield from lines
        except EOFError as error:
            raise DataError(f"{self.name} is incomplete: its compressed content ends too early") from error
        except (zlib.error, gzip.BadGzipFile, _DamagedError) as error:
            raise DataError(f"{self.name} is damaged: {error}") from error
        except OSError as error:
            raise self._unreadable(error) from error

    def digest(self) -> str:
        """Returns a hash of the content as stored on disk, without decompressing it."""
        try:
            with self.location.open("rb") as file:
                return hashlib.file_digest(file, "blake2b").hexdigest()
        except OSError as error:
            raise self._unreadable(error) from error

    @functools.cached_property
    def location(self) -> Path:
        """The path of the content: the file itself, or the temporary copy."""
        path = Path(self._path)
        if self._path != STANDARD_INPUT and not path.is_fifo():
            return path
        if os.environ.get("WORLD_SIZE", "1") != "1":
            raise DataError(f"{self.name} can't be shared by several processes: write it to a file first")
        if self._path == STANDARD_INPUT:
            return self._standard_input()
        with path.open("rb") as pipe:
            return self._copy(pipe)

    def _standard_input(self) -> Path:
        copy = self._copy(sys.stdin.buffer)
        if not copy.stat().st_size:
            raise DataError(
                f"{self.name} is empty, but the task reads its pairs from it, as its file is -: "
                "give them again, evaluate with --data FILE, or write them to a file, which several seeds need"
            )
        return copy

    def _copy(self, stream: BinaryIO) -> Path:
        """Returns a file with a stream's content, which is deleted together with this object."""
        number, name = tempfile.mkstemp(prefix="s2s-")
        weakref.finalize(self, Path(name).unlink, missing_ok=True)
        with open(number, "wb") as copy:  # noqa: PTH123  # it is open already
            shutil.copyfileobj(stream, copy, _BUFFER)
        return Path(name)

    def _decompressed(self) -> io.BufferedReader:
        file: io.BufferedReader = io.BufferedReader(io.FileIO(self.location), _BUFFER)
        beginning = file.peek(len(_ZSTANDARD))
        if beginning.startswith(_GZIP):
            file.close()
            return io.BufferedReader(gzip.GzipFile(self.location), _BUFFER)
        if beginning.startswith(_ZSTANDARD):
            file.close()
            return io.BufferedReader(_ZstandardFile(self.location), _BUFFER)
        return file

    def _require_text(self, stream: io.BufferedReader) -> None:
        """Refuses a file whose beginning shows that it isn't lines of UTF-8."""
        beginning = stream.peek(_BUFFER)
        if beginning.startswith(_UTF_16):
            raise DataError(f"{self.name} is UTF-16: convert it to UTF-8")
        if _is_binary(beginning):
            raise DataError(f"{self.name} is a binary file, not text")
        if beginning.count(b"\r") > 1 and b"\n" not in beginning:
            raise DataError(f"{self.name} has lines that end with CR alone: convert its line ends to LF")

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"can't read {self.name}: {error.strerror or error}")


def _is_binary(beginning: bytes) -> bool:
    """Returns whether most lines of a file's beginning are no text, and not just a bad row here and there."""
    if b"\0" not in beginning:
        return False
    lines = beginning.split(b"\n")
    return 2 * sum(map(_is_no_text, lines)) > len(lines)


def _is_no_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return b"\0" in line


class _DamagedError(Exception):
    """Compressed content is corrupt."""


class _ZstandardFile(io.RawIOBase):
    """The decompressed content of a file. Unlike the package's own reader, it detects a frame that ends too early.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        import zstandard  # noqa: PLC0415  # of the extra train

        self._package, self._file = zstandard, path.open("rb")
        self._frame: Any = None
        self._compressed = b""
        self._content = memoryview(b"")  # slicing it copies nothing

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads some bytes; none at the end of the file."""
        while not self._content and self._refill():
            self._content = memoryview(self._decompress())
        count = min(len(buffer), len(self._content))
        buffer[:count], self._content = self._content[:count], self._content[count:]
        return count

    def close(self) -> None:
        """Closes the file too."""
        self._file.close()
        super().close()

    def _refill(self) -> bool:
        """Reads more compressed bytes if there are none left, and returns whether there is more to decompress."""
        self._compressed = self._compressed or self._file.read(_COMPRESSED)
        if not self._compressed and self._frame is not None:
            raise EOFError
        return bool(self._compressed)

    def _decompress(self) -> bytes:
        self._frame = self._frame or self._package.ZstdDecompressor().decompressobj()
        try:
            content: bytes = self._frame.decompress(self._compressed)
        except self._package.ZstdError as error:
            raise _DamagedError(error) from error
        self._compressed = b""
        if self._frame.eof:
            self._compressed, self._frame = self._frame.unused_data, None
        return content
