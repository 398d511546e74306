"""Reads the JSON of requests, of which nothing is taken for granted."""

import json
from collections.abc import Mapping
from typing import Any

from s2s_core.serving.request_error import RequestError

_NAMES = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}

REQUIRED: Any = object()
"""The default of a field that has none."""


def parsed(body: bytes) -> dict[str, Any]:
    """Returns the object that a body holds.

    Raises:
        RequestError: It isn't JSON in UTF-8, or no object.
    """
    try:
        content = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body isn't JSON in UTF-8: {error}") from error
    fields: dict[str, Any] = checked(content, dict, "the body")
    return fields


def field(fields: Mapping[str, Any], name: str, kind: type, default: Any = REQUIRED) -> Any:
    """Returns a field of an object.

    Raises:
        RequestError: It is missing and has no default, or its type is another.
    """
    if name not in fields:
        if default is REQUIRED:
            raise RequestError(f"there is no {name!r}, which must be {_NAMES[kind]}")
        return default
    return checked(fields[name], kind, repr(name))


def checked(value: Any, kind: type, what: str) -> Any:
    """Returns a value that must be of a type; a truth value is no number."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RequestError(f"{what} must be {_NAMES[kind]} (got {json.dumps(value)})")
    return value
