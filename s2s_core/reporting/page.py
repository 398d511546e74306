"""The page of a report: one HTML file that loads nothing and runs nothing."""

from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from s2s_core.reporting.answers import answers_section
from s2s_core.reporting.comparison import comparison_section, flips_section, scores_section
from s2s_core.reporting.confusions import confusions_section
from s2s_core.reporting.contents import RunContents
from s2s_core.reporting.facts import differing_section, file_section, folded_settings, settings_section
from s2s_core.reporting.learning import learning_section
from s2s_core.reporting.lengths import lengths_section, reliability_section
from s2s_core.reporting.markup import note, shown, title

if TYPE_CHECKING:
    from s2s_core.pipeline.compare import Comparison

MOST_PROBLEM = 600
"""The most characters of a problem that are shown."""


def page(
    runs: Sequence[RunContents], comparison: "Comparison | None", compared: Sequence[str], trouble: str = ""
) -> str:
    """Returns a report.

    Args:
        runs: What it tells of each run.
        comparison: Of the runs that were evaluated, if there are several.
        compared: The short names of these runs.
        trouble: Why there is no comparison, if there could have been one.
    """
    body = _single(runs[0]) if len(runs) == 1 else _several(runs, comparison, compared, trouble)
    heading = runs[0].name if len(runs) == 1 else ", ".join(run.name for run in runs)
    return _filled({"title": shown(heading), "body": body})


def _single(run: RunContents) -> str:
    return "".join(
        (
            _header(run),
            _summary(run),
            learning_section([run]),
            lengths_section([run]),
            reliability_section([run]),
            answers_section(run),
            confusions_section(run),
            file_section(run),
            settings_section(run),
        )
    )


def _several(
    runs: Sequence[RunContents], comparison: "Comparison | None", compared: Sequence[str], trouble: str
) -> str:
    parts = [f"<header><h1>{len(runs):,} runs</h1><p>{_listed(runs)}</p></header>", scores_section(runs)]
    if trouble:
        parts.append(note(f"They aren't compared: {shown(trouble, MOST_PROBLEM)}."))
    if comparison is not None:
        parts.append(comparison_section(comparison, compared))
    parts += [learning_section(runs), lengths_section(runs), reliability_section(runs)]
    if comparison is not None:
        parts.append(flips_section(comparison, compared))
    parts.append(differing_section(runs))
    for run in runs:
        own = (answers_section(run, 3), confusions_section(run, 3), file_section(run, 3), folded_settings(run))
        parts.append(f'<section class="run"><h2>{shown(run.name)}</h2>{_facts(run)}{"".join(own)}</section>')
    return "".join(parts)


def _listed(runs: Sequence[RunContents]) -> str:
    return ", ".join(f"<b>{shown(run.name)}</b>" for run in runs)


def _header(run: RunContents) -> str:
    return f"<header><h1>{shown(run.name)}</h1>{_facts(run)}</header>"


def _facts(run: RunContents) -> str:
    """Returns what a run is, and what is missing."""
    problems = "".join(f"<li>{shown(problem, MOST_PROBLEM)}</li>" for problem in run.problems)
    missing = f'<ul class="problems">{problems}</ul>' if problems else ""
    return f"<p>{shown(run.title)}; seed {run.seed}</p>{missing}"


def _summary(run: RunContents) -> str:
    """Returns the scores in large letters."""
    scores = [(title(name), shown(run.metric(name).display(score))) for name, score in run.scores.items()]
    if not scores:
        return ""
    tiles = "".join(f'<div class="tile"><span>{name}</span><b>{score}</b></div>' for name, score in scores)
    counted = run.evaluation.answered.counted() if run.evaluation is not None else "recorded when the run ended"
    signatures = run.evaluation.signatures if run.evaluation is not None else {}
    how = "".join(note(f"{title(name)}: {shown(text)}") for name, text in signatures.items())
    return f'<section><div class="tiles">{tiles}</div>{note(f"On the test set: {counted}")}{how}</section>'


def _filled(parts: dict[str, str]) -> str:
    """Returns the template with its parts filled in, none of which is looked at again."""
    template = resources.files("s2s_core.reporting").joinpath("page.html").read_text(encoding="utf-8")
    before, _, rest = template.partition("<!-- title -->")
    between, _, after = rest.partition("<!-- body -->")
    return "".join((before, parts["title"], between, parts["body"], after))
