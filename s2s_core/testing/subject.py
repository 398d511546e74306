"""What is examined: a component with its settings."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

from s2s_core.config.resolve import structure_component
from s2s_core.errors import PluginError
from s2s_core.plugins.registry import Kind, Plugins


@attrs.frozen
class Subject:
    """A component that is examined.

    Attributes:
        kind: What it is.
        name: How users call it.
        component: Its class.
        config: Of the class's own ``Config``.
        plugins: What is installed, the component itself among it.
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
        """Finds an installed component.

        Args:
            kind: What it is.
            name: How users call it.
            settings: Those that aren't to be as the component's ``small`` says, or else as by default.
            plugins: What is installed.

        Raises:
            ConfigError: A setting is unknown or has a bad value.
            PluginError: The name is unknown, claimed twice, or its class can't be imported or used.
        """
        plugins = plugins or Plugins()
        component = plugins.component(kind, name)
        small = _mapping(component, "small", f"{kind} {name!r}")
        chosen = structure_component({**small, **(settings or {}), "name": name}, kind, plugins)
        return cls(kind, name, component, chosen.config, plugins)

    @property
    def exempt(self) -> Mapping[str, str]:
        """The promises that the component says it doesn't keep, each with the reason.

        Raises:
            PluginError: It says it in another form.
        """
        return _mapping(self.component, "exempt", str(self))

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings, as a table of a run has them."""
        return attrs.asdict(self.config, filter=lambda _, value: value is not None)

    def __str__(self) -> str:
        """Returns what a report calls it, such as ``"encoder 'lstm'"``."""
        return f"{self.kind} {self.name!r}"


def _mapping(component: type[Any], attribute: str, what: str) -> Mapping[str, Any]:
    """Returns ``small`` or ``exempt`` of a component; an empty mapping where it has none."""
    found: Any = getattr(component, attribute, {})
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise PluginError(f"{attribute} of {what} must be a mapping whose keys are names (got {found!r})")
    return found
