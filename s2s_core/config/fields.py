"""Declares settings: their defaults, meanings and bounds."""

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

import attrs

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]

LARGEST = 2**32
"""The largest whole number that any setting accepts, whatever its own bounds; one more than the largest seed."""

MOST_ROWS = 100_000
"""The most rows in a batch, of training or of answers."""


@attrs.frozen
class NoConfig:
    """The configuration of a component that has nothing to set."""


class BadValueError(ValueError):
    """A setting's value can't be used.

    Args:
        name: The setting.
        expected: What it must be, such as ``"at least 1"``.
        value: The value that was set.
    """

    def __init__(self, name: str, expected: str, value: object) -> None:
        super().__init__(name, expected, value)
        self.name, self.expected, self.value = name, expected, value

    def __str__(self) -> str:
        """Returns one sentence."""
        return f"{self.name} must be {self.expected} (got {self.value!r})"


def type_name(field: "attrs.Attribute[Any]") -> str:
    """Returns the type of a field's values, such as ``"int"`` or ``"int or str"``."""
    kinds = get_args(field.type) if isinstance(field.type, UnionType) else (field.type,)
    return " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)


def setting(default: Any, help: str, *checks: Check, path: bool = False) -> Any:  # noqa: A002  # as in click
    """Declares one field of a ``Config``.

    Args:
        default: Its value when the user sets none.
        help: What it means, as ``s2s plugins show`` prints it.
        *checks: ``at_least``, ``between``, ``one_of``, ``must_be`` and others, which describe what they allow. Wrap any
            other attrs validator in ``described``.
        path: Whether it is the path of a file, which a saved run then finds from elsewhere too.
    """
    return _field(default, help, checks, {"path": True} if path else {})


def search_setting(
    default: Any,
    help: str,  # noqa: A002
    *checks: Check,
    feature: str | None = None,
) -> Any:
    """Declares a search setting, which is also an input of exported files and an option of ``s2s predict``.

    Args:
        default: Its value when the user sets none.
        help: What it means.
        *checks: The values that it allows.
        feature: The part of the search that it belongs to, if files have it only when their export asks for it.
    """
    return _field(default, help, checks, {"search": True, "feature": feature, "checks": checks})


def _field(default: Any, meaning: str, checks: Sequence[Check], metadata: Mapping[str, Any]) -> Any:
    bounds = ", ".join(check.expected for check in checks if isinstance(check, _Bound | _Described))
    return attrs.field(
        default=default,
        validator=list(checks),
        metadata={"help": meaning, "bounds": bounds, **metadata},
    )


def limits(field: "attrs.Attribute[Any]") -> tuple[float | None, float | None]:
    """Returns the bounds that the checks of a search setting impose, each ``None`` where there is none."""
    for check in field.metadata["checks"]:
        if isinstance(check, _Bound) and (check.minimum, check.maximum) != (None, None):
            return check.minimum, check.maximum
    return None, None


def at_least(minimum: float) -> Check:
    """Refuses values below ``minimum``."""
    return _Bound(f"at least {minimum}", lambda value: value >= minimum, minimum)


def more_than(minimum: float) -> Check:
    """Refuses ``minimum`` and any value below it."""
    return _Bound(f"more than {minimum}", lambda value: value > minimum)


def between(minimum: float, maximum: float) -> Check:
    """Refuses values outside the two bounds; the bounds themselves are allowed."""
    return _Bound(f"from {minimum} to {maximum}", lambda value: minimum <= value <= maximum, minimum, maximum)


def one_of(*values: Any) -> Check:
    """Refuses any value that is not listed."""
    return _Bound("one of " + ", ".join(map(repr, values)), lambda value: value in values)


def all_different() -> Check:
    """Refuses lists that contain a value more than once."""
    return _Bound("a list without repetitions", lambda values: len(set(values)) == len(values))


def must_be(expected: str, holds: Callable[[Any], bool]) -> Check:
    """Refuses values for which a function returns false.

    ::

        letters: str = setting("abc", "letters of a word", must_be("lower case", str.islower))

    Args:
        expected: What a value must be, in the words of error messages and ``s2s plugins show``.
        holds: Tells whether a value is allowed.
    """
    return _Bound(expected, holds)


def described(expected: str, check: Check) -> Check:
    """Describes any attrs validator, such as one that compares a value with other settings.

    Args:
        expected: What a value must be, in the words of ``s2s plugins show``.
        check: Takes the configuration, the attribute and the value, and raises ``BadValueError``.
    """
    return _Described(expected, check)


@attrs.frozen
class _Bound:
    """A check that describes what it allows."""

    expected: str
    holds: Callable[[Any], bool]
    minimum: float | None = None
    maximum: float | None = None

    def __call__(self, _: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not self.holds(value):
            raise BadValueError(attribute.name, self.expected, value)


@attrs.frozen
class _Described:
    """A check that raises its own error."""

    expected: str
    check: Check

    def __call__(self, config: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        self.check(config, attribute, value)
