"""``s2s plugins``: what can be chosen, what can be set of it, and whether it keeps its promises."""

import click

from s2s_core.cli.plugins.check import check
from s2s_core.cli.plugins.list import list_
from s2s_core.cli.plugins.show import show


@click.group(short_help="List, show and check the installed components.")
def plugins() -> None:
    """Lists what can be chosen, shows what can be set of it, and checks whether it keeps its promises.

    \b
    s2s plugins list
    s2s plugins show mlp-rnn
    s2s plugins check mlp-rnn
    """


for command in (list_, show, check):
    plugins.add_command(command)
