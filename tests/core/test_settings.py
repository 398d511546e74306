"""A setting is declared with its meaning and with checks that say what they allow."""

import attrs
import pytest

from s2s_core import BadValueError, at_least, described, more_than, must_be, one_of, setting


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
