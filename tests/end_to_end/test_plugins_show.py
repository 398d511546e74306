"""``s2s plugins show`` tells what can be set of each component and of each table of a run."""

import json

import attrs
import pytest

from s2s_core.cli.plugins.show import TABLES, setting_table
from s2s_core.plugins.registry import Plugins
from s2s_core.version import __version__

OURS = Plugins(
    environment={"S2S_PLUGINS": "s2s_core,s2s_mlp_rnn,s2s_pairs,s2s_recurrent,s2s_synthetic,s2s_transformer"}
)

COMPONENTS = [pytest.param(claim.kind, claim.name, id=f"{claim.kind} {claim.name}") for claim in OURS.claims()]

REVERSE = f"""\
task reverse, of s2s-toolkit {__version__}
The letters in reverse order: ``hello`` becomes ``olleh``.
setting              type  default                       allowed                          meaning
task.held_out        int   1000                          from 1 to 1000                   number of validation examples, and as many test examples
task.alphabet        str   "abcdefghijklmnopqrstuvwxyz"  two or more distinct characters  letters of the words, in order
task.minimum_length  int   1                             at least 1                       minimum number of letters of a word
task.maximum_length  int   8                             at least minimum_length          maximum number of letters of a word
"""  # noqa: E501  # it is printed so

BROAD = """
import attrs
from s2s_core import Task, setting

@attrs.frozen
class BroadConfig:
    words: tuple[str, ...] = setting(("ä", "b"), "words to begin with")
    plain: int = 5
    made: dict = attrs.field(factory=dict)

class Part(Task):
    \"\"\"Takes much.

    And tells little.
    \"\"\"

    api_version = 1
    Config = BroadConfig
"""


@pytest.fixture
def show(here):
    """Returns what the command shows of a name, as its JSON has it."""

    def shown(name):
        ended = here("plugins", "show", name, "--json")
        assert (0, "") == (ended.code, ended.err)
        return json.loads(ended.out)

    return shown


def test_settings_are_shown_as_columns(here):
    """Below the component, where it comes from, and what it is."""
    ended = here("plugins", "show", "reverse")
    assert (0, REVERSE, "") == (ended.code, ended.out, ended.err)


def test_settings_are_told_as_json(show):
    """Each default is a value, not its text."""
    (found,) = show("reverse")
    settings = found.pop("settings")
    assert {
        "kind": "task",
        "name": "reverse",
        "plugin": "s2s_synthetic",
        "distribution": "s2s-toolkit",
        "version": __version__,
        "summary": "The letters in reverse order: ``hello`` becomes ``olleh``.",
    } == found
    assert {
        "setting": "task.held_out",
        "type": "int",
        "default": 1000,
        "allowed": "from 1 to 1000",
        "meaning": "number of validation examples, and as many test examples",
    } == settings[0]
    assert ["held_out", "alphabet", "minimum_length", "maximum_length"] == [
        setting["setting"].removeprefix("task.") for setting in settings
    ]


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_setting_of_ours_has_a_meaning_and_bounds(kind, name, show):
    """Whatever is checked is told, in the order in which it is declared."""
    (found,) = (found for found in show(name) if found["kind"] == kind)
    assert found["summary"]
    fields = attrs.fields(OURS.component(kind, name).Config)
    assert [f"{setting_table(kind, name)}.{field.name}" for field in fields] == [
        setting["setting"] for setting in found["settings"]
    ]
    require_told(fields, found["settings"])


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_of_a_run_has_a_meaning_and_bounds(name, show):
    """The tables that no component has are shown alike."""
    (found,) = show(name)
    assert ("table", name) == (found["kind"], found["name"])
    require_told(attrs.fields(TABLES[name]), found["settings"])


def require_told(fields, settings):
    for field, setting in zip(fields, settings, strict=True):
        assert setting["type"]
        assert setting["meaning"]
        checks = getattr(field.validator, "_validators", ())
        assert ", ".join(check.expected for check in checks) == setting["allowed"]
        if isinstance(field.default, bool | int | float | str):
            assert field.default == setting["default"]


def test_a_table_shows_that_it_holds_a_component(show):
    """A tokenizer is given by its name, or as a table."""
    (found,) = show("source")
    assert {
        "setting": "source.tokenizer",
        "type": "name or table",
        "default": None,
        "allowed": "",
        "meaning": "the tokenizer, by its name or as a table with its settings",
    } == found["settings"][0]


def test_all_components_of_a_name_are_shown(here, show):
    """One below the other."""
    assert ["encoder", "decoder"] == [found["kind"] for found in show("lstm")]
    out = here("plugins", "show", "lstm").out
    assert [f"encoder lstm, of s2s-toolkit {__version__}", f"decoder lstm, of s2s-toolkit {__version__}"] == [
        paragraph.splitlines()[0] for paragraph in out.split("\n\n")
    ]


def test_a_component_without_settings_says_so(here):
    """Instead of an empty table."""
    assert here("plugins", "show", "exact_match").out.endswith("\nIt has no settings.\n")


def test_what_a_plugin_leaves_out_is_left_empty(install, here, show):
    """Meaning and bounds, and a default that isn't there before it is made."""
    install("broad", "@hookimpl\ndef s2s_tasks():\n    return {'broad': 'broad_part:Part'}\n", BROAD)
    (found,) = show("broad")
    assert ("broad", "broad", "1.2") == (found["plugin"], found["distribution"], found["version"])
    assert "Takes much." == found["summary"]
    assert [
        ("task.words", ["ä", "b"], "words to begin with"),
        ("task.plain", 5, ""),
        ("task.made", None, ""),
    ] == [(setting["setting"], setting["default"], setting["meaning"]) for setting in found["settings"]]
    out = here("plugins", "show", "broad").out
    assert 'task.words  tuple  ["ä", "b"]           words to begin with\n' in out
    assert out.endswith("task.made   dict\n")
