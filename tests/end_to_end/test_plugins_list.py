"""``s2s plugins list`` tells what is installed, what of it doesn't work, and what is disabled."""

import json

import pytest

from s2s_core.version import __version__

GOOD = "@hookimpl\ndef s2s_tasks():\n    return {'good': 's2s_synthetic.words:Reverse', 'both': int}\n"

RIVAL = "@hookimpl\ndef s2s_tasks():\n    return {'both': int}\n"


@pytest.fixture
def site(install, monkeypatch):
    """Two plugins of which both claim one name, one that is broken, one that is disabled, and one of ours."""
    install("good", GOOD)
    install("rival", RIVAL)
    install("broken", "raise RuntimeError('no moon')")
    install("unwanted", RIVAL)
    monkeypatch.setenv("S2S_DISABLE_PLUGINS", "unwanted")


@pytest.fixture
def few(monkeypatch):
    """Of ours only those of the core and of pairs are loaded."""
    monkeypatch.setenv("S2S_PLUGINS", "s2s_pairs,good,rival,broken")
    monkeypatch.delenv("S2S_DISABLE_PLUGINS", raising=False)


def test_components_are_listed_with_where_they_come_from(site, few, here):
    """One line each; what doesn't work goes to standard error."""
    ended = here("plugins", "list")
    assert 0 == ended.code
    assert (
        f"""\
kind  name   distribution  version  status
task  both   good          1.2      also claimed by rival (rival 1.2)
task  both   rival         1.2      also claimed by good (good 1.2)
task  good   good          1.2      ok
task  pairs  s2s-toolkit   {__version__}    ok
"""
        == ended.out
    )
    broken, clash, disabled = ended.err.splitlines()
    assert broken == (
        "problem: plugin broken (broken 1.2): RuntimeError: no moon; to disable it: S2S_DISABLE_PLUGINS=broken"
    )
    assert clash == (
        "problem: plugin good (good 1.2): task 'both' is also claimed by rival (rival 1.2), so none of them gets it; "
        "to disable it: S2S_DISABLE_PLUGINS=good"
    )
    assert disabled.startswith(f"disabled: s2s_core (s2s-toolkit {__version__}), s2s_mlp_rnn (")
    assert disabled.endswith(", unwanted (unwanted 1.2)")


def test_all_of_it_is_told_as_json(site, here):
    """Problems and disabled plugins have the fields that components have."""
    ended = here("plugins", "list", "--json")
    assert (0, "") == (ended.code, ended.err)
    found = json.loads(ended.out)
    assert ["components", "problems", "disabled"] == list(found)
    rival = {"plugin": "rival", "distribution": "rival", "version": "1.2"}
    assert {"kind": "task", "name": "both", **rival, "status": "also claimed by good (good 1.2)"} in found["components"]
    ours = {"plugin": "s2s_synthetic", "distribution": "s2s-toolkit", "version": __version__}
    assert {"kind": "task", "name": "reverse", **ours, "status": "ok"} in found["components"]
    assert [
        {"plugin": "broken", "distribution": "broken", "version": "1.2", "reason": "RuntimeError: no moon"},
        {
            "plugin": "good",
            "distribution": "good",
            "version": "1.2",
            "reason": "task 'both' is also claimed by rival (rival 1.2), so none of them gets it",
        },
    ] == found["problems"]
    assert [{"plugin": "unwanted", "distribution": "unwanted", "version": "1.2"}] == found["disabled"]


def test_listing_imports_no_component(install, here, tmp_path):
    """A component whose module can't be imported is listed like any other; asking for it says why."""
    part = "raise OSError('no disk')\nclass Part: ..."
    install("late", "@hookimpl\ndef s2s_tasks():\n    return {'late': 'late_part:Part'}\n", part)
    found = json.loads(here("plugins", "list", "--json").out)
    assert ["ok"] == [component["status"] for component in found["components"] if component["name"] == "late"]
    assert [] == found["problems"]
    assert "can't be imported: OSError: no disk" in here("plugins", "show", "late").error()


def test_a_class_that_does_not_exist_is_told(install, here):
    """Or its module, though nothing is imported."""
    names = "{'lost': 'lost_part:Part', 'gone': 'gone.part:Part', 'there': 'lost_part:Other'}"
    install("lost", f"@hookimpl\ndef s2s_tasks():\n    return {names}\n", "class Other: ...")
    listed = json.loads(here("plugins", "list", "--json").out)["components"]
    status = {component["name"]: component["status"] for component in listed if component["name"] in names}
    assert status["lost"] == "lost_part has no 'Part'"
    assert status["gone"] == "there is no module 'gone.part'"
    assert status["there"] == "ok"
