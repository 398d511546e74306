"""Prepares training: creates everything that it needs before the run's folder is touched."""

from collections.abc import Mapping
from pathlib import Path

import attrs
from accelerate import Accelerator

from s2s_core.data.batches import TrainingBatches
from s2s_core.errors import ConfigError
from s2s_core.evaluation.calibration import require_enough
from s2s_core.evaluation.loss import measurable
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.model.checkpoint import TextModel, load_checkpoint, load_tokenizers, new_checkpoint
from s2s_core.runs.components import make_metrics, require_copying, train_tokenizers
from s2s_core.runs.run import Run
from s2s_core.runs.settling import settle_amount, settle_tokenizers
from s2s_core.runs.trackers import require_trackers
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.training.accelerator import make_accelerator
from s2s_core.training.averaging import make_averaging
from s2s_core.training.initial import Inheritance, inherit, same_tokenizer
from s2s_core.training.optimizer import make_optimizer
from s2s_core.training.progress import TrainingProgress
from s2s_core.training.state import Saved, TrainingState, load_saved, load_state, require_same_data
from s2s_core.training.updater import Updater


@attrs.frozen(eq=False)
class Training:
    """Everything that training needs to start or resume.

    Attributes:
        run: The run whose model is trained, with nothing left to the data.
        resumes: Whether training resumes from the state on disk.
        extends: Whether it has another length than ``run.toml`` says so far.
        state: The current state of training.
        checkpoint: The model and its tokenizers.
        inheritance: The weights that the model took from ``training.initial_run``, if that is set.
        metrics: The metrics of the validations; the first one chooses the best model.
        batches: The training batches.
        updater: Makes the updates.
        saved: The objects that resuming needs besides the state.
        accelerator: Accelerate's view of the device and the processes.
    """

    run: Run
    resumes: bool
    extends: bool
    state: TrainingState
    checkpoint: TextModel
    inheritance: Inheritance | None
    metrics: Mapping[str, BaseMetric]
    batches: TrainingBatches
    updater: Updater
    saved: Saved
    accelerator: Accelerator


def prepare(run: Run, progress: TrainingProgress | None = None, *, resume: bool = False) -> Training:
    """Reads the data, and creates the model and everything that trains it.

    Settings that can be refused without the data are refused before it is read.

    Args:
        run: The run, of which nothing is on disk yet unless it resumes.
        progress: Receives the events.
        resume: Whether to resume from the state on disk.

    Raises:
        ConfigError: A setting can't be used.
        DataError: The data can't be read, or isn't that of the run to resume.
        ModelError: There is nothing to resume, or it is damaged.
        PluginError: A component is broken, or no plugin offers a tracker.
    """
    progress = progress or TrainingProgress()
    require_trackers(run)
    require_copying(run.config, run.plugins)
    initial_run = None if resume else run.open_initial()
    progress.opened(run)
    if run.config.export.confidence:
        require_enough(len(run.splits.validation))  # before hours of training, not after
    if run.config.export.quantize:
        measurable(make_metrics(run.config.evaluation, run.task, run.plugins))  # for the same reason
    accelerator = make_accelerator(run)
    extends = resume and Run.open(run.folder, run.plugins).config != run.config
    state = _resumed_state(run, extends=extends) if resume else TrainingState(run.splits.fingerprint())
    initial = None if initial_run is None else load_checkpoint(initial_run)
    run, choices = settle_tokenizers(run, None if initial is None else initial.config)
    require_copying(run.config, run.plugins)  # tokenizers that were left to the data are known now
    tokenizers = load_tokenizers(run) if resume else _tokenizers(run, initial)
    batches = TrainingBatches(run.splits, tokenizers, run.config.training, copying=run.config.target.copy)
    run = settle_amount(run, batches.updates_per_epoch)
    progress.settled(run, choices, batches.updates_per_epoch)
    checkpoint = new_checkpoint(run, *tokenizers)
    inheritance = None
    if initial is not None:
        inheritance = inherit(checkpoint, initial, Path(run.config.training.initial_run))
    progress.built(run, checkpoint, inheritance)
    config, model = run.config.training, checkpoint.trained
    optimizer = make_optimizer(config, model.parameters())
    updater = Updater(accelerator, model, optimizer, config)
    saved = Saved(model, optimizer, make_averaging(config, model), accelerator.scaler)
    if resume:
        load_saved(run, saved)
    metrics = run.metrics(checkpoint.target_tokenizer.tokens)
    return Training(run, resume, extends, state, checkpoint, inheritance, metrics, batches, updater, saved, accelerator)


def _resumed_state(run: Run, *, extends: bool) -> TrainingState:
    state = load_state(run)
    steps = run.config.training.steps
    if state.step > steps:
        raise ConfigError(f"training.steps must be at least {state.step}, the updates made so far (got {steps})")
    require_same_data(run, state, run.splits)
    if extends and state.stopped:
        state.stopped = 0 < run.config.training.patience <= state.stale
    return state


def _tokenizers(run: Run, initial: TextModel | None) -> tuple[Tokenizer, Tokenizer]:
    """Returns the tokenizers of both sides: the earlier run's where they are the same, or else new ones."""
    source = same_tokenizer("source", run.config, initial)
    target = same_tokenizer("target", run.config, initial)
    if source is not None and target is not None:
        return source, target
    examples = run.splits.vocabulary_examples(run.config.training.seed)
    trained = train_tokenizers(run.config, examples, run.plugins)
    return source or trained[0], target or trained[1]
