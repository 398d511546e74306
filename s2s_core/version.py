"""The version of the toolkit and of the interface that its plugins are written against."""

from collections.abc import Mapping

__version__ = "0.1.0"

API_VERSION = 1
"""Grows when a hook or an interface changes in a way that an existing plugin would notice."""

OLDER_API_VERSIONS: Mapping[int, str] = {}
"""Which older versions still work, until which release, and what to change: ``{1: "until s2s-toolkit 0.4; …"}``.

A component of an older version that isn't here is refused. ``docs/hooks.md`` says what is promised.
"""

FORMAT_VERSION = 1
"""Grows when the inputs, outputs or metadata of an exported file change."""
