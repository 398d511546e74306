"""What the command line does with a trained model: evaluate and export it. To train it: ``s2s_core.training``."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.resolve import Layer, merge, override, structure_component, structure_table
from s2s_core.config.tables import EvaluationConfig
from s2s_core.data.task import Example, Split
from s2s_core.errors import ConfigError, ModelError, listing
from s2s_core.evaluation.answers import Answered, answer
from s2s_core.evaluation.evaluation import Evaluation, examine
from s2s_core.evaluation.metric import LikelihoodMetric, Measure
from s2s_core.files import require_writable
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import load_tokenizer, make_metrics, make_task
from s2s_core.runs.log import record_test
from s2s_core.runs.provenance import RECORDED, is_provenance, require
from s2s_core.runs.run import Run
from s2s_core.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from s2s_core.data.pairs import Splits
    from s2s_core.decoding.likelihood import Likelihoods
    from s2s_core.exporting.parity import Parity

BATCH_SIZE = 256
"""How many texts a file answers at once when it is evaluated."""


def evaluate_runs(
    runs: Sequence[Run],
    split: Split = "test",
    settings: Sequence[Layer] = (),
    examples: Sequence[Example] | None = None,
) -> Evaluation:
    """Scores a run's best model in PyTorch, or those of several runs, which answer together.

    Args:
        runs: Trained.
        split: Of its task.
        settings: Tables ``decoding`` and ``evaluation``, which come before the first run's.
        examples: To be scored on instead of a split.

    Raises:
        ConfigError: Another table is set, a setting can't be used, or the runs have different tasks or vocabularies.
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.decoding.likelihood import Likelihoods  # noqa: PLC0415
    from s2s_core.decoding.translate import Translator  # noqa: PLC0415
    from s2s_core.model.checkpoint import load_together  # noqa: PLC0415  # needs PyTorch

    _only(settings, {"decoding", "evaluation"}, "an evaluation")
    run = runs[0]
    config = override(run.config, settings, run.plugins)
    checkpoint = load_together(runs)
    tokenizers = checkpoint.source_tokenizer, checkpoint.target_tokenizer
    metrics = make_metrics(config.evaluation, make_task(config.task, run.plugins), run.plugins, tokenizers[1].split)
    chosen = examples or _examples(run.splits, split)
    answered = answer(Translator(checkpoint, config.decoding), chosen, metrics, Likelihoods(checkpoint))
    return _examined(answered, tokenizers[0], metrics, config.evaluation)


def evaluate_file(
    path: Path,
    plugins: Plugins,
    split: Split = "test",
    provider: str = "cpu",
    settings: Sequence[Layer] = (),
    examples: Sequence[Example] | None = None,
) -> Evaluation:
    """Scores an exported file. It needs no PyTorch.

    Metrics that need PyTorch are left out, unless they are asked for in ``settings``.

    Args:
        path: The file.
        plugins: Where its task, its tokenizers and the metrics come from.
        split: Of the task that it was trained for.
        provider: ``"cpu"`` or ``"cuda"``.
        settings: The table ``evaluation``, which comes before the run's.
        examples: To be scored on instead of a split.

    Raises:
        ConfigError: Another table is set, or a setting can't be used, or a metric needs PyTorch.
        ModelError: The file is missing, damaged or foreign.
        PluginError: Its task isn't installed.
    """
    from s2s_core.data.pairs import Splits  # noqa: PLC0415  # s2s starts without numpy
    from s2s_core.runtime.file import Model  # noqa: PLC0415

    _only(settings, {"evaluation"}, "the evaluation of a file")
    model = Model(path, provider=provider)
    if not is_provenance(model.metadata.get("plugins")):
        raise ModelError(f"{path} has damaged metadata: plugins must say of each component {listing(RECORDED)}")
    try:
        require((used for used in model.metadata["plugins"] if used["kind"] not in {"encoder", "decoder"}), plugins)
        saved = model.metadata["config"]
        chosen = structure_component(saved["task"], "task", plugins)
        source, target = (
            load_tokenizer(
                structure_component(saved[side]["tokenizer"], "tokenizer", plugins),
                model.metadata[f"{side}_tokenizer"],
                plugins,
            )
            for side in ("source", "target")
        )
    except KeyError as error:
        raise ModelError(f"{path} has damaged metadata: {error} is missing") from error
    except (TypeError, AttributeError, ConfigError, ModelError) as error:
        raise ModelError(f"{path} has damaged metadata: {error}") from error
    tables = merge([{"evaluation": saved.get("evaluation", {})}, *settings])
    config = structure_table(tables["evaluation"], EvaluationConfig, "evaluation", plugins)
    task = make_task(chosen, plugins)
    metrics = make_metrics(config, task, plugins, target.split)
    if not any("metrics" in layer.get("evaluation", ()) for layer in settings):
        metrics = {name: metric for name, metric in metrics.items() if not isinstance(metric, LikelihoodMetric)}

    def translate(texts: Sequence[str]) -> list[str]:
        return [text for part in _parts(texts) for text in model(part)]

    answered = answer(translate, examples or _examples(Splits(task, chosen.name), split), metrics)
    return _examined(answered, source, metrics, config)


def scorer(runs: Sequence[Run]) -> "Likelihoods":
    """Returns what scores given answers with a run's best model, or with those of several runs together.

    Raises:
        ConfigError: The runs have different tasks or vocabularies.
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.decoding.likelihood import Likelihoods  # noqa: PLC0415
    from s2s_core.model.checkpoint import load_together  # noqa: PLC0415

    return Likelihoods(load_together(runs))


def export_runs(runs: Sequence[Run], path: Path | None = None, settings: Sequence[Layer] = ()) -> "Parity":
    """Exports a run's best model, or those of several runs as one file, and returns what its proof compared.

    Args:
        runs: Trained.
        path: The file; by default ``model.onnx`` in the first run's folder.
        settings: Tables ``decoding``, which become the defaults in the file, and ``export``.

    Raises:
        ConfigError: Another table is set, a setting can't be used, or the runs have different tasks or vocabularies.
        ExportError: The file doesn't answer as the model does; nothing is written.
        ModelError: There is no trained model, or it is damaged.
        OSError: The file can't be written.
    """
    from s2s_core.exporting.exporter import export  # noqa: PLC0415
    from s2s_core.model.checkpoint import load_together  # noqa: PLC0415

    _only(settings, {"decoding", "export"}, "an export")
    run = runs[0]
    path = path or run.onnx_path
    require_writable(path)
    checkpoint = load_together(runs)
    checkpoint = attrs.evolve(checkpoint, config=override(checkpoint.config, settings, run.plugins))
    held_out = [example.source for example in run.splits.validation]
    return export(checkpoint, held_out, path)


def record_test_scores(run: Run, evaluation: Evaluation) -> None:
    """Makes the test scores the last line of ``metrics.jsonl``.

    Raises:
        ModelError: A line is damaged.
    """
    record = evaluation.record()
    record_test(run, {"test": record.pop("scores"), **record})


def _only(settings: Sequence[Layer], tables: set[str], what: str) -> None:
    """Refuses settings of other tables."""
    if fixed := {table for layer in settings for table in layer} - tables:
        allowed = " and ".join(sorted(tables))
        raise ConfigError(f"{what} can't change {listing(fixed)} of a trained model, only {allowed}")


def _examined(
    answered: Answered, source: Tokenizer, metrics: Mapping[str, Measure], config: EvaluationConfig
) -> Evaluation:
    lengths = [len(source.split(text)) for text in answered.sources]
    return examine(answered, lengths, metrics, config.length_buckets)


def _examples(splits: "Splits", split: Split) -> Any:
    return splits.validation if split == "validation" else splits.test


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), BATCH_SIZE):
        yield texts[start : start + BATCH_SIZE]
