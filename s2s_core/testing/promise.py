"""What a promise is: something that every component of a kind must do, and a check that it does."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import NoReturn, Self

import attrs

from s2s_core.errors import S2SError
from s2s_core.plugins import discovery
from s2s_core.plugins.registry import Kind
from s2s_core.testing.subject import Subject

PAGE = "docs/conformance.md"
"""Where each promise has a heading, of its kind and name."""


class BrokenPromiseError(AssertionError):
    """A component doesn't do what every component of its kind must do. The message says on which input."""


@attrs.frozen
class Promise:
    """Something that every component of a kind must do.

    Attributes:
        kind: What promises it.
        name: How a test, a report and the documentation call it.
        statement: The promise in a sentence.
        details: What else there is to know: how it is examined, what usually breaks it, what to do. May be empty.
        check: Raises ``BrokenPromiseError`` if a component breaks it.
    """

    kind: Kind
    name: str
    statement: str
    details: str
    check: Callable[[Subject], None]

    @classmethod
    def of(cls, kind: Kind, check: Callable[[Subject], None]) -> Self:
        """Makes a promise of its check: named as the function, stated and explained by its docstring."""
        statement, _, details = inspect.cleandoc(check.__doc__ or "").partition("\n\n")
        return cls(kind, check.__name__, " ".join(statement.split()), details, check)

    @property
    def place(self) -> str:
        """Where it is documented."""
        return f"{PAGE}#{self.kind}-{self.name}"


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


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Lets an exception say what was examined, unless it is one that says by itself what is wrong.

    Args:
        what: What the block does, such as ``"decoding [4, 5]"``.

    Raises:
        BrokenPromiseError: The block raises something else than an ``S2SError``.
    """
    try:
        yield
    except (BrokenPromiseError, S2SError):
        raise
    except Exception as error:
        problem = discovery.missing(error) or f"raises {type(error).__name__}: {error}"
        raise BrokenPromiseError(f"{what} {problem}") from error
