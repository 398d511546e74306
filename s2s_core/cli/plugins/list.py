"""``s2s plugins list``: what can be chosen."""

import json
from typing import Any

import click

from s2s_core.cli.context import installed
from s2s_core.cli.plugins.record import record_of
from s2s_core.cli.plugins.table import table
from s2s_core.errors import listing
from s2s_core.plugins.registry import Claim, Plugins, Problem

COLUMNS = ("kind", "name", "distribution", "version", "status")


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """Lists all components with the distribution that they come from, and the plugins that don't work.

    \b
    s2s plugins list
    s2s plugins list --json
    """
    plugins = installed(context)
    if as_json:
        click.echo(json.dumps(_record(plugins), ensure_ascii=False, indent=1))
        return
    components = map(_component, plugins.claims())
    click.echo(table([COLUMNS, *([component[column] for column in COLUMNS] for component in components)]))
    for problem in plugins.problems:
        click.echo(f"problem: {problem}", err=True)
    if plugins.disabled:
        click.echo(f"disabled: {listing(map(str, plugins.disabled))}", err=True)


def _record(plugins: Plugins) -> dict[str, Any]:
    return {
        "components": list(map(_component, plugins.claims())),
        "problems": list(map(_problem, plugins.problems)),
        "disabled": list(map(record_of, plugins.disabled)),
    }


def _component(claim: Claim) -> dict[str, str]:
    return {"kind": claim.kind, "name": claim.name, **record_of(claim.plugin), "status": claim.status}


def _problem(problem: Problem) -> dict[str, str]:
    return {**record_of(problem.plugin), "reason": problem.reason}
