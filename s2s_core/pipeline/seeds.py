"""Trains runs that differ only in their seed, and makes one file of them all."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from s2s_core.config.structure import to_toml
from s2s_core.errors import ConfigError, ModelError, S2SError
from s2s_core.evaluation.spread import Spread
from s2s_core.files import write_atomically
from s2s_core.pipeline.card import write_seeds_card
from s2s_core.pipeline.evaluate import evaluate, with_reliability
from s2s_core.pipeline.export import export
from s2s_core.pipeline.progress import Progress, default_progress
from s2s_core.pipeline.recipe import Recipe, Settings, named, overrides_of, tables_of
from s2s_core.pipeline.results import SeedRuns
from s2s_core.pipeline.seeds_plan import SeedsPlan, plan_seeds
from s2s_core.pipeline.side_by_side import Job, JobFailedError, JobsInterruptedError, SideBySide, usable_cores
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import make_metrics
from s2s_core.runs.interruption import TrainingInterruptedError, before_training
from s2s_core.runs.log import read_metrics
from s2s_core.runs.run import Run

_LAST_LINES = 10
"""How many lines of a failed run's log are shown."""

_PROCESSES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
"""The variables by which ``torchrun`` and ``accelerate launch`` tell a process that it is one of several."""


class SeedFailedError(S2SError):
    """The training of one of several seeds has failed. The message ends with the end of its log."""


def run_seeds(
    recipe: Recipe = None,
    settings: Settings | None = None,
    *,
    seeds: Sequence[int],
    output: str | Path | None = None,
    jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    plugins: Plugins | None = None,
    progress: Progress | None = None,
) -> SeedRuns:
    """Trains a run for each seed, and exports and proves one file that answers with the mean of their probabilities.

    ::

        runs = s2s.run_seeds("recipe.toml", seeds=range(5), output="runs/five")
        runs.spread.mean("exact_match"), runs.spread.deviation("exact_match"), runs.evaluation.scores, runs.export.path

    Each run is a process of its own, ``s2s run`` with this seed, and its folder ``seed-N`` in ``output`` is that of any
    run. It trains with one thread, or as many as the variable ``OMP_NUM_THREADS`` says, however many run side by side:
    results may depend on the number of threads, so these don't depend on the machine's cores or on ``jobs``.

    Args:
        recipe: A TOML file that describes a run, or its tables.
        settings: Settings by their paths, which come before the recipe's.
        seeds: Two different seeds or more.
        output: The folder of all, by default ``runs/TASK-ENCODER-DECODER-seeds``.
        jobs: How many train at the same time; by default as many as there are cores for their threads, but one where
            they train on a GPU.
        resume: Whether to go on where some are unfinished. Finished ones are kept, and ``seeds`` may have new ones.
        overwrite: Whether to start again where runs of several seeds are already.
        plugins: Where components come from, by default the installed plugins. The runs use the installed ones.
        progress: Receives the events. By default they are printed; ``Progress()`` prints nothing.

    Raises:
        ConfigError: A setting or a seed can't be used, the folder holds other runs, or this process is one of several.
        DataError: The data can't be read.
        ExportError: The file doesn't answer as the models do.
        SeedFailedError: A run failed; the others were interrupted, and ``resume`` goes on with them.
        TrainingInterruptedError: Ctrl-C, SIGTERM or SIGHUP arrived; ``resume`` goes on.
    """
    from s2s_core.runs.lock import locked  # noqa: PLC0415  # comes with PyTorch

    progress = progress or default_progress()
    _require_one_process()
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs must be at least 1 (got {jobs})")
    overrides = [tables_of(recipe), *overrides_of(settings)]
    folder = None if output is None else named(output)
    plan = plan_seeds(overrides, seeds, plugins or Plugins(), folder, resume=resume, overwrite=overwrite)
    with before_training():
        progress.opened(plan.whole)
    with locked(plan.folder.folder):
        _begin(plan, resume=resume)
        _train(plan, jobs, progress, resume=resume, overwrite=overwrite)
        try:
            return _finish(plan, progress)
        except KeyboardInterrupt as error:
            raise TrainingInterruptedError(
                f"interrupted; all seeds are trained, and their file is made by {plan.way_on}", signal.SIGINT
            ) from error


def _require_one_process() -> None:
    for name in _PROCESSES:
        if name in os.environ:
            raise ConfigError(
                f"several seeds are processes of their own, and this is one of several already, as {name} is set: "
                "start s2s without torchrun or accelerate launch, or train one seed at a time"
            )


def _begin(plan: SeedsPlan, *, resume: bool) -> None:
    """Writes what the runs share."""
    if not resume:
        plan.folder.make_room()
    plan.folder.folder.mkdir(parents=True, exist_ok=True)
    plan.folder.write_record({"seeds": list(plan.seeds), "threads": plan.threads})
    write_atomically(plan.folder.settings_path, to_toml(plan.whole.config))


def _train(plan: SeedsPlan, limit: int | None, progress: Progress, *, resume: bool, overwrite: bool) -> None:
    """Trains every run that isn't finished."""
    unfinished = [seed for seed in plan.seeds if not (resume and plan.is_finished(seed))]
    if not unfinished:
        return
    limit = min(limit or _jobs(plan), len(unfinished))
    progress.seeds_started(plan.folder.folder, unfinished, limit, plan.threads)
    jobs = [_job(plan, seed, again=resume or overwrite, resume=resume) for seed in unfinished]
    environment = {**os.environ, "OMP_NUM_THREADS": str(plan.threads), "PYTHONIOENCODING": "utf-8"}
    try:
        SideBySide(jobs, limit, environment, lambda job, text: progress.seed_said(job.seed, text)).run()
    except JobsInterruptedError as error:
        finished = sum(map(plan.is_finished, plan.seeds))
        raise TrainingInterruptedError(
            f"stopped; {finished} of {len(plan.seeds)} seeds are finished; go on with {plan.way_on}", error.number
        ) from error
    except JobFailedError as error:
        raise SeedFailedError(*_failure(error, plan)) from error


def _jobs(plan: SeedsPlan) -> int:
    from s2s_core.training.accelerator import trains_on_gpu  # noqa: PLC0415  # needs PyTorch

    return 1 if trains_on_gpu(plan.whole.config.training) else max(1, usable_cores() // plan.threads)


def _job(plan: SeedsPlan, seed: int, *, again: bool, resume: bool) -> Job:
    """Returns the command that trains a run, or goes on with it."""
    folder = str(plan.folder.member(seed).folder)
    if resume and plan.is_resumable(seed):
        options = ["--resume"]
    else:
        options = [str(plan.folder.settings_path), "--seed", str(seed), *(["--overwrite"] if again else [])]
    command = [sys.executable, "-P", "-m", "s2s_core", "run", *options, "--output", folder]
    return Job(seed, tuple(command), plan.folder.log_path(seed))


def _failure(error: JobFailedError, plan: SeedsPlan) -> list[str]:
    """Describes how a run failed, in several lines."""
    code = error.code
    end = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    lines = error.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = [f"    {line}" for line in lines if line.strip()][-_LAST_LINES:]
    return [
        f"seed {error.job.seed} {end}; {error.job.log} ends with",
        *last,
        f"the other seeds were stopped; go on with {plan.way_on}",
    ]


def _finish(plan: SeedsPlan, progress: Progress) -> SeedRuns:
    """Tells how far the runs' scores are apart, and makes one file of them all."""
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    runs = [Run.open(plan.folder.member(seed).folder, plan.whole.plugins) for seed in plan.seeds]
    runs[0].keep_data_of(plan.whole)
    spread = _spread(plan, runs)
    record = {"seeds": list(plan.seeds), "threads": plan.threads, "scores": spread.to_json()}
    plan.folder.write_record(record)
    progress.seeds_trained(spread)
    evaluation = evaluate(runs)
    plan.folder.write_record({**record, "together": evaluation.to_json()})
    progress.evaluated_together(evaluation)
    exported = export(runs, plan.whole.onnx_path, progress=progress)
    if plan.whole.config.export.confidence:
        evaluation = with_reliability(evaluation, exported.path, plan.whole.plugins, progress)
        plan.folder.write_record({**record, "together": evaluation.to_json()})
    write_seeds_card(plan.whole, ExportedModel(plan.whole.onnx_path).metadata, evaluation, spread)
    progress.finished(plan.whole)
    return SeedRuns(plan.folder.folder, runs, spread, evaluation, exported)


def _spread(plan: SeedsPlan, runs: Sequence[Run]) -> Spread:
    metrics = make_metrics(plan.whole.config.evaluation, plan.whole.task, plan.whole.plugins)
    return Spread(plan.seeds, [_test_scores(run, metrics) for run in runs], metrics)


def _test_scores(run: Run, metrics: Any) -> dict[str, float]:
    """Returns the test scores that a finished run has logged."""
    records = read_metrics(run.metrics_path)
    scores = records[-1].get("test", {}) if records else {}
    if missing := [name for name in metrics if not isinstance(scores.get(name), int | float)]:
        raise ModelError(
            f"{run.metrics_path} doesn't end with test scores of {', '.join(missing)}: "
            f"s2s run --resume --output {run.folder} evaluates the run again"
        )
    return {name: scores[name] for name in metrics}
