"""How likely a model finds given answers, in PyTorch."""

from collections.abc import Sequence

import numpy as np
import torch

from s2s_core.data.pairs import Batch, Pairs
from s2s_core.data.task import Example
from s2s_core.decoding import log_probabilities
from s2s_core.evaluation.metric import Likelihood
from s2s_core.model.checkpoint import Checkpoint
from s2s_core.model.interfaces import padding_mask

BATCH_SIZE = 64
"""How many pairs are read at once: each of their tokens takes a row as wide as the vocabulary."""


class Likelihoods:
    """Computes the log-probabilities of whole targets, each token given the true ones before it.

    They are those of the search, without penalties: padding and the begin never come.

    Args:
        checkpoint: The model, in evaluation mode.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def __call__(self, examples: Sequence[Example]) -> list[Likelihood]:
        """Returns one for each example."""
        checkpoint = self._checkpoint
        pairs = Pairs.encode(examples, (checkpoint.source_tokenizer, checkpoint.target_tokenizer))
        order: list[int] = pairs.by_length(np.arange(len(pairs))).tolist()
        found: dict[int, Likelihood] = {}
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            found.update(zip(rows, self._batch(pairs.batch(rows)), strict=True))
        return [found[row] for row in range(len(pairs))]

    @torch.inference_mode()
    def _batch(self, batch: Batch) -> list[Likelihood]:
        model = self._checkpoint.model
        source, source_lengths, target, target_lengths = (
            torch.from_numpy(array).to(model.device)
            for array in (batch.source, batch.source_lengths, batch.target, batch.target_lengths)
        )
        logits = model(source, source_lengths, target, target_lengths)  # [N, V]
        real = padding_mask(target_lengths, target.shape[1])  # [B, T]
        found = torch.zeros(target.shape, dtype=torch.float64, device=model.device)
        found[real] = log_probabilities(logits).gather(1, target[real][:, None])[:, 0].double()
        return list(map(Likelihood, found.sum(1).tolist(), batch.target_lengths.tolist()))
