"""Blocks repeated n-grams."""

import torch
from torch import Tensor

from s2s_core.text.vocabulary import PAD


def extend(history: Tensor, matches: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the latest tokens to the tokens so far.

    Args:
        history: The tokens so far, [R, t].
        matches: For each of them, how many tokens up to it equal the last tokens, [R, t].
        tokens: The latest tokens, [R].

    Returns:
        The new ``history`` and ``matches``, [R, t + 1] both.
    """
    history = torch.cat([history, tokens[:, None]], 1)  # [R, t + 1]
    before = torch.cat([torch.zeros_like(tokens[:, None]), matches], 1)  # [R, t + 1]
    return history, torch.where(history == tokens[:, None], before + 1, 0)


def ban(log_probabilities: Tensor, history: Tensor, matches: Tensor, size: Tensor) -> Tensor:
    """Bans the tokens that would repeat an n-gram.

    If the last n - 1 tokens already occurred, whatever followed them then is banned now.

    Args:
        log_probabilities: [R, V].
        history: The tokens so far, BOS first, [R, t].
        matches: For each of them, how many tokens up to it equal the last tokens, [R, t].
        size: n, [R]; 0 bans nothing.

    Returns:
        The log-probabilities, those of banned tokens minus infinity, [R, V].
    """
    size = size[:, None]  # [R, 1]
    repeats = (torch.cat([torch.zeros_like(size), matches[:, :-1] + 1], 1) >= size.clamp(min=1)) & (size > 0)
    return log_probabilities.scatter(1, torch.where(repeats, history, PAD), float("-inf"))
