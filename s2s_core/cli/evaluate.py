"""``s2s evaluate``: score a model."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from s2s_core.cli import report
from s2s_core.cli.options import installed
from s2s_core.config.resolve import Layer, parse_assignment
from s2s_core.data.examples import read_examples
from s2s_core.data.task import Split
from s2s_core.errors import ConfigError
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.files import require_writable, write_atomically
from s2s_core.pipeline.evaluate import evaluate_file, evaluate_runs
from s2s_core.runs.run import Run


@click.command(short_help="Score a run or an exported file.")
@click.argument("models", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--split", type=click.Choice(["test", "validation"]), default="test", show_default=True)
@click.option(
    "--data", metavar="FILE", help="Lines of source, tab, target to score instead of a split; - is standard input."
)
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
    plugins = installed(context)
    if details not in {None, "-"}:
        require_writable(Path(details))
    settings = [*_metrics(metrics), *map(parse_assignment, assignments)]
    examples = read_examples(data) if data else None
    files = [model for model in models if not model.is_dir()]
    if files and len(models) > 1:
        raise ConfigError(f"several models must be folders of runs (got {files[0]})")
    if files:
        found = evaluate_file(models[0], plugins, split, provider, settings, examples)
    else:
        found = evaluate_runs([Run.open(model, plugins) for model in models], split, settings, examples)
    if details is not None:
        _write(details, found)
    on_error = details == "-"
    if as_json:
        click.echo(json.dumps(found.record()), err=on_error)
    else:
        report.scores("data" if data else split, found, lengths=by_length, err=on_error)


def _metrics(names: str | None) -> Sequence[Layer]:
    """Returns the settings that take these metrics alone."""
    if names is None:
        return []
    return [{"evaluation": {"metrics": [name.strip() for name in names.split(",")], "select": ""}}]


def _write(file: str, found: Evaluation) -> None:
    text = "".join(line + "\n" for line in found.details())
    if file == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        write_atomically(Path(file), text)
