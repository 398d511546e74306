"""Promises: what every component of a kind must do, each with a check that it does."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import NoReturn, Self

import attrs

from s2s_core.errors import S2SError, missing_package
from s2s_core.plugins.registry import Kind
from s2s_core.testing.subject import Subject

PAGE = "docs/conformance.md"
"""The page on which each promise has a heading, its kind and name."""


class BrokenPromiseError(AssertionError):
    """A component doesn't do what every component of its kind must do; the message names the input."""


@attrs.frozen
class Promise:
    """Something that every component of a kind must do.

    Attributes:
        kind: The kind of component that makes the promise.
        name: The promise's name in tests, reports and the documentation.
        statement: The promise in one sentence.
        details: How it is examined, what usually breaks it, and how to fix that; may be empty.
        check: Raises ``BrokenPromiseError`` if a component breaks the promise.
    """

    kind: Kind
    name: str
    statement: str
    details: str
    check: Callable[[Subject], None]

    @classmethod
    def of(cls, kind: Kind, check: Callable[[Subject], None]) -> Self:
        """Makes a promise from its check, a function whose name and docstring name, state and explain it."""
        statement, _, details = inspect.cleandoc(check.__doc__ or "").partition("\n\n")
        return cls(kind, check.__name__, " ".join(statement.split()), details, check)

    @property
    def place(self) -> str:
        """The address of its documentation."""
        return f"{PAGE}#{self.kind}-{self.name}"


def require(condition: object, finding: str) -> None:
    """Checks one condition of a promise.

    Args:
        condition: Whether the promise holds.
        finding: What happens instead, and on which input.

    Raises:
        BrokenPromiseError: The condition is false.
    """
    if not condition:
        broken(finding)


def broken(finding: str) -> NoReturn:
    """Reports a promise as broken.

    Raises:
        BrokenPromiseError: Always.
    """
    raise BrokenPromiseError(finding)


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Adds what was examined to an exception, unless its message already explains the problem.

    Args:
        what: What the block does, such as ``"decoding [4, 5]"``.

    Raises:
        BrokenPromiseError: The block raises an exception other than an ``S2SError``.
    """
    try:
        yield
    except (BrokenPromiseError, S2SError):
        raise
    except Exception as error:
        problem = missing_package(error) or f"raises {type(error).__name__}: {error}"
        raise BrokenPromiseError(f"{what} {problem}") from error
