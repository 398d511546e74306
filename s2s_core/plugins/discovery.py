"""Plugin discovery: finds the entry points of the group ``s2s``, and loads each plugin in isolation.

    entry points ──installed──► plugins ──enabled──► permitted ──separate──► distinct ──load, read──► claims

A plugin that the environment forbids is dropped before any of its code is imported.
"""

import importlib.util
import itertools
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, EntryPoint
from operator import attrgetter
from pathlib import Path
from typing import Literal, NamedTuple, TypeGuard

import pluggy

from s2s_core.errors import PluginError, closest, listing, missing_package
from s2s_core.plugins import hookspecs

Kind = Literal["encoder", "decoder", "task", "tokenizer", "metric"]

KINDS: tuple[Kind, ...] = ("task", "tokenizer", "encoder", "decoder", "metric")

GROUP = hookspecs.PROJECT
ALLOW = "S2S_PLUGINS"
DISABLE = "S2S_DISABLE_PLUGINS"

_MOVED = {"s2s_core.defaults": "s2s_core.plugins.builtin"}
"""The new names of modules in the entry points of older installations, until ``pip install`` rewrites those."""


class Plugin(NamedTuple):
    """One entry point of the group ``s2s``.

    Attributes:
        name: The entry point's name.
        module: The module that it points to, or ``"module:object"``.
        distribution: The name of the distribution that contains it; empty if there is none.
        version: The distribution's version.
    """

    name: str
    module: str
    distribution: str
    version: str

    @property
    def package(self) -> str:
        """The module that it points to, which should contain all of the plugin's modules."""
        return self.module.partition(":")[0]

    @property
    def origin(self) -> str:
        """The distribution with its version, such as ``"s2s-x 1.2"``."""
        return f"{self.distribution} {self.version}".strip() or f"{self.module}, of no distribution"

    def __str__(self) -> str:
        """Returns the name and the origin, such as ``"s2s_x (s2s-x 1.2)"``."""
        return f"{self.name} ({self.origin})"


class Problem(NamedTuple):
    """The reason why a plugin, or a name that it claims, can't be used."""

    plugin: Plugin
    reason: str

    def __str__(self) -> str:
        """Returns one line with the plugin, the reason and how to disable the plugin."""
        return f"plugin {self.plugin}: {self.reason}; to disable it: {DISABLE}={self.plugin.name}"


class Claim(NamedTuple):
    """A plugin's claim to a component's name.

    Attributes:
        kind: The component's kind.
        name: The name that users type.
        target: The component's class, or ``"module:Class"``.
        plugin: The plugin that makes the claim.
        rivals: The other plugins that claim the same name; if there are any, none of them gets it.
    """

    kind: Kind
    name: str
    target: type | str
    plugin: Plugin
    rivals: tuple[Plugin, ...] = ()

    @property
    def module(self) -> str:
        """The module that contains the class."""
        return self.target.partition(":")[0] if isinstance(self.target, str) else self.target.__module__

    @property
    def status(self) -> str:
        """``"ok"``, or which other plugins claim the name, or that there is no such class."""
        if self.rivals:
            return f"also claimed by {' and '.join(map(str, self.rivals))}"
        return _absence(self.target) if isinstance(self.target, str) else "ok"


def _absence(target: str) -> str:
    """Returns what a name ``"module:Class"`` lacks, or ``"ok"``; the module isn't imported, which may take a second."""
    module, _, name = target.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # its package is imported, which may fail in any way
        return f"{module} can't be found: {reason(error)}"
    if spec is None:
        return f"there is no module {module!r}"
    try:
        source = Path(spec.origin or "").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "ok"  # a compiled module, or a namespace
    named = "import *" in source or re.search(rf"\b{re.escape(name.partition('.')[0])}\b", source)
    return "ok" if named else f"{module} has no {name!r}"


def installed(entry_points: Iterable[EntryPoint]) -> list[Plugin]:
    """Returns the plugins, sorted by name and without duplicates, as an editable install may be listed twice."""
    plugins: dict[tuple[str, str, str], Plugin] = {}
    for contained_in, group in itertools.groupby(entry_points, key=attrgetter("dist")):
        distribution, version = _name_and_version(contained_in)
        for entry_point in group:
            module = _MOVED.get(entry_point.value, entry_point.value)
            plugin = Plugin(entry_point.name, module, distribution, version)
            plugins.setdefault((plugin.name, plugin.distribution, plugin.module), plugin)
    return [plugins[key] for key in sorted(plugins)]


def enabled(plugins: Sequence[Plugin], environment: Mapping[str, str]) -> list[Plugin]:
    """Returns the plugins that ``S2S_PLUGINS`` and ``S2S_DISABLE_PLUGINS`` permit.

    Raises:
        PluginError: One of the two names a plugin that isn't installed.
    """
    names = {plugin.name for plugin in plugins}
    permitted = _listed(ALLOW, environment, names) if ALLOW in environment else names
    forbidden = _listed(DISABLE, environment, names)
    return [plugin for plugin in plugins if plugin.name in permitted - forbidden]


def separate(plugins: Iterable[Plugin]) -> tuple[list[Plugin], list[Problem]]:
    """Returns the plugins whose name is unique, and a problem for each name that isn't.

    Args:
        plugins: The plugins, sorted by name.
    """
    distinct, problems = [], []
    for _, group in itertools.groupby(plugins, key=lambda plugin: plugin.name):
        first, *others = group
        if others:
            rivals = " and ".join(other.origin for other in others)
            reason = f"its name is also an entry point of {rivals}, so none is loaded: uninstall all but one"
            problems.append(Problem(first, reason))
        else:
            distinct.append(first)
    return distinct, problems


def load(plugin: Plugin) -> tuple[pluggy.PluginManager, list[str]]:
    """Imports a plugin and checks its hooks and their arguments.

    Returns:
        A manager for this plugin alone, so that a broken plugin leaves no trace and can't stop another one's hooks; and
        the deprecation warnings about its hooks and arguments.

    Raises:
        PluginError: The plugin has no hook, or one that doesn't exist.
        pluggy.PluginValidationError: A hook has an argument that doesn't exist.
        BaseException: Whatever the import raises.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    hooks = EntryPoint(plugin.name, plugin.module, GROUP).load()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manager.register(hooks, plugin.name)
    callers = manager.get_hookcallers(hooks)
    if not callers:
        raise PluginError(f"{plugin.module} has no hook: is @hookimpl missing?")
    if misspelt := [caller.name for caller in callers if _is_required(caller) and not caller.has_spec()]:
        hook_names = [name for name in vars(hookspecs) if name.startswith("s2s_")]
        raise PluginError("unknown hook " + ", ".join(f"{name!r}{closest(name, hook_names)}" for name in misspelt))
    return manager, [str(warning.message) for warning in caught]


def read(plugin: Plugin, manager: pluggy.PluginManager) -> Iterator[Claim]:
    """Yields the claims of a plugin's registration hooks.

    Raises:
        PluginError: A hook returns something other than a mapping from names to classes or their addresses, or a name
            that can't be typed or used as a folder's name.
        Exception: Whatever a hook raises.
    """
    for kind in KINDS:
        caller: pluggy.HookCaller = getattr(manager.hook, f"s2s_{kind}s")
        for implementation in caller.get_hookimpls():
            offer = implementation.function()  # pluggy's own call would drop a None
            if not _is_offer(offer):
                raise PluginError(
                    f'{caller.name} must return a mapping from names to classes or "module:Class"'
                    f" (got {textwrap.shorten(repr(offer), 100)})"
                )
            for name in offer:
                if not _is_typeable(name):
                    raise PluginError(
                        f"{caller.name} must give names of printable characters, without spaces and slashes"
                        f" (got {textwrap.shorten(repr(name), 100)})"
                    )
            yield from (Claim(kind, name, target, plugin) for name, target in offer.items())


def reason(error: BaseException) -> str:
    """Returns one line about what went wrong."""
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return missing_package(error) or ": ".join(filter(None, (type(error).__name__, text)))


def _name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """Reads the metadata of a distribution; an entry point of none has neither name nor version."""
    if distribution is None:
        return "", ""
    metadata = distribution.metadata
    name, version = (
        metadata[key] if key in metadata else ""  # noqa: SIM401  # before Python 3.12 it has no get
        for key in ("Name", "Version")
    )
    return name, version


def _listed(variable: str, environment: Mapping[str, str], available: set[str]) -> set[str]:
    names = {name.strip() for name in environment.get(variable, "").split(",")} - {""}
    for name in sorted(names - available):
        raise PluginError(
            f"{variable} names the plugin {name!r}, which isn't installed{closest(name, available)};"
            f" there are: {listing(available)}"
        )
    return names


def _is_required(caller: pluggy.HookCaller) -> bool:
    return not all(implementation.optionalhook for implementation in caller.get_hookimpls())


def _is_typeable(name: str) -> bool:
    return name.isprintable() and not set(name) & set(" /\\") and name not in {"", ".", ".."}


def _is_offer(offer: object) -> TypeGuard[Mapping[str, type | str]]:
    return isinstance(offer, Mapping) and all(
        isinstance(name, str) and isinstance(target, type | str) for name, target in offer.items()
    )
