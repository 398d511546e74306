"""What every command finds in its context: the plugins."""

from typing import cast

import click

from s2s_core.plugins.registry import Plugins


def installed(context: click.Context) -> Plugins:
    """Returns the plugins that ``s2s`` found when it started."""
    return cast("Plugins", context.find_object(Plugins))
