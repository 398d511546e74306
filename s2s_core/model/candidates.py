"""Several candidates in a step: the mixture of their distributions, and chains of candidates from step to step.

The joint distribution of a step is the logarithm of p(c, y), the probability of each candidate and token together. Its
sum over the candidates is the probability of each token. What it holds for the token that was written is, normalised,
the probability of each candidate given that token. In a chain, which is a hidden Markov model, the next step's
transitions start from there; this is the forward algorithm (Rabiner 1989, doi 10.1109/5.18626).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from s2s_core.model.interfaces import State

LOG_OF_ZERO = -1e4
"""The logarithm that stands for that of 0.

Minus infinity would give NaN where all that is added up is impossible, in gradients too. The exponential of this one is
exactly 0, in float64 too.
"""


class Chain(NamedTuple):
    """The state of a model whose candidates depend on those of the step before.

    Attributes:
        decoder: The decoder's own state.
        joint: The joint distribution of the last step, [B, C, V].
    """

    decoder: State
    joint: Tensor


def started(initial_weights: Tensor, state: State, tokens: int) -> Chain:
    """Returns the state before the first step, when whatever token was read says nothing about the candidates.

    Args:
        initial_weights: [B, C].
        state: The decoder's first state.
        tokens: The number of tokens, V.
    """
    return Chain(state, _finite(initial_weights)[:, :, None].expand(-1, -1, tokens))


def joint(weights: Tensor, logits: Tensor) -> Tensor:
    """Returns the joint distribution […, C, V] of weights […, C] and each candidate's logits […, C, V]."""
    return _weighted(weights, _scores(logits))


def joint_of_chain(
    initial_weights: Tensor, transitions: Tensor, logits: Tensor, target: Tensor, real: Tensor
) -> Tensor:
    """Returns the joint distribution of each real token of whole targets, given the true tokens before it, [N, C, V].

    Args:
        initial_weights: [B, C].
        transitions: [B, T, C, C].
        logits: Each candidate's, for the N real tokens in the order of ``target[real]``, [N, C, V].
        target: Ids, [B, T].
        real: False at padding, [B, T].
    """
    scores = _scores(logits)
    columns = target[real][:, None, None].expand(-1, scores.shape[1], 1)  # [N, C, 1]
    true_scores = scores.new_zeros(transitions.shape[:3])  # [B, T, C]
    true_scores[real] = scores.gather(2, columns)[:, :, 0]
    return _weighted(weights_of_chain(initial_weights, transitions, true_scores)[real], scores)


def token_scores(joint: Tensor) -> Tensor:
    """Returns the logarithm of each token's probability, […, V], of a joint distribution […, C, V]."""
    return joint.logsumexp(-2)


def weights_given(tokens: Tensor, joint: Tensor) -> Tensor:
    """Returns the candidates' weights [B, C] given the tokens [B] of a step whose joint distribution is [B, C, V]."""
    columns = tokens[:, None, None].expand(-1, joint.shape[1], 1)  # [B, C, 1]
    return joint.gather(2, columns)[:, :, 0].log_softmax(1)


def weights_after(weights: Tensor, transitions: Tensor) -> Tensor:
    """Returns the candidates' weights [B, C] in a step, of those after the step before, [B, C], and [B, C, C]."""
    return (weights[:, :, None] + _finite(transitions)).logsumexp(1)


def weights_of_chain(initial_weights: Tensor, transitions: Tensor, token_scores: Tensor) -> Tensor:
    """Returns the candidates' weights in every step of a whole target, each given the tokens before it, [B, T, C].

    Args:
        initial_weights: [B, C].
        transitions: [B, T, C, C].
        token_scores: The logarithm of the probability that each candidate gives to the step's token, [B, T, C].
    """
    after, weights = _finite(initial_weights), []
    for step_transitions, step_scores in zip(transitions.unbind(1), token_scores.unbind(1), strict=True):
        weights.append(weights_after(after, step_transitions))
        after = (weights[-1] + step_scores).log_softmax(1)
    return torch.stack(weights, 1)


def mean(values: Tensor, weights: Tensor) -> Tensor:
    """Returns the mean, […, X], of the candidates' vectors or attention, […, C, X], by their weights […, C]."""
    return (_finite(weights).exp().to(values.dtype)[..., None, :] @ values)[..., 0, :]


def _scores(logits: Tensor) -> Tensor:
    """Returns the logarithms of the tokens' probabilities, […, C, V]."""
    return _precise(logits).log_softmax(-1)


def _weighted(weights: Tensor, scores: Tensor) -> Tensor:
    return _finite(weights)[..., None] + scores


def _finite(logarithms: Tensor) -> Tensor:
    return _precise(logarithms).clamp(min=LOG_OF_ZERO)


def _precise(numbers: Tensor) -> Tensor:
    """Returns the numbers in at least single precision: mixed precision is too coarse for sums of logarithms."""
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))
