"""The training loss: cross-entropy with optional label smoothing."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from s2s_core.model.probabilities import NEVER


class Loss(NamedTuple):
    """The loss, summed over target tokens.

    Attributes:
        objective: The loss that training minimises.
        cross_entropy: The loss that is reported. It is without smoothing, so that runs are comparable and the
            exponential of its mean is the perplexity.
    """

    objective: Tensor
    cross_entropy: Tensor


def token_loss(logits: Tensor, tokens: Tensor, smoothing: float, *, partial: bool = False) -> Loss:
    """Computes the loss of target tokens, with label smoothing (Szegedy et al. 2016, arXiv 1512.00567).

    Args:
        logits: The logits of N target tokens, [N, V].
        tokens: The ids of these tokens, [N].
        smoothing: The weight of the uniform distribution.
        partial: Whether some tokens are impossible, so that their logits are minus infinity, as in a model that copies.
            The uniform distribution is then one of all others.
    """
    logits = logits.float()
    cross_entropy = functional.cross_entropy(logits, tokens, reduction="sum")
    if not smoothing:
        return Loss(cross_entropy, cross_entropy.detach())
    mean = _mean_of_possible(logits) if partial else logits.mean(1)
    uniform = (torch.logsumexp(logits, 1) - mean).sum()
    return Loss((1 - smoothing) * cross_entropy + smoothing * uniform, cross_entropy.detach())


def _mean_of_possible(logits: Tensor) -> Tensor:
    """Returns the mean of each row's logits, [N], without those that are minus infinity."""
    possible = logits > NEVER  # [N, V]
    return logits.masked_fill(~possible, 0.0).sum(1) / possible.sum(1)
