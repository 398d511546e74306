"""The task and the metric."""

import itertools
import random
from datetime import date

import pytest
from s2s_dates.formats import FORMATS, write
from s2s_dates.metric import DayError, DayErrorConfig
from s2s_dates.task import Dates, DatesConfig

from s2s_core import BadValueError


def draw(split, count, **settings):
    """Returns the first examples of a split."""
    examples = Dates(DatesConfig(**settings)).examples(split, random.Random(0))
    return list(itertools.islice(examples, count))


@pytest.mark.parametrize(
    ("name", "written"),
    {
        "plain": "3 March 1987",
        "ordinal": "3rd of March 1987",
        "month-first": "March 3, 1987",
        "weekday": "Tue 3 Mar 1987",
        "long": "Tuesday, March 3rd, 1987",
        "dots": "3.3.1987",
        "slashes": "03/03/87",
    }.items(),
)
def test_formats(name, written):
    """Each format writes a date as its name says."""
    assert written == write(date(1987, 3, 3), name)


def test_every_format_is_drawn():
    """All formats occur, and no other than those that are set."""
    assert {tuple(FORMATS)} == {DatesConfig().formats}
    assert {True, False} == {"/" in source for source, _ in draw("train", 50)}
    assert {True} == {"/" in source for source, _ in draw("train", 50, formats=("slashes",))}


@pytest.mark.parametrize(
    "ordinal", ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th"]
)
def test_ordinals(ordinal):
    """The numbers of days end as English wants it."""
    assert f"{ordinal} of May 2000" == write(date(2000, 5, int(ordinal[:-2])), "ordinal")


def test_the_day_comes_first():
    """Where only numbers are written, the first one is the day."""
    day = date(2030, 1, 2)
    assert ("2.1.2030", "02/01/30") == (write(day, "dots"), write(day, "slashes"))


def test_a_source_has_one_target():
    """The century of a short year and the order of day and month are fixed, so that each source can be answered."""
    targets = {}
    for source, target in draw("train", 100_000, first_year=1901, last_year=2000):
        assert targets.setdefault(source, target) == target


def test_no_date_of_the_test_is_trained_on():
    """Not even in another format."""
    days = {split: {target for _, target in draw(split, 1000)} for split in ("train", "validation", "test")}
    assert not days["train"] & days["test"]
    assert not days["train"] & days["validation"]
    assert not days["validation"] & days["test"]


def test_every_day_is_drawn():
    """From the first of January of the first year to the last of December of the last one, and no other."""
    first, last = date(1999, 1, 1), date(2000, 12, 31)
    days = {date.fromordinal(day).isoformat() for day in range(first.toordinal(), last.toordinal() + 1)}
    splits = ("train", "validation", "test")
    assert days == {target for split in splits for _, target in draw(split, 8000, first_year=1999, last_year=2000)}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"last_year": 1949}, "last_year must be at least first_year, which is 1950 (got 1949)"),
        ({"last_year": 2050}, "last_year must be at most 2049, as slashes writes two digits of a year (got 2050)"),
        ({"formats": ()}, "formats must be one or more of plain, "),
        ({"formats": ("dots", "slash")}, "formats must be one or more of plain, "),
    ],
)
def test_bad_settings_are_refused(settings, expected):
    """A setting that can't be used is refused with what it must be."""
    with pytest.raises(BadValueError) as caught:
        DatesConfig(**settings)
    assert str(caught.value).startswith(expected)


def test_four_digits_of_a_year_allow_more_centuries():
    """Without the format of short years, dates may lie further apart."""
    assert 200 < len({target[:4] for _, target in draw("train", 3000, last_year=2400, formats=("dots",))})


@pytest.mark.parametrize(
    ("answer", "days"),
    [
        ("1987-03-03", 0),
        ("1987-03-04", 1),
        ("1987-02-28", 3),
        ("1988-03-03", 366),
        ("1787-03-03", 1000),
        ("1987-02-30", 1000),
        ("the third", 1000),
        ("", 1000),
    ],
)
def test_day_error(answer, days):
    """It is the distance in days, for what is no date the setting ``most``, and never more than that."""
    metric = DayError(config=DayErrorConfig(most=1000))
    assert days == metric.score([answer], [["1987-03-03"]])


def test_day_error_is_a_mean_over_the_nearest_references():
    """Of several right dates the nearest counts."""
    assert 2.5 == DayError().score(["2000-01-01", "2000-01-08"], [["2000-01-01"], ["2001-01-01", "2000-01-03"]])
