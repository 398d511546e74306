"""Sampling that is reproducible across PyTorch and the exported file.

Random numbers are a hash of the seed, the source's ids, the beam, the step and the token. So a sample depends neither
on the batch nor on the order in which things are computed, and equal texts have equal samples. The token with the
highest log-probability plus Gumbel noise is a sample of the distribution (Maddison et al. 2014, arXiv 1411.0030).
"""

import torch
from torch import Tensor

from s2s_core.model.integers import quotient
from s2s_core.model.interfaces import padding_mask

LOWEST_TEMPERATURE = 1e-4
"""What a lower temperature is taken as; it picks the best token."""

_LOWER_32_BITS = 0xFFFFFFFF


def beam_keys(source: Tensor, lengths: Tensor, beams: Tensor, seed: Tensor) -> Tensor:
    """Returns what each beam's chance depends on, [B, K], from ids [B, S], the beams' numbers [K] and a seed []."""
    places = _mix(torch.arange(source.shape[1], device=source.device))  # [S]
    real = padding_mask(lengths, source.shape[1])
    texts = torch.where(real, _mix(places ^ source), 0).sum(1) & _LOWER_32_BITS  # [B]
    return _mix(_mix(texts ^ _mix(seed & _LOWER_32_BITS))[:, None] ^ beams)


def pick(log_probabilities: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor, noise: Tensor) -> Tensor:
    """Returns a token for each row [R].

    Args:
        log_probabilities: [R, V].
        temperature: Divides them, [R].
        top_k: How many of the best tokens may be picked, [R]; 0 allows all.
        top_p: As many of the best as are needed to reach this probability, the least of them included, [R].
        noise: [R, V].
    """
    scaled = log_probabilities / temperature.clamp(min=LOWEST_TEMPERATURE)[:, None]
    keys = scaled + noise
    return keys.masked_fill(scaled < _threshold(scaled, top_k, top_p), float("-inf")).argmax(1)


def gumbel(keys: Tensor, step: Tensor, size: int) -> Tensor:
    """Returns the noise [R, V] of a step [] for beams of the given keys [R]."""
    ids = torch.arange(size, device=keys.device)
    mixed = _mix(_mix(keys ^ step)[:, None] ^ ids)
    uniform = (_shift(mixed, 9) + 0.5) / 2**23  # exact in float32, and neither 0 nor 1
    return -(-uniform.log()).log()


def _threshold(scaled: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """Returns the least log-probability [R, 1] that may be picked."""
    best, _ = scaled.sort(1, descending=True)
    beyond = (top_k > 0)[:, None] & (torch.arange(best.shape[1], device=best.device) >= top_k[:, None])
    probabilities = best.masked_fill(beyond, float("-inf")).softmax(1)
    reached = (probabilities.cumsum(1) - probabilities >= top_p[:, None]) & (top_p < 1)[:, None]
    allowed = (~(beyond | reached)).sum(1).clamp(min=1)  # [R]
    return best.gather(1, allowed[:, None] - 1)


def _mix(number: Tensor) -> Tensor:
    """Hashes numbers of 32 bits, held in int64 so that no product overflows.

    The constants are the best of Wellons's search, github.com/skeeto/hash-prospector. One stands here less 2**32.
    """
    number = ((number ^ _shift(number, 16)) * 0x21F0AAAD) & _LOWER_32_BITS
    number = ((number ^ _shift(number, 15)) * -0x2CA5D269) & _LOWER_32_BITS
    return number ^ _shift(number, 15)


def _shift(number: Tensor, bits: int) -> Tensor:
    return quotient(number, 2**bits)
