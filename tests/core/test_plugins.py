"""Plugins are found, loaded apart from each other, and asked for components by name."""

import importlib
import importlib.metadata
import logging
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import attrs
import click
import pytest

from s2s_core.errors import PluginError
from s2s_core.plugins import hookspecs
from s2s_core.plugins.registry import KINDS, Plugin, Plugins, Problem
from s2s_core.version import API_VERSION, __version__

COMPONENT = "from s2s_core import NoConfig\nclass Reverse:\n    api_version = 1\n    Config = NoConfig\n"


@attrs.frozen
class Site:
    """A folder on ``sys.path`` into which tests install distributions."""

    folder: Path

    def module(self, name: str, source: str) -> None:
        """Writes a module."""
        (self.folder / f"{name}.py").write_text(dedent(source))
        importlib.invalidate_caches()

    def metadata(self, name: str, distribution: str, version: str = "1.2", *, folder: Path | None = None) -> None:
        """Writes the metadata of a distribution whose entry point has the name of its module."""
        info = (folder or self.folder) / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[s2s]\n{name} = {name}\n")
        importlib.invalidate_caches()

    def install(self, name: str, source: str, version: str = "1.2") -> None:
        """Installs a distribution named like its only module, which is a plugin."""
        self.module(name, "from s2s_core import hookimpl\n" + dedent(source))
        self.metadata(name, name.replace("_", "-"), version)

    def offer(self, name: str, kind: str, offer: str) -> None:
        """Installs a plugin that offers components of one kind."""
        self.install(name, f"@hookimpl\ndef s2s_{kind}s():\n    return {offer}\n")

    def plugins(self, *folders: Path, **environment: str) -> Plugins:
        """Loads what is installed in this folder, and in others before it."""
        path = [str(folder) for folder in (*folders, self.folder)]
        found = importlib.metadata.distributions(path=path)
        entry_points = [entry_point for distribution in found for entry_point in distribution.entry_points]
        return Plugins(entry_points, environment)


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


def refusal(plugins: Plugins, kind, name) -> str:
    with pytest.raises(PluginError) as refused:
        plugins.component(kind, name)
    return str(refused.value)


GOOD = "@hookimpl\ndef s2s_tasks():\n    return {'good': 'good_component:Reverse'}\n"
HALF = "@hookimpl\ndef s2s_tasks():\n    return {'half': int}\n"
METRICS = HALF + "@hookimpl\ndef s2s_metrics():\n    "
NO_MAPPING = 's2s_metrics must return a mapping from names to classes or "module:Class" '
NO_NAME = "s2s_metrics must give names of printable characters, without spaces and slashes "
BROKEN = {
    "raises when imported": ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
    "exits when imported": ("raise SystemExit(3)", "SystemExit: 3"),
    "raises without a word": ("raise ValueError", "ValueError"),
    "is no Python": ("def", "SyntaxError: invalid syntax"),
    "imports what isn't there": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "has no hook": ("def s2s_tasks():\n    return {}", "broken has no hook: is @hookimpl missing?"),
    "misspells a hook": (
        HALF + "@hookimpl\ndef s2s_encodrs(): ...",
        "unknown hook 's2s_encodrs' (did you mean 's2s_encoders'?)",
    ),
    "misspells an argument": (
        HALF + "@hookimpl\ndef s2s_run_started(runn): ...",
        "Argument(s) {'runn'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "raises when asked": (METRICS + "return 1 / 0", "ZeroDivisionError: division by zero"),
    "offers None": (METRICS + "return None", NO_MAPPING + "(got None)"),
    "offers a list": (METRICS + "return ['x']", NO_MAPPING + "(got ['x'])"),
    "offers a nameless class": (METRICS + "return {1: int}", NO_MAPPING + "(got {1: <class 'int'>})"),
    "offers an instance": (METRICS + "return {'x': 5}", NO_MAPPING + "(got {'x': 5})"),
    "offers an empty name": (METRICS + "return {'': int}", NO_NAME + "(got '')"),
    "offers two lines as a name": (METRICS + "return {'a\\nb': int}", NO_NAME + "(got 'a\\nb')"),
    "offers half a character": (METRICS + "return {'\\ud800': int}", NO_NAME + "(got '\\ud800')"),
    "offers a path as a name": (METRICS + "return {'../x': int}", NO_NAME + "(got '../x')"),
    "yields its offer": (METRICS + "yield {}", NO_MAPPING + "(got <generator object s2s_metrics at "),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_plugin_is_left_out(site, source, reason):
    """A plugin that is broken in any way is left out with the reason, and the others work."""
    site.install("broken", source)
    site.install("good", GOOD)
    site.module("good_component", COMPONENT)

    plugins = site.plugins()

    assert [plugin.name for plugin in plugins.plugins] == ["good"]
    assert plugins.names("task") == ["good"]
    (problem,) = plugins.problems
    assert reason in problem.reason
    assert str(problem).startswith("plugin broken (broken 1.2): ")
    assert str(problem).endswith("; to disable it: S2S_DISABLE_PLUGINS=broken")
    assert len(str(problem).splitlines()) == 1
    assert not problem.reason.endswith((" ", ":"))
    assert plugins.component("task", "good").__name__ == "Reverse"


def test_broken_plugin_is_told_no_events(site, caplog):
    """Nothing of a plugin that is left out is called, even if it has good hooks too."""
    site.install(
        "half_good",
        """
        @hookimpl
        def s2s_run_finished(run):
            return "called"
        @hookimpl
        def s2s_tasks():
            return None
        """,
    )
    assert site.plugins().notify("s2s_run_finished", run=None) == []
    assert caplog.records == []


def test_interrupt_while_loading_is_not_swallowed(site):
    """Ctrl-C during the import of a plugin ends the program."""
    site.install("interrupted", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.plugins()


def test_optional_hook_of_a_newer_toolkit_is_allowed(site):
    """A plugin may have a hook that this version doesn't know, if it says that it's optional."""
    site.install(
        "ahead",
        """
        @hookimpl(optionalhook=True)
        def s2s_from_the_future():
            return 1
        """,
    )
    assert site.plugins().problems == ()


def test_plugin_may_be_an_object_in_a_module(site):
    """An entry point may point to an object whose methods are hooks."""
    site.module(
        "objects",
        """
        from s2s_core import hookimpl
        class Hooks:
            @hookimpl
            def s2s_metrics(self):
                return {"zero": "objects:Zero"}
        hooks = Hooks()
        """,
    )
    entry_point = importlib.metadata.EntryPoint("objects", "objects:hooks", "s2s")
    plugins = Plugins([entry_point], {})
    assert plugins.problems == ()
    assert plugins.names("metric") == ["zero"]
    assert str(plugins.plugin_of("metric", "zero")) == "objects (objects:hooks, of no distribution)"


def test_an_entry_point_from_before_its_module_moved_still_works():
    """An editable installation keeps the entry points that it was made with, until it is made again."""
    plugins = Plugins([importlib.metadata.EntryPoint("s2s_core", "s2s_core.defaults", "s2s")], {})
    assert plugins.problems == ()
    assert "characters" in plugins.names("tokenizer")


def test_malformed_entry_point_is_a_problem():
    """An entry point whose value can't be read is a problem like any other."""
    plugins = Plugins([importlib.metadata.EntryPoint("odd", "no such: thing!", "s2s")], {})
    assert [problem.plugin.name for problem in plugins.problems] == ["odd"]


def test_plugin_is_described_by_name_distribution_and_version(site):
    """A plugin knows its entry point, its module, its distribution and its version."""
    site.offer("s2s_described", "task", "{'x': int}")
    (plugin,) = site.plugins().plugins
    assert plugin == Plugin("s2s_described", "s2s_described", "s2s-described", "1.2")
    assert str(plugin) == "s2s_described (s2s-described 1.2)"


@pytest.mark.parametrize("damage", [lambda file: file.write_text("Metadata-Version: 2.1\n"), Path.unlink])
def test_damaged_metadata_does_no_harm(site, damage):
    """A distribution without a name, or without any metadata but its entry points, still gives a plugin."""
    site.offer("nameless", "task", "{'x': int}")
    damage(site.folder / "nameless-1.2.dist-info" / "METADATA")
    plugins = site.plugins()
    assert plugins.problems == ()
    assert str(plugins.plugin_of("task", "x")) == "nameless (nameless, of no distribution)"


def test_installed_plugins_are_found_on_the_path(site, monkeypatch):
    """Without arguments, the plugins are those installed, and the environment is that of the process."""
    site.offer("on_the_path", "task", "{'from-the-path': int}")
    site.offer("also_on_the_path", "task", "{'from-there-too': int}")
    monkeypatch.setenv("S2S_DISABLE_PLUGINS", "also_on_the_path")
    names = Plugins().names("task")
    assert "from-the-path" in names
    assert "from-there-too" not in names


def test_entry_point_name_used_by_two_distributions_is_refused(site):
    """Of two distributions with one entry-point name neither is loaded, and the problem names both."""
    site.offer("contested", "task", "{'x': int}")
    site.metadata("contested", "impostor", "9.0")

    plugins = site.plugins()

    assert plugins.plugins == ()
    (line,) = map(str, plugins.problems)
    assert line == (
        "plugin contested (contested 1.2): its name is also an entry point of impostor 9.0, so none is loaded"
        ": uninstall all but one; to disable it: S2S_DISABLE_PLUGINS=contested"
    )
    assert "contested" not in sys.modules
    assert line in refusal(plugins, "task", "x")


def test_disabling_a_contested_name_leaves_no_problem(site):
    """An entry-point name that two distributions use is no problem once it's disabled."""
    site.offer("contested_off", "task", "{'x': int}")
    site.metadata("contested_off", "impostor-off")
    assert site.plugins(S2S_DISABLE_PLUGINS="contested_off").problems == ()


def test_distribution_found_twice_is_one_plugin(site, tmp_path):
    """An editable install that is seen twice on the path is no clash."""
    site.offer("editable", "task", "{'x': int}")
    site.metadata("editable", "editable", folder=tmp_path / "checkout")
    plugins = site.plugins(tmp_path / "checkout")
    assert plugins.problems == ()
    assert plugins.names("task") == ["x"]


def test_name_claimed_twice_belongs_to_nobody(site):
    """Where two plugins claim a name, the problem names both, and the rest of both works."""
    site.offer("claim_a", "encoder", "{'lstm': int, 'mine': int}")
    site.offer("claim_b", "encoder", "{'lstm': int}")

    plugins = site.plugins()

    assert plugins.names("encoder") == ["mine"]
    assert [plugin.name for plugin in plugins.plugins] == ["claim_a", "claim_b"]
    (problem,) = plugins.problems
    assert str(problem) == (
        "plugin claim_a (claim-a 1.2): encoder 'lstm' is also claimed by claim_b (claim-b 1.2), so none of"
        " them gets it; to disable it: S2S_DISABLE_PLUGINS=claim_a"
    )
    assert refusal(plugins, "encoder", "lstm") == (
        "encoder 'lstm' of claim_a (claim-a 1.2) is also claimed by claim_b (claim-b 1.2):"
        " disable one with S2S_DISABLE_PLUGINS=claim_a or S2S_DISABLE_PLUGINS=claim_b"
    )
    with pytest.raises(PluginError, match="also claimed by"):
        plugins.plugin_of("encoder", "lstm")
    assert site.plugins(S2S_DISABLE_PLUGINS="claim_a").names("encoder") == ["lstm"]


def test_one_name_may_be_of_two_kinds(site):
    """An encoder and a decoder may have the same name."""
    site.offer("kind_a", "encoder", "{'lstm': int}")
    site.offer("kind_b", "decoder", "{'lstm': int}")
    plugins = site.plugins()
    assert plugins.problems == ()
    assert plugins.plugin_of("decoder", "lstm").name == "kind_b"


def test_claims_are_listed_by_kind_and_name(site):
    """The list of claims has a row for each, with its plugin and whether the name can be used."""
    site.offer("rows_a", "encoder", "{'b': int, 'a': int}")
    site.offer("rows_b", "task", "{'z': int}")
    site.offer("rows_c", "encoder", "{'b': int}")

    plugins = site.plugins()

    assert [(claim.kind, claim.name, claim.plugin.name, claim.status) for claim in plugins.claims()] == [
        ("task", "z", "rows_b", "ok"),
        ("encoder", "a", "rows_a", "ok"),
        ("encoder", "b", "rows_a", "also claimed by rows_c (rows-c 1.2)"),
        ("encoder", "b", "rows_c", "also claimed by rows_a (rows-a 1.2)"),
    ]
    assert [claim.name for claim in plugins.claims("task")] == ["z"]


@pytest.mark.parametrize(
    ("environment", "loaded"),
    [
        ({}, ["env_a", "env_b", "env_c"]),
        ({"S2S_PLUGINS": "env_c, env_a"}, ["env_a", "env_c"]),
        ({"S2S_PLUGINS": ""}, []),
        ({"S2S_DISABLE_PLUGINS": "env_a,env_b,"}, ["env_c"]),
        ({"S2S_DISABLE_PLUGINS": ""}, ["env_a", "env_b", "env_c"]),
        ({"S2S_PLUGINS": "env_a,env_b", "S2S_DISABLE_PLUGINS": "env_b"}, ["env_a"]),
    ],
)
def test_environment_chooses_plugins_before_they_are_imported(site, environment, loaded):
    """``S2S_PLUGINS`` permits, ``S2S_DISABLE_PLUGINS`` forbids, and what is kept out isn't imported."""
    names = ["env_a", "env_b", "env_c"]
    for name in names:
        site.offer(name, "task", f"{{'{name}': int}}")

    plugins = site.plugins(**environment)

    assert [plugin.name for plugin in plugins.plugins] == loaded
    assert plugins.names("task") == loaded
    assert [name for name in names if name in sys.modules] == loaded
    assert [plugin.name for plugin in plugins.disabled] == sorted(set(names) - set(loaded))


@pytest.mark.parametrize("variable", ["S2S_PLUGINS", "S2S_DISABLE_PLUGINS"])
def test_environment_may_not_name_an_unknown_plugin(site, variable):
    """A plugin that the environment names must be installed; the closest name is suggested."""
    site.offer("s2s_known", "task", "{}")
    with pytest.raises(PluginError) as refused:
        site.plugins(**{variable: "s2s_known,s2s_knwon"})
    assert str(refused.value) == (
        f"{variable} names the plugin 's2s_knwon', which isn't installed (did you mean 's2s_known'?);"
        " there are: s2s_known"
    )


def test_strict_makes_a_problem_an_error(site):
    """With ``S2S_STRICT_PLUGINS=1`` any problem is an error that lists all of them."""
    site.install("strict_a", "raise ValueError('a')")
    site.install("strict_b", "raise ValueError('b')")
    with pytest.raises(PluginError) as refused:
        site.plugins(S2S_STRICT_PLUGINS="1")
    for problem in site.plugins(S2S_STRICT_PLUGINS="0").problems:
        assert str(problem) in str(refused.value)


def test_strict_also_forbids_clashes(site):
    """With ``S2S_STRICT_PLUGINS=1`` a name that is claimed twice is an error."""
    site.offer("strict_c", "task", "{'x': int}")
    site.offer("strict_d", "task", "{'x': int}")
    with pytest.raises(PluginError, match=r"strict_c .* also claimed by strict_d"):
        site.plugins(S2S_STRICT_PLUGINS="1")


def test_strict_without_problems_is_like_any_other(site):
    """With ``S2S_STRICT_PLUGINS=1`` good plugins load."""
    site.offer("strict_good", "task", "{'x': int}")
    assert site.plugins(S2S_STRICT_PLUGINS="1").names("task") == ["x"]


@pytest.mark.parametrize("kind", KINDS)
def test_component_is_imported_when_it_is_asked_for(site, kind):
    """A component of any kind, given as text, is imported when it's used and not before."""
    site.offer(f"lazy_{kind}", kind, f"{{'z': 'lazy_{kind}_part:Reverse', 'a': 'nowhere:Nothing'}}")
    site.module(f"lazy_{kind}_part", COMPONENT)

    plugins = site.plugins()

    assert plugins.names(kind) == ["a", "z"]
    assert plugins.plugin_of(kind, "z").name == f"lazy_{kind}"
    assert f"lazy_{kind}_part" not in sys.modules
    component = plugins.component(kind, "z")
    assert component is sys.modules[f"lazy_{kind}_part"].Reverse


def test_component_may_be_given_as_a_class(site):
    """A registration hook may give the class itself."""
    site.install(
        "direct",
        """
        from s2s_core import NoConfig
        class Count:
            api_version = 1
            Config = NoConfig
        @hookimpl
        def s2s_metrics():
            return {"count": Count}
        """,
    )
    assert site.plugins().component("metric", "count").__name__ == "Count"


def test_unknown_name_is_refused_with_what_exists(site):
    """An unknown name is refused with the closest match and all the names of its kind."""
    site.offer("known_names", "encoder", "{'lstm': int, 'gru': int}")
    expected = "unknown encoder 'lstn' (did you mean 'lstm'?); there are: gru, lstm"
    assert refusal(site.plugins(), "encoder", "lstn") == expected
    with pytest.raises(PluginError, match="unknown encoder 'lstn'"):
        site.plugins().plugin_of("encoder", "lstn")


def test_unknown_name_is_refused_with_what_could_not_be_loaded(site):
    """An unknown name is refused with the plugins that failed or are disabled, since they may offer it."""
    site.offer("hint_good", "encoder", "{}")
    site.install("hint_bad", "raise ValueError('sorry')")
    site.offer("hint_off", "encoder", "{'lstm': int}")
    assert refusal(site.plugins(S2S_DISABLE_PLUGINS="hint_off"), "encoder", "lstm") == (
        "unknown encoder 'lstm'; there are: none\n"
        "  plugin hint_bad (hint-bad 1.2): ValueError: sorry; to disable it: S2S_DISABLE_PLUGINS=hint_bad\n"
        "  disabled by S2S_PLUGINS or S2S_DISABLE_PLUGINS: hint_off (hint-off 1.2)"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('no disk')", "OSError: no disk"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("import missing_thing", "ModuleNotFoundError: No module named 'missing_thing'"),
        ("", "AttributeError: module 'faulty_part' has no attribute 'Reverse'"),
    ],
)
def test_component_that_cannot_be_imported_is_refused(site, source, reason):
    """The error of a component that can't be imported names it, its plugin and the reason."""
    site.offer("faulty", "decoder", "{'x': 'faulty_part:Reverse'}")
    site.module("faulty_part", source)
    expected = f"decoder 'x' of plugin faulty (faulty 1.2) can't be imported: {reason}"
    assert refusal(site.plugins(), "decoder", "x") == expected


INSTALL = 'pip install "s2s-toolkit[train]"'
PACKAGES = [
    ("torch", "PyTorch", "train"),
    ("onnx", "ONNX", "patch"),
    ("onnxscript", "ONNX Script", "patch"),
    ("onnx_ir", "ONNX IR", "patch"),
    ("accelerate", "Accelerate", "train"),
    ("safetensors", "safetensors", "train"),
]


@pytest.mark.parametrize(("module", "package", "extra"), PACKAGES)
def test_missing_training_package_is_named(site, monkeypatch, module, package, extra):
    """A component that needs a package of an extra says how to install it."""
    monkeypatch.setitem(sys.modules, module, None)
    site.offer("trained", "encoder", "{'mlp-rnn': 'trained_part:Reverse'}")
    site.module("trained_part", f"import {module}\n" + COMPONENT)
    install = f'pip install "s2s-toolkit[{extra}]"'
    expected = f"encoder 'mlp-rnn' needs {package}, which isn't installed: {install}"
    assert refusal(site.plugins(), "encoder", "mlp-rnn") == expected


def test_plugin_that_imports_torch_at_once_says_what_it_needs(site, monkeypatch):
    """A plugin that needs PyTorch for its registration is a problem that says how to install it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    site.install("eager", "import torch")
    (problem,) = site.plugins().problems
    assert problem.reason == f"needs PyTorch, which isn't installed: {INSTALL}"


HERE = f"s2s-toolkit {__version__} has {API_VERSION}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Reverse = 5", "must be a class (got 5): upgrade outdated"),
        ("class Reverse: ...", f"must have an integer api_version (got None, {HERE}): upgrade outdated"),
        (
            "class Reverse:\n    api_version = True",
            f"must have an integer api_version (got True, {HERE}): upgrade outdated",
        ),
        (
            "class Reverse:\n    api_version = '1'",
            f"must have an integer api_version (got '1', {HERE}): upgrade outdated",
        ),
        (
            f"class Reverse:\n    api_version = {API_VERSION + 1}",
            f"needs api_version {API_VERSION + 1} ({HERE}): upgrade s2s-toolkit",
        ),
        (
            "class Reverse:\n    api_version = 0",
            f"has api_version 0, which no longer works ({HERE}): upgrade outdated",
        ),
        (
            "class Reverse:\n    api_version = 1",
            "must have an attrs class as its Config (got None): upgrade outdated",
        ),
        (
            "class Reverse:\n    api_version = 1\n    class Config: ...",
            "must have an attrs class as its Config (got <class 'outdated_part.Reverse.Config'>): upgrade outdated",
        ),
        (
            COMPONENT + "    Config = NoConfig()",
            "must have an attrs class as its Config (got NoConfig()): upgrade outdated",
        ),
    ],
)
def test_component_that_does_not_fit_is_refused(site, source, expected):
    """A component must be a class, written for this version of the plugin API or an older one."""
    site.offer("outdated", "task", "{'x': 'outdated_part:Reverse'}")
    site.module("outdated_part", source)
    assert refusal(site.plugins(), "task", "x") == f"task 'x' of plugin outdated (outdated 1.2) {expected}"


@pytest.fixture
def later(monkeypatch):
    """A later toolkit, which still takes components of the version before."""
    monkeypatch.setattr("s2s_core.plugins.registry.API_VERSION", 3)
    monkeypatch.setattr("s2s_core.plugins.registry.OLDER_API_VERSIONS", {2: "until s2s-toolkit 0.9; tasks also count"})


def test_component_of_an_older_version_works_and_is_reported_once(site, later, caplog):
    """The warning says what to change, and until when."""
    site.offer("older", "task", "{'x': 'older_part:Reverse', 'y': 'older_part:Reverse'}")
    site.module("older_part", COMPONENT.replace("= 1", "= 2"))
    plugins = site.plugins()
    assert {plugins.component("task", "x").__name__ for _ in range(2)} == {"Reverse"}
    (message,) = caplog.messages
    assert message == (
        "plugin older (older 1.2): task 'x' has api_version 2, which works until s2s-toolkit 0.9; tasks also count;"
        " then write api_version = 3; to disable it: S2S_DISABLE_PLUGINS=older"
    )
    plugins.component("task", "y")
    assert len(caplog.messages) == 2


def test_component_of_a_version_that_has_run_out_is_refused(site, later):
    """The message says which is needed, and what to upgrade."""
    site.offer("too_old", "task", "{'x': 'too_old_part:Reverse'}")
    site.module("too_old_part", COMPONENT)
    assert refusal(site.plugins(), "task", "x") == (
        f"task 'x' of plugin too_old (too-old 1.2) has api_version 1, which no longer works"
        f" (s2s-toolkit {__version__} has 3): upgrade too-old"
    )


def test_component_of_this_version_is_no_news(site, caplog):
    """Nothing is said of it."""
    site.offer("current", "task", "{'x': 'current_part:Reverse'}")
    site.module("current_part", COMPONENT)
    assert site.plugins().component("task", "x").api_version == API_VERSION
    assert caplog.messages == []


def test_deprecated_hooks_and_arguments_are_reported(site, monkeypatch, caplog):
    """The plugin works; the warning is ours, once, and none of Python's."""
    old = hookspecs.hookspec(warn_on_impl=DeprecationWarning("s2s_run_finished works until s2s-toolkit 0.9; use …"))
    taken = hookspecs.hookspec(warn_on_impl_args={"step": DeprecationWarning("step is told until s2s-toolkit 0.9")})
    monkeypatch.setattr(hookspecs, "s2s_run_finished", old(lambda run: None))
    monkeypatch.setattr(hookspecs, "s2s_evaluated", taken(lambda run, step, metrics: None))
    site.install(
        "old_hooks",
        """
        @hookimpl
        def s2s_run_finished():
            return "finished"
        @hookimpl
        def s2s_evaluated(step):
            return step
        """,
    )
    site.offer("new_hooks", "task", "{}")
    plugins = site.plugins(S2S_STRICT_PLUGINS="1")
    assert caplog.messages == [
        f"plugin old_hooks (old-hooks 1.2): {text}; to disable it: S2S_DISABLE_PLUGINS=old_hooks"
        for text in ("step is told until s2s-toolkit 0.9", "s2s_run_finished works until s2s-toolkit 0.9; use …")
    ]
    assert plugins.notify("s2s_evaluated", run=None, step=7, metrics={}) == [7]
    assert plugins.notify("s2s_run_finished", run=None) == ["finished"]
    assert plugins.problems == ()


def test_the_place_of_an_error_is_the_plugin_that_raised_it(site):
    """Its component, where no other is in the module; nothing where no plugin had a part in it."""
    site.offer("faulting", "metric", "{'x': 'faulting_part:x', 'y': 'faulting_parts:y', 'z': 'faulting_parts:z'}")
    site.module("faulting_part", "import json\ndef call(): json.loads('no json')")
    site.module("faulting_parts", "def call(): raise ValueError")
    site.module("faulting", (site.folder / "faulting.py").read_text() + "\ndef call(): raise ValueError\n")
    plugins = site.plugins()

    def place(call):
        with pytest.raises(ValueError) as raised:  # noqa: PT011  # json's is one too
            call()
        return plugins.place_of(raised.value)

    assert place(importlib.import_module("faulting_part").call) == "metric 'x' of plugin faulting (faulting 1.2)"
    assert place(importlib.import_module("faulting_parts").call) == "plugin faulting (faulting 1.2)"
    assert place(importlib.import_module("faulting").call) == "plugin faulting (faulting 1.2)"
    assert place(lambda: int("x")) is None


EVENT = """
@hookimpl
def s2s_evaluated(step):
    {body}
"""


def test_event_reaches_every_plugin(site, caplog):
    """An event is told to each plugin by name, and what they answer is returned without ``None``."""
    site.install("event_a", EVENT.format(body="return step"))
    site.install("event_b", EVENT.format(body="return None"))
    site.install("event_c", EVENT.format(body="return True"))
    assert site.plugins().notify("s2s_evaluated", run=None, step=7, metrics={}, loss=1.0) == [7, True]
    assert caplog.records == []


def test_failing_event_is_reported_once(site, caplog):
    """A plugin that raises at an event is reported once, and the others are still told, each time."""
    site.install("event_fails", EVENT.format(body="raise ValueError('oh\\nno')"))
    site.install("event_works", EVENT.format(body="return step"))
    plugins = site.plugins()
    with caplog.at_level(logging.WARNING, "s2s"):
        results = [plugins.notify("s2s_evaluated", run=None, step=step, metrics={}, loss=1.0) for step in (1, 2)]
    assert results == [[1], [2]]
    (message,) = caplog.messages
    assert message == (
        "plugin event_fails (event-fails 1.2): s2s_evaluated failed: ValueError: oh no;"
        " to disable it: S2S_DISABLE_PLUGINS=event_fails"
    )


def test_interrupt_during_an_event_is_not_swallowed(site):
    """Ctrl-C while a plugin handles an event ends the program."""
    site.install("event_interrupted", EVENT.format(body="raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        site.plugins().notify("s2s_evaluated", run=None, step=1, metrics={}, loss=1.0)


def test_plugins_add_commands(site, caplog):
    """Each plugin adds its commands; one that fails is reported and doesn't stop the others."""
    site.install("command_fails", "@hookimpl\ndef s2s_commands(cli):\n    raise ValueError('no command')\n")
    site.install(
        "command_works",
        """
        import click
        @hookimpl
        def s2s_commands(cli):
            cli.add_command(click.Command("greet"))
        """,
    )
    cli = click.Group()
    site.plugins().add_commands(cli)
    assert list(cli.commands) == ["greet"]
    (message,) = caplog.messages
    assert "plugin command_fails (command-fails 1.2): s2s_commands failed: ValueError: no command" in message


def in_a_new_process(site: Site, program: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(site.folder), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-c", dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path})


def test_listing_imports_no_component(site):
    """Loading the plugins and listing what they offer imports no component and no heavy package."""
    site.offer("listed", "task", "{'listed': 'listed_part:Reverse'}")
    site.module("listed_part", "raise SystemExit('imported')")
    program = """
        import sys
        from s2s_core.plugins.registry import KINDS, Plugins
        plugins = Plugins()
        targets = [str(claim.target) for claim in plugins.claims()]
        assert "listed" in plugins.names("task"), targets
        assert all(plugins.plugin_of(kind, name) for kind in KINDS for name in plugins.names(kind))
        heavy = {"accelerate", "numpy", "onnx", "onnxruntime", "onnxscript", "safetensors", "torch"}
        print(sorted(sys.modules.keys() & (heavy | {target.partition(":")[0] for target in targets})))
        """
    assert in_a_new_process(site, program).stdout == "[]\n"


def test_failing_event_is_seen_without_any_setup(site):
    """In a program that sets up no logging, the report of a failing plugin appears on standard error."""
    site.install("event_seen", EVENT.format(body="raise ValueError('seen')"))
    program = """
        from s2s_core.plugins.registry import Plugins
        plugins = Plugins(environment={"S2S_PLUGINS": "event_seen"})
        plugins.notify("s2s_evaluated", run=None, step=1, metrics={}, loss=1.0)
        """
    assert in_a_new_process(site, program).stderr == (
        "plugin event_seen (event-seen 1.2): s2s_evaluated failed: ValueError: seen;"
        " to disable it: S2S_DISABLE_PLUGINS=event_seen\n"
    )


def test_own_plugins_work():
    """What the toolkit itself brings loads without a problem, and every component can be used."""
    plugins = Plugins(environment={"S2S_STRICT_PLUGINS": "1"})
    assert plugins.problems == ()
    assert {"s2s_core", "s2s_mlp_rnn", "s2s_synthetic"} <= {plugin.name for plugin in plugins.plugins}
    assert {
        ("encoder", "mlp-rnn"),
        ("decoder", "mlp-rnn"),
        ("task", "reverse"),
        ("metric", "exact_match"),
    } <= {(claim.kind, claim.name) for claim in plugins.claims()}
    own = Plugin("s2s_mlp_rnn", "s2s_mlp_rnn", "s2s-toolkit", __version__)
    assert plugins.plugin_of("encoder", "mlp-rnn") == own
    for claim in plugins.claims():
        assert claim.name in plugins.names(claim.kind)
        assert isinstance(plugins.component(claim.kind, claim.name), type)


def test_problem_is_plain_data():
    """Plugins and problems compare by what they hold."""
    plugin = Plugin("s2s_x", "s2s_x", "s2s-x", "1.2")
    assert Problem(plugin, "broken") == Problem(Plugin("s2s_x", "s2s_x", "s2s-x", "1.2"), "broken")


def test_a_command_whose_name_is_taken_is_refused():
    """A plugin can't replace a command of ours; the one that was there stays."""
    from s2s_core.cli.main import cli

    before = cli.commands["run"]
    with pytest.raises(PluginError, match="there is a command 'run' already"):
        cli.add_command(click.Command("run"))
    assert cli.commands["run"] is before
