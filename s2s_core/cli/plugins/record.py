"""The JSON record of a plugin."""

from s2s_core.plugins.registry import Plugin


def record_of(plugin: Plugin) -> dict[str, str]:
    """Returns where something comes from; ``S2S_PLUGINS`` and ``S2S_DISABLE_PLUGINS`` take the plugin's name."""
    return {"plugin": plugin.name, "distribution": plugin.distribution, "version": plugin.version}
