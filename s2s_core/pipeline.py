"""What the command line does with a trained model: evaluate and export it. To train it: ``s2s_core.training``."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.errors import ConfigError, ModelError, listing
from s2s_core.evaluate import evaluate
from s2s_core.files import write_atomically
from s2s_core.plugins import Plugins
from s2s_core.resolve import Layer, override, structure_component
from s2s_core.run import Run, load_tokenizer, make_metrics, make_task, require
from s2s_core.task import Split

if TYPE_CHECKING:
    from s2s_core.data import Splits
    from s2s_core.export.parity import Parity
    from s2s_core.score import Scorer

Scores = dict[str, float]

BATCH_SIZE = 256
"""How many texts a file answers at once when it is evaluated."""


def evaluate_run(run: Run, split: Split = "test") -> Scores:
    """Scores a run's best model in PyTorch on a split of its task.

    Raises:
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.checkpoint import load_checkpoint  # noqa: PLC0415  # needs PyTorch
    from s2s_core.translate import Translator  # noqa: PLC0415

    checkpoint = load_checkpoint(run)
    task = make_task(run.config.task, run.plugins)
    metrics = make_metrics(task, checkpoint.target_tokenizer, run.plugins)
    translator = Translator(checkpoint, run.config.decoding)
    return evaluate(translator, _examples(run.splits(), split), metrics)


def evaluate_file(path: Path, plugins: Plugins, split: Split = "test", provider: str = "cpu") -> Scores:
    """Scores an exported file on a split of the task that it was trained for. It needs no PyTorch.

    Raises:
        ModelError: The file is missing, damaged or foreign.
        PluginError: Its task isn't installed.
    """
    from s2s_core.data import Splits  # noqa: PLC0415  # s2s starts without numpy
    from s2s_core.runtime import Model  # noqa: PLC0415

    model = Model(path, provider=provider)
    try:
        require((used for used in model.metadata["plugins"] if used["kind"] not in {"encoder", "decoder"}), plugins)
        config = model.metadata["config"]
        chosen = structure_component(config["task"], "task", plugins)
        target = structure_component(config["target"]["tokenizer"], "tokenizer", plugins)
        tokenizer = load_tokenizer(target, model.metadata["target_tokenizer"], plugins)
    except KeyError as error:
        raise ModelError(f"{path} has damaged metadata: {error} is missing") from error
    task = make_task(chosen, plugins)
    examples = _examples(Splits(task, chosen.name), split)

    def translate(texts: Sequence[str]) -> list[str]:
        return [answer for part in _parts(texts) for answer in model(part)]

    return evaluate(translate, examples, make_metrics(task, tokenizer, plugins))


def scorer(run: Run) -> "Scorer":
    """Returns what scores given answers with a run's best model.

    Raises:
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.checkpoint import load_checkpoint  # noqa: PLC0415
    from s2s_core.score import Scorer  # noqa: PLC0415

    return Scorer(load_checkpoint(run))


def export_run(run: Run, path: Path | None = None, settings: Sequence[Layer] = ()) -> "Parity":
    """Exports a run's best model, and returns what its proof compared.

    Args:
        run: Trained.
        path: The file; by default ``model.onnx`` in the run's folder.
        settings: Tables ``decoding``, which become the defaults in the file, and ``export``.

    Raises:
        ConfigError: Another table is set, or a setting can't be used.
        ExportError: The file doesn't answer as the model does; nothing is written.
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.checkpoint import load_checkpoint  # noqa: PLC0415
    from s2s_core.export.exporter import export  # noqa: PLC0415

    if fixed := {table for layer in settings for table in layer} - {"decoding", "export"}:
        raise ConfigError(f"an export can't change {listing(fixed)} of a trained model, only decoding and export")
    checkpoint = load_checkpoint(run)
    checkpoint = attrs.evolve(checkpoint, config=override(checkpoint.config, settings, run.plugins))
    held_out = [example.source for example in run.splits().validation]
    return export(checkpoint, held_out, path or run.onnx_path)


def record_test_scores(run: Run, scores: Scores) -> None:
    """Makes the test scores the last line of ``metrics.jsonl``."""
    lines = [line for line in _lines(run.metrics_path) if "test" not in json.loads(line)]
    step: Any = json.loads(lines[-1])["step"] if lines else 0
    lines.append(json.dumps({"step": step, "test": scores}))
    write_atomically(run.metrics_path, "".join(line + "\n" for line in lines))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def _examples(splits: "Splits", split: Split) -> Any:
    return splits.validation if split == "validation" else splits.test


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), BATCH_SIZE):
        yield texts[start : start + BATCH_SIZE]
