"""Beam search. Greedy search is beam search with one beam.

The search is three modules, run one after the other here and stitched into one ONNX graph by ``s2s_core.export``::

    source, lengths ─► Start ─► tokens, finished, scores, state
                                  │
                                Step    a loop, until every beam is finished or max_length is reached
                                  │
    length_penalty ───────────► Finish ─► hypotheses and scores, best first

A finished beam keeps its score and goes on with PAD. A beam whose score is minus infinity is dead: it stands for a
hypothesis that doesn't exist, because the vocabulary offers fewer than K. A step keeps, for every token that it picks,
the beam that it came from; ``Finish`` follows these back from the last step, so no step moves the tokens before.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from s2s_core.interfaces import State
from s2s_core.model import Seq2Seq
from s2s_core.recurrence import scan
from s2s_core.vocabulary import BOS, EOS, PAD

NEVER = float("-inf")
"""The log-probability of what can't be."""


class Beams(NamedTuple):
    """The K beams of each source between two steps.

    Attributes:
        tokens: The last token, [B, K].
        finished: Whether the beam has ended, [B, K].
        scores: The beam's log-probability, [B, K].
        state: The decoder's state, each tensor [B, K, …].
    """

    tokens: Tensor
    finished: Tensor
    scores: Tensor
    state: State


class Start(nn.Module):
    """Reads the sources and sets up the beams, of which only the first is alive."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, lengths: Tensor, beams: Tensor) -> Beams:
        """Returns the beams before the first step.

        Args:
            source: Ids with EOS, padded, [B, S].
            lengths: [B], EOS included.
            beams: The numbers 0 to K - 1, [K]. Their count is a shape, so K is free in an exported file.
        """
        size = (source.shape[0], beams.shape[0])
        state = pytree.tree_map(
            lambda leaf: leaf.unsqueeze(1).expand(*size, *leaf.shape[1:]), self.model.start(source, lengths)
        )
        dead = (beams > 0).expand(size)  # [B, K]
        scores = torch.where(dead, NEVER, 0.0)
        return Beams(torch.full(size, BOS, device=source.device), dead, scores, state)


class Step(nn.Module):
    """Extends every beam by one token and keeps the K best."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, finished: Tensor, scores: Tensor, state: State) -> tuple[Tensor, Tensor, Beams]:
        """Takes the parts of ``Beams`` and returns whether any beam goes on [], the beams before [B, K], the beams."""
        batch, beams = tokens.shape
        flat = pytree.tree_map(lambda leaf: leaf.flatten(0, 1), state)
        logits, after = self.model.step(tokens.flatten(), flat)  # [B·K, V]
        extended = scores[:, :, None] + self._log_probabilities(logits, finished)  # [B, K, V]
        scores, best = extended.flatten(1).topk(beams)  # [B, K]
        parents = torch.div(best, logits.shape[-1], rounding_mode="trunc")
        tokens = best - parents * logits.shape[-1]
        rows = (torch.arange(batch, device=best.device)[:, None] * beams + parents).flatten()  # [B·K]

        def follow(leaf: Tensor, before: Tensor, beamed: Tensor) -> Tensor:
            if leaf is before:
                return beamed
            return leaf.index_select(0, rows).reshape(batch, beams, *leaf.shape[1:])

        state = pytree.tree_map(follow, after, flat, state)
        finished = finished.gather(1, parents) | (tokens == EOS) | (scores == NEVER)
        return ~finished.all(), parents, Beams(tokens, finished, scores, state)

    def _log_probabilities(self, logits: Tensor, finished: Tensor) -> Tensor:
        """PAD and BOS are never picked by a beam that goes on; a finished one picks PAD at no cost."""
        ids = torch.arange(logits.shape[-1], device=logits.device)
        allowed = logits.float().masked_fill((ids == PAD) | (ids == BOS), NEVER)
        stay = torch.where(ids == PAD, 0.0, NEVER)  # [V]
        return torch.where(finished[:, :, None], stay, allowed.log_softmax(-1).reshape(*finished.shape, len(ids)))


class Finish(nn.Module):
    """Follows the beams back and orders the hypotheses."""

    def forward(self, tokens: Tensor, parents: Tensor, scores: Tensor, length_penalty: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the hypotheses' ids [B, K, T], padded past EOS, and their scores [B, K], best first.

        A score is the log-probability divided by ``((5 + length) / 6) ** length_penalty``, with EOS in the length
        (Wu et al. 2016, arXiv 1609.08144, equation 14).

        Args:
            tokens: What each step picked, [T, B, K].
            parents: The beam that each pick came from, [T, B, K].
            scores: Log-probabilities after the last step, [B, K].
            length_penalty: [].
        """
        hypotheses = self._trace(tokens, parents)  # [B, K, T]
        lengths = (hypotheses != PAD).sum(2)
        scores = scores / ((5.0 + lengths) / 6.0) ** length_penalty
        scores, order = scores.topk(scores.shape[1])  # [B, K]
        hypotheses = hypotheses.gather(1, order[:, :, None].expand_as(hypotheses))
        return hypotheses.masked_fill((scores == NEVER)[:, :, None], PAD), scores

    def _trace(self, tokens: Tensor, parents: Tensor) -> Tensor:
        def back(picks: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            beam, _ = state
            token, parent = picks.unbind(1)  # [B, K]
            return parent.gather(1, beam), token.gather(1, beam)

        picks = torch.stack([tokens, parents], 2).flip(0).transpose(0, 1)  # [B, T, 2, K]
        last = torch.arange(tokens.shape[2], device=tokens.device).expand(tokens.shape[1:])
        everywhere = torch.ones(picks.shape[:2], dtype=torch.bool, device=tokens.device)
        (_, traced), _ = scan(back, picks, everywhere, (last, tokens[0]))
        hypotheses: Tensor = traced.flip(1).transpose(1, 2)
        return hypotheses


class BeamSearch:
    """Beam search in PyTorch, by the modules that an exported file is made of.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Seq2Seq) -> None:
        self._start, self._step, self._finish = Start(model), Step(model), Finish()

    @torch.inference_mode()
    def __call__(
        self,
        source: Tensor,
        lengths: Tensor,
        *,
        max_length: int = 100,
        beam_size: int = 1,
        length_penalty: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Decodes a batch.

        Args:
            source: Ids with EOS, padded, [B, S]; B may be 0.
            lengths: [B], EOS included.
            max_length: The most tokens of an answer, EOS included; at least 1.
            beam_size: K, at least 1.
            length_penalty: 0 ranks hypotheses by log-probability, 1 nearly by log-probability a token.

        Returns:
            The hypotheses' ids [B, K, T], padded past EOS, and their scores [B, K], best first.
        """
        beams = self._start(source, lengths, torch.arange(beam_size, device=source.device))
        tokens, parents = [], []
        for _ in range(max_length):
            going, parent, beams = self._step(*beams)
            tokens.append(beams.tokens)
            parents.append(parent)
            if not going:
                break
        penalty = torch.tensor(length_penalty, device=source.device)
        found: tuple[Any, Any] = self._finish(torch.stack(tokens), torch.stack(parents), beams.scores, penalty)
        return found
