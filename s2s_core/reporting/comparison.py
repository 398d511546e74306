"""Runs side by side: scores, their spread over seeds, whether differences are luck, and answers that flipped."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from s2s_core.evaluation.bootstrap import METHOD, shown_p_value, signed
from s2s_core.evaluation.flips import Flip
from s2s_core.evaluation.spread import Spread
from s2s_core.reporting.answers import marked
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.markup import foreign, note, section, shown, table, title

if TYPE_CHECKING:
    from s2s_core.pipeline.compare import Compared, Comparison

MOST_FLIPS = 8
"""How many flipped answers of each kind are shown of each model."""

SEED = "training.seed"

Cells = list[str]


def scores_section(runs: Sequence[RunContents]) -> str:
    """Returns the test scores of all runs, and mean and standard deviation of those that differ in their seed alone."""
    names = list(dict.fromkeys(name for run in runs for name in run.scores))
    if not names:
        return ""
    rows = [[shown(run.name), *(_score(run, name) for name in names)] for run in runs]
    rows += [_spread_row(members, names) for members in _same_but_seed(runs)]
    note_of_spread = note("± is the standard deviation of a sample.") if len(rows) > len(runs) else ""
    return section("Test scores", table(["", *map(title, names)], rows, kind="numbers"), note_of_spread)


def _score(run: RunContents, name: str) -> str:
    return shown(run.metric(name).display(run.scores[name])) if name in run.scores else ""


def _same_but_seed(runs: Sequence[RunContents]) -> list[list[RunContents]]:
    """Returns the groups of two runs or more that have scores and differ in nothing but their seed."""
    groups: dict[str, list[RunContents]] = {}
    for run in runs:
        if run.scores:
            key = repr(sorted((path, value) for path, value in run.settings.items() if path != SEED))
            groups.setdefault(key, []).append(run)
    return [members for members in groups.values() if len({run.seed for run in members}) > 1]


def _spread_row(members: Sequence[RunContents], names: Sequence[str]) -> Cells:
    common = [name for name in names if all(name in run.scores for run in members)]
    first = members[0]
    metrics = {name: first.metric(name) for name in common}
    spread = Spread([run.seed for run in members], [run.scores for run in members], metrics)
    seeds = ", ".join(map(str, spread.seeds))
    return [f"<i>mean of seeds {seeds}</i>", *(shown(spread.display(name)) if name in common else "" for name in names)]


def comparison_section(comparison: "Comparison", names: Sequence[str]) -> str:
    """Returns how much each model differs from the first, and whether that may be luck.

    Args:
        comparison: The models.
        names: Their short names.
    """
    head = ["", *map(title, comparison.metrics)]
    rows: list[Cells] = []
    for name, model in zip(names[1:], comparison.models[1:], strict=True):
        rows += _differences(comparison, name, model)
    remark = (
        f"Each compared with <b>{shown(names[0])}</b> on {comparison.examples:,} answers, by {shown(METHOD)} with "
        f"{comparison.resamples:,} resamples. It says nothing of other seeds."
    )
    return section("Is it better?", note(remark), table(head, rows, kind="numbers"))


def _differences(comparison: "Comparison", name: str, model: "Compared") -> list[Cells]:
    shown_ones = [(metric.display, model.differences[key]) for key, metric in comparison.metrics.items()]
    bounds = [f"{signed(show, one.low)} to {signed(show, one.high)}" for show, one in shown_ones]
    return [
        [f"<b>{shown(name)}</b>, difference", *(shown(signed(show, one.score)) for show, one in shown_ones)],
        ["95 % interval", *map(shown, bounds)],
        ["p-value", *(shown(shown_p_value(one.p_value, comparison.resamples)) for _, one in shown_ones)],
    ]


def flips_section(comparison: "Comparison", names: Sequence[str]) -> str:
    """Returns answers that only one of two models has right.

    Args:
        comparison: The models.
        names: Their short names.
    """
    parts = []
    for name, model in zip(names[1:], comparison.models[1:], strict=True):
        if model.flips is not None:
            kinds = {"right → wrong": model.flips.worse, "wrong → right": model.flips.better}
            counted = ", ".join(f"{len(flips):,} {kind}" for kind, flips in kinds.items())
            parts.append(note(f"From {shown(names[0])} to <b>{shown(name)}</b>: {counted}."))
            parts.append(_flips(kinds, (names[0], name)))
    return section("Answers that flipped", *parts)


def _flips(kinds: Mapping[str, Sequence[Flip]], names: tuple[str, str]) -> str:
    rows = [_flip(flip) for flips in kinds.values() for flip in flips[:MOST_FLIPS]]
    return table(["source", "right", *map(shown, names)], rows, kind="flips") if rows else ""


def _flip(flip: Flip) -> Cells:
    reference = flip.references[0]
    answers = [
        foreign(text) if text in flip.references else marked(reference, text)[1] for text in (flip.before, flip.after)
    ]
    return [foreign(flip.source), foreign(reference), *answers]
