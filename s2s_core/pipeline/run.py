"""Trains, evaluates, exports and proves the export."""

import contextlib
import signal
from pathlib import Path

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.pipeline.card import write_card
from s2s_core.pipeline.evaluate import evaluate, with_reliability
from s2s_core.pipeline.export import export
from s2s_core.pipeline.progress import Progress, default_progress
from s2s_core.pipeline.recipe import Recipe, Settings
from s2s_core.pipeline.results import TrainedRun
from s2s_core.pipeline.train import described, train_described
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.interruption import TrainingInterruptedError
from s2s_core.runs.log import record_test
from s2s_core.runs.processes import is_first_process
from s2s_core.runs.run import Run


def run(
    recipe: Recipe = None,
    settings: Settings | None = None,
    *,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    plugins: Plugins | None = None,
    progress: Progress | None = None,
) -> TrainedRun:
    """Trains a model, evaluates it, exports it as one ONNX file, and proves that the file answers as the model does.

    ::

        run = s2s.run("recipe.toml", {"task.train": "pairs.tsv"}, output="runs/mine")
        run.evaluation.scores, run.export.parity, run.onnx_path

    It takes and raises what ``train``, ``evaluate`` and ``export`` do.

    Returns:
        The run with all that was measured. Of several processes, all but the first one only train.
    """
    opened = described(recipe, settings, output, plugins, resume=resume, overwrite=overwrite)
    with contextlib.ExitStack() as held:
        trained = train_described(opened, held, progress, resume=resume, overwrite=overwrite)
        if not is_first_process():
            return trained
        try:
            return _finish(trained, progress or default_progress())
        except KeyboardInterrupt as error:
            raise TrainingInterruptedError(
                "interrupted; the model is trained, and evaluated and exported by "
                f"s2s run --resume --output {trained.folder}",
                signal.SIGINT,
            ) from error


def _finish(trained: TrainedRun, progress: Progress) -> TrainedRun:
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    evaluation = evaluate(trained)
    record_test_scores(trained, evaluation)
    progress.evaluated(trained, evaluation)
    exported = export(trained, progress=progress)
    if trained.config.export.confidence:
        evaluation = with_reliability(evaluation, exported.path, trained.plugins, progress)
        record_test_scores(trained, evaluation)
    write_card(trained, ExportedModel(trained.onnx_path).metadata, evaluation)
    progress.finished(trained)
    return trained.measured(evaluation, exported)


def record_test_scores(run: Run, evaluation: Evaluation) -> None:
    """Makes the test scores the last line of ``metrics.jsonl``.

    Raises:
        ModelError: A line is damaged.
    """
    record = evaluation.to_json()
    record_test(run, {"test": record.pop("scores"), **record})
