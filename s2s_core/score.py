"""How likely a model finds answers that it's given: forced decoding, in PyTorch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from s2s_core.checkpoint import Checkpoint
from s2s_core.data import Pairs
from s2s_core.interfaces import padding_mask
from s2s_core.search import log_probabilities
from s2s_core.task import Example


class Scored(NamedTuple):
    """What a model thinks of an answer.

    Attributes:
        log_probability: Of all tokens together.
        tokens: How many there are, the end included.
    """

    log_probability: float
    tokens: int


class Scorer:
    """Scores answers as the search would, without penalties, if it found them.

    Args:
        checkpoint: The model, in evaluation mode.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    @torch.inference_mode()
    def __call__(self, examples: Sequence[Example]) -> list[Scored]:
        """Returns a score for each pair of a source and an answer, read as one batch."""
        checkpoint, device = self._checkpoint, self._checkpoint.model.device
        pairs = Pairs(examples, checkpoint.source_tokenizer, checkpoint.target_tokenizer)
        batch = pairs.batch(range(len(examples)))
        source, source_lengths, target, lengths = (
            torch.from_numpy(array).to(device)
            for array in (batch.source, batch.source_lengths, batch.target, batch.target_lengths)
        )
        real = padding_mask(lengths, target.shape[1])  # [B, T]
        logits = checkpoint.model(source, source_lengths, target, lengths)  # [N, V]
        each = torch.zeros(target.shape, dtype=torch.float64, device=device)
        each[real] = log_probabilities(logits).gather(1, target[real][:, None])[:, 0].double()
        return list(map(Scored, each.sum(1).tolist(), lengths.tolist()))
