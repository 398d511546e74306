"""What a promise is: something that every component of a kind must do, and a check that it does."""

import inspect
from collections.abc import Callable
from typing import NoReturn, Self

import attrs

from s2s_core.testing.subject import Subject

PAGE = "docs/conformance.md"
"""Where each promise has a heading."""


class BrokenPromiseError(AssertionError):
    """A component doesn't do what every component of its kind must do. The message says on which input."""


@attrs.frozen
class Promise:
    """Something that every component of a kind must do.

    Attributes:
        name: How a test, a report and the documentation call it.
        statement: The promise in a sentence.
        check: Raises ``BrokenPromiseError`` if a component breaks it.
    """

    name: str
    statement: str
    check: Callable[[Subject], None]

    @classmethod
    def of(cls, check: Callable[[Subject], None]) -> Self:
        """Makes a promise of its check: named as the function, and stated in the first paragraph of its docstring."""
        statement = " ".join((inspect.getdoc(check) or "").partition("\n\n")[0].split())
        return cls(check.__name__, statement, check)


def require(condition: object, finding: str) -> None:
    """Checks a part of a promise.

    Args:
        condition: Whether it holds.
        finding: What was found instead, and on which input.

    Raises:
        BrokenPromiseError: It doesn't hold.
    """
    if not condition:
        broken(finding)


def broken(finding: str) -> NoReturn:
    """Says that a promise is broken.

    Raises:
        BrokenPromiseError: Always.
    """
    raise BrokenPromiseError(finding)
