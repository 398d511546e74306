"""A table of a model's answers and their scores, line by line, as TSV."""

from collections.abc import Iterator, Mapping

from s2s_core.evaluation.answers import Answered, Scores, score_line
from s2s_core.evaluation.metric import BaseMetric

NOTHING = r"\N"
"""Fills the cells of a row that has fewer references than another, as PostgreSQL's COPY writes a null."""

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def details(answered: Answered, metrics: Mapping[str, BaseMetric]) -> Iterator[str]:
    """Yields a header and then a line for each row that was scored, worst first by the first metric.

    The columns are ``source``, ``reference``, ``reference_2`` and so on, ``hypothesis``, and one for each metric. They
    are separated by tabs and escaped in the manner of PostgreSQL's COPY.
    """
    most = max(map(len, answered.references))
    yield "\t".join(("source", *_reference_names(most), "hypothesis", *metrics))
    for row, scores in worst_first(answered, metrics):
        references = answered.references[row]
        missing = [NOTHING] * (most - len(references))
        texts = map(escape, (answered.sources[row], *references))
        shown = (f"{value:.6g}" for value in scores.values())
        yield "\t".join((*texts, *missing, escape(answered.hypotheses[row]), *shown))


def worst_first(answered: Answered, metrics: Mapping[str, BaseMetric]) -> list[tuple[int, Scores]]:
    """Returns the number of each row with its scores, worst first by the first metric; the next one breaks a tie."""
    scores = [score_line(answered, row, metrics) for row in range(len(answered.sources))]
    badness = [_badness(line, metrics) for line in scores]
    return [(row, scores[row]) for row in sorted(range(len(scores)), key=badness.__getitem__)]


def escape(text: str) -> str:
    r"""Escapes a text so that it stays in its cell: tab, line feed, carriage return and backslash become ``\t`` etc."""
    return text.translate(_ESCAPES)


def _reference_names(count: int) -> list[str]:
    return ["reference", *(f"reference_{number}" for number in range(2, count + 1))]


def _badness(scores: Mapping[str, float], metrics: Mapping[str, BaseMetric]) -> tuple[float, ...]:
    """Returns the sort key of a line, worst first; the next metric breaks a tie."""
    return tuple(scores[name] if metric.higher_is_better else -scores[name] for name, metric in metrics.items())
