"""The options of a search: one for each setting that an exported file may take."""

import functools
import math
from collections.abc import Callable
from typing import Any

import click

from s2s_core.cli.options import Command
from s2s_core.config.decoding import DecodingConfig, Input, inputs_of
from s2s_core.config.fields import LARGEST, limits

FEATURE = "*"
"""Marks an option that works only with files whose export asked for it."""


class FiniteNumber(click.FloatRange):
    """A number within bounds that is neither infinite nor nan."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Returns the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def search_options(config: type = DecodingConfig) -> Callable[[Command], Command]:
    """Adds an option for each search setting, as its field declares it. Without it, the file's default applies."""
    options = [_option(declared) for declared in inputs_of(config).values()]
    options.append(click.option("--prefix", help=f"What every answer begins with. {FEATURE}"))
    return lambda command: functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


def _option(declared: Input) -> Callable[[Command], Command]:
    field = declared.field
    least, most = limits(field)
    kind: click.ParamType[Any, Any] = (
        FiniteNumber(least, most) if field.type is float else click.IntRange(_whole(least), _whole(most) or LARGEST)
    )
    meaning = field.metadata["help"]
    text = f"{meaning[0].upper()}{meaning[1:]}. {FEATURE if declared.feature else ''}".strip()
    return click.option(f"--{field.name.replace('_', '-')}", type=kind, help=text)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
