"""What a decoder's candidates amount to: the mixture of their distributions over a few tokens."""

import torch
from torch import Tensor

from s2s_core.model import candidates
from s2s_core.model.interfaces import Decoder, Memory, Output

TOKENS = 5


def mixture(decoder: Decoder, output: Output, memory: Memory) -> Output:
    """Returns an output for whole targets without its candidates.

    Neither their number nor their order matters, and what an impossible one holds doesn't either. So what counts is
    what a model makes of them, here with a projection onto a few tokens and targets that never change.

    Returns:
        The output itself, if it has no candidates. Otherwise its vectors are the logarithms of the tokens'
        probabilities, [B, T, V], and its attention is the mean one, [B, T, S].
    """
    if output.weights is None and output.transitions is None:
        return output
    joint = _joint(decoder, output, memory)  # [B, T, C, V]
    weights = joint.logsumexp(-1)  # [B, T, C]
    attention = None if output.attention is None else candidates.mean(output.attention, weights)
    return Output(candidates.token_scores(joint), attention)


def _joint(decoder: Decoder, output: Output, memory: Memory) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    projection = torch.randn(output.vectors.shape[-1], TOKENS, generator=chance).to(output.vectors)
    logits = output.vectors @ projection  # [B, T, C, V]
    if output.weights is not None:
        return candidates.joint(output.weights, logits)
    first = decoder.initial_weights(memory)
    assert first is not None and output.transitions is not None  # noqa: S101, PT018  # the contract says so
    rows, steps = logits.shape[:2]
    target = (torch.arange(steps) % TOKENS).expand(rows, steps)  # [B, T]
    every = torch.ones_like(target, dtype=torch.bool)
    joint = candidates.joint_of_chain(first, output.transitions, logits.flatten(0, 1), target, every)
    return joint.view_as(logits)
