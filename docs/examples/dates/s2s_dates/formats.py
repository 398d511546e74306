"""The formats in which people write dates, in English and with the day before the month."""

from collections.abc import Mapping
from datetime import date

FORMATS: Mapping[str, str] = {
    "plain": "{day} {month} {year}",  # 3 March 1987
    "ordinal": "{ordinal} of {month} {year}",  # 3rd of March 1987
    "month-first": "{month} {day}, {year}",  # March 3, 1987
    "weekday": "{weekday:.3} {day} {month:.3} {year}",  # Tue 3 Mar 1987
    "long": "{weekday}, {month} {ordinal}, {year}",  # Tuesday, March 3rd, 1987
    "dots": "{day}.{number}.{year}",  # 3.3.1987
    "slashes": "{day:02}/{number:02}/{short_year:02}",  # 03/03/87
}

# Python's own names of months and days are those of the computer's language.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def write(day: date, name: str) -> str:
    """Returns a day in a format of ``FORMATS``."""
    return FORMATS[name].format(
        day=day.day,
        ordinal=f"{day.day}{_suffix(day.day)}",
        weekday=_WEEKDAYS[day.weekday()],
        month=_MONTHS[day.month - 1],
        number=day.month,
        year=day.year,
        short_year=day.year % 100,
    )


def has_short_year(name: str) -> bool:
    """Tells whether a format leaves out the century."""
    return "short_year" in FORMATS[name]


def _suffix(number: int) -> str:
    return "th" if number in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
