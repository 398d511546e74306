"""What every command finds in its context: the plugins."""

import functools
from typing import TYPE_CHECKING

import click

from s2s_core.errors import one_line

if TYPE_CHECKING:
    from s2s_core.plugins.registry import Plugins


class Installed:
    """The installed plugins, found when something first needs them: what a file can do alone doesn't wait for them.

    Attributes:
        told: Whether the problems of plugins have been told, or needn't be.
    """

    def __init__(self) -> None:
        self.told = False

    @functools.cached_property
    def plugins(self) -> "Plugins":
        """The plugins."""
        from s2s_core.plugins.registry import Plugins  # noqa: PLC0415  # which reads what is installed

        return Plugins()

    def tell_problems(self) -> None:
        """Prints what is wrong with plugins, once."""
        if not self.told:
            self.told = True
            for problem in self.plugins.problems:
                click.echo(one_line(f"warning: {problem}"), err=True)

    def place_of(self, error: BaseException) -> str | None:
        """Returns whose code raised an error, if a plugin's; see ``Plugins.place_of``."""
        return self.plugins.place_of(error) if "plugins" in vars(self) else None


def found(context: click.Context) -> Installed:
    """Returns the installed plugins of a context, found or not yet."""
    return context.ensure_object(Installed)


def installed(context: click.Context) -> "Plugins":
    """Returns the installed plugins; the problems of others are told the first time."""
    found(context).tell_problems()
    return found(context).plugins
