"""Trains and scores the models of a row of docs/benchmarks.md.

    python benchmarks/quality.py ROW DATA [--recipe FILE] [--seed N] [--set NAME=VALUE …]

DATA is a folder with the row's files, whose names ``ROWS`` has: TSV, a source, a tab and a target on each line, or the
columns that the row's settings say. Each
score is that of the exported file on the official test part; nothing was chosen by it. It prints the scores, their mean
and the CPU minutes.
"""

import resource
import statistics
from pathlib import Path

import attrs
import click

import s2s_core as s2s
from s2s_core.config.overrides import nested, parse_assignment

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
    settings: dict[str, object] = attrs.field(factory=dict)


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


@click.command()
@click.argument("row", type=click.Choice(list(ROWS)))
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True), help="By default the defaults of pairs.")
@click.option("--seed", default=0)
@click.option("--only", default="", help="One of the row's data sets.")
@click.option("--output", default="runs/quality", type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE")
def main(
    row: str, data: Path, recipe: Path | None, seed: int, only: str, output: Path, assignments: tuple[str, ...]
) -> None:
    """Trains and scores the models of a row."""
    described, scores = ROWS[row], []
    overrides = [parse_assignment(text) for text in assignments]
    for name in [only] if only else described.names:
        files = [part and str(data / part.format(name)) for part in described.parts]
        paths = dict(zip(("task.train", "task.validation", "task.test"), files, strict=True))
        tables = [
            {"task": {"name": "pairs"}},
            *(nested(path, value) for path, value in {**paths, **described.settings, "training.seed": seed}.items()),
            *overrides,
        ]
        before = cpu_minutes()
        run = s2s.run(recipe, tables, output=output / f"{row}-{name or 'all'}-{seed}", overwrite=True)
        minutes = cpu_minutes() - before
        evaluation = s2s.evaluate(run.onnx_path)
        scores.append(next(iter(evaluation.scores.values())))
        shown = ", ".join(
            f"{each} {evaluation.metrics[each].display(score)}" for each, score in evaluation.scores.items()
        )
        print(f"{row} {name} seed {seed}: {shown}; {minutes:.1f} CPU minutes", flush=True)
        main_metric = next(iter(evaluation.metrics.values()))
    print(f"{row} seed {seed}: mean {main_metric.display(statistics.mean(scores))}")


def cpu_minutes() -> float:
    """Returns the CPU minutes of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) / 60


if __name__ == "__main__":
    main()
