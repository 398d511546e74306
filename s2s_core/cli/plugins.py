"""``s2s plugins``: what can be chosen, and what can be set of it."""

import json
from typing import Annotated, Any, get_origin

import attrs
import click

from s2s_core.cli.options import installed
from s2s_core.config import DecodingConfig, EvaluationConfig, ExportConfig, SourceConfig, TargetConfig, TrainingConfig
from s2s_core.errors import PluginError, closest, listing
from s2s_core.plugins import KINDS, Claim, Kind, Plugins
from s2s_core.settings import type_name


@click.group(short_help="List the installed components and their settings.")
def plugins() -> None:
    """Lists what can be chosen, and what can be set of it.

    \b
    s2s plugins list
    s2s plugins show mlp-rnn
    """


@plugins.command(name="list", short_help="List tasks, tokenizers, encoders, decoders and metrics.")
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
        rows = [dict(zip(_COLUMNS, _row(claim), strict=True)) for claim in found.claims()]
        click.echo(json.dumps({"components": rows, "problems": [str(problem) for problem in found.problems]}, indent=1))
        return
    click.echo(_table([_COLUMNS, *(_row(claim) for claim in found.claims())]))
    for problem in found.problems:
        click.echo(f"problem: {problem}", err=True)
    if found.disabled:
        click.echo(f"disabled: {listing(map(str, found.disabled))}", err=True)


@plugins.command(short_help="Show what can be set of a component, or of a run.")
@click.argument("name")
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Shows the settings of every component called NAME: what each means, its type and its default.

    NAME may also be a table of a run: source, target, training, decoding, evaluation or export.

    \b
    s2s plugins show mlp-rnn
    s2s plugins show training
    """
    found = installed(context)
    shown = [_describe(found, kind, name) for kind in KINDS if name in found.names(kind)]
    if name in _TABLES:
        shown.append(_heading_and_settings(f"table {name}", _TABLES[name], name, _TABLES[name]))
    if not shown:
        names = {*_TABLES, *(claim.name for claim in found.claims())}
        raise PluginError(f"no component is called {name!r}{closest(name, names)}; there are: {listing(names)}")
    click.echo("\n\n".join(shown))


_TABLES: dict[str, type] = {
    "source": SourceConfig,
    "target": TargetConfig,
    "training": TrainingConfig,
    "decoding": DecodingConfig,
    "evaluation": EvaluationConfig,
    "export": ExportConfig,
}

_COLUMNS = ("kind", "name", "distribution", "version", "status")


def _row(claim: Claim) -> tuple[str, ...]:
    return claim.kind, claim.name, claim.plugin.distribution, claim.plugin.version, claim.status


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _describe(found: Plugins, kind: Kind, name: str) -> str:
    component = found.component(kind, name)
    table = {"tokenizer": "source.tokenizer", "metric": name}.get(kind, kind)
    heading = f"{kind} {name}, of {found.plugin_of(kind, name).origin}"
    return _heading_and_settings(heading, component, table, getattr(component, "Config", None))


def _heading_and_settings(heading: str, described: type, table: str, config: type | None) -> str:
    summary = (described.__doc__ or "").strip().partition("\n")[0]
    fields = attrs.fields(config) if config is not None and attrs.has(config) else ()
    if not fields:
        return f"{heading}\n{summary}\nIt has no settings."
    rows = [
        (f"{table}.{field.name}", _type(field), _default(field), field.metadata.get("help", "")) for field in fields
    ]
    return f"{heading}\n{summary}\n" + _table([("setting", "type", "default", "meaning"), *rows])


def _type(field: "attrs.Attribute[Any]") -> str:
    if get_origin(field.type) is Annotated:
        return "name or table"
    return type_name(field)


def _default(field: "attrs.Attribute[Any]") -> str:
    plain = isinstance(field.default, bool | int | float | str)
    return json.dumps(field.default, ensure_ascii=False) if plain else ""
