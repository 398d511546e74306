"""Tables of settings that override one another: merged by precedence, read from TOML and from ``--set``.

A component's table holds settings of that component alone, so naming another component drops them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from s2s_core.errors import ConfigError, is_utf8, one_line

Overrides = Mapping[str, Any]
"""Settings in nested tables, as in a run's TOML."""

DEEPEST = 20
"""The most tables in one another that are read; those of s2s have four."""


def merge(tables: Sequence[Overrides]) -> dict[str, Any]:
    """Merges tables of rising precedence into one."""
    merged: dict[str, Any] = {}
    for each in tables:
        merged = _merge(merged, each)
    return merged


def _merge(below: Overrides, above: Overrides) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        before = merged.get(name)
        if isinstance(before, Mapping) or isinstance(value, Mapping):
            merged[name] = _merge_tables(named(before), named(value))
        else:
            merged[name] = value
    return merged


def _merge_tables(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    if "name" in above and "name" in below and above["name"] != below["name"]:
        return above
    return _merge(below, above)


def named(value: Any) -> Any:
    """Returns a component as a table, even if it was given by its name alone."""
    if value is None:
        return {}
    return {"name": value} if isinstance(value, str) else value


def read_toml(path: Path) -> Overrides:
    """Reads a TOML file.

    Raises:
        ConfigError: It can't be read or isn't TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not a TOML file that can be read: its brackets are nested too deeply") from error
    _require_shallow(tables, path)
    return tables


def _require_shallow(tables: Overrides, path: Path) -> None:
    """Checks that tables aren't nested so deeply that nothing can be done with them."""
    values: list[Any] = [tables]
    for _ in range(DEEPEST):
        values = [inner for value in values if isinstance(value, Mapping) for inner in value.values()]
    if values:
        raise ConfigError(f"{path} has tables in one another, more than {DEEPEST} of them, which no run has")


def parse_assignment(text: str) -> Overrides:
    """Turns ``a.b=value`` into ``{"a": {"b": value}}``.

    The value is read as TOML. Anything that isn't TOML is a string, so that ``encoder.name=lstm`` needs no quotes.

    Raises:
        ConfigError: There is no ``=``, or no name before it, or the text isn't UTF-8.
    """
    path, equals, value = text.partition("=")
    names = [name.strip() for name in path.split(".", DEEPEST)]
    if len(names) > DEEPEST:
        raise ConfigError(f"no setting has more than {DEEPEST} names in its path (got {one_line(path)!r})")
    if not equals or not all(names):
        raise ConfigError(f"--set takes NAME=VALUE, such as training.steps=500 (got {text!r})")
    if not is_utf8(text):
        raise ConfigError(f"--set takes UTF-8 text (got {text!r})")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"] if "\n" not in value else value
    except (ValueError, RecursionError):
        parsed = value
    return nested(path, parsed)


def nested(path: str, value: Any) -> Overrides:
    """Turns ``"a.b"`` and a value into ``{"a": {"b": value}}``."""
    for name in reversed(path.split(".")):
        value = {name.strip(): value}
    return cast("Overrides", value)
