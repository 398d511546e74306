"""Writes reports of runs: one HTML file with curves, scores, errors, attention, confusions and settings."""

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from s2s_core.errors import ConfigError, DataError
from s2s_core.files import require_writable, write_atomically
from s2s_core.pipeline.compare import Comparison, compare_evaluations
from s2s_core.pipeline.models import Runs, several
from s2s_core.pipeline.run_contents import contents_of
from s2s_core.plugins.registry import Plugins
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.page import page
from s2s_core.runs.folder import SEEDS_FILE, RunFolder
from s2s_core.runs.run import Run
from s2s_core.runs.seeds import SeedsFolder

MOST_ANSWERS, MOST_MAPS = 20, 8
"""How many answers the report of a run shows, and how many of these with their attention."""

MOST_ANSWERS_OF_SEVERAL, MOST_MAPS_OF_SEVERAL = 8, 2
"""The same of each of several runs."""


@attrs.frozen
class Report:
    """A report that was written.

    Attributes:
        path: The file.
        problems: What is missing in it and why, a line each.
    """

    path: Path
    problems: Sequence[str]


def report(
    runs: Runs,
    output: str | PathLike[str] | None = None,
    *,
    plugins: Plugins | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Report:
    """Writes a report of a run, or one that compares several, as one HTML file that loads nothing.

    ::

        report("runs/mine").path

    The best model is evaluated again, as a run doesn't keep its answers. What a run doesn't have is left out, and the
    report says why. The same runs give the same file, byte for byte.

    Args:
        runs: A run, its folder, or that of several seeds; or several of them.
        output: The file, by default ``report.html`` in the folder of one run, or of several seeds.
        plugins: Where components come from, by default the installed plugins.
        heard: Called with what is being done.

    Raises:
        ConfigError: A folder holds no run, or several are given without ``output``.
        ModelError: A run's log is damaged.
        OSError: The file can't be written.
    """
    from s2s_core.plotting.log import names  # noqa: PLC0415  # plotting stands above the modules that start quickly

    named = several(runs)
    if output is None and len(named) != 1:
        raise ConfigError("a report of several runs needs output, such as report.html")
    path = Path(output) if output is not None else RunFolder(_folder(named[0])).report_path
    members = list(_opened(runs, plugins))
    require_writable(path)
    limits = (MOST_ANSWERS, MOST_MAPS) if len(members) == 1 else (MOST_ANSWERS_OF_SEVERAL, MOST_MAPS_OF_SEVERAL)
    contents = []
    for run, name in zip(members, names([run.folder for run in members]), strict=True):
        heard(f"answering the test set of {run.folder}")
        contents.append(contents_of(run, name, limits))
    evaluated = [one for one in contents if one.evaluation is not None]
    comparison, trouble = None, ""
    if len(evaluated) > 1:
        heard("comparing")
        comparison, trouble = _compared(evaluated)
    write_atomically(path, page(contents, comparison, [one.name for one in evaluated], trouble))
    problems = [
        f"{one.name}: {problem}" if len(contents) > 1 else problem for one in contents for problem in one.problems
    ]
    return Report(path, [*problems, *([trouble] if trouble else [])])


def _folder(run: Any) -> Path:
    return run.folder if isinstance(run, Run) else Path(run)


def _opened(runs: Runs, plugins: Plugins | None) -> Iterator[Run]:
    """Yields runs; a folder of several seeds stands for those of its runs that have begun."""
    given = several(runs)
    installed = plugins or next((run.plugins for run in given if isinstance(run, Run)), None) or Plugins()
    for run in given:
        if isinstance(run, Run):
            yield run
        elif (Path(run) / SEEDS_FILE).is_file():
            yield from _seeds(SeedsFolder(Path(run)), installed)
        else:
            yield Run.open(Path(run), installed)


def _seeds(folder: SeedsFolder, plugins: Plugins) -> Iterator[Run]:
    seeds = folder.read_record().get("seeds")
    if not isinstance(seeds, list) or not all(isinstance(seed, int) for seed in seeds):
        raise ConfigError(f"{folder.record_path} is damaged: seeds must be a list of whole numbers (got {seeds!r})")
    begun = [folder.member(seed) for seed in seeds if folder.member(seed).settings_path.is_file()]
    if not begun:
        raise ConfigError(f"{folder.folder} holds no run of a seed yet")
    for member in begun:
        yield Run.open(member.folder, plugins)


def _compared(runs: Sequence[RunContents]) -> tuple[Comparison | None, str]:
    """Returns a comparison of evaluated runs with the first, or why there is none."""
    evaluations = [run.evaluation for run in runs if run.evaluation is not None]
    try:
        return compare_evaluations([run.name for run in runs], evaluations), ""
    except (ConfigError, DataError) as error:
        return None, error.lines[0]
