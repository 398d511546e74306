"""The entries of a lexicon, and the files that list them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from s2s_core.data.lines import read_file
from s2s_core.errors import DataError

Entries = Mapping[str, tuple[str, ...]]
"""The answers to each normalised source, best first."""

MOST_ENTRIES = 2_000_000
"""The most entries; each takes about 500 bytes of the memory of whoever loads the file."""

MOST_ANSWERS = 100
"""The most answers to one source."""

Normalize = Callable[[str], str]


def read_lexicon(path: Path, normalize: Normalize) -> Entries:
    """Reads a lexicon: a source, a TAB and an answer on each line; several lines of a source are its answers in order.

    Args:
        path: A file of UTF-8.
        normalize: Normalises a source, as the model's tokenizer does.

    Raises:
        DataError: A line is no entry, or there are too many; the message names the line.
    """
    entries: dict[str, tuple[str, ...]] = {}
    for number, source, answer in _rows(path, normalize):
        if answer is None:
            raise DataError(f"{path}, line {number:,} must have a source, a TAB and an answer")
        if answer not in entries.get(source, ()):
            entries[source] = (*entries.get(source, ()), answer)
        _require_room(entries, source, f"{path}, line {number:,}")
    if not entries:
        raise DataError(f"{path} has no entries")
    return entries


def read_fixes(path: Path, normalize: Normalize) -> Mapping[str, tuple[str, ...]]:
    """Reads changes of a lexicon: lines as in one, whose answers replace those of the source.

    A source without a TAB has no entry any more: its answers are an empty tuple.

    Raises:
        DataError: A line is no change, one source is both changed and removed, or there are too many.
    """
    fixes: dict[str, tuple[str, ...]] = {}
    for number, source, answer in _rows(path, normalize):
        before = fixes.get(source)
        if before is not None and (answer is None) != (before == ()):
            raise DataError(f"{path}, line {number:,} both changes and removes {source!r}")
        if answer is None:
            fixes[source] = ()
        elif before is None or answer not in before:
            fixes[source] = (*(before or ()), answer)
        _require_room(fixes, source, f"{path}, line {number:,}")
    if not fixes:
        raise DataError(f"{path} has no entries")
    return fixes


def fixed(entries: Entries, fixes: Mapping[str, tuple[str, ...]]) -> Entries:
    """Returns a lexicon with changes.

    Raises:
        DataError: An entry is removed that isn't there, or there are too many.
    """
    for source, answers in fixes.items():
        if not answers and source not in entries:
            raise DataError(f"there is no entry {source!r} to remove")
    changed = {source: answers for source, answers in {**entries, **fixes}.items() if answers}
    if len(changed) > MOST_ENTRIES:
        raise DataError(f"a lexicon has at most {MOST_ENTRIES:,} entries (got {len(changed):,})")
    return changed


def lines(entries: Entries) -> Iterator[str]:
    """Yields the lines of a file that lists a lexicon."""
    return (f"{source}\t{answer}" for source, answers in entries.items() for answer in answers)


def _rows(path: Path, normalize: Normalize) -> Iterator[tuple[int, str, str | None]]:
    """Yields the number of each line, its normalised source and its answer, ``None`` if there is no TAB."""
    for number, line in enumerate(read_file(str(path)), 1):
        source, *answers = line.split("\t")
        if len(answers) > 1:
            count = len(answers) + 1
            raise DataError(f"{path}, line {number:,} has {count} columns; an entry has a source and an answer")
        if not source:
            raise DataError(f"{path}, line {number:,} has an empty source")
        if "\0" in line:
            raise DataError(f"{path}, line {number:,} has a NUL character")
        yield number, normalize(source), answers[0] if answers else None


def _require_room(entries: Mapping[str, tuple[str, ...]], source: str, where: str) -> None:
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"{where} is one too many: a lexicon has at most {MOST_ENTRIES:,} entries")
    if len(entries[source]) > MOST_ANSWERS:
        raise DataError(f"{where} is one too many: a source has at most {MOST_ANSWERS} answers")
