"""The task ``pairs``, which reads a user's own pairs of texts from files."""

from collections.abc import Mapping

from s2s_core import hookimpl


@hookimpl
def s2s_tasks() -> Mapping[str, type | str]:
    """Registers the task ``pairs``."""
    return {"pairs": "s2s_pairs.pairs:Pairs"}
