"""``s2s plugins``: lists components, shows their settings, checks their promises, and writes new ones."""

import click

from s2s_core.cli.plugins.check import check
from s2s_core.cli.plugins.list import list_
from s2s_core.cli.plugins.new import new
from s2s_core.cli.plugins.show import show


@click.group(short_help="List, show and check the installed components, and write new ones.")
def plugins() -> None:
    """Lists components, shows their settings, checks their promises, and writes new ones.

    \b
    s2s plugins list
    s2s plugins show mlp-rnn
    s2s plugins check mlp-rnn
    s2s plugins new phone-book --kind task
    """


for command in (list_, show, check, new):
    plugins.add_command(command)
