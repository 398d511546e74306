"""Judges how an attempt ended."""

import re
import signal

from .attempt import Attempt
from .process import Ending

LONGEST_LINE = 1300
"""The most characters of a line for the user, and some for what comes before it."""

MOST_LINES = 40
"""The most lines of an error: a line for each wrong setting."""

_WARNING = re.compile(r"^\S.*:\d+: \w*Warning: ", re.MULTILINE)

_LOGGED = "[E:onnxruntime:"
"""What an error has that ONNX Runtime prints itself, beside the one that it raises."""

STOPPED, USAGE = 130, 2


def fault(attempt: Attempt, ending: Ending) -> str | None:
    """Returns what is wrong in a few words, or None."""
    text = ending.err.decode(errors="replace")
    lines = [line for line in text.replace("\r", "\n").split("\n") if line]
    checks = (
        ending.seen,
        _end(ending),
        _traceback(lines),
        _code(attempt, ending, lines),
        _lines(lines),
        _message(ending, lines),
    )
    return next(filter(None, (*checks, _answers(attempt, ending))), None)


def _end(ending: Ending) -> str | None:
    if ending.hung:
        return f"hang: no end after {ending.seconds:.0f} s"
    return f"crash: {signal.Signals(-ending.code).name}" if ending.code < 0 else None


def _traceback(lines: list[str]) -> str | None:
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return f"traceback: {next((line for line in reversed(lines) if line[:1].strip()), '')[:200]}"
    warning = next(filter(_WARNING.match, lines), None)
    return f"a library's warning: {warning[:200]}" if warning else None


def _code(attempt: Attempt, ending: Ending, lines: list[str]) -> str | None:
    if ending.interrupted and ending.code == STOPPED:
        stopped = any(line.startswith("error: stopped after ") for line in lines)
        return None if stopped or attempt.exports else "hang: it had not begun to train when it was interrupted"
    return None if ending.code in {0, 1, 2} else f"exit code {ending.code}"


def _lines(lines: list[str]) -> str | None:
    for line in lines:
        if _LOGGED in line:
            return f"log: {line[:200]!r}"
        if len(line) > LONGEST_LINE:
            return f"long: a line of {len(line):,} characters"
        if not line.isprintable():
            return f"unprintable: {line[:200]!r}"
    return None


def _message(ending: Ending, lines: list[str]) -> str | None:
    errors = [number for number, line in enumerate(lines) if line.startswith(("error: ", "Error: "))]
    if ending.code == 0:
        return f"an error, but exit code 0: {lines[errors[0]][:200]}" if errors else None
    if ending.code == USAGE and not errors and lines and lines[0].startswith("Usage: "):
        return None  # the help of a group without a command
    if len(errors) != 1:
        return f"message: {len(errors)} errors"
    more = lines[errors[0] + 1 :]
    if len(more) >= MOST_LINES:
        return f"message: {len(more) + 1} lines"
    return f"message: {lines[errors[0]][:100]!r} is followed by {more[0][:100]!r}" if more and _foreign(more) else None


def _foreign(lines: list[str]) -> bool:
    """Whether a line after the error names no other setting."""
    return not all(re.match(r"[\w.\[\]'-]+ |unknown ", line) for line in lines)


def _answers(attempt: Attempt, ending: Ending) -> str | None:
    given = ending.out.count(b"\n")
    if attempt.answers is None or (ending.code and given <= attempt.answers):
        return None
    return None if given == attempt.answers else f"count: {given} answers to {attempt.answers} lines"
