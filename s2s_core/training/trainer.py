"""The training loop."""

import itertools
import json
import os
import time
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from torch.nn import functional

from s2s_core.checkpoint import Checkpoint, new_checkpoint
from s2s_core.data import Batch, Splits, TrainingBatches
from s2s_core.evaluate import evaluate
from s2s_core.interfaces import padding_mask
from s2s_core.likelihood import Likelihoods
from s2s_core.run import Run, make_metrics, make_task, train_tokenizer
from s2s_core.training.interruption import Interruption, TrainingInterruptedError
from s2s_core.training.progress import Progress
from s2s_core.training.schedule import learning_rate
from s2s_core.training.state import TrainingState, load_state, save_state, truncate_metrics
from s2s_core.translate import Translator

REPORT_EVERY = 10
"""Updates between two calls of ``Progress.advance``."""


class Trainer:
    """Trains a run's model and keeps the best one in the run's folder.

    It stands on Accelerate: under ``accelerate launch`` each process takes its share of every batch, and the loss is
    the mean over the real target tokens of all of them.

    Args:
        run: Created before ``train`` is called.
        splits: The run's examples.
        progress: Hears how it goes.
    """

    def __init__(self, run: Run, splits: Splits, progress: Progress | None = None) -> None:
        self.run, self._splits = run, splits
        self._progress = progress or Progress()
        self._config = run.config.training
        self._accelerator = Accelerator(cpu=self._config.device == "cpu")
        _be_deterministic(self._config.seed)
        task = make_task(run.config.task, run.plugins)
        self.checkpoint = self._new_checkpoint()
        tokenizers = (self.checkpoint.source_tokenizer, self.checkpoint.target_tokenizer)
        self._metrics = make_metrics(run.config.evaluation, task, run.plugins, tokenizers[1].split)
        self._batches = TrainingBatches(
            splits,
            endless=task.endless,
            tokenizers=tokenizers,
            batch_size=self._config.batch_size,
            bucket_batches=self._config.bucket_batches,
            seed=self._config.seed,
        )
        optimizer = torch.optim.AdamW(
            self.checkpoint.model.parameters(),
            lr=self._config.learning_rate,
            betas=(self._config.beta1, self._config.beta2),
            weight_decay=self._config.weight_decay,
        )
        self._model, self._optimizer = self._accelerator.prepare(self.checkpoint.model, optimizer)
        self._state = TrainingState()

    def train(self, *, resume: bool = False) -> TrainingState:
        """Trains until the last step, or until scores no longer get better.

        Args:
            resume: Whether to go on from the state on disk, which is there from the start.

        Raises:
            TrainingInterruptedError: By Ctrl-C or SIGTERM; the state is on disk.
            ModelError: There is nothing to resume, or it is damaged.
        """
        if resume:
            self._state = load_state(self.run, self.checkpoint.model, self._optimizer.optimizer)
            truncate_metrics(self.run, self._state.step)
        elif self._accelerator.is_main_process:
            self.checkpoint.save_description(self.run)
            self._save()
        self.run.plugins.notify("s2s_run_started", run=self.run)
        self._progress.start(self._state.step, self._config.steps)
        try:
            with Interruption() as interruption:
                self._loop(interruption)
        finally:
            self._progress.stop()
        self.run.plugins.notify("s2s_run_finished", run=self.run)
        return self._state

    def _new_checkpoint(self) -> Checkpoint:
        config, plugins = self.run.config, self.run.plugins
        examples = self._splits.vocabulary_examples(config.training.seed)
        source = train_tokenizer(config.source.tokenizer, (example.source for example in examples), plugins)
        target = train_tokenizer(config.target.tokenizer, (example.target for example in examples), plugins)
        return new_checkpoint(self.run, source, target)

    def _loop(self, interruption: Interruption) -> None:
        self._model.train()
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
            losses.append(self._update(batch))
            tokens += int(batch.target_lengths.sum())
            self._state.step += 1
        loss_sum = float(self._accelerator.reduce(torch.stack(losses).sum()))
        self._state.loss_sum += loss_sum
        self._state.token_count += tokens
        self._progress.advance(self._state.step, loss_sum / tokens, tokens / (time.perf_counter() - began))

    def _update(self, batch: Batch) -> Tensor:
        """Makes one update and returns this process's summed loss."""
        processes = self._accelerator.num_processes
        part = batch.part(self._accelerator.process_index, processes)
        source, source_lengths, target, target_lengths = (
            torch.from_numpy(array).to(self._accelerator.device)
            for array in (part.source, part.source_lengths, part.target, part.target_lengths)
        )
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._config, self._state.step)
        logits = self._model(source, source_lengths, target, target_lengths)  # [N, V]
        real = target[padding_mask(target_lengths, target.shape[1])]  # [N]
        loss = functional.cross_entropy(logits.float(), real, reduction="sum")
        # Processes average their gradients, so the mean over all tokens takes their number back out.
        self._accelerator.backward(loss * processes / int(batch.target_lengths.sum()))
        if self._config.clip_norm:
            self._accelerator.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss.detach()

    def _validate(self) -> None:
        self._model.eval()
        translate = Translator(self.checkpoint, self.run.config.decoding)
        likelihoods = Likelihoods(self.checkpoint)
        scores = evaluate(translate, self._splits.validation, self._metrics, likelihoods)
        self._model.train()
        best = self._note_score(next(iter(scores.values())))
        answers = self.run.plugins.notify("s2s_evaluated", run=self.run, step=self._state.step, metrics=scores)
        impatient = 0 < self._config.patience <= self._state.stale
        self._state.stopped = impatient or any(answer is True for answer in answers)
        self._log(scores)
        self._state.loss_sum, self._state.token_count = 0.0, 0
        if best and self._accelerator.is_main_process:
            self.checkpoint.save_weights(self.run)
        self._save()
        self._progress.validated(self._state.step, scores, best=best)

    def _note_score(self, score: float) -> bool:
        """Returns whether a score is the best so far; of equal ones the later, which has trained longer."""
        before = self._state.best_score
        higher = next(iter(self._metrics.values())).higher_is_better
        better = before is None or (score > before if higher else score < before)
        self._state.stale = 0 if better else self._state.stale + 1
        if better or score == before:
            self._state.best_score, self._state.best_step = score, self._state.step
            return True
        return False

    def _log(self, scores: dict[str, float]) -> None:
        record = {
            "step": self._state.step,
            "loss": self._state.loss_sum / self._state.token_count,
            "learning_rate": learning_rate(self._config, self._state.step - 1),
            "validation": scores,
        }
        if self._accelerator.is_main_process:
            append_metrics(self.run, record)

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            save_state(self.run, self._state, self.checkpoint.model, self._optimizer.optimizer)


def append_metrics(run: Run, record: dict[str, object]) -> None:
    """Adds a line to ``metrics.jsonl``."""
    with run.metrics_path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _be_deterministic(seed: int) -> None:
    """Makes a seed give one result. Numbers too small to matter count as 0, which keeps arithmetic fast."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA has no deterministic products
    set_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_flush_denormal(True)
