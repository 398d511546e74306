"""Blocks repeated n-grams."""

import torch
from torch import Tensor

from s2s_core.text.vocabulary import PAD


def extend(history: Tensor, matches: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the last tokens [R] to what was said before.

    Args:
        history: The tokens so far, [R, t].
        matches: For each, how many tokens up to it equal those up to the last one, [R, t].
        tokens: [R].

    Returns:
        Both, one longer.
    """
    history = torch.cat([history, tokens[:, None]], 1)
    before = torch.cat([torch.zeros_like(tokens[:, None]), matches], 1)
    return history, torch.where(history == tokens[:, None], before + 1, 0)


def ban(log_probabilities: Tensor, history: Tensor, matches: Tensor, size: Tensor) -> Tensor:
    """Rules out what would say an n-gram again.

    If the last n - 1 tokens already occurred, whatever followed them then is banned now.

    Args:
        log_probabilities: [R, V].
        history: The tokens so far, BOS first, [R, t].
        matches: For each, how many tokens up to it equal those up to the last one, [R, t].
        size: n, [R]; 0 rules out nothing.
    """
    size = size[:, None]
    repeats = (torch.cat([torch.zeros_like(size), matches[:, :-1] + 1], 1) >= size.clamp(min=1)) & (size > 0)
    return log_probabilities.scatter(1, torch.where(repeats, history, PAD), float("-inf"))
