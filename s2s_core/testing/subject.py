"""The subject of an examination: a component with its settings."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

from s2s_core.config.structure import structure_component
from s2s_core.errors import PluginError
from s2s_core.plugins.registry import Kind, Plugins


@attrs.frozen
class Subject:
    """A component to examine.

    Attributes:
        kind: The component's kind.
        name: The name that users type.
        component: Its class.
        config: An instance of the class's own ``Config``.
        plugins: The installed plugins, the component's among them.
    """

    kind: Kind
    name: str
    component: type[Any]
    config: Any
    plugins: Plugins = attrs.field(repr=False)

    @classmethod
    def installed(
        cls, kind: Kind, name: str, settings: Mapping[str, Any] | None = None, plugins: Plugins | None = None
    ) -> Self:
        """Returns an installed component as a subject.

        Args:
            kind: The component's kind.
            name: The name that users type.
            settings: Settings that replace those of the component's ``small``, or the defaults.
            plugins: The installed plugins; loaded by default.

        Raises:
            ConfigError: A setting is unknown or has a bad value.
            PluginError: The name is unknown, claimed twice, or its class can't be imported or used.
        """
        plugins = plugins or Plugins()
        component = plugins.component(kind, name)
        small = _mapping(component, "small", f"{kind} {name!r}")
        settled = structure_component({**small, **(settings or {}), "name": name}, kind, plugins)
        return cls(kind, name, component, settled.config, plugins)

    @property
    def exempt(self) -> Mapping[str, str]:
        """The promises that the component declares not to keep, each with the reason.

        Raises:
            PluginError: The declaration isn't a mapping from names.
        """
        return _mapping(self.component, "exempt", str(self))

    @property
    def settings(self) -> dict[str, Any]:
        """The component's settings, as in a run's table."""
        return attrs.asdict(self.config, filter=lambda _, value: value is not None)

    def __str__(self) -> str:
        """Returns kind and name, such as ``"encoder 'lstm'"``."""
        return f"{self.kind} {self.name!r}"


def _mapping(component: type[Any], attribute: str, what: str) -> Mapping[str, Any]:
    """Returns a component's ``small`` or ``exempt``; an empty mapping if it has none."""
    mapping: Any = getattr(component, attribute, {})
    if not isinstance(mapping, Mapping) or not all(isinstance(name, str) for name in mapping):
        raise PluginError(f"{attribute} of {what} must be a mapping whose keys are names (got {mapping!r})")
    return mapping
