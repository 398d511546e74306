"""Copying: target tokens are generated from the vocabulary or copied from the source.

It is the pointer-generator of See et al. 2017 (arXiv 1704.04368), for any decoder that returns its attention. The ids
that it adds to the vocabulary's are those of ``s2s_core.text.copies``.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2s_core.model.interfaces import State
from s2s_core.model.probabilities import LEAST, NEVER, log_probabilities
from s2s_core.text.vocabulary import PAD


class Copies(NamedTuple):
    """What the tokens of sources are as tokens of the target. It never changes while a source is answered.

    Attributes:
        ids: The extended id of each token, EOS included, padded, [B, S].
        first: The place of the first token with the same id, [B, S].
    """

    ids: Tensor
    first: Tensor

    @classmethod
    def of(cls, ids: Tensor) -> "Copies":
        """Finds the first of equal ids."""
        same = ids[:, :, None] == ids[:, None, :]  # [B, S, S]
        return cls(ids, same.to(torch.uint8).argmax(2))

    def rows(self, rows: Tensor) -> "Copies":
        """Returns the copies of some rows, which may repeat."""
        return Copies(self.ids[rows], self.first[rows])


class CopyingState(NamedTuple):
    """The state of a model that copies.

    Attributes:
        decoder: The decoder's state.
        copies: What the tokens of the sources are, which never changes.
    """

    decoder: State
    copies: Copies


class Copying(nn.Module):
    """Mixes the distribution over the vocabulary with the attention over the source.

    ``p(w) = g P(w) + (1 - g) a(w)``, where ``P`` is the vocabulary's distribution without PAD and BOS, ``a(w)`` the
    attention on all source tokens whose id is ``w``, and ``g = sigmoid(v · o + b)`` for the decoder's output ``o``.

    Args:
        size: The width D of the decoder's output vectors.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gate = nn.Linear(size, 1)

    def forward(self, logits: Tensor, vectors: Tensor, attention: Tensor, copies: Copies) -> Tensor:
        """Computes log-probabilities of extended ids.

        Only the places of copied ids are mixed, since everywhere else ``a(w)`` is 0. A place that isn't the first of
        its id has a row's entry of its own, V plus its number, which no token has.

        Args:
            logits: Of the vocabulary, [R, V].
            vectors: The decoder's output, [R, D].
            attention: The weight of each source position, [R, S].
            copies: What the source tokens are, a row for each of R.

        Returns:
            The log-probability of each id, minus infinity for PAD, BOS and ids that no source token has, [R, V + S].
        """
        gate, attention = self.gate(vectors).float(), attention.float()  # [R, 1], [R, S]
        generated = log_probabilities(logits) + functional.logsigmoid(gate)  # [R, V]
        extended = torch.cat([generated, torch.full_like(attention, NEVER)], 1)  # [R, V + S]
        place = torch.arange(attention.shape[1], device=attention.device)  # [S]
        is_copied = (copies.first == place) & (copies.ids != PAD)  # [R, S]
        ids = torch.where(is_copied, copies.ids, place + logits.shape[1])  # [R, S]
        weights = torch.zeros_like(attention).scatter_add(1, copies.first, attention)  # [R, S]
        copied = weights.clamp(min=LEAST).log() + functional.logsigmoid(-gate)  # [R, S]
        mixed = _log_of_sum(extended.gather(1, ids), copied).masked_fill(~is_copied, NEVER)  # [R, S]
        return extended.scatter(1, ids, mixed)


def _log_of_sum(one: Tensor, other: Tensor) -> Tensor:
    """Returns the logarithm of the sum of two exponentials; at most one of the two may be minus infinity."""
    high, low = torch.maximum(one, other), torch.minimum(one, other)
    return high + (low - high).exp().log1p()
