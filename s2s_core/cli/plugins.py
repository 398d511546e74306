"""``s2s plugins``: what can be chosen, and what can be set of it."""

import json
from typing import Any

import attrs
import click

from s2s_core.cli.options import installed
from s2s_core.errors import PluginError, closest, listing
from s2s_core.plugins import KINDS, Claim, Kind, Plugins


@click.group(short_help="List the installed components and their settings.")
def plugins() -> None:
    """Lists what can be chosen, and what can be set of it."""


@plugins.command(name="list", short_help="List tasks, tokenizers, encoders, decoders and metrics.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """Lists all components with the distribution that they come from, and the plugins that don't work."""
    found = installed(context)
    if as_json:
        rows = [dict(zip(_COLUMNS, _row(claim), strict=True)) for claim in found.claims()]
        click.echo(json.dumps({"components": rows, "problems": [str(problem) for problem in found.problems]}, indent=1))
        return
    click.echo(_table([_COLUMNS, *(_row(claim) for claim in found.claims())]))
    for problem in found.problems:
        click.echo(f"problem: {problem}", err=True)
    if found.disabled:
        click.echo(f"disabled: {listing(map(str, found.disabled))}", err=True)


@plugins.command(short_help="Show what can be set of a component.")
@click.argument("name")
@click.pass_context
def show(context: click.Context, name: str) -> None:
    r"""Shows the settings of every component called NAME: what each means, its type and its default.

    \b
    s2s plugins show mlp-rnn
    """
    found = installed(context)
    kinds = [kind for kind in KINDS if name in found.names(kind)]
    if not kinds:
        names = {claim.name for claim in found.claims()}
        raise PluginError(f"no component is called {name!r}{closest(name, names)}; there are: {listing(names)}")
    click.echo("\n\n".join(_describe(found, kind, name) for kind in kinds))


_COLUMNS = ("kind", "name", "distribution", "version", "status")


def _row(claim: Claim) -> tuple[str, ...]:
    return claim.kind, claim.name, claim.plugin.distribution, claim.plugin.version, claim.status


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _describe(found: Plugins, kind: Kind, name: str) -> str:
    component: Any = found.component(kind, name)
    summary = (component.__doc__ or "").strip().partition("\n")[0]
    heading = f"{kind} {name}, of {found.plugin_of(kind, name).origin}\n{summary}"
    fields = attrs.fields(component.Config) if hasattr(component, "Config") else ()
    if not fields:
        return f"{heading}\nIt has no settings."
    table = {"source": "source.tokenizer"}.get(kind, kind)
    prefix = "source.tokenizer" if kind == "tokenizer" else table
    rows = [
        (
            f"{prefix}.{field.name}",
            _type_name(field.type),
            json.dumps(field.default, ensure_ascii=False),
            _help(field),
        )
        for field in fields
    ]
    return f"{heading}\n" + _table([("setting", "type", "default", "meaning"), *rows])


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _help(field: "attrs.Attribute[Any]") -> str:
    text: str = field.metadata.get("help", "")
    return text
