"""Answers the lines that can be answered where others of their batch are too long."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from s2s_core.bulk.parts import in_parts
from s2s_core.errors import DataError, one_line

Ask = Callable[[list[str]], list[str]]
"""Returns a line of output for each source."""


class Line(NamedTuple):
    """A line of the input.

    Attributes:
        number: From 1 on.
        text: Its source.
    """

    number: int
    text: str


class Rescue:
    """Asks for answers, and gives an empty line for a source that is too long or needs too much memory.

    Args:
        ask: Returns the answers to a batch, or raises ``MemoryError``.
        longest: The most characters of a source; 0 sets no limit.
    """

    def __init__(self, ask: Ask, longest: int) -> None:
        self._ask, self._longest = ask, longest
        self._read = self._unanswered = 0

    def __call__(self, batch: Sequence[str]) -> list[str]:
        """Returns a line of output for each source of the next batch; says on standard error which are empty."""
        lines = [Line(self._read + number, text) for number, text in enumerate(batch, 1)]
        self._read += len(batch)
        if not self._longest:
            return self._answered(lines)
        short = [line for line in lines if len(line.text) <= self._longest]
        answers = iter(self._answered(short))
        return [next(answers) if len(line.text) <= self._longest else self._too_long(line) for line in lines]

    def require_all_answered(self) -> None:
        """Checks that each line has got its answer.

        Raises:
            DataError: Some haven't.
        """
        if self._unanswered:
            lines = "1 line" if self._unanswered == 1 else f"{self._unanswered:,} lines"
            raise DataError(f"{lines} of {self._read:,} without an answer")

    def _answered(self, lines: list[Line]) -> list[str]:
        """Asks for the answers; a line that needs too much memory alone gets none."""
        answers = in_parts(self._ask, [line.text for line in lines])
        return [
            self._without_answer(line, str(answer)) if isinstance(answer, MemoryError) else answer
            for line, answer in zip(lines, answers, strict=True)
        ]

    def _too_long(self, line: Line) -> str:
        return self._without_answer(line, f"that is more than --max-source-length {self._longest:,}")

    def _without_answer(self, line: Line, reason: str) -> str:
        self._unanswered += 1
        message = f"warning: line {line.number:,} has {len(line.text):,} characters and no answer: {reason}"
        click.echo(one_line(message), err=True)
        return ""
