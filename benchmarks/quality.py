"""Trains and scores the models of a row of docs/benchmarks.md.

    python benchmarks/quality.py ROW DATA [--recipe FILE] [--seeds 0-4] [--set NAME=VALUE …]

DATA is a folder with the row's files, whose names ``ROWS`` has: TSV, a source, a tab and a target on each line, or the
columns that the row's settings say. Each
score is that of the exported file on the official test part; nothing was chosen by it. It prints the scores, their mean
and the CPU minutes.
"""

import resource
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import click

import s2s_core as s2s
from s2s_core.config.overrides import Overrides, nested, parse_assignment
from s2s_core.config.seeds import parse_seeds
from s2s_core.evaluation.evaluation import Evaluation

MEDIUM = ("arm_e", "bul", "dut", "fre", "geo", "hbs_latn", "hun", "jpn_hira", "kor", "vie_hanoi")
LOW = ("ady", "gre", "ice", "ita", "khm", "lav", "mlt_latn", "rum", "slv", "wel_sw")

RATES = {"evaluation.metrics": ("sequence_error_rate", "token_error_rate")}


@attrs.frozen
class Row:
    """What a row of the table trains.

    Attributes:
        parts: The files of training, validation and test, in which ``{}`` stands for each of ``names``. An empty one is
            split off the training file.
        names: The data sets whose scores are averaged.
        settings: Besides the defaults.
    """

    parts: tuple[str, str, str]
    names: tuple[str, ...] = ("",)
    settings: Mapping[str, object] = attrs.Factory(dict)


ROWS = {
    "sigmorphon-medium": Row(("medium.{}.train.tsv", "medium.{}.dev.tsv", "medium.{}.test.tsv"), MEDIUM, RATES),
    "sigmorphon-low": Row(("low.{}.train.tsv", "low.{}.dev.tsv", "low.{}.test.tsv"), LOW, RATES),
    "cmudict": Row(("train.tsv", "dev.tsv", "test.tsv"), settings={**RATES, "task.references": "all"}),
    "scan": Row(
        ("{}.train.tsv", "", "{}.test.tsv"),
        ("simple", "length", "addprim_jump", "addprim_turn_left"),
    ),
    "multi30k": Row(
        ("tok.en-de.train.tsv", "tok.en-de.val.tsv", "tok.en-de.test_2016_flickr.tsv"),
        settings={
            "task.source_column": 2,
            "task.target_column": 1,
            "evaluation.metrics": ({"name": "bleu", "tokenize": "none"},),
        },
    ),
}


@attrs.frozen
class Scored:
    """What the models of a data set make of its test part.

    Attributes:
        singles: The main score of the model of each seed.
        together: The main score of the models of all seeds in one file; None if there is one.
        shown: All scores.
        display: Formats the main score.
    """

    singles: list[float]
    together: float | None
    shown: str
    display: Callable[[float], str]


@click.command()
@click.argument("row", type=click.Choice(list(ROWS)))
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True), help="By default the defaults of pairs.")
@click.option("--seeds", default="0", help="One, such as 3, or several, such as 0-4.", show_default=True)
@click.option("--only", multiple=True, help="One of the row's data sets; may be repeated.  [default: all]")
@click.option("--output", default="runs/quality", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE")
def main(
    row: str,
    data: Path,
    recipe: Path | None,
    seeds: str,
    only: tuple[str, ...],
    output: Path,
    assignments: tuple[str, ...],
) -> None:
    """Trains and scores the models of a row."""
    numbers = [int(seeds)] if seeds.isdecimal() else parse_seeds(seeds)
    scored = []
    for name in only or ROWS[row].names:
        before = cpu_minutes()
        settings = [*tables(ROWS[row], data, name), *map(parse_assignment, assignments)]
        folder = output / f"{row}-{name or 'all'}-{seeds}"
        measure = together if len(numbers) > 1 else alone
        scored.append(measure(recipe, settings, numbers, folder))
        print(f"{row} {name} seeds {seeds}: {scored[-1].shown}; {cpu_minutes() - before:.1f} CPU minutes", flush=True)
    print(f"{row} seeds {seeds}: mean {summary(scored)}")


def tables(row: Row, data: Path, name: str) -> list[Overrides]:
    """Returns the settings of a row for one of its data sets."""
    files = [part and str(data / part.format(name)) for part in row.parts]
    paths = dict(zip(("task.train", "task.validation", "task.test"), files, strict=True))
    return [{"task": {"name": "pairs"}}, *(nested(path, value) for path, value in {**paths, **row.settings}.items())]


def alone(recipe: Path | None, settings: list[Overrides], seeds: list[int], folder: Path) -> Scored:
    """Trains and scores the model of one seed."""
    run = s2s.run(recipe, [*settings, nested("training.seed", seeds[0])], output=folder, overwrite=True)
    evaluation = s2s.evaluate(run.onnx_path)
    return Scored([main_score(evaluation)], None, shown(evaluation), next(iter(evaluation.metrics.values())).display)


def together(recipe: Path | None, settings: list[Overrides], seeds: list[int], folder: Path) -> Scored:
    """Trains and scores models of several seeds, and all of them in one file."""
    runs = s2s.run_seeds(recipe, settings, seeds=seeds, output=folder, overwrite=True)
    evaluation = s2s.evaluate(runs.export.path)
    name, metric = next(iter(evaluation.metrics.items()))
    singles = [scores[name] for scores in runs.spread.scores]
    each = ", ".join(f"{name} {runs.spread.display(name)}" for name in evaluation.metrics)
    return Scored(singles, main_score(evaluation), f"{each}; together {shown(evaluation)}", metric.display)


def main_score(evaluation: Evaluation) -> float:
    """Returns the score of the first metric."""
    return next(iter(evaluation.scores.values()))


def shown(evaluation: Evaluation) -> str:
    """Returns all scores, formatted."""
    return ", ".join(f"{name} {evaluation.metrics[name].display(score)}" for name, score in evaluation.scores.items())


def summary(scored: list[Scored]) -> str:
    """Returns the mean over the data sets: of each seed's models their mean and deviation, and of all in one file."""
    display = scored[0].display
    means = [statistics.mean(column) for column in zip(*(one.singles for one in scored), strict=True)]
    if len(means) == 1:
        return display(means[0])
    several = statistics.mean(one.together for one in scored if one.together is not None)
    return f"{display(statistics.mean(means))} ± {display(statistics.stdev(means))}, together {display(several)}"


def cpu_minutes() -> float:
    """Returns the CPU minutes of this process and those it waited for, so far."""
    usages = [resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) / 60


if __name__ == "__main__":
    main()
