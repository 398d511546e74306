"""Scores models: runs in PyTorch, exported files in ONNX Runtime alone."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import attrs

from s2s_core.config.overrides import Overrides, merge
from s2s_core.config.structure import override, structure_table
from s2s_core.config.tables import EvaluationConfig
from s2s_core.data.splits import Splits
from s2s_core.data.task import Example, References, Split
from s2s_core.errors import ChangedDataWarning, ConfigError, DataError
from s2s_core.evaluation.answers import Answered, answer, needs_likelihoods, without_likelihoods
from s2s_core.evaluation.evaluation import Evaluation, evaluate_answers
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.evaluation.reliability import reliability
from s2s_core.halves import in_halves
from s2s_core.pipeline.description import FileDescription
from s2s_core.pipeline.models import Runs, files_among, opened, require_tables, several
from s2s_core.pipeline.progress import Progress
from s2s_core.pipeline.recipe import Settings, overrides_of
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import make_metrics, make_task
from s2s_core.runs.location import located
from s2s_core.runs.run import Run
from s2s_core.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel

BATCH_SIZE = 256
"""How many texts a file answers at once when it is evaluated."""

HELD_OUT = ("test", "validation")
"""The splits that a model can be scored on."""


def evaluate(
    models: Runs,
    settings: Settings | None = None,
    *,
    split: Split = "test",
    examples: Iterable[Example] | None = None,
    references: References | None = None,
    provider: str = "cpu",
    plugins: Plugins | None = None,
) -> Evaluation:
    """Scores a run's best model, several runs' models together, or an exported file.

    ::

        s2s.evaluate(run, {"decoding.beam_size": 5}).scores["exact_match"]

    A run is evaluated in PyTorch, a file in ONNX Runtime alone. Of a file, metrics that need PyTorch are left out,
    unless ``settings`` ask for them.

    Args:
        models: A run or its folder, or several, which answer with the mean of their probabilities; or a file's path.
        settings: Settings of ``evaluation`` and, of runs, ``decoding``. They come before the run's own.
        split: ``"test"`` or ``"validation"`` of the task.
        examples: Examples to score on instead of a split.
        references: Whether each example with the same source counts, ``"each"``, or their targets are references of
            one answer, any of which is right, ``"all"``. By default, what the task says.
        provider: ``"cpu"`` or ``"cuda"``, for a file.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        ConfigError: A setting can't be used, a metric needs PyTorch, or the runs have different tasks or vocabularies.
        DataError: There are no examples, or a source needs more memory than there is.
        ModelError: There is no trained model, or it is damaged or foreign.
        PluginError: A component isn't installed.
    """
    if references not in {None, *get_args(References)}:
        raise ConfigError(f"references must be 'each' or 'all' (got {references!r})")
    if split not in HELD_OUT:
        raise ConfigError(f"split must be 'test' or 'validation' (got {split!r})")
    overrides = overrides_of(settings)
    own = None if examples is None else list(examples)
    if own == []:
        raise DataError("there are no examples to score on")
    files = files_among(models)
    if not files:
        return _evaluate_runs(opened(models, plugins), split, overrides, own, references)
    if len(several(models)) > 1:
        raise ConfigError(f"several models must be folders of runs (got {files[0]})")
    return _evaluate_file(files[0], plugins or Plugins(), split, provider, overrides, own, references)


def with_reliability(evaluation: Evaluation, path: Path, plugins: Plugins, progress: Progress) -> Evaluation:
    """Returns an evaluation on the test set that also says whether the confidences of an exported file hold.

    They are calibrated for the file's own answers, so it answers once more.
    """
    reliability = evaluate(path, plugins=plugins).reliability
    assert reliability is not None  # noqa: S101  # the export asked for confidences
    progress.reliable(reliability)
    return attrs.evolve(evaluation, reliability=reliability)


def _evaluate_runs(
    runs: Sequence[Run],
    split: Split,
    overrides: Sequence[Overrides],
    examples: Sequence[Example] | None,
    references: References | None,
) -> Evaluation:
    from s2s_core.decoding.likelihood import Likelihoods  # noqa: PLC0415  # needs PyTorch
    from s2s_core.decoding.translate import Translator  # noqa: PLC0415
    from s2s_core.model.together import load_together  # noqa: PLC0415

    require_tables(overrides, {"decoding", "evaluation"}, "an evaluation")
    run, checkpoint = runs[0], load_together(runs)
    if overrides:
        run = attrs.evolve(run, config=override(run.config, overrides, run.plugins))
    metrics = run.metrics(checkpoint.target_tokenizer.tokens)
    translator = Translator(checkpoint, run.config.decoding)
    forced = Likelihoods(checkpoint) if needs_likelihoods(metrics) else None
    rule = references or run.task.references
    if examples is None:
        _warn_of_other_data(run)
    answered = answer(translator, examples or _examples(run.splits, split), metrics, forced, rule)
    return _examined(answered, checkpoint.source_tokenizer, metrics, run.config.evaluation)


def _warn_of_other_data(run: Run) -> None:
    from s2s_core.model.checkpoint import load_data_record  # noqa: PLC0415  # needs PyTorch

    try:
        now = run.splits.fingerprint()
    except DataError:  # of a file that only training needs
        return
    if load_data_record(run).fingerprint not in {None, now}:
        message = f"the training data changed since {run.folder} was trained: what is held out now may have been seen"
        warnings.warn(message, ChangedDataWarning, stacklevel=4)


def _evaluate_file(
    path: Path,
    plugins: Plugins,
    split: Split,
    provider: str,
    overrides: Sequence[Overrides],
    examples: Sequence[Example] | None,
    references: References | None,
) -> Evaluation:
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415
    from s2s_core.runtime.memory import affordable_memory  # noqa: PLC0415

    require_tables(overrides, {"evaluation"}, "the evaluation of a file")
    model = ExportedModel(path, provider=provider, memory=affordable_memory() or 0)
    description = FileDescription.read(model, path, plugins)
    tables = merge([{"evaluation": description.evaluation}, *overrides])
    config = structure_table(tables["evaluation"], EvaluationConfig, "evaluation", plugins)
    task = make_task(located(description.task, path.parent), plugins)
    metrics = make_metrics(config, task, plugins, description.target_tokenizer.tokens)
    if not any("metrics" in tables.get("evaluation", ()) for tables in overrides):
        metrics = without_likelihoods(metrics)
        if not metrics:
            raise ConfigError(f"{path} can't be scored: all metrics of its run need PyTorch, so name others")
    scored = examples or _examples(Splits(task, description.task.name), split)
    answering = Answering(model)
    answered = answer(answering, scored, metrics, rule=references or task.references)
    evaluation = _examined(answered, description.source_tokenizer, metrics, config)
    if not answering.confidence:
        return evaluation
    confidences = [answering.confidence[source] for source in answered.sources]
    return attrs.evolve(evaluation, reliability=reliability(answered, confidences))


class Answering:
    """Answers any number of texts with a file, and notes how sure it is of each, if it tells.

    Args:
        model: The file.

    Attributes:
        confidence: By text.
    """

    def __init__(self, model: "ExportedModel") -> None:
        self._model = model
        self.confidence: dict[str, float] = {}

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Returns the best answer to each text.

        Raises:
            DataError: One of them needs more memory than there is.
        """
        starts = range(0, len(texts), BATCH_SIZE)
        return [text for start in starts for text in self._answered(texts[start : start + BATCH_SIZE])]

    def _answered(self, texts: Sequence[str]) -> Iterator[str]:
        for text, target in zip(texts, in_halves(self._batch, texts), strict=True):
            if isinstance(target, Exception):
                raise DataError(f"{target}: a source has {len(text):,} characters; leave it out") from target
            yield target

    def _batch(self, texts: Sequence[str]) -> list[str]:
        answers = self._model.answers(texts)
        if answers.confidence is not None:
            self.confidence.update(zip(texts, answers.confidence.tolist(), strict=True))
        best: list[str] = answers.hypotheses[:, 0].tolist()
        return best


def _examined(
    answered: Answered, source: Tokenizer, metrics: Mapping[str, BaseMetric], config: EvaluationConfig
) -> Evaluation:
    lengths = [len(source.split(text)) for text in answered.sources]
    return evaluate_answers(answered, lengths, metrics, config.length_buckets)


def _examples(splits: Splits, split: Split) -> Sequence[Example]:
    return splits.validation if split == "validation" else splits.test
