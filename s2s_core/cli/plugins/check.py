"""``s2s plugins check``: whether a component keeps its promises."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from s2s_core.cli.context import installed
from s2s_core.cli.plugins.record import record_of
from s2s_core.cli.plugins.show import setting_table
from s2s_core.config.overrides import merge, parse_assignment
from s2s_core.errors import ConfigError, PluginError, closest, listing
from s2s_core.plugins.registry import KINDS, Kind, Plugins

if TYPE_CHECKING:
    from s2s_core.testing import Finding, Subject

Examined = Iterator[tuple["Finding", float]]
"""The finding for each promise, and the seconds that it took."""


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Only the component of this kind.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of the component.")
@click.option("--promise", "promises", multiple=True, metavar="NAME", help="Only this promise; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@click.pass_context
def check(
    context: click.Context,
    name: str,
    kind: Kind | None,
    assignments: tuple[str, ...],
    promises: tuple[str, ...],
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
    subjects = _with_promises(_subjects(installed(context), name, kind, assignments), promises)
    examinations = [(subject, _examined(subject, promises)) for subject in subjects]
    if as_json:
        with contextlib.redirect_stdout(sys.stderr):  # whatever a component prints
            records = [_record(subject, examined) for subject, examined in examinations]
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        broken = any(finding["outcome"] == "broken" for record in records for finding in record["promises"])
    else:
        broken = sum(_report(subject, examined) for subject, examined in examinations) > 0
    context.exit(int(broken))


def _subjects(plugins: Plugins, name: str, kind: Kind | None, assignments: Sequence[str]) -> list["Subject"]:
    from s2s_core.testing import Subject  # noqa: PLC0415  # s2s starts without the kit

    claimed = {claim.kind for claim in plugins.claims(kind) if claim.name == name}
    if not claimed:
        names = {claim.name for claim in plugins.claims(kind)}
        raise PluginError(*plugins.unknown(f"no {kind or 'component'} is called", name, names))
    paths = {one: setting_table(one, name) for one in KINDS if one in claimed}
    _require_settings_of(name, list(paths.values()), assignments)
    tables = merge([parse_assignment(assignment) for assignment in assignments])
    return [Subject.installed(one, name, _settings(tables, path), plugins) for one, path in paths.items()]


def _require_settings_of(name: str, paths: Sequence[str], assignments: Sequence[str]) -> None:
    for assignment in assignments:
        if not assignment.strip().startswith(tuple(f"{path}." for path in paths)):
            places = " or ".join(f"{path}.NAME=VALUE" for path in paths)
            raise ConfigError(f"--set takes a setting of {name}, as {places} (got {assignment!r})")
        if assignment.partition("=")[0].strip() in {f"{path}.name" for path in paths}:
            raise ConfigError(f"--set can't make {name} another component (got {assignment!r}): give that one's name")


def _settings(tables: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Returns the table at a path; an empty one where there is none."""
    settings: Any = tables
    for name in path.split("."):
        settings = settings.get(name, {}) if isinstance(settings, Mapping) else {}
    return settings if isinstance(settings, Mapping) else {}


def _with_promises(subjects: Sequence["Subject"], wanted: Sequence[str]) -> list["Subject"]:
    """Returns those that make one of the wanted promises, or all if none is named."""
    from s2s_core.testing import promises  # noqa: PLC0415

    names = {subject.kind: {promise.name for promise in promises(subject.kind)} for subject in subjects}
    every = set().union(*names.values())
    for name in wanted:
        if name not in every:
            raise PluginError(f"there is no promise {name!r}{closest(name, every)}; there are: {listing(every)}")
    return [subject for subject in subjects if not wanted or names[subject.kind] & set(wanted)]


def _examined(subject: "Subject", promises: Sequence[str]) -> Examined:
    from s2s_core.testing import examine  # noqa: PLC0415

    began = time.perf_counter()
    for finding in examine(subject, promises or None):
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
    """Prints the finding for each promise as soon as it is there, and returns whether a promise is broken."""
    click.echo(f"{subject.kind} {subject.name}, of {subject.plugins.plugin_of(subject.kind, subject.name).origin}")
    counts = dict.fromkeys(("kept", "exempt", "broken"), 0)
    for finding, seconds in examined:
        counts[finding.outcome] += 1
        click.echo(f"{finding.outcome:<8}{finding.promise.name}, {seconds:.1f} s")
        if finding.message:
            click.echo("        " + finding.message.replace("\n", "\n        "))
    total = sum(counts.values())
    outcomes = ", ".join(f"{count} {name}" for name, count in counts.items())
    click.echo(f"{total} promise{'s' if total != 1 else ''}: {outcomes}")
    return counts["broken"] > 0
