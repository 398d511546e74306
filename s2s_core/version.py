"""The version of the toolkit and of the interface that its plugins are written against."""

__version__ = "0.1.0"

API_VERSION = 1
"""Grows when a hook or an interface changes in a way that an existing plugin would notice."""

FORMAT_VERSION = 1
"""Grows when the inputs, outputs or metadata of an exported file change."""
