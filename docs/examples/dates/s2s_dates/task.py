"""The task ``dates``."""

import random
from collections.abc import Iterator
from datetime import date
from typing import Any, ClassVar

import attrs

from s2s_core import BadValueError, Example, Task, between, setting
from s2s_dates.formats import FORMATS, has_short_year, write


def _known_formats(_: Any, attribute: "attrs.Attribute[Any]", value: tuple[str, ...]) -> None:
    if not value or not set(value) <= set(FORMATS):
        raise BadValueError(attribute.name, f"one or more of {', '.join(FORMATS)}", list(value))


@attrs.frozen
class DatesConfig:
    """Which dates there are, and how they are written."""

    first_year: int = setting(1950, "year of the earliest date", between(1000, 9999))
    last_year: int = setting(2049, "year of the latest date", between(1000, 9999))
    formats: tuple[str, ...] = setting(tuple(FORMATS), "how dates are written; by default in every way", _known_formats)

    def __attrs_post_init__(self) -> None:
        """Checks the order of the years, and that two digits of a year tell its century."""
        if self.last_year < self.first_year:
            raise BadValueError("last_year", f"at least first_year, which is {self.first_year}", self.last_year)
        short = [name for name in self.formats if has_short_year(name)]
        if short and self.last_year > self.first_year + 99:
            expected = f"at most {self.first_year + 99}, as {short[0]} writes two digits of a year"
            raise BadValueError("last_year", expected, self.last_year)


class Dates(Task):
    """Dates as people write them, to ISO 8601: ``3rd of March 1987`` becomes ``1987-03-03``.

    Of each twenty days in a row, one is validation's and one is the test's, however it is written.
    """

    api_version = 1
    Config: ClassVar[type] = DatesConfig
    endless = True
    metrics = ("exact_match", "day_error")
    defaults: ClassVar = {
        "encoder": {"name": "gru", "hidden_size": 128},
        "decoder": {"name": "attention-gru", "hidden_size": 128},
        "training": {"steps": 500, "learning_rate": 0.003, "validate_every": 250},
        "decoding": {"max_length": 11},  # the ten characters of a date, and the end
    }
    config: DatesConfig

    def examples(self, split: str, rng: random.Random) -> Iterator[Example]:
        """Yields dates without end; see ``Task.examples``."""
        first = date(self.config.first_year, 1, 1).toordinal()
        last = date(self.config.last_year, 12, 31).toordinal()
        while True:
            day = date.fromordinal(rng.randint(first, last))
            if _split_of(day) == split:
                yield Example(write(day, rng.choice(self.config.formats)), day.isoformat())


def _split_of(day: date) -> str:
    """Tells which split a day belongs to, so that no test asks for a day that training has shown."""
    return {0: "validation", 1: "test"}.get(day.toordinal() % 20, "train")
