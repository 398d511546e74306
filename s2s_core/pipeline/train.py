"""Trains a run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from s2s_core.data.lexicon import read_lexicon
from s2s_core.pipeline.progress import Progress, default_progress
from s2s_core.pipeline.recipe import Recipe, Settings, named, open_run
from s2s_core.pipeline.results import TrainedRun
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.interruption import before_training, postponed
from s2s_core.runs.processes import is_first_process, share_cores
from s2s_core.runs.run import Run


def train(
    recipe: Recipe = None,
    settings: Settings | None = None,
    *,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    plugins: Plugins | None = None,
    progress: Progress | None = None,
) -> TrainedRun:
    """Trains a model and keeps the one that does best in validation.

    ::

        run = s2s.train(settings={"task": "reverse", "training.steps": 500}, output="runs/mine")

    The folder is not touched before the data is read and the model is made. Ctrl-C ends training between two updates,
    with its state on disk; ``resume`` goes on to the same result.

    While a process writes to a folder, no other one may. A folder that holds files of the same names as a run's, but no
    run, is refused.

    Args:
        recipe: A TOML file that describes a run, such as the ``run.toml`` of an earlier one, or its tables.
        settings: Settings by their paths, which come before the recipe's, as ``--set`` does.
        output: The run's folder, by default ``runs/TASK-ENCODER-DECODER``.
        resume: Whether to resume an interrupted run.
        overwrite: Whether to start again where a run is already.
        plugins: Where components come from, by default the installed plugins.
        progress: Receives the events. By default they are printed; ``Progress()`` prints nothing.

    Raises:
        ConfigError: A setting can't be used, or the folder holds another run.
        DataError: The data can't be read.
        DivergedError: The loss or a weight is no longer finite; the state on disk is from before that.
        PluginError: A component is missing or broken.
        TrainingInterruptedError: Ctrl-C, SIGTERM or SIGHUP arrived.
    """
    run = described(recipe, settings, output, plugins, resume=resume, overwrite=overwrite)
    with contextlib.ExitStack() as held:
        return train_described(run, held, progress, resume=resume, overwrite=overwrite)


def described(
    recipe: Recipe,
    settings: Settings | None,
    output: str | Path | None,
    plugins: Plugins | None,
    *,
    resume: bool,
    overwrite: bool,
) -> Run:
    """Returns the run that arguments of ``train`` describe; nothing is written, and no data are read."""
    share_cores()
    with postponed():
        folder = None if output is None else named(output)
        run = open_run(recipe, settings or {}, plugins or Plugins(), output=folder, resume=resume, overwrite=overwrite)
        if run.config.export.lexicon:
            read_lexicon(Path(run.config.export.lexicon), str)  # before hours of training, not after
    return run


def train_described(
    run: Run, held: contextlib.ExitStack, progress: Progress | None, *, resume: bool, overwrite: bool
) -> TrainedRun:
    """Trains a run as ``train`` does. Its folder's lock is left in ``held``, for what follows."""
    with postponed():
        from s2s_core.training.preparation import prepare  # noqa: PLC0415  # PyTorch takes a second to import
        from s2s_core.training.trainer import Trainer  # noqa: PLC0415
    progress = progress or default_progress()
    resumes = resume and run.has_begun  # one that was killed before its first state has nothing to go on with
    if resumes:
        held.enter_context(_sole_writer(run))
    with before_training():
        training = prepare(run, progress, resume=resumes)
    if not resumes:
        held.enter_context(_sole_writer(training.run))
        if is_first_process():
            training.run.create(overwrite=overwrite)
    state = Trainer(training, progress).train()
    progress.trained(training.run, state)
    return TrainedRun.of(training.run, state=state)


@contextlib.contextmanager
def _sole_writer(run: Run) -> Iterator[None]:
    """Keeps other commands from writing to the run's folder; of several processes, the first one does."""
    from s2s_core.runs.lock import locked  # noqa: PLC0415  # comes with PyTorch

    if not is_first_process():
        yield
        return
    run.require_room()
    with locked(run.folder):
        yield
