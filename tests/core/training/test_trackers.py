"""Trackers: plugins serve their names, and a name that nobody serves is refused before anything is written."""

import importlib.metadata
import sys
import types

import attrs
import pytest

from s2s_core import ConfigError, DataError, PluginError, hookimpl
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.trackers import require_trackers


@pytest.fixture
def serving(monkeypatch):
    """Makes plugins of which each has a function as its hook ``s2s_trackers``."""

    def make(**hooks):
        points = []
        for name, hook in hooks.items():
            module = types.ModuleType(f"s2s_test_{name}")
            module.s2s_trackers = hookimpl(hook, specname="s2s_trackers")
            monkeypatch.setitem(sys.modules, module.__name__, module)
            points.append(importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s"))
        return Plugins(points, {})

    return make


@pytest.fixture
def refusal(make_run, serving):
    """Returns why a run with a tracker is refused."""

    def refused(tracker, error=ConfigError, **hooks):
        run = attrs.evolve(make_run(trackers=[tracker]), plugins=serving(**hooks))
        with pytest.raises(error) as raised:
            require_trackers(run)
        return str(raised.value)

    return refused


def test_a_name_that_a_plugin_serves_is_accepted(make_run, serving):
    """The plugins are asked about the run."""
    asked = []
    run = attrs.evolve(
        make_run(trackers=["diary"]), plugins=serving(one=lambda run: asked.append(run) or ["diary"], other=lambda: ())
    )
    require_trackers(run)
    assert [run] == asked


def test_no_plugin_is_asked_about_a_run_without_trackers(make_run, serving):
    """It needs none."""
    require_trackers(attrs.evolve(make_run(), plugins=serving(one=pytest.fail)))


def test_a_name_that_nobody_serves_is_refused(refusal):
    """The message has the closest name, and all others."""
    offers = {"one": lambda: {"diary": 1}, "other": lambda: ("log",)}
    expected = "training.trackers: unknown tracker 'dairy' (did you mean 'diary'?); there are: diary, log"
    assert expected == refusal("dairy", **offers)


def test_the_plugins_that_might_serve_a_name_are_said_to_be_missing(make_run):
    """As with components."""
    broken = importlib.metadata.EntryPoint("broken", "no_such_module", "s2s")
    run = attrs.evolve(make_run(trackers=["diary"]), plugins=Plugins([broken], {}))
    with pytest.raises(ConfigError, match=r"there are: none\n  plugin broken \(.*No module named 'no_such_module'"):
        require_trackers(run)


def test_a_name_that_two_plugins_serve_is_refused(refusal):
    """Both would log the same."""
    message = refusal("diary", one=lambda: ["diary"], other=lambda: ["diary"])
    assert message == (
        "training.trackers: 'diary' is claimed by s2s_test_one (s2s_test_one, of no distribution) and "
        "s2s_test_other (s2s_test_other, of no distribution): disable one of them"
    )


@pytest.mark.parametrize("answer", ["diary", [5], 5])
def test_what_is_no_collection_of_names_is_refused(refusal, answer):
    """The message names the plugin."""
    message = refusal("diary", PluginError, one=lambda: answer)
    assert message.startswith("plugin s2s_test_one (s2s_test_one, of no distribution): s2s_trackers must return names")
    assert message.endswith(f"(got {answer!r})")


def test_a_plugin_may_refuse_the_run(refusal):
    """As where a package is missing."""

    def refuse():
        raise DataError("the diary is full")

    assert "the diary is full" == refusal("diary", DataError, one=refuse)


def test_a_plugin_that_fails_serves_nothing(refusal, caplog):
    """It is reported like any event that fails."""
    assert "training.trackers: unknown tracker 'diary'; there are: log" == refusal(
        "diary", one=lambda: 1 / 0, other=lambda: ["log"]
    )
    assert "s2s_trackers failed: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["mlflow", "mlflow"], "must be a list without repetitions (got ('mlflow', 'mlflow'))"),
        ("wandb", "must be a list, such as [\"wandb\"] (got 'wandb')"),
        ([1], "must be a string (got 1"),
    ],
)
def test_what_is_no_list_of_names_is_refused(make_run, chosen, expected):
    """The message names the setting and what it may be."""
    with pytest.raises(ConfigError) as refused:
        make_run(trackers=chosen)
    assert str(refused.value).startswith(f"training.trackers {expected}")
