"""``s2s plugins show``: the settings of a component, or of a run."""

import json
from typing import Annotated, Any, get_args, get_origin

import attrs
import click

from s2s_core.cli.context import installed
from s2s_core.cli.plugins.record import record_of
from s2s_core.cli.plugins.table import table
from s2s_core.config.decoding import DecodingConfig
from s2s_core.config.fields import type_name
from s2s_core.config.tables import EvaluationConfig, ExportConfig, SourceConfig, TargetConfig
from s2s_core.config.training import TrainingConfig
from s2s_core.errors import PluginError
from s2s_core.plugins.registry import KINDS, Kind, Plugins

TABLES: dict[str, type] = {
    "source": SourceConfig,
    "target": TargetConfig,
    "training": TrainingConfig,
    "decoding": DecodingConfig,
    "evaluation": EvaluationConfig,
    "export": ExportConfig,
}

HEADINGS = ("setting", "type", "default", "allowed", "meaning")


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_context
def show(context: click.Context, name: str, *, as_json: bool) -> None:
    """Shows the settings of every component called NAME: the type, default and allowed values of each, and its meaning.

    NAME may also be a table of a run: source, target, training, decoding, evaluation or export.

    \b
    s2s plugins show mlp-rnn
    s2s plugins show training
    """
    plugins = installed(context)
    claimed = {claim.kind for claim in plugins.claims() if claim.name == name}
    shown = [_component(plugins, kind, name) for kind in KINDS if kind in claimed]
    if name in TABLES:
        shown.append({"kind": "table", "name": name} | _described(TABLES[name], name, TABLES[name]))
    if not shown:
        names = {*TABLES, *(claim.name for claim in plugins.claims())}
        raise PluginError(*plugins.unknown("no component is called", name, names))
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False, indent=1))
    else:
        click.echo("\n\n".join(map(_text, shown)))


def setting_table(kind: Kind, name: str) -> str:
    """Returns where a component's settings stand in a run; of a metric, which stands in a list, its name."""
    return {"tokenizer": "source.tokenizer", "metric": name}.get(kind, kind)


def _component(plugins: Plugins, kind: Kind, name: str) -> dict[str, Any]:
    component = plugins.component(kind, name)
    place = {"kind": kind, "name": name, **record_of(plugins.plugin_of(kind, name))}
    return place | _described(component, setting_table(kind, name), component.Config)


def _described(described: type, path: str, config: type) -> dict[str, Any]:
    return {
        "summary": (described.__doc__ or "").strip().partition("\n")[0],
        "settings": [
            {
                "setting": f"{path}.{field.name}",
                "type": _type(field),
                "default": _default(field),
                "allowed": field.metadata.get("bounds", ""),
                "meaning": _meaning(field),
            }
            for field in attrs.fields(config)
        ],
    }


def _text(described: dict[str, Any]) -> str:
    distribution = described.get("distribution")
    origin = f", of {distribution} {described['version']}" if distribution else ""
    head = f"{described['kind']} {described['name']}{origin}\n{described['summary']}\n"
    settings = described["settings"]
    if not settings:
        return head + "It has no settings."
    rows = ({**setting, "default": _written(setting["default"])} for setting in settings)
    return head + table([HEADINGS, *([row[heading] for heading in HEADINGS] for row in rows)])


def _type(field: "attrs.Attribute[Any]") -> str:
    return "name or table" if _kind(field) else type_name(field)


def _meaning(field: "attrs.Attribute[Any]") -> str:
    meaning: str = field.metadata.get("help", "")
    return f"the {_kind(field)}, by its name or as a table with its settings" if _kind(field) else meaning


def _kind(field: "attrs.Attribute[Any]") -> str:
    """Returns what a field chooses; an empty text where it holds a value."""
    return get_args(field.type)[1] if get_origin(field.type) is Annotated else ""


def _default(field: "attrs.Attribute[Any]") -> Any:
    """Returns a default that JSON can hold; nothing where there is none."""
    return field.default if isinstance(field.default, bool | int | float | str | tuple) else None


def _written(default: Any) -> str:
    return "" if default is None else json.dumps(default, ensure_ascii=False)
