"""Attention: which source positions matter to a step, and what they hold together."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from s2s_core import Memory, bridge

SCORES = ("dot", "general", "additive")
"""The ways to compare a query with a position; the first two are of Luong et al. 2015 (arXiv 1508.04025)."""


class Attended(NamedTuple):
    """A memory as attention reads it. It doesn't change from step to step.

    Attributes:
        keys: What queries are compared with, [B, S, A].
        values: The memory's states, zero where the mask is false, [B, S, M].
        penalty: What is added to the scores, [B, S]: 0 for real positions and minus infinity for others. The first
            position of an empty source counts as real; its value is zero.
    """

    keys: Tensor
    values: Tensor
    penalty: Tensor


class Attention(nn.Module):
    """Compares queries [B, T, Q] with the positions of a memory, and returns the mean of those that fit.

    ``dot``: ``q · m``, with ``m`` brought to the query's width where it has another. ``general``: ``q · W m``.
    ``additive``: ``v · tanh(U q + W m)`` (Bahdanau et al. 2015, arXiv 1409.0473).

    Args:
        score: One of ``SCORES``.
        query_size: Q.
        states_size: The width M of the memory's states.
    """

    def __init__(self, score: str, query_size: int, states_size: int) -> None:
        super().__init__()
        self.keys: nn.Module = (
            bridge(states_size, query_size) if score == "dot" else nn.Linear(states_size, query_size, bias=False)
        )
        self.query = nn.Linear(query_size, query_size) if score == "additive" else None
        self.weight = nn.Linear(query_size, 1, bias=False) if score == "additive" else None

    def attend(self, memory: Memory) -> Attended:
        """Prepares a memory once for all steps."""
        values = memory.states.masked_fill(~memory.mask[:, :, None], 0.0)
        ignored = ~memory.mask & (torch.arange(memory.mask.shape[1], device=memory.mask.device) > 0)
        penalty = torch.zeros_like(memory.mask, dtype=values.dtype).masked_fill(ignored, float("-inf"))
        return Attended(self.keys(values), values, penalty)

    def forward(self, queries: Tensor, attended: Attended) -> tuple[Tensor, Tensor]:
        """Returns what the queries find, [B, T, M], and how much each position counted, [B, T, S]."""
        weights = (self._scores(queries, attended.keys) + attended.penalty[:, None]).softmax(-1)
        return weights @ attended.values, weights

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        if self.query is None or self.weight is None:
            return queries @ keys.transpose(1, 2)
        mixed = torch.tanh(self.query(queries)[:, :, None] + keys[:, None])  # [B, T, S, Q]
        scores: Tensor = self.weight(mixed)[:, :, :, 0]
        return scores
