"""Loads several trained models as one, if they can answer together."""

import json
from collections.abc import Sequence

import attrs

from s2s_core.config.tables import Component
from s2s_core.errors import ConfigError
from s2s_core.model.checkpoint import TextModel, load_checkpoint
from s2s_core.model.ensemble import Ensemble
from s2s_core.runs.run import Run


def load_together(runs: Sequence[Run]) -> TextModel:
    """Loads the best models of several runs as one model that answers with the mean of their probabilities.

    The settings for search and export are those of the first run. A single run is loaded as ``load_checkpoint`` does.

    Raises:
        ConfigError: Their tasks or vocabularies differ.
        ModelError: A file is missing, damaged or made by a newer version.
        PluginError: A component isn't installed.
    """
    loaded = [load_checkpoint(run) for run in runs]
    first = loaded[0]
    if len(loaded) == 1:
        return first
    for run, other in zip(runs, loaded, strict=True):
        if difference := _difference(other, first):
            raise ConfigError(
                f"{run.folder} and {runs[0].folder} have different {difference}, so they can't answer together: "
                "train them with the same task, tokenizers and data"
            )
    records = {json.dumps(record, sort_keys=True): record for one in loaded for record in one.provenance}
    return attrs.evolve(
        first,
        model=Ensemble([one.model for one in loaded]).eval(),
        provenance=list(records.values()),
        members=tuple(one.config for one in loaded),
    )


def _difference(one: TextModel, other: TextModel) -> str | None:
    """Returns what prevents two models from answering together, if anything."""
    if one.config.task != other.config.task:
        return "tasks"
    if one.copies != other.copies:
        return f"target.copy ({_in_toml(one.copies)} and {_in_toml(other.copies)})"
    for side in ("source", "target"):
        tokenizers = (getattr(model.config, side).tokenizer for model in (one, other))
        if setting := _different_setting(side, *tokenizers):
            return setting
    if one.source_tokenizer.save() != other.source_tokenizer.save():
        return "source vocabularies"
    if one.target_tokenizer.save() != other.target_tokenizer.save():
        return "target vocabularies"
    return None


def _in_toml(value: bool) -> str:  # noqa: FBT001  # it is the only argument
    return str(value).lower()


def _different_setting(side: str, one: Component, other: Component) -> str | None:
    """Returns the first setting in which two tokenizers differ."""
    if one.name != other.name:
        return f"{side}.tokenizer ({one.name!r} and {other.name!r})"
    settings = attrs.asdict(other.config)
    for name, value in attrs.asdict(one.config).items():
        if settings[name] != value:
            return f"{side}.tokenizer.{name} ({value!r} and {settings[name]!r})"
    return None
