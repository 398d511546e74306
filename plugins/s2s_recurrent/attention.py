"""Attention over the positions of a memory, with one of three scoring functions."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from s2s_core import Memory, bridge

SCORES = ("dot", "general", "additive")
"""The scoring functions; the first two are those of Luong et al. 2015 (arXiv 1508.04025)."""


class Attended(NamedTuple):
    """A memory prepared for attention; it doesn't change from step to step.

    Attributes:
        keys: The vectors that queries are compared with, [B, S, Q].
        values: The memory's states, zero where the mask is false, [B, S, M].
        penalty: The summand of the scores, [B, S]: 0 for real positions and minus infinity for others. The first
            position always counts as real, so that an empty source has no NaN; its value is zero then.
    """

    keys: Tensor
    values: Tensor
    penalty: Tensor


class Attention(nn.Module):
    """Scores the positions of a memory for queries [B, T, Q], and returns the weighted mean of the memory's states.

    ``dot``: ``q · m``, with ``m`` projected to the query's width if the widths differ. ``general``: ``q · W m``.
    ``additive``: ``v · tanh(U q + W m)`` (Bahdanau et al. 2015, arXiv 1409.0473).

    Args:
        score: One of ``SCORES``.
        query_size: The width Q of the queries.
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
        """Prepares a memory, once for all steps."""
        values = memory.states.masked_fill(~memory.mask[:, :, None], 0.0)  # [B, S, M]
        ignored = ~memory.mask & (torch.arange(memory.mask.shape[1], device=memory.mask.device) > 0)  # [B, S]
        penalty = torch.zeros_like(memory.mask, dtype=values.dtype).masked_fill(ignored, float("-inf"))
        return Attended(self.keys(values), values, penalty)

    def forward(self, queries: Tensor, attended: Attended) -> tuple[Tensor, Tensor]:
        """Returns the context vector of each query, [B, T, M], and the weight of each position, [B, T, S]."""
        weights = (self._scores(queries, attended.keys) + attended.penalty[:, None]).softmax(-1)  # [B, T, S]
        return weights @ attended.values, weights

    def _scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        if self.query is None or self.weight is None:
            return queries @ keys.transpose(1, 2)  # [B, T, S]
        mixed = torch.tanh(self.query(queries)[:, :, None] + keys[:, None])  # [B, T, S, Q]
        scores: Tensor = self.weight(mixed)[:, :, :, 0]  # [B, T, S]
        return scores
