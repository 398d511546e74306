"""Log-probabilities of target tokens."""

import torch
from torch import Tensor

from s2s_core.text.vocabulary import BOS, PAD

NEVER = float("-inf")
"""The log-probability of whatever is impossible."""

LEAST = 1e-30
"""The smallest probability of whatever is possible.

In float32 a probability may underflow to 0. Its logarithm would be minus infinity, by which the search marks what can't
be. This is far above the smallest normal float32, about 1e-38, so that no processor flushes it to 0, and far below any
probability that matters: its logarithm is -69.
"""


def log_probabilities(logits: Tensor) -> Tensor:
    """Returns the log-probabilities [R, V] of logits [R, V]; PAD and BOS are impossible."""
    ids = torch.arange(logits.shape[-1], device=logits.device)
    never = torch.where((ids == PAD) | (ids == BOS), NEVER, 0.0)
    return (logits.float() + never).log_softmax(-1)
