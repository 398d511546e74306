"""Computes how likely a model considers given answers, in PyTorch."""

from collections.abc import Sequence

import numpy as np
import torch

from s2s_core.data.pairs import Batch, Pairs
from s2s_core.data.task import Example
from s2s_core.decoding import log_probabilities
from s2s_core.evaluation.metric import Likelihood
from s2s_core.model.checkpoint import TextModel
from s2s_core.model.device import to_device
from s2s_core.model.interfaces import padding_mask

BATCH_SIZE = 64
"""How many pairs are scored at once; few, because each target token takes a row as wide as the vocabulary."""


class Likelihoods:
    """Computes the log-probabilities of whole targets, each token given the true ones before it.

    They are those that the search adds up, without penalties: PAD and BOS have no probability.

    Args:
        checkpoint: The model, in evaluation mode.
    """

    def __init__(self, checkpoint: TextModel) -> None:
        self._checkpoint = checkpoint

    def __call__(self, examples: Sequence[Example]) -> list[Likelihood]:
        """Returns the likelihood of each example's target, in the order of the examples."""
        checkpoint = self._checkpoint
        tokenizers = checkpoint.source_tokenizer, checkpoint.target_tokenizer
        pairs = Pairs.encode(examples, tokenizers, copying=checkpoint.copies)
        order: list[int] = pairs.by_length(np.arange(len(pairs))).tolist()
        likelihoods: dict[int, Likelihood] = {}
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            likelihoods.update(zip(rows, self._batch(pairs.batch(rows)), strict=True))
        return [likelihoods[row] for row in range(len(pairs))]

    @torch.inference_mode()
    def _batch(self, batch: Batch) -> list[Likelihood]:
        model = self._checkpoint.model
        source, source_lengths, target, target_lengths, copies = to_device(batch, model.device)
        logits = model(source, source_lengths, target, target_lengths, copies)  # [N, V]
        real = padding_mask(target_lengths, target.shape[1])  # [B, T]
        scores = torch.zeros(target.shape, dtype=torch.float64, device=model.device)  # [B, T]
        scores[real] = log_probabilities(logits).gather(1, target[real][:, None])[:, 0].double()  # [N]
        return list(map(Likelihood, scores.sum(1).tolist(), batch.target_lengths.tolist()))
