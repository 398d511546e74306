"""The installed plugins and what they offer: components by name, events and commands."""

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

import attrs

from s2s_core.errors import PluginError, S2SError, closest, listing
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
    """Loads the plugins, each by itself, and finds components by name.

    A plugin that is broken is left out and becomes a problem; the rest works. A component is imported only
    when it is asked for.

    Args:
        entry_points: Where to look; by default the installed entry points of the group ``s2s``.
        environment: ``S2S_PLUGINS=a,b`` permits these plugins only, ``S2S_DISABLE_PLUGINS=a,b`` all but
            these, and ``S2S_STRICT_PLUGINS=1`` makes any problem an error. By default ``os.environ``.

    Attributes:
        plugins: The plugins that work, by name.
        disabled: The plugins that the environment keeps out.
        problems: What is wrong with the others, and which names are claimed twice.

    Raises:
        PluginError: The environment names a plugin that isn't installed, or is strict and there is a problem.
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
        claims: list[Claim] = []
        for plugin in distinct:
            try:
                with _prints_aside():
                    manager, deprecations = discovery.load(plugin)
                    claims += list(discovery.read(plugin, manager))
            except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin can fail in any way
                problems.append(Problem(plugin, discovery.reason(error)))
            else:
                self._managers[plugin] = manager
                for deprecation in deprecations:
                    self._warn(plugin, deprecation)
        self._claims = _compared(claims)
        self.plugins = tuple(self._managers)
        self.problems = (*problems, *_clashes(self._claims))
        if self.problems and environment.get(STRICT, "0") not in {"", "0"}:
            raise PluginError(_lines(f"{STRICT} is set and there are problems:", *map(str, self.problems)))

    def names(self, kind: Kind) -> list[str]:
        """Returns the names that can be asked for, in order."""
        return [claim.name for claim in self.claims(kind) if not claim.rivals]

    def claims(self, kind: Kind | None = None) -> list[Claim]:
        """Returns what the plugins offer, by kind and name; what is claimed twice is there twice."""
        return [claim for claim in self._claims if kind in {None, claim.kind}]

    def component(self, kind: Kind, name: str) -> type[Any]:
        """Returns the class that has a name, and imports it if need be.

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
        """Returns the plugin that offers a name.

        Raises:
            PluginError: The name is unknown or claimed twice.
        """
        return self._claim(kind, name).plugin

    def notify(self, event: str, **arguments: Any) -> list[Any]:
        """Calls a hook, such as ``s2s_evaluated``, of one plugin after the other.

        If one raises, the logger ``s2s`` warns, once for each plugin and event, and the others go on.

        Returns:
            The results that aren't ``None``.
        """
        return [result for _, result in self._told(event, arguments, refusal=())]

    def ask(self, event: str, **arguments: Any) -> list[tuple[Plugin, Any]]:
        """Calls a hook that may refuse, such as ``s2s_run_started``, of one plugin after the other.

        Returns:
            The results that aren't ``None``, each with its plugin.

        Raises:
            S2SError: A plugin refuses. Whatever else one raises is a warning, as in ``notify``.
        """
        return list(self._told(event, arguments, refusal=S2SError))

    def place_of(self, error: BaseException) -> str | None:
        """Returns in which component or plugin an error arose, if it came from a plugin's code or from below it."""
        for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
            module = frame.f_globals.get("__name__", "")
            claims = [claim for claim in self._claims if claim.module == module]
            if len(claims) == 1:
                return f"{claims[0].kind} {claims[0].name!r} of plugin {claims[0].plugin}"
            for plugin in (*(claim.plugin for claim in claims), *self.plugins):
                if claims or f"{module}.".startswith(f"{plugin.package}."):
                    return f"plugin {plugin}"
        return None

    def unknown(self, what: str, name: str, known: Collection[str]) -> str:
        """Returns what to say of a name that nobody has, with a line for each plugin that isn't there but might.

        Args:
            what: What is unknown, such as ``"unknown encoder"``.
            name: What was asked for.
            known: What could have been.
        """
        absent = [str(problem) for problem in self.problems if problem.plugin not in self._managers]
        if self.disabled:
            absent.append(f"disabled by {ALLOW} or {DISABLE}: {listing(map(str, self.disabled))}")
        return _lines(f"{what} {name!r}{closest(name, known)}; there are: {listing(known)}", *absent)

    def add_commands(self, cli: "click.Group") -> None:
        """Lets each plugin add its commands."""
        self.notify("s2s_commands", cli=cli)

    def _claim(self, kind: Kind, name: str) -> Claim:
        claim = next((claim for claim in self.claims(kind) if claim.name == name), None)
        if claim is None:
            raise PluginError(self.unknown(f"unknown {kind}", name, self.names(kind)))
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
            except (Exception, SystemExit) as error:  # noqa: BLE001  # what a plugin does wrong must not end a run
                self._warn(plugin, f"{event} failed: {discovery.reason(error)}", event)
            else:
                yield from ((plugin, result) for result in results)

    def _warn(self, plugin: Plugin, reason: str, about: str = "") -> None:
        """Warns of a plugin, once of everything that is about the same."""
        if (plugin, about or reason) not in self._reported:
            self._reported.add((plugin, about or reason))
            logger.warning("%s", Problem(plugin, reason))


def _compared(claims: Iterable[Claim]) -> list[Claim]:
    """Returns the claims by kind and name, each with its rivals."""
    compared: list[Claim] = []
    for _, group in itertools.groupby(sorted(claims, key=_place), key=_place):
        same = list(group)
        for claim in same:
            rivals = tuple(other.plugin for other in same if other is not claim)
            compared.append(attrs.evolve(claim, rivals=rivals))
    return compared


def _clashes(claims: Iterable[Claim]) -> Iterator[Problem]:
    """Yields one problem for each name that is claimed twice."""
    for _, (first, *others) in itertools.groupby(claims, key=_place):
        if others:
            yield Problem(first.plugin, f"{first.kind} {first.name!r} is {first.status}, so nobody has it")


def _place(claim: Claim) -> tuple[int, str]:
    return KINDS.index(claim.kind), claim.name


def _prints_aside() -> contextlib.AbstractContextManager[object]:
    """Sends what a plugin prints while it is loaded to standard error: the output is an answer or JSON."""
    return contextlib.redirect_stdout(sys.stderr)


def _resolved(claim: Claim) -> object:
    if isinstance(claim.target, type):
        return claim.target
    try:
        with _prints_aside():
            return pkgutil.resolve_name(claim.target)
    except (Exception, SystemExit) as error:
        if missing := discovery.missing(error):
            raise PluginError(f"{claim.kind} {claim.name!r} {missing}") from error
        problem = f"can't be imported: {discovery.reason(error)}"
        raise PluginError(f"{claim.kind} {claim.name!r} of plugin {claim.plugin} {problem}") from error


def _checked(claim: Claim, component: object) -> type[Any]:
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


def _lines(first: str, *others: str) -> str:
    return "\n  ".join((first, *others))
