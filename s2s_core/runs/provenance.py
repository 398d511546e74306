"""Where the components of a saved model came from, and whether they are installed."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from s2s_core.config.tables import RunConfig
from s2s_core.errors import PluginError
from s2s_core.plugins.registry import KINDS, Plugins
from s2s_core.runs.components import choose_metrics

RECORDED = ("kind", "name", "distribution", "version")
"""What is recorded of a component's origin."""

_INSTALLABLE = re.compile(r"([A-Za-z0-9][\w.!+-]*)?", re.ASCII)
"""The name or version of a distribution; none where a component belongs to no distribution."""


def provenance(config: RunConfig, plugins: Plugins) -> list[dict[str, str]]:
    """Returns the distribution and version that each of a run's components came from."""
    task_class: Any = plugins.component("task", config.task.name)
    used = [
        ("task", config.task.name),
        ("tokenizer", config.source.tokenizer.name),
        ("tokenizer", config.target.tokenizer.name),
        ("encoder", config.encoder.name),
        ("decoder", config.decoder.name),
        *(("metric", metric.name) for metric in choose_metrics(config.evaluation, task_class, plugins)),
    ]
    records = []
    for kind, name in dict.fromkeys(used):
        plugin = plugins.plugin_of(kind, name)  # type: ignore[arg-type]  # the kinds above
        records.append({"kind": kind, "name": name, "distribution": plugin.distribution, "version": plugin.version})
    return records


def recorded(path: Path) -> list[Mapping[str, str]]:
    """Returns where the components of a run came from, if its ``model.json`` says so."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["plugins"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
    return records if is_provenance(records) else []


def is_provenance(records: object) -> bool:
    """Returns whether records that were read from a file have the form that ``provenance`` returns.

    Distribution and version must be plain names, since a user may paste them into a shell.
    """
    return isinstance(records, list) and all(
        isinstance(record, dict)
        and all(isinstance(record.get(name), str) for name in RECORDED)
        and all(_INSTALLABLE.fullmatch(record[name]) for name in ("distribution", "version"))
        for record in records
    )


def require(records: Iterable[Mapping[str, str]], plugins: Plugins) -> None:
    """Checks that the components of a saved model are installed.

    Raises:
        PluginError: One is missing; the message says what to install.
    """
    for record in records:
        kind: Any = record["kind"]
        name, distribution = record["name"], record["distribution"]
        if kind not in KINDS or name in plugins.names(kind):
            continue
        if distribution in {plugin.distribution for plugin in (*plugins.plugins, *plugins.disabled)}:
            plugins.component(kind, name)  # raises the reason why it isn't available
        way = f"pip install {distribution}=={record['version']}" if distribution else "it belonged to no distribution"
        raise PluginError(f"{kind} {name!r} isn't installed: {way}")
