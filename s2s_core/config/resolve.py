"""Builds the configuration of a run from what a user wrote.

Each of these overrides the ones before it: the task's defaults, the TOML file, flags, ``--set``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from s2s_core.config.overrides import Overrides, merge, named
from s2s_core.errors import ConfigError, PluginError, listing

if TYPE_CHECKING:
    from s2s_core.config.tables import RunConfig
    from s2s_core.plugins.registry import Plugins

DEFAULT_ENCODER = "mlp-rnn"
"""The only plugin that the core names: without a choice, a run must not depend on which other plugins are installed."""

DEFAULT_TOKENIZER = "characters"


def resolve(overrides: Sequence[Overrides], plugins: "Plugins") -> "RunConfig":
    """Builds the configuration of a run.

    Args:
        overrides: Tables as in a run's TOML, in rising precedence.
        plugins: Where components come from.

    Raises:
        ConfigError: A setting is unknown or can't be used; the message has one line for each.
        PluginError: A component is missing or broken.
    """
    from s2s_core.config.structure import structure  # noqa: PLC0415  # help needs no cattrs

    tables = merge(overrides)
    task = _table(tables, "task")
    if "name" not in task:
        names = listing(plugins.names("task"))
        raise ConfigError(f"no task chosen: use --task NAME, or set task.name; there are: {names}")
    task_class: Any = plugins.component("task", str(task["name"]))
    defaults: Overrides = _fitting(task_class.defaults, tables)
    tables = merge([defaults, *map(_with_one_amount, overrides)])
    further: Overrides = task_class.defaults_for({**tables, "task": _table(tables, "task")})
    return structure(_with_names(merge([further, tables]), plugins), plugins)


def _fitting(defaults: Overrides, tables: Overrides) -> Overrides:
    """Returns a task's defaults, without its decoder if the user chose another encoder."""
    encoder = _table(tables, "encoder").get("name")
    if encoder in (None, _table(defaults, "encoder").get("name")):
        return defaults
    return {name: table for name, table in defaults.items() if name != "decoder"}


def _with_one_amount(tables: Overrides) -> Overrides:
    """Lets ``training.steps`` override ``training.epochs`` of the tables below."""
    training = tables.get("training")
    if not isinstance(training, Mapping) or "steps" not in training:
        return tables
    return {**tables, "training": {"epochs": 0.0, **training}}


def _with_names(tables: Overrides, plugins: "Plugins") -> Overrides:
    """Fills in the components that the user didn't name."""
    encoder = _table(tables, "encoder")
    if "name" not in encoder:
        _require_default_encoder(plugins)
        encoder["name"] = DEFAULT_ENCODER
    decoder = {"name": encoder["name"]} | _table(tables, "decoder")
    sides = {}
    for side in ("source", "target"):
        table = _table(tables, side)
        sides[side] = table | {"tokenizer": {"name": DEFAULT_TOKENIZER} | _table(table, "tokenizer", f"{side}.")}
    return {**tables, "encoder": encoder, "decoder": decoder, **sides}


def _require_default_encoder(plugins: "Plugins") -> None:
    try:
        plugins.plugin_of("encoder", DEFAULT_ENCODER)
    except PluginError as error:
        raise ConfigError(
            "no encoder chosen, and the default isn't there: use --encoder NAME, or set encoder.name", *error.lines
        ) from error


def _table(tables: Overrides, name: str, path: str = "") -> dict[str, Any]:
    value = named(tables.get(name))
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}{name} must be a table of settings (got {value!r})")
    return dict(value)
