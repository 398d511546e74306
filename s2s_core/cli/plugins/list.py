"""``s2s plugins list``: what can be chosen."""

import json

import click

from s2s_core.cli.options import installed
from s2s_core.cli.plugins.table import table
from s2s_core.errors import listing
from s2s_core.plugins import Claim

COLUMNS = ("kind", "name", "distribution", "version", "status")


@click.command(name="list", short_help="List tasks, tokenizers, encoders, decoders and metrics.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """Lists all components with the distribution that they come from, and the plugins that don't work.

    \b
    s2s plugins list
    s2s plugins list --json
    """
    found = installed(context)
    if as_json:
        rows = [dict(zip(COLUMNS, _row(claim), strict=True)) for claim in found.claims()]
        click.echo(json.dumps({"components": rows, "problems": [str(problem) for problem in found.problems]}, indent=1))
        return
    click.echo(table([COLUMNS, *(_row(claim) for claim in found.claims())]))
    for problem in found.problems:
        click.echo(f"problem: {problem}", err=True)
    if found.disabled:
        click.echo(f"disabled: {listing(map(str, found.disabled))}", err=True)


def _row(claim: Claim) -> tuple[str, ...]:
    return claim.kind, claim.name, claim.plugin.distribution, claim.plugin.version, claim.status
