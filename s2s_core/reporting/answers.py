"""The worst wrong answers, with what differs from the references and what the decoder looked at."""

import itertools
import unicodedata
from collections.abc import Sequence

from s2s_core.evaluation.confusions import align
from s2s_core.reporting.chart import heat_map
from s2s_core.reporting.contents import RunContents, ShownAnswer
from s2s_core.reporting.markup import MOST_SHOWN, foreign, note, section, shown, title

MOST_RANKED = 10_000
"""The most wrong answers that are scored one by one to find the worst, the first ones."""


def answers_section(run: RunContents, level: int = 2) -> str:
    """Returns the answers that a run shows."""
    if not run.answers or run.evaluation is None:
        return ""
    wrong = run.evaluation.answered.is_right().count(False)
    total = len(run.evaluation.answered.sources)
    if not wrong:
        heading, remark = "Answers", f"All {total:,} answers are right; here are the first."
    else:
        heading = "Worst errors"
        ranked = f" of the first {MOST_RANKED:,}" if wrong > MOST_RANKED else ""
        more = f" Here are the worst {len(run.answers):,}{ranked}." if wrong > len(run.answers) else ""
        remark = f"{wrong:,} of {total:,} answers are wrong.{more} What differs is marked."
    cards = "".join(_card(answer, run) for answer in run.answers)
    return section(heading, note(remark), f'<div class="cards">{cards}</div>', level=level)


def _card(answer: ShownAnswer, run: RunContents) -> str:
    reference, hypothesis = marked(answer.reference, answer.hypothesis)
    scores = " · ".join(
        f"{title(name)} {shown(run.metric(name).display(score))}" for name, score in answer.scores.items()
    )
    rows = [("source", foreign(answer.source)), ("right", reference), ("answer", hypothesis)]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    attention = answer.attention
    drawn = (
        heat_map(
            "attention of the answer's tokens to those of the source",
            attention.target,
            attention.source,
            attention.weights.tolist(),
            lambda weight: f"{weight:.3f}",
        )
        if attention is not None
        else ""
    )
    return f'<article class="card"><dl>{listed}</dl><p class="faint">{scores}</p>{drawn}</article>'


def marked(reference: str, hypothesis: str) -> tuple[str, str]:
    """Returns a reference and an answer as HTML in which what differs is marked.

    Where one of them has a space, words are compared, otherwise characters.
    """
    words = " " in reference or " " in hypothesis
    left, right = (_units(text[:MOST_SHOWN], words=words) for text in (reference, hypothesis))
    pairs = list(align(left, right))
    between = " " if words else ""
    return (
        _runs([(one, one != other) for one, other in pairs if one is not None], "del", between, reference),
        _runs([(other, one != other) for one, other in pairs if other is not None], "ins", between, hypothesis),
    )


def _runs(units: Sequence[tuple[str, bool]], tag: str, between: str, text: str) -> str:
    """Returns the units of a text, with a tag around each run of those that differ."""
    parts = []
    for differs, group in itertools.groupby(units, key=lambda unit: unit[1]):
        joined = shown(between.join(unit for unit, _ in group), 2 * MOST_SHOWN)
        parts.append(f"<{tag}>{joined}</{tag}>" if differs else joined)
    more = "…" if len(text) > MOST_SHOWN else ""
    return f"<bdi>{between.join(parts)}{more}</bdi>" if text else foreign(text)


def _units(text: str, *, words: bool) -> list[str]:
    """Returns the words of a text, or its characters, each with the marks that combine with it."""
    if words:
        return text.split(" ")
    units: list[str] = []
    for character in text:
        if units and unicodedata.category(character).startswith("M"):
            units[-1] += character
        else:
            units.append(character)
    return units
