"""``s2s plugins``: lists components, shows their settings, checks their promises, and writes new ones."""

import click

from s2s_core.cli.context import found
from s2s_core.cli.lazy import LazyCommand


@click.group()
@click.pass_context
def plugins(context: click.Context) -> None:
    """Lists components, shows their settings, checks their promises, and writes new ones.

    \b
    s2s plugins list
    s2s plugins show mlp-rnn
    s2s plugins check mlp-rnn
    s2s plugins new phone-book --kind task
    """
    found(context).told = True  # the list has the problems itself


for command in (
    LazyCommand("list", "s2s_core.cli.plugins.list:list_", "List tasks, tokenizers, encoders, decoders and metrics."),
    LazyCommand("show", "s2s_core.cli.plugins.show:show", "Show the settings of a component, or of a run."),
    LazyCommand("check", "s2s_core.cli.plugins.check:check", "Check whether a component keeps its promises."),
    LazyCommand("new", "s2s_core.cli.plugins.new:new", "Write a new plugin, as a project that works and is tested."),
):
    plugins.add_command(command)
