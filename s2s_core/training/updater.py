"""Updates the weights: forward, backward, gradient clipping and the optimizer's step."""

import contextlib
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from s2s_core.config.training import TrainingConfig
from s2s_core.data.pairs import Batch
from s2s_core.model.device import to_device
from s2s_core.model.interfaces import padding_mask
from s2s_core.model.seq2seq import Seq2Seq
from s2s_core.training.loss import Loss, token_loss


class Updater:
    """Makes updates, each from a batch that is divided among the processes and may be processed in parts.

    Args:
        accelerator: Prepares the model and the optimizer.
        model: The model that is trained.
        optimizer: The optimizer of its parameters.
        config: The training settings.
    """

    def __init__(
        self, accelerator: Accelerator, model: Seq2Seq, optimizer: torch.optim.Optimizer, config: TrainingConfig
    ) -> None:
        self._accelerator, self._config = accelerator, config
        self._model, self._optimizer = accelerator.prepare(model, optimizer)
        # Accelerate would use mixed precision wherever the model is called; here only updates do.
        accelerator.unwrap_model(self._model, keep_fp32_wrapper=False)

    def update(self, batch: Batch, rate: float) -> Tensor:
        """Makes one update with a learning rate, and returns this process's summed loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        losses = [self._backward(batch, turn) for turn in range(self._config.accumulation)]
        if self._config.clip_norm:
            self._accelerator.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return torch.stack(losses).sum()

    def _backward(self, batch: Batch, turn: int) -> Tensor:
        """Adds the gradients of one of this process's parts of a batch, and returns its summed loss."""
        processes, count = self._accelerator.num_processes, self._config.accumulation
        part = batch.part(self._accelerator.process_index + turn * processes, count * processes)
        counts = len(part.source) > 0
        if not counts:  # more parts than rows: compute one anyway, or the other processes would wait
            part = batch.part(0, len(batch.source))
        with self._exchanging(now=turn == count - 1):
            loss = self._loss(part)
            # Processes average their gradients; multiplying by their number makes it the mean over the whole batch.
            self._accelerator.backward(loss.objective * (counts * processes) / self._size(batch))
        return loss.cross_entropy * counts

    def _size(self, batch: Batch) -> int:
        """Returns the number that the summed loss is divided by."""
        return int(batch.target_lengths.sum()) if self._config.average_over == "tokens" else len(batch.target)

    def _exchanging(self, *, now: bool) -> contextlib.AbstractContextManager[Any]:
        """Lets processes exchange gradients only after the last part."""
        wait: contextlib.AbstractContextManager[Any] = self._accelerator.no_sync(self._model)
        return contextlib.nullcontext() if now else wait

    def _loss(self, part: Batch) -> Loss:
        source, source_lengths, target, target_lengths, copies = to_device(part, self._accelerator.device)
        with self._accelerator.autocast():
            logits = self._model(source, source_lengths, target, target_lengths, copies)  # [N, V]
        real = target[padding_mask(target_lengths, target.shape[1])]  # [N]
        return token_loss(logits, real, self._config.label_smoothing, partial=copies is not None)
