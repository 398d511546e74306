"""The plugin registry: looks components up by name, sends events, and adds commands."""

import contextlib
import importlib.metadata
import itertools
import logging
import os
import pkgutil
import sys
import textwrap
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from s2s_core.errors import PluginError, S2SError, closest, listing, missing_package
from s2s_core.plugins import discovery
from s2s_core.plugins.discovery import ALLOW, DISABLE, KINDS, Claim, Kind, Plugin, Problem
from s2s_core.version import API_VERSION, OLDER_API_VERSIONS, __version__

if TYPE_CHECKING:
    import click
    import pluggy

__all__ = ["KINDS", "Claim", "Kind", "Plugin", "Plugins", "Problem"]

STRICT = "S2S_STRICT_PLUGINS"

logger = logging.getLogger("s2s")


class Plugins:
    """Loads the plugins, each in isolation, and looks components up by name.

    A broken plugin is left out and becomes a problem; all others work. A component is imported only when it is first
    looked up.

    Args:
        entry_points: The entry points to load; by default the installed ones of the group ``s2s``.
        environment: The environment variables; by default ``os.environ``. ``S2S_PLUGINS=a,b`` permits only these
            plugins, ``S2S_DISABLE_PLUGINS=a,b`` all except these, and ``S2S_STRICT_PLUGINS=1`` makes every problem an
            error.

    Attributes:
        plugins: The working plugins, sorted by name.
        disabled: The plugins that the environment disables.
        problems: What is wrong with the others, and which names are claimed twice.

    Raises:
        PluginError: The environment names a plugin that isn't installed, or it is strict and there is a problem.
    """

    def __init__(
        self,
        entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if entry_points is None:
            entry_points = importlib.metadata.entry_points(group=discovery.GROUP)
        if environment is None:
            environment = os.environ
        plugins = discovery.installed(entry_points)
        permitted = discovery.enabled(plugins, environment)
        distinct, problems = discovery.separate(permitted)
        self.disabled = tuple(plugin for plugin in plugins if plugin not in permitted)
        self._managers: dict[Plugin, pluggy.PluginManager] = {}
        self._reported: set[tuple[Plugin, str]] = set()
        self._claims = _compared([claim for plugin in distinct for claim in self._load(plugin, problems)])
        self.plugins = tuple(self._managers)
        self.problems = (*problems, *_clashes(self._claims))
        if self.problems and environment.get(STRICT, "0") not in {"", "0"}:
            raise PluginError(
                f"{STRICT} is set and there are problems:", *(f"  {problem}" for problem in self.problems)
            )

    def _load(self, plugin: Plugin, problems: list[Problem]) -> list[Claim]:
        """Loads a plugin and returns what it offers: nothing, and one more problem, if it is broken."""
        try:
            with _prints_aside():
                manager, deprecations = discovery.load(plugin)
                claims = list(discovery.read(plugin, manager))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin can fail in any way
            problems.append(Problem(plugin, discovery.reason(error)))
            return []
        self._managers[plugin] = manager
        for deprecation in deprecations:
            self._warn(plugin, deprecation)
        return claims

    def names(self, kind: Kind) -> list[str]:
        """Returns the names of all components of a kind that can be looked up, sorted."""
        return [claim.name for claim in self.claims(kind) if not claim.rivals]

    def claims(self, kind: Kind | None = None) -> list[Claim]:
        """Returns the plugins' claims, sorted by kind and name; a name that is claimed twice is listed twice."""
        return [claim for claim in self._claims if kind in {None, claim.kind}]

    def component(self, kind: Kind, name: str) -> type[Any]:
        """Returns the class of a component, and imports it if necessary.

        If it was written for an older version of the API that still works, the logger ``s2s`` warns once.

        Raises:
            PluginError: The name is unknown or claimed twice, or its class can't be imported or used.
        """
        claim = self._claim(kind, name)
        component = _checked(claim, _resolved(claim))
        if component.api_version < API_VERSION:
            self._warn(claim.plugin, f"{kind} {name!r} {_of_older_version(component.api_version)}")
        return component

    def plugin_of(self, kind: Kind, name: str) -> Plugin:
        """Returns the plugin that provides a component.

        Raises:
            PluginError: The name is unknown or claimed twice.
        """
        return self._claim(kind, name).plugin

    def notify(self, event: str, **arguments: Any) -> list[Any]:
        """Calls a hook, such as ``s2s_evaluated``, of one plugin after another.

        If a plugin raises, the logger ``s2s`` warns once per plugin and event, and the next plugins are still called.

        Returns:
            The results that aren't ``None``.
        """
        return [result for _, result in self._told(event, arguments, refusal=())]

    def ask(self, event: str, **arguments: Any) -> list[tuple[Plugin, Any]]:
        """Calls a hook that may refuse, such as ``s2s_run_started``, of one plugin after another.

        Returns:
            The results that aren't ``None``, each with its plugin.

        Raises:
            S2SError: A plugin refuses. Any other exception is only a warning, as in ``notify``.
        """
        return list(self._told(event, arguments, refusal=S2SError))

    def place_of(self, error: BaseException) -> str | None:
        """Returns the component or plugin whose code raised an error, or called the code that did; None for neither."""
        for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
            module = frame.f_globals.get("__name__", "")
            claims = [claim for claim in self._claims if claim.module == module]
            if len(claims) == 1:
                return f"{claims[0].kind} {claims[0].name!r} of plugin {claims[0].plugin}"
            for plugin in (*(claim.plugin for claim in claims), *self.plugins):
                if claims or f"{module}.".startswith(f"{plugin.package}."):
                    return f"plugin {plugin}"
        return None

    def unknown(self, what: str, name: str, names: Collection[str]) -> list[str]:
        """Returns the message about an unknown name, and a line for each plugin that is missing and might have it.

        Args:
            what: What is unknown, such as ``"unknown encoder"``.
            name: The unknown name.
            names: The names that exist.
        """
        absent = [str(problem) for problem in self.problems if problem.plugin not in self._managers]
        if self.disabled:
            absent.append(f"disabled by {ALLOW} or {DISABLE}: {listing(map(str, self.disabled))}")
        message = f"{what} {name!r}{closest(name, names)}; there are: {listing(names)}"
        return [message, *(f"  {line}" for line in absent)]

    def add_commands(self, cli: "click.Group") -> None:
        """Lets each plugin add its commands."""
        self.notify("s2s_commands", cli=cli)

    def _claim(self, kind: Kind, name: str) -> Claim:
        claim = next((claim for claim in self.claims(kind) if claim.name == name), None)
        if claim is None:
            raise PluginError(*self.unknown(f"unknown {kind}", name, self.names(kind)))
        if claim.rivals:
            ways = " or ".join(f"{DISABLE}={plugin.name}" for plugin in (claim.plugin, *claim.rivals))
            raise PluginError(f"{kind} {name!r} of {claim.plugin} is {claim.status}: disable one with {ways}")
        return claim

    def _told(
        self, event: str, arguments: Mapping[str, Any], refusal: type[S2SError] | tuple[()]
    ) -> Iterator[tuple[Plugin, Any]]:
        for plugin, manager in self._managers.items():
            try:
                results = getattr(manager.hook, event)(**arguments)
            except refusal:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin's mistake must not end a run
                self._warn(plugin, f"{event} failed: {discovery.reason(error)}", event)
            else:
                yield from ((plugin, result) for result in results)

    def _warn(self, plugin: Plugin, reason: str, about: str = "") -> None:
        """Warns about a plugin, once for each subject."""
        if (plugin, about or reason) not in self._reported:
            self._reported.add((plugin, about or reason))
            logger.warning("%s", Problem(plugin, reason))


def _compared(claims: Iterable[Claim]) -> list[Claim]:
    """Returns the claims, sorted by kind and name, each with its rivals."""
    compared: list[Claim] = []
    for _, group in itertools.groupby(sorted(claims, key=_place), key=_place):
        same = list(group)
        for claim in same:
            rivals = tuple(other.plugin for other in same if other is not claim)
            compared.append(claim._replace(rivals=rivals))
    return compared


def _clashes(claims: Iterable[Claim]) -> Iterator[Problem]:
    """Yields one problem for each name that is claimed twice."""
    for _, (first, *others) in itertools.groupby(claims, key=_place):
        if others:
            yield Problem(first.plugin, f"{first.kind} {first.name!r} is {first.status}, so none of them gets it")


def _place(claim: Claim) -> tuple[int, str]:
    return KINDS.index(claim.kind), claim.name


def _prints_aside() -> contextlib.AbstractContextManager[object]:
    """Sends what a plugin prints while it is loaded to standard error; standard output is for answers and JSON."""
    return contextlib.redirect_stdout(sys.stderr)


def _resolved(claim: Claim) -> object:
    if isinstance(claim.target, type):
        return claim.target
    try:
        with _prints_aside():
            return pkgutil.resolve_name(claim.target)
    except (Exception, SystemExit) as error:
        if missing := missing_package(error):
            raise PluginError(f"{claim.kind} {claim.name!r} {missing}") from error
        problem = f"can't be imported: {discovery.reason(error)}"
        raise PluginError(f"{claim.kind} {claim.name!r} of plugin {claim.plugin} {problem}") from error


def _checked(claim: Claim, component: object) -> type[Any]:
    import attrs  # noqa: PLC0415  # a list of components needs none of it

    what = f"{claim.kind} {claim.name!r} of plugin {claim.plugin}"
    newer = f"upgrade {claim.plugin.distribution or claim.plugin.name}"
    here = f"s2s-toolkit {__version__} has {API_VERSION}"
    if not isinstance(component, type):
        raise PluginError(f"{what} must be a class (got {textwrap.shorten(repr(component), 100)}): {newer}")
    version = getattr(component, "api_version", None)
    if not isinstance(version, int) or isinstance(version, bool):
        raise PluginError(f"{what} must have an integer api_version (got {version!r}, {here}): {newer}")
    if version > API_VERSION:
        raise PluginError(f"{what} needs api_version {version} ({here}): upgrade s2s-toolkit")
    if version < API_VERSION and version not in OLDER_API_VERSIONS:
        raise PluginError(f"{what} has api_version {version}, which no longer works ({here}): {newer}")
    config = getattr(component, "Config", None)
    if not (isinstance(config, type) and attrs.has(config)):
        raise PluginError(f"{what} must have an attrs class as its Config (got {config!r}): {newer}")
    return component


def _of_older_version(version: int) -> str:
    return (
        f"has api_version {version}, which works {OLDER_API_VERSIONS[version]}; then write api_version = {API_VERSION}"
    )
