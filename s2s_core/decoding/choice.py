"""Chooses the tokens that beams go on with: the best of all beams, or one drawn at random for each.

A step asks its choice twice. First, which candidates each beam has by itself; then, after prefixes and ended beams have
changed some of these, which candidates become the beams after the step. ``Step`` accepts other choices, such as one
that repeats an earlier search.

Axis ``R`` is B · K, every beam of every source; ``C`` counts the candidates of a beam.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from s2s_core.decoding import sampling
from s2s_core.decoding.start import Extras
from s2s_core.model.integers import quotient
from s2s_core.model.probabilities import NEVER
from s2s_core.text.vocabulary import EOS


class Candidates(NamedTuple):
    """The tokens that each beam may go on with.

    Attributes:
        gains: The log-probability of each, which its beam's score gains, [R, C].
        tokens: Their ids, [R, C].
    """

    gains: Tensor
    tokens: Tensor


class Selection(NamedTuple):
    """The beams after a step.

    Attributes:
        scores: [B, K].
        parents: The beam that each one continues, [B, K].
        tokens: The token that it goes on with, [B, K].
    """

    scores: Tensor
    parents: Tensor
    tokens: Tensor


class Choice(Protocol):
    """Chooses the tokens that beams go on with."""

    def candidates(self, step: Tensor, token_scores: Tensor, early: Tensor, extras: Extras, beams: int) -> Candidates:
        """Returns the candidates of each beam.

        Args:
            step: The number of the step, [].
            token_scores: The log-probability of each token, [R, V].
            early: Whether it is too early for a beam to end, [R, 1].
            extras: What the search remembers of each beam, [R, …].
            beams: K.
        """
        ...

    def select(self, step: Tensor, scores: Tensor, candidates: Candidates, size: torch.Size) -> Selection:
        """Returns the beams after the step.

        Args:
            step: The number of the step, [].
            scores: The beams' log-probabilities before, [B, K].
            candidates: Of each beam.
            size: B and K, of a tensor that never changes, so that an exported file reads them before the loop.
        """
        ...


class BestTokens:
    """Keeps the K best of all continuations of all K beams: beam search."""

    def candidates(self, step: Tensor, token_scores: Tensor, early: Tensor, extras: Extras, beams: int) -> Candidates:
        """Returns the best tokens of each beam, one more than there are beams.

        That is enough for the K best of all, and sorts far less than one choice among all tokens of all beams would.
        The additional one stands in for an end that comes too early.
        """
        del step, extras
        count = torch.sym_min(beams + 1, token_scores.shape[1])  # type: ignore[no-untyped-call]
        gains, tokens = token_scores.topk(count)  # [R, C]
        return Candidates(gains.masked_fill(early & (tokens == EOS), NEVER), tokens)

    def select(self, step: Tensor, scores: Tensor, candidates: Candidates, size: torch.Size) -> Selection:
        """Returns the best of all beams' candidates."""
        del step
        batch, beams = size
        count = candidates.tokens.shape[1]
        across = (batch, beams * count)
        scores, best = (scores.reshape(-1, 1) + candidates.gains).reshape(across).topk(beams)  # [B, K]
        return Selection(scores, quotient(best, count), candidates.tokens.reshape(across).gather(1, best))


class DrawnTokens:
    """Draws one token for each beam, which goes on by itself: sampling."""

    def candidates(self, step: Tensor, token_scores: Tensor, early: Tensor, extras: Extras, beams: int) -> Candidates:
        """Returns the drawn token as the only candidate."""
        del beams
        ids = torch.arange(token_scores.shape[1], device=token_scores.device)
        token_scores = token_scores.masked_fill(early & (ids == EOS), NEVER)
        tokens = self.draw(step, token_scores, extras)[:, None]  # [R, 1]
        return Candidates(token_scores.gather(1, tokens), tokens)

    def draw(self, step: Tensor, token_scores: Tensor, extras: Extras) -> Tensor:
        """Returns a token for each beam [R]; arguments are those of ``candidates``."""
        noise = sampling.gumbel(extras["key"], step, token_scores.shape[1])  # [R, V]
        return sampling.pick(token_scores, extras["temperature"], extras["top_k"], extras["top_p"], noise)

    def select(self, step: Tensor, scores: Tensor, candidates: Candidates, size: torch.Size) -> Selection:
        """Returns each beam with its only candidate."""
        del step
        parents = torch.arange(size[1], device=scores.device).expand(size)
        return Selection(scores + candidates.gains.reshape(size), parents, candidates.tokens.reshape(size))
