"""The training loss: cross-entropy with optional label smoothing."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Loss(NamedTuple):
    """The loss of some target tokens, summed.

    Attributes:
        objective: What is made small.
        cross_entropy: What is reported: without smoothing, so that runs compare and its mean tells the perplexity.
    """

    objective: Tensor
    cross_entropy: Tensor


def token_loss(logits: Tensor, tokens: Tensor, smoothing: float) -> Loss:
    """Computes the loss of target tokens, with label smoothing (Szegedy et al. 2016, arXiv 1512.00567).

    Args:
        logits: [N, V].
        tokens: Ids, [N].
        smoothing: The share of the loss that wants all V tokens equally likely.
    """
    logits = logits.float()
    cross_entropy = functional.cross_entropy(logits, tokens, reduction="sum")
    if not smoothing:
        return Loss(cross_entropy, cross_entropy.detach())
    uniform = (torch.logsumexp(logits, 1) - logits.mean(1)).sum()
    return Loss((1 - smoothing) * cross_entropy + smoothing * uniform, cross_entropy.detach())
