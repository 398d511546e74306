"""Checks that plugins provide the trackers that ``training.trackers`` names."""

from collections.abc import Collection

from s2s_core.errors import ConfigError, PluginError
from s2s_core.plugins.registry import Plugin
from s2s_core.runs.run import Run


def require_trackers(run: Run) -> None:
    """Asks the plugins for the trackers that a run names, before anything is written.

    Raises:
        ConfigError: No plugin serves one, or two plugins do, or it can't be used, as its package isn't installed.
        PluginError: A plugin doesn't answer with names.
    """
    trackers = run.config.training.trackers
    if not trackers:
        return
    offers = run.plugins.ask("s2s_trackers", run=run)
    for plugin, names in offers:
        _require_names(plugin, names)
    for tracker in trackers:
        serving = [plugin for plugin, names in offers if tracker in names]
        if not serving:
            offered = {name for _, names in offers for name in names}
            raise ConfigError(*run.plugins.unknown("training.trackers: unknown tracker", tracker, offered))
        if len(serving) > 1:
            rivals = " and ".join(map(str, serving))
            raise ConfigError(f"training.trackers: {tracker!r} is claimed by {rivals}: disable one of them")


def _require_names(plugin: Plugin, names: object) -> None:
    if isinstance(names, str) or not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise PluginError(f'plugin {plugin}: s2s_trackers must return names, such as ("wandb",) (got {names!r})')
