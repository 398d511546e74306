"""``s2s evaluate``: score a model."""

import json
from pathlib import Path

import click

from s2s_core.cli import report
from s2s_core.cli.options import installed
from s2s_core.pipeline import evaluate_file, evaluate_run
from s2s_core.run import Run
from s2s_core.task import Split


@click.command(short_help="Score a run or an exported file.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["test", "validation"]), default="test", show_default=True)
@click.option("--provider", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="For a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def evaluate(context: click.Context, model: Path, split: Split, provider: str, *, as_json: bool) -> None:
    """Scores MODEL, a run's folder or an exported .onnx file, on held-out examples of its task.

    A folder is evaluated in PyTorch, a file in ONNX Runtime alone.

    \b
    s2s evaluate runs/reverse-mlp-rnn-mlp-rnn
    s2s evaluate runs/reverse-mlp-rnn-mlp-rnn/model.onnx --split validation
    """
    plugins = installed(context)
    if model.is_dir():
        scores = evaluate_run(Run.open(model, plugins), split)
    else:
        scores = evaluate_file(model, plugins, split, provider)
    if as_json:
        click.echo(json.dumps(scores))
    else:
        report.scores(split, scores, plugins)
