"""A setting is declared with its meaning and with checks that say what they allow."""

import attrs
import click
import pytest
from click.testing import CliRunner
from generate import inputs

from s2s_core import BadValueError, at_least, between, described, more_than, must_be, one_of, setting
from s2s_core.cli.search_options import search_options
from s2s_core.config.decoding import DecodingConfig, inputs_of
from s2s_core.config.fields import search_setting


def _is_shorter(config, attribute, value):
    if value >= config.long:
        raise BadValueError(attribute.name, f"below long, which is {config.long}", value)


@attrs.frozen
class Config:
    letters: str = setting("abc", "letters of a word", must_be("lower case", str.islower))
    long: int = setting(9, "letters of a long word", at_least(1), more_than(2))
    short: int = setting(3, "letters of a short word", described("below long", _is_shorter))
    order: str = setting("up", "of the letters", one_of("up", "down"))
    free: int = setting(0, "anything")


@pytest.mark.parametrize(
    ("name", "meaning", "bounds"),
    [
        ("letters", "letters of a word", "lower case"),
        ("long", "letters of a long word", "at least 1, more than 2"),
        ("short", "letters of a short word", "below long"),
        ("order", "of the letters", "one of 'up', 'down'"),
        ("free", "anything", ""),
    ],
)
def test_a_setting_says_what_it_means_and_allows(name, meaning, bounds):
    """As far as its checks say it."""
    assert {"help": meaning, "bounds": bounds} == dict(getattr(attrs.fields(Config), name).metadata)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"letters": "Abc"}, "letters must be lower case (got 'Abc')"),
        ({"long": 2}, "long must be more than 2 (got 2)"),
        ({"long": 0}, "long must be at least 1 (got 0)"),
        ({"short": 9}, "short must be below long, which is 9 (got 9)"),
        ({"long": 5, "short": 5}, "short must be below long, which is 5 (got 5)"),
        ({"order": "left"}, "order must be one of 'up', 'down' (got 'left')"),
    ],
)
def test_what_is_not_allowed_is_refused(settings, message):
    """With the name, what was expected and what came."""
    with pytest.raises(BadValueError) as refused:
        Config(**settings)
    assert message == str(refused.value)


def test_what_is_allowed_is_taken():
    """Whether it's the default or not."""
    assert Config("xyz", 4, 3, "down", -1) == Config(letters="xyz", long=4, order="down", free=-1)


def test_a_search_setting_is_declared_once():
    """A new field is an input of the file, an option of ``s2s predict`` with its bounds, and a line of the page."""

    @attrs.frozen
    class MoreDecoding(DecodingConfig):
        patience: float = search_setting(1.0, "how long to wait for better beams", between(0, 9), feature="sampling")

    added = inputs_of(MoreDecoding)["patience"]
    assert ("float32", "sampling") == (added.kind, added.feature)
    assert [*inputs_of(DecodingConfig), "patience"] == list(inputs_of(MoreDecoding))

    command = click.Command("predict", callback=lambda **_: None)
    search_options(MoreDecoding)(command)
    help_text = command.get_help(click.Context(command))
    assert "--patience" in help_text
    assert "How long to wait for better beams. *" in " ".join(help_text.split())
    assert 2 == CliRunner().invoke(command, ["--patience", "10"]).exit_code

    line = "| `patience` | float | [] | `decoding.sampling=true` | how long to wait for better beams |"
    assert line in inputs("optional", MoreDecoding).splitlines()
