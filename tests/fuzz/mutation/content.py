"""Mutations of bytes."""

from collections.abc import Callable
from random import Random

from .values import TEXTS

PIECES = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b"\x1a", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b"=", b"#", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"0",
    b"\xff" * 10, b"\x80" * 9 + b"\x01", b"\n" * 100, b"[" * 2000, b"a" * 70_000,
)  # fmt: skip
"""What often surprises a reader: ends, marks, halves of surrogates, the beginnings of compressed files, numbers."""

Mutation = Callable[[Random, bytearray], None]


def mutate(random: Random, content: bytes, *, most: int = 4) -> bytes:
    """Returns bytes with a few changes."""
    changed = bytearray(content)
    for _ in range(random.randint(1, most)):
        random.choice(MUTATIONS)(random, changed)
    return bytes(changed)


def touch(random: Random, content: bytes) -> bytes:
    """Returns bytes of which one to three are others, so that most of a file's structure is as it was."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 3)):
        random.choice((_flip, _replace))(random, changed)
    return bytes(changed)


def _flip(random: Random, content: bytearray) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _replace(random: Random, content: bytearray) -> None:
    if content:
        content[random.randrange(len(content))] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))


def _remove(random: Random, content: bytearray) -> None:
    start, end = _range(random, content)
    del content[start:end]


def _repeat(random: Random, content: bytearray) -> None:
    start, end = _range(random, content)
    content[start:start] = content[start:end] * random.choice((1, 1, 2, 50))


def _move(random: Random, content: bytearray) -> None:
    start, end = _range(random, content)
    piece = content[start:end]
    del content[start:end]
    place = random.randint(0, len(content))
    content[place:place] = piece


def _insert(random: Random, content: bytearray) -> None:
    place = random.choice((0, len(content), random.randint(0, len(content))))
    piece = random.choice((random.choice(PIECES), random.choice(TEXTS).encode()))
    content[place:place] = piece


def _cut(random: Random, content: bytearray) -> None:
    del content[random.choice((0, random.randint(0, len(content)), max(0, len(content) - 1))) :]


def _range(random: Random, content: bytearray) -> tuple[int, int]:
    start = random.randint(0, len(content))
    return start, min(len(content), start + random.choice((1, 2, 4, 8, 64, 1024)))


MUTATIONS: tuple[Mutation, ...] = (_flip, _flip, _replace, _replace, _remove, _repeat, _move, _insert, _insert, _cut)
