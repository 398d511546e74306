"""Where the files are that a saved run's settings name."""

import os
from pathlib import Path

import attrs

from s2s_core.config.tables import Component


def located(component: Component, folder: Path) -> Component:
    """Returns a component whose files are found from anywhere.

    A relative path belongs to the folder in which the run was started. If there is no such file where the program runs
    now, it is looked for in the folders above the run's, the nearest first; so a run can be used from elsewhere, and
    moved together with its data.

    Args:
        component: Of a saved run. Its settings that are declared as paths may name files.
        folder: The run's.
    """
    fields = [field for field in attrs.fields(type(component.config)) if field.metadata.get("path")]
    paths = {field.name: _found(getattr(component.config, field.name), folder) for field in fields}
    return attrs.evolve(component, config=attrs.evolve(component.config, **paths))


def _found(path: str, folder: Path) -> str:
    """Returns where a file is, or its path as it was if it is nowhere."""
    if not path or os.path.lexists(path):
        return path
    above = (parent / path for parent in folder.resolve().parents)
    return next((str(candidate) for candidate in above if candidate.is_file()), path)
