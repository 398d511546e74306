"""The training loop."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from s2s_core.data.batches import TrainingBatches
from s2s_core.data.pairs import Batch, Splits
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.decoding.translate import Translator
from s2s_core.evaluation.answers import evaluate
from s2s_core.model.checkpoint import Checkpoint, load_tokenizers, new_checkpoint
from s2s_core.runs.components import make_metrics, make_task, train_tokenizers
from s2s_core.runs.log import append_metrics, truncate_metrics
from s2s_core.runs.run import Run
from s2s_core.runs.trackers import require_trackers
from s2s_core.training.accelerator import make_accelerator
from s2s_core.training.averaging import Weights, borrowed, make_averaging
from s2s_core.training.divergence import require_finite
from s2s_core.training.initial import Inheritance, inherit, load_initial, same_tokenizer
from s2s_core.training.interruption import Interruption, TrainingInterruptedError
from s2s_core.training.optimizer import make_optimizer
from s2s_core.training.progress import Progress
from s2s_core.training.schedule import is_plateau, learning_rate
from s2s_core.training.seeding import seed_update
from s2s_core.training.state import Parts, TrainingState, load_parts, load_state, require_same_data, save_state
from s2s_core.training.updater import Updater

REPORT_EVERY = 10
"""Updates between two calls of ``Progress.advance``."""


class Trainer:
    """Trains a run's model and keeps the best one in the run's folder.

    It stands on Accelerate: under ``accelerate launch`` each process takes its share of every batch, and the loss is
    the mean over the real target tokens, or the pairs, of all of them.

    Args:
        run: Created before ``train`` is called.
        splits: The run's examples.
        progress: Hears how it goes.
        resume: Whether to go on from the state on disk, which is there from the start.

    Raises:
        DataError: The run to go on with has other training data.
        ModelError: There is nothing to resume, or it is damaged.

    Attributes:
        checkpoint: The model that is trained.
        inheritance: What it took from ``training.initial_run``, if that is set.
    """

    def __init__(self, run: Run, splits: Splits, progress: Progress | None = None, *, resume: bool = False) -> None:
        require_trackers(run)
        self.run, self._splits, self._resumes = run, splits, resume
        self._progress = progress or Progress()
        self._config = run.config.training
        self._accelerator = make_accelerator(run)
        task = make_task(run.config.task, run.plugins)
        self.inheritance: Inheritance | None = None
        self._state = self._first_state()
        self.checkpoint = self._first_checkpoint()
        tokenizers = (self.checkpoint.source_tokenizer, self.checkpoint.target_tokenizer)
        self._metrics = make_metrics(run.config.evaluation, task, run.plugins, tokenizers[1].split)
        self._batches = TrainingBatches(splits, tokenizers, self._config)
        model = self.checkpoint.trained
        optimizer = make_optimizer(self._config, model.parameters())
        self._updater = Updater(self._accelerator, model, optimizer, self._config)
        self._averaging = make_averaging(self._config, model)
        self._parts = Parts(model, optimizer, self._averaging, self._accelerator.scaler)
        if resume:
            load_parts(run, self._parts)

    def train(self) -> TrainingState:
        """Trains until the last step, or until scores no longer get better.

        Raises:
            TrainingInterruptedError: By Ctrl-C or SIGTERM; the state is on disk.
            DivergedError: The loss is no number any more; the state on disk is from before.
            S2SError: A plugin refuses the run.
        """
        try:
            with Interruption() as interruption:
                if self._accelerator.is_main_process:
                    self._prepare_folder()
                self.run.plugins.ask("s2s_run_started", run=self.run, step=self._state.step)
                self._progress.start(self._state.step, self._config.steps)
                try:
                    self._loop(interruption)
                finally:
                    self._progress.stop()
            self.run.plugins.notify("s2s_run_finished", run=self.run)
        finally:
            self.run.plugins.notify("s2s_run_ended", run=self.run)
        return self._state

    def _first_state(self) -> TrainingState:
        if not self._resumes:
            return TrainingState(self._splits.fingerprint())
        state = load_state(self.run)
        require_same_data(self.run, state, self._splits)
        return state

    def _prepare_folder(self) -> None:
        if self._resumes:
            self.run.require_own()
            truncate_metrics(self.run, self._state.step)
        else:
            self.checkpoint.save_description(self.run)
            self._save()

    def _first_checkpoint(self) -> Checkpoint:
        if self._resumes:
            return new_checkpoint(self.run, *load_tokenizers(self.run))
        config, plugins = self.run.config, self.run.plugins
        initial = load_initial(self.run)
        source = same_tokenizer("source", config, initial)
        target = same_tokenizer("target", config, initial)
        if source is None or target is None:
            examples = self._splits.vocabulary_examples(config.training.seed)
            trained = train_tokenizers(config, examples, plugins)
            source, target = source or trained[0], target or trained[1]
        checkpoint = new_checkpoint(self.run, source, target)
        if initial is not None:
            self.inheritance = inherit(checkpoint, initial, Path(config.training.initial_run))
        return checkpoint

    def _loop(self, interruption: Interruption) -> None:
        self.checkpoint.model.train()
        batches = self._batches.after(self._state.step)
        while self._state.step < self._config.steps and not self._state.stopped:
            self._updates(itertools.islice(batches, self._updates_until_report()))
            if self._state.step % self._config.validate_every == 0 or self._state.step == self._config.steps:
                self._validate()
            if interruption.signal is not None:
                self._save()
                raise TrainingInterruptedError(
                    f"stopped after {self._state.step} of {self._config.steps} steps; "
                    f"go on with --resume --output {self.run.folder}",
                    interruption.signal,
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
            losses.append(self._updater.update(batch, self._rate()))
            tokens += int(batch.target_lengths.sum())
            self._averaging.updated(self._state.step)
        summed: Tensor = self._accelerator.reduce(torch.stack(losses))
        require_finite(self.run, self._state, summed, self.checkpoint.model)
        loss_sum = float(summed.sum())
        self._state.loss_sum += loss_sum
        self._state.token_count += tokens
        loss, speed = loss_sum / tokens, tokens / (time.perf_counter() - began)
        self._progress.advance(self._state.step, loss, speed)
        values = {"loss": loss, "learning_rate": self._rate(), "tokens_per_second": speed}
        self.run.plugins.notify("s2s_progressed", run=self.run, step=self._state.step, values=values)

    def _seed_update(self) -> None:
        accelerator = self._accelerator
        seed_update(accelerator.device, self._config.seed, accelerator.process_index, self._state.step)

    def _validate(self) -> None:
        scores, best = self._judge(self._averaging.running())
        self._progress.validated(self._state.step, self._mean_loss(), scores, best=best)
        if self._state.stopped or self._state.step == self._config.steps:
            self._validate_mean()
        if is_plateau(self._config, self._state.stale):
            self._state.reductions += 1
        self._state.loss_sum, self._state.token_count = 0.0, 0
        self._save()

    def _validate_mean(self) -> None:
        mean = self._averaging.final()
        if mean is not None:
            scores, best = self._judge(mean, self._averaging.finalists, average=self._config.average)
            self._progress.averaged(self._averaging.finalists, scores, best=best)

    def _judge(self, weights: Weights | None, models: int = 1, **remark: str) -> tuple[dict[str, float], bool]:
        """Validates some weights, or the latest ones, and keeps them if they are the best.

        Returns:
            The scores, and whether they are the best.
        """
        with borrowed(self.checkpoint.model, weights):
            scores = self._scores()
            best = self._note_score(next(iter(scores.values())), models)
            copied = dict(scores)  # so that a plugin can't change what is logged
            answers = self.run.plugins.notify("s2s_evaluated", run=self.run, step=self._state.step, metrics=copied)
            impatient = 0 < self._config.patience <= self._state.stale
            self._state.stopped |= self._anywhere(impatient or any(answer is True for answer in answers))
            self._log(scores, remark)
            if best and self._accelerator.is_main_process:
                self.checkpoint.save_weights(self.run)
                self.run.drop_previous()
        return scores, best

    def _anywhere(self, condition: bool) -> bool:  # noqa: FBT001  # it is the only argument
        """Returns whether something holds in any of the processes, which must go on or stop together."""
        holds: Tensor = self._accelerator.reduce(torch.tensor(float(condition), device=self._accelerator.device))
        return bool(holds > 0)

    def _scores(self) -> dict[str, float]:
        model = self.checkpoint.model.eval()
        translate = Translator(self.checkpoint, self.run.config.decoding)
        scores = evaluate(translate, self._splits.validation, self._metrics, Likelihoods(self.checkpoint))
        model.train()
        return scores

    def _note_score(self, score: float, models: int) -> bool:
        """Returns whether a score is the best so far; of equal ones the later, which has trained longer."""
        before = self._state.best_score
        higher = next(iter(self._metrics.values())).higher_is_better
        better = before is None or (score > before if higher else score < before)
        self._state.stale = 0 if better else self._state.stale + 1
        self._averaging.judged(score if higher else -score)
        if better or score == before:
            self._state.best_score, self._state.best_step, self._state.best_of = score, self._state.step, models
            return True
        return False

    def _rate(self) -> float:
        """Returns the learning rate of the last update."""
        return learning_rate(self._config, self._state.step - 1, self._state.reductions)

    def _mean_loss(self) -> float:
        """Returns the loss of a target token since the last validation."""
        return self._state.loss_sum / self._state.token_count

    def _log(self, scores: dict[str, float], remark: dict[str, str]) -> None:
        record = {
            "step": self._state.step,
            "loss": self._mean_loss(),
            "learning_rate": self._rate(),
            "validation": scores,
        }
        if self._accelerator.is_main_process:
            append_metrics(self.run, record | remark)

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            save_state(self.run, self._state, self._parts)
