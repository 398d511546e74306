"""A command that is imported when it is called."""

import pkgutil
from typing import Any, cast

import click


class LazyCommand(click.Command):
    """Stands for a command in a group: the group's help and completion need no more than its name and summary.

    Args:
        name: The command's name.
        address: Where it is, as ``"module:command"``.
        summary: The line about it in the group's help.
    """

    def __init__(self, name: str, address: str, summary: str) -> None:
        super().__init__(name, short_help=summary)
        self._address = address

    def load(self) -> click.Command:
        """Imports the command and returns it."""
        return cast("click.Command", pkgutil.resolve_name(self._address))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Lets the command itself read its arguments; its context is returned."""
        return self.load().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        return ctx.command.invoke(ctx)
