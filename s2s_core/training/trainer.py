"""The training loop."""

import itertools
import math
import signal
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from s2s_core.config.schedule import is_plateau, learning_rate
from s2s_core.data.pairs import Batch
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.decoding.translate import Translator
from s2s_core.evaluation.answers import answer, score
from s2s_core.runs.interruption import Interruption, TrainingInterruptedError
from s2s_core.runs.log import append_metrics, truncate_metrics
from s2s_core.training.averaging import Weights, borrowed
from s2s_core.training.divergence import require_finite
from s2s_core.training.preparation import Training
from s2s_core.training.progress import TrainingProgress
from s2s_core.training.seeding import seed_update
from s2s_core.training.state import TrainingState, save_state

REPORT_EVERY = 10
"""Updates between two ``advanced`` events. Each report waits for the device, so one after each update would slow it."""

Scores = dict[str, float]


class _Judged(NamedTuple):
    """What a validation found: the scores, the loss of a target token, and whether the model is the best so far."""

    scores: Scores
    loss: float
    best: bool


class Trainer:
    """Trains a run's model and keeps the best one in the run's folder.

    It uses Accelerate: under ``accelerate launch`` each process takes its share of every batch, and the loss is the
    mean over the target tokens, or the pairs, of all processes.

    Args:
        training: The result of ``prepare``. The run's folder must exist before ``train`` is called.
        progress: Receives the events.
    """

    def __init__(self, training: Training, progress: TrainingProgress | None = None) -> None:
        self._training, self._progress = training, progress or TrainingProgress()
        self._run, self._config = training.run, training.run.config.training
        self._state, self._averaging = training.state, training.saved.averaging
        self._checkpoint, self._accelerator = training.checkpoint, training.accelerator

    def train(self) -> TrainingState:
        """Trains until the last step, or until the scores stop improving.

        Raises:
            TrainingInterruptedError: Ctrl-C, SIGTERM or SIGHUP arrived; the state is on disk.
            DivergedError: The loss or a weight is no longer finite; the state on disk is from before that.
            S2SError: A plugin refuses the run.
        """
        plugins, state = self._run.plugins, self._state
        try:
            with Interruption() as interruption:
                if self._accelerator.is_main_process:
                    self._prepare_folder()
                plugins.ask("s2s_run_started", run=self._run, step=state.step)
                self._progress.started(state.step, self._config.steps, self._training.metrics)
                try:
                    self._loop(interruption)
                finally:
                    self._progress.stopped()
            plugins.notify("s2s_run_finished", run=self._run)
        finally:
            plugins.notify("s2s_run_ended", run=self._run)
        return state

    def _prepare_folder(self) -> None:
        if self._training.resumes:
            self._run.require_own()
            self._progress.lacking(self._run, truncate_metrics(self._run, self._state.step))
        if self._training.extends:
            self._run.drop_results()
            self._save()  # it is no longer stopped
            self._checkpoint.save_description(self._run)
            self._run.save_settings()
        if not self._training.resumes:
            self._checkpoint.save_description(self._run)
            self._save()

    def _loop(self, interruption: Interruption) -> None:
        self._checkpoint.model.train()
        batches = self._training.batches.after(self._state.step)
        if self._state.step == self._config.steps and self._state.token_count:
            self._validate()  # training was made to end where it was interrupted
        while self._state.step < self._config.steps and not self._state.stopped:
            self._updates(itertools.islice(batches, self._updates_until_report()))
            if self._state.step % self._config.validate_every == 0 or self._state.step == self._config.steps:
                self._validate()
            if self._anywhere(interruption.signal is not None):
                self._save()
                raise TrainingInterruptedError(
                    f"stopped after {self._state.step} of {self._config.steps} steps; "
                    f"go on with --resume --output {self._run.folder}",
                    interruption.signal or signal.SIGTERM,  # that of another process isn't known
                )

    def _updates_until_report(self) -> int:
        step = self._state.step
        until_validation = self._config.validate_every - step % self._config.validate_every
        return min(REPORT_EVERY - step % REPORT_EVERY, until_validation, self._config.steps - step)

    def _updates(self, batches: Iterator[Batch]) -> None:
        began = time.perf_counter()
        losses: list[Tensor] = []
        tokens = 0
        for batch in batches:
            self._state.step += 1
            self._seed_update()
            losses.append(self._training.updater.update(batch, self._rate()))
            tokens += int(batch.target_lengths.sum())
            self._state.pair_count += len(batch.source)
            self._averaging.updated(self._state.step)
        summed: Tensor = self._accelerator.reduce(torch.stack(losses))
        require_finite(self._run, self._state, summed, self._checkpoint.model)
        loss_sum = float(summed.sum())
        self._state.loss_sum += loss_sum
        self._state.token_count += tokens
        loss, speed = loss_sum / tokens, tokens / (time.perf_counter() - began)
        self._progress.advanced(self._state.step, loss, speed)
        values = {"loss": loss, "learning_rate": self._rate(), "tokens_per_second": speed}
        self._run.plugins.notify("s2s_progressed", run=self._run, step=self._state.step, values=values)

    def _seed_update(self) -> None:
        accelerator = self._accelerator
        seed_update(accelerator.device, self._config.seed, accelerator.process_index, self._state.step)

    def _validate(self) -> None:
        judged = self._judge(self._averaging.running(), self._record())
        self._progress.validated(
            self._state.step, self._mean_loss(), judged.scores, validation_loss=judged.loss, best=judged.best
        )
        if is_plateau(self._config, self._state.stale):
            self._state.reductions += 1
        if self._state.stopped or self._state.step == self._config.steps:
            self._validate_mean()
        self._state.loss_sum, self._state.token_count = 0.0, 0
        self._save()

    def _validate_mean(self) -> None:
        mean = self._averaging.final()
        if mean is not None:
            models = self._averaging.finalists
            judged = self._judge(mean, {**self._record(), "average": self._config.average}, models)
            self._progress.averaged(models, judged.scores, best=judged.best)

    def _judge(self, weights: Weights | None, record: dict[str, Any], models: int = 1) -> "_Judged":
        """Validates weights, and keeps them if they are the best so far.

        Args:
            weights: The weights to validate; ``None`` stands for the latest ones.
            record: What to log besides the scores and the loss of the validation.
            models: The number of models whose mean the weights are.

        Returns:
            The scores, the loss, and whether they are the best so far.
        """
        with borrowed(self._checkpoint.model, weights):
            scores, loss = self._scores()
            rank = self._rank(scores, loss)
            if models == 1:
                self._averaging.judged(rank[0])
            main = next(iter(self._training.metrics.values()))
            best = self._state.note(rank, models, higher_is_better=main.higher_is_better)
            self._state.stopped |= self._anywhere(self._is_to_stop(scores, loss))
            if self._accelerator.is_main_process:
                append_metrics(self._run, {**record, "validation_loss": loss, "validation": scores})
                if best:
                    self._checkpoint.save_weights(self._run, self._state.step)
                    self._run.drop_previous()
        return _Judged(scores, loss, best=best)

    def _scores(self) -> tuple[Scores, float]:
        """Returns the scores on the validation set, and the mean loss of its target tokens."""
        run, metrics, checkpoint = self._run, self._training.metrics, self._checkpoint
        model = checkpoint.model.eval()
        translate = Translator(checkpoint, run.config.decoding)
        answered = answer(translate, run.splits.validation, metrics, Likelihoods(checkpoint), run.task.references)
        model.train()
        return score(answered, metrics), answered.mean_loss()

    def _rank(self, scores: Scores, loss: float) -> list[float]:
        """Returns the scores and the loss as numbers of which more is better; what is no number is worse than any."""
        metrics = self._training.metrics
        signed = [value if metrics[name].higher_is_better else -value for name, value in scores.items()]
        return [-math.inf if math.isnan(value) else value for value in (*signed, -loss)]

    def _is_to_stop(self, scores: Scores, loss: float) -> bool:
        """Returns whether patience has run out or a plugin asks to stop; plugins get a copy of the scores."""
        answers = self._run.plugins.notify(
            "s2s_evaluated", run=self._run, step=self._state.step, metrics=dict(scores), loss=loss
        )
        impatient = 0 < self._config.patience <= self._state.stale
        return impatient or any(answer is True for answer in answers)

    def _anywhere(self, condition: bool) -> bool:  # noqa: FBT001  # it is the only argument
        """Returns whether a condition holds in any process, as all of them must continue or stop together."""
        holds: Tensor = self._accelerator.reduce(torch.tensor(float(condition), device=self._accelerator.device))
        return bool(holds > 0)

    def _rate(self) -> float:
        """Returns the learning rate of the last update."""
        return learning_rate(self._config, self._state.step - 1, self._state.reductions)

    def _mean_loss(self) -> float:
        """Returns the mean loss per target token since the last validation."""
        return self._state.loss_sum / self._state.token_count

    def _record(self) -> dict[str, Any]:
        return {"step": self._state.step, "loss": self._mean_loss(), "learning_rate": self._rate()}

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            save_state(self._run, self._state, self._training.saved)
