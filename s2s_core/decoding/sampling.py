"""Sampling that draws the same in PyTorch and in the exported file.

A random number is a hash of the seed, the source's ids, the beam, the step and the token. So a sample depends neither
on the batch nor on the order of computation, and equal texts have equal samples. The token with the highest sum of
log-probability and Gumbel noise is a sample of the distribution (Maddison et al. 2014, arXiv 1411.0030).
"""

import torch
from torch import Tensor

from s2s_core.model.integers import quotient
from s2s_core.model.interfaces import padding_mask

LOWEST_TEMPERATURE = 1e-4
"""The lowest temperature, which lower ones are raised to, so that nothing is divided by 0.

It practically always picks the best token: the noise lies between -2.8 and 16.7, so a token can only be overtaken by
another whose log-probability is at most 0.002 less.
"""

_LOWER_32_BITS = 0xFFFFFFFF


def beam_keys(source: Tensor, lengths: Tensor, beams: Tensor, seed: Tensor) -> Tensor:
    """Returns the numbers that each beam's noise depends on, [B, K].

    Args:
        source: Ids, [B, S].
        lengths: [B].
        beams: The numbers of the beams, [K].
        seed: [].
    """
    places = _mix(torch.arange(source.shape[1], device=source.device))  # [S]
    real = padding_mask(lengths, source.shape[1])  # [B, S]
    texts = torch.where(real, _mix(places ^ source), 0).sum(1) & _LOWER_32_BITS  # [B]
    return _mix(_mix(texts ^ _mix(seed & _LOWER_32_BITS))[:, None] ^ beams)


def pick(log_probabilities: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor, noise: Tensor) -> Tensor:
    """Draws a token for each row [R].

    Args:
        log_probabilities: [R, V].
        temperature: Divides the log-probabilities, [R].
        top_k: How many of the best tokens may be drawn, [R]; 0 allows all.
        top_p: Only the fewest best tokens that together reach this probability may be drawn, [R]; 1 allows all.
        noise: [R, V].
    """
    scaled = log_probabilities / temperature.clamp(min=LOWEST_TEMPERATURE)[:, None]  # [R, V]
    keys = scaled + noise  # [R, V]
    return keys.masked_fill(scaled < _threshold(scaled, top_k, top_p), float("-inf")).argmax(1)


def gumbel(keys: Tensor, step: Tensor, size: int) -> Tensor:
    """Returns the noise [R, V] of a step [] for beams with these keys [R]."""
    ids = torch.arange(size, device=keys.device)
    mixed = _mix(_mix(keys ^ step)[:, None] ^ ids)  # [R, V]
    uniform = (_shift(mixed, 9) + 0.5) / 2**23  # exact in float32, and neither 0 nor 1
    return -(-uniform.log()).log()


def _threshold(scaled: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """Returns the least log-probability that may be drawn, [R, 1]."""
    best, _ = scaled.sort(1, descending=True)  # [R, V]
    beyond = (top_k > 0)[:, None] & (torch.arange(best.shape[1], device=best.device) >= top_k[:, None])
    probabilities = best.masked_fill(beyond, float("-inf")).softmax(1)
    reached = (probabilities.cumsum(1) - probabilities >= top_p[:, None]) & (top_p < 1)[:, None]
    allowed = (~(beyond | reached)).sum(1).clamp(min=1)  # [R]
    return best.gather(1, allowed[:, None] - 1)


def _mix(number: Tensor) -> Tensor:
    """Hashes numbers of 32 bits, held in int64 so that no product overflows.

    The constants are the best that Wellons's search has found, github.com/skeeto/hash-prospector. The second one,
    0xD35A2D97, is written minus 2**32: its product with 32 bits would overflow int64, and this one has the same lower
    32 bits.
    """
    number = ((number ^ _shift(number, 16)) * 0x21F0AAAD) & _LOWER_32_BITS
    number = ((number ^ _shift(number, 15)) * -0x2CA5D269) & _LOWER_32_BITS
    return number ^ _shift(number, 15)


def _shift(number: Tensor, bits: int) -> Tensor:
    return quotient(number, 2**bits)
