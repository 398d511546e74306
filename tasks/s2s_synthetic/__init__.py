"""Synthetic tasks, which compute their answers: reverse, copy and sort words, add numbers."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_tasks() -> Mapping[str, type | str]:
    """Registers the tasks ``reverse``, ``copy``, ``sort`` and ``add``."""
    return {
        "reverse": "s2s_synthetic.words:Reverse",
        "copy": "s2s_synthetic.words:Copy",
        "sort": "s2s_synthetic.words:Sort",
        "add": "s2s_synthetic.addition:Add",
    }
