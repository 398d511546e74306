"""Lines are read as they come, from files that may hold anything."""

import io
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from s2s_core.data.lines import MOST_LINE_BYTES, read_lines
from s2s_core.errors import DataError


def lines(content: bytes, batch_size=3):
    return [line for batch in read_lines(io.BufferedReader(io.BytesIO(content)), "it", batch_size) for line in batch]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\nb\r", ["a", "b"]),
        (b"\r\n\n\r\n", ["", "", ""]),
        (b"\n\na\n\n", ["", "", "a", ""]),
        (b"a\rb\n", ["a\rb"]),
        (b"a\r\r\n", ["a\r"]),
        (b" a \t\n", [" a \t"]),
        (b"\x00\n\x00", ["\x00", "\x00"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf\n", [""]),
    ],
)
def test_lines_end_with_lf_or_cr_lf(content, expected):
    """Nothing else ends a line, the last one needs no end, and empty lines count. A first byte order mark doesn't."""
    assert lines(content) == expected


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1d", "\x1e", "\r"])
def test_what_python_takes_for_a_line_break_is_none(separator):
    """A text with any of ``str.splitlines``' other separators stays one line, so answers stay in step."""
    text = f"a{separator}b"
    assert lines(f"{text}\n{text}".encode()) == [text, text]


class Pieces(io.RawIOBase):
    """Gives its pieces one after the other, as a slow pipe does, and notes how many were taken."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.taken = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = next(self.pieces, b"")
        self.taken += 1
        buffer[: len(piece)] = piece
        return len(piece)


@settings(deadline=None)  # the time of one is left to the machine
@given(some.lists(some.binary(min_size=1, max_size=5)), some.integers(1, 4))
def test_it_does_not_matter_in_which_pieces_the_bytes_come(pieces, batch_size):
    """However a stream is cut, even within a character, the lines are those of the whole; no batch is too long."""
    content = b"".join(pieces)
    try:
        expected = [line.removesuffix(b"\r").decode() for line in content.removesuffix(b"\n").split(b"\n")]
    except UnicodeDecodeError:
        return
    batches = list(read_lines(io.BufferedReader(Pieces(pieces)), "it", batch_size))
    assert "\n".join(line for batch in batches for line in batch) == "\n".join(expected).removeprefix("\ufeff")
    assert all(0 < len(batch) <= batch_size for batch in batches)


def test_a_batch_is_there_as_soon_as_its_lines_are():
    """What has come is answered before more is awaited, be the batch full or not."""
    raw = Pieces([b"a\nb\n", b"c", b"\nd\ne\nf\ng"])
    batches = read_lines(io.BufferedReader(raw), "it", 2)
    assert [next(batches), raw.taken] == [["a", "b"], 1]
    assert [next(batches), raw.taken] == [["c", "d"], 3]
    assert [next(batches), raw.taken] == [["e", "f"], 3]
    assert list(batches) == [["g"]]


def test_a_pipe_that_stays_open_is_read():
    """A line on a pipe is there while the writer goes on."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as writer:
        batches = read_lines(stream, "it", 64)
        for text in ("one", "two"):
            writer.write(text.encode() + b"\n")
            assert next(batches) == [text]


@pytest.mark.parametrize(
    ("content", "before", "expected"),
    [
        (b"a\nb\xff\n", ["a"], "it, line 2 is not UTF-8: byte 0xff at position 2"),
        (b"\xc3\n", [], "it, line 1 is not UTF-8: byte 0xc3 at position 1"),
        ("a\nb\n".encode("utf-16"), [], "it, line 1 is UTF-16: convert the file to UTF-8"),
        (b"a\nb\nc\nd\n\xed\xa0\x80", ["a", "b", "c", "d"], "it, line 5 is not UTF-8: byte 0xed at position 1"),
        ("é".encode() + b"\x80\r\n", [], "it, line 1 is not UTF-8: byte 0x80 at position 3"),
    ],
)
def test_bytes_that_are_not_utf_8_are_named(content, before, expected):
    """The message has the line and the byte; the lines before it were given."""
    found = []
    batches = read_lines(io.BufferedReader(io.BytesIO(content)), "it", 3)
    with pytest.raises(DataError) as refused:
        found.extend(line for batch in batches for line in batch)
    assert str(refused.value) == expected
    assert found == before


def test_the_longest_line_is_read():
    """A line of the limit's length is read, whether another follows or not, and one byte more is refused."""
    longest = b"a" * MOST_LINE_BYTES
    assert lines(longest) == [longest.decode()]
    assert lines(b"x\n" + longest + b"\ny") == ["x", longest.decode(), "y"]
    for content in (longest + b"a", longest + b"a\n", longest + b"a\nb"):
        with pytest.raises(DataError, match=r"^it, line 1 is longer than 1,048,576 bytes$"):
            lines(content)


class Endless(io.RawIOBase):
    """A line without end after another line."""

    def __init__(self):
        self.given = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = b"short\n" if not self.given else b"a" * len(buffer)
        buffer[: len(piece)] = piece
        self.given += len(piece)
        return len(piece)


def test_an_endless_line_is_refused_before_memory_runs_out():
    """It's given up soon after the limit, with a few times the limit in memory, and the line before was given."""
    raw = Endless()
    batches = read_lines(io.BufferedReader(raw), "standard input", 64)
    assert next(batches) == ["short"]
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"^standard input, line 2 is longer than 1,048,576 bytes$"):
            next(batches)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raw.given < 2 * MOST_LINE_BYTES
    assert peak < 8 * MOST_LINE_BYTES
