"""``s2s plugins check``: whether a component keeps its promises."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from s2s_core.cli.options import installed
from s2s_core.cli.plugins.record import record_of
from s2s_core.cli.plugins.show import setting_table
from s2s_core.errors import ConfigError, PluginError, closest, listing
from s2s_core.plugins import KINDS, Kind, Plugins
from s2s_core.resolve import Layer, merge, parse_assignment

if TYPE_CHECKING:
    from s2s_core.testing import Finding, Subject

Examined = Iterator[tuple["Finding", float]]
"""What was found of each promise, and how many seconds it took."""


@click.command(short_help="Check whether a component keeps its promises.")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Only the component of this kind.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of the component.")
@click.option("--promise", "chosen", multiple=True, metavar="NAME", help="Only this promise; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(
    context: click.Context,
    name: str,
    kind: Kind | None,
    assignments: tuple[str, ...],
    chosen: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Examines every component called NAME: whether it does all that each component of its kind promises.

    It is examined with the settings that its class calls small, or else their defaults; --set comes before both. Ends
    with exit code 1 if a promise is broken.

    \b
    s2s plugins check mlp-rnn
    s2s plugins check lstm --kind decoder --set decoder.layers=3
    s2s plugins check pairs --set task.train=pairs.tsv
    """
    subjects = _subjects(installed(context), name, kind, list(map(parse_assignment, assignments)))
    _require_promises(subjects, chosen)
    reports = {subject: _examined(subject, chosen) for subject in subjects}
    if as_json:
        records = [_record(subject, examined) for subject, examined in reports.items()]
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        broken = any(found["outcome"] == "broken" for record in records for found in record["promises"])
    else:
        broken = sum(_report(subject, examined) for subject, examined in reports.items()) > 0
    context.exit(int(broken))


def _subjects(found: Plugins, name: str, kind: Kind | None, layers: Sequence[Layer]) -> list["Subject"]:
    from s2s_core.testing import Subject  # noqa: PLC0415  # s2s starts without the kit

    kinds = [one for one in KINDS if name in found.names(one) and kind in {None, one}]
    if not kinds:
        known = {claim.name for claim in found.claims(kind)}
        what = kind or "component"
        raise PluginError(f"no {what} is called {name!r}{closest(name, known)}; there are: {listing(known)}")
    tables = merge(layers)
    paths = {one: setting_table(one, name) for one in kinds}
    settings = {one: _settings(tables, path) for one, path in paths.items()}
    if not any(settings.values()) and layers:
        places = " or ".join(f"{path}.NAME=VALUE" for path in paths.values())
        raise ConfigError(f"--set takes a setting of {name}, as {places}")
    return [Subject.installed(one, name, settings[one], found) for one in kinds]


def _settings(tables: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Returns the table at a path; an empty one where there is none."""
    found: Any = tables
    for name in path.split("."):
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _require_promises(subjects: Sequence["Subject"], chosen: Sequence[str]) -> None:
    from s2s_core.testing import promises  # noqa: PLC0415

    known = {promise.name for subject in subjects for promise in promises(subject.kind)}
    for name in chosen:
        if name not in known:
            raise PluginError(f"there is no promise {name!r}{closest(name, known)}; there are: {listing(known)}")


def _examined(subject: "Subject", chosen: Sequence[str]) -> Examined:
    from s2s_core.testing import examine  # noqa: PLC0415

    began = time.perf_counter()
    for finding in examine(subject, chosen or None):
        yield finding, time.perf_counter() - began
        began = time.perf_counter()


def _record(subject: "Subject", examined: Examined) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "name": subject.name,
        **record_of(subject.plugins.plugin_of(subject.kind, subject.name)),
        "promises": [
            {
                "name": finding.promise.name,
                "statement": finding.promise.statement,
                "outcome": finding.outcome,
                "message": finding.message,
                "seconds": round(seconds, 3),
            }
            for finding, seconds in examined
        ],
    }


def _report(subject: "Subject", examined: Examined) -> bool:
    """Prints what was found of each promise as soon as it is known, and returns whether one is broken."""
    click.echo(f"{subject.kind} {subject.name}, of {subject.plugins.plugin_of(subject.kind, subject.name).origin}")
    counts = dict.fromkeys(("kept", "exempt", "broken"), 0)
    for finding, seconds in examined:
        counts[finding.outcome] += 1
        click.echo(f"{finding.outcome:<8}{finding.promise.name}, {seconds:.1f} s")
        if finding.message:
            click.echo("        " + finding.message.replace("\n", "\n        "))
    click.echo(f"{sum(counts.values())} promises: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return counts["broken"] > 0
