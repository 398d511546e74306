"""``s2s evaluate``: score a model."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s2s_core.cli.context import installed
from s2s_core.cli.options import metric_settings, references_option
from s2s_core.config.overrides import parse_assignment
from s2s_core.data.examples import read_examples
from s2s_core.data.task import References, Split
from s2s_core.files import require_writable, write_atomically

if TYPE_CHECKING:
    from s2s_core.evaluation.evaluation import Evaluation


@click.command()
@click.argument("models", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--split", type=click.Choice(["test", "validation"]), default="test", show_default=True)
@click.option(
    "--data", metavar="FILE", help="Lines of source, tab, target to score instead of a split; - is standard input."
)
@references_option
@click.option("--metrics", metavar="NAMES", help="Such as bleu,chrf.  [default: those of the run]")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A setting of evaluation or decoding.")
@click.option("--by-length", is_flag=True, help="Print the scores by the length of the source too.")
@click.option(
    "--details",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write every answer with its scores as TSV, the worst first; - is standard output.",
)
@click.option("--provider", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="For a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def evaluate(
    context: click.Context,
    models: tuple[Path, ...],
    split: Split,
    data: str | None,
    references: References | None,
    metrics: str | None,
    assignments: tuple[str, ...],
    details: str | None,
    provider: str,
    *,
    by_length: bool,
    as_json: bool,
) -> None:
    """Scores a run's folder or an exported .onnx file, on held-out examples of its task or on those of a file.

    A folder is evaluated in PyTorch, a file in ONNX Runtime alone. Several folders answer together, with the mean of
    their models' probabilities.

    \b
    s2s evaluate runs/reverse-mlp-rnn-mlp-rnn
    s2s evaluate runs/reverse-mlp-rnn-mlp-rnn/model.onnx --split validation
    s2s evaluate model.onnx --data pairs.tsv --metrics bleu,chrf --details answers.tsv
    s2s evaluate runs/seed-0 runs/seed-1 runs/seed-2
    s2s evaluate runs/mine --by-length --set evaluation.metrics='[{name = "bleu", tokenize = "char"}]'
    """
    from s2s_core.pipeline.evaluate import evaluate as evaluate_models  # noqa: PLC0415  # help needs none of it
    from s2s_core.pipeline.printing import score_lines  # noqa: PLC0415
    from s2s_core.runtime.trial import require_tried  # noqa: PLC0415

    for model in models:
        require_tried(model)
    if details not in {None, "-"}:
        require_writable(Path(details))
    evaluation = evaluate_models(
        models,
        [*metric_settings(metrics), *map(parse_assignment, assignments)],
        split=split,
        examples=read_examples(data) if data else None,
        references=references,
        provider=provider,
        plugins=installed(context),
    )
    if details is not None:
        _write(details, evaluation)
    shown = score_lines("data" if data else split, evaluation, lengths=by_length)
    for line in [json.dumps(evaluation.to_json())] if as_json else shown:
        click.echo(line, err=details == "-")


def _write(file: str, evaluation: "Evaluation") -> None:
    text = "".join(line + "\n" for line in evaluation.details())
    if file == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        write_atomically(Path(file), text)
