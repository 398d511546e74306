"""A step of a search."""

import torch
from torch import Tensor, nn

from s2s_core.compat import pytree
from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding import repeats, sampling
from s2s_core.decoding.start import NEVER, Beams, Extras, log_probabilities
from s2s_core.errors import ConfigError
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.integers import quotient
from s2s_core.model.interfaces import State
from s2s_core.text.vocabulary import EOS, PAD


class Step(nn.Module):
    """Extends every beam by one token and keeps the K best; in sampling, each goes on by itself.

    Axis ``R`` is B · K, every beam of every source; ``C`` counts the candidates of a beam.

    Args:
        model: In evaluation mode.
        features: What the search does beside the usual.
    """

    def __init__(self, model: AnyModel, features: SearchFeatures) -> None:
        super().__init__()
        self.model, self.features = model, features

    def forward(
        self, step: Tensor, tokens: Tensor, finished: Tensor, scores: Tensor, state: State, extras: Extras
    ) -> tuple[Tensor, Tensor, Beams]:
        """Takes a step's number [], from 0 on, and the parts of ``Beams``.

        Returns:
            Whether any beam goes on [], the beams before [B, K], the beams.
        """
        batch, beams = size = extras["longest"].shape  # of what never changes, so that it's found before the loop
        before = pytree.tree_map(lambda leaf: leaf.flatten(0, 1), (state, extras))
        token_scores, after = self._look(tokens.flatten(), finished.flatten(), *before)
        gains, picks = self._candidates(step, token_scores, after[1], beams)
        gains, picks = self._force(step, token_scores, finished.reshape(-1, 1), after[1], gains, picks)  # [R, C]
        scores, parents, tokens = self._choose(scores, gains, picks, size)
        rows = (torch.arange(batch, device=tokens.device)[:, None] * beams + parents).flatten()

        def follow(leaf: Tensor, before: Tensor, beamed: Tensor) -> Tensor:
            if leaf is before:
                return beamed
            followed = leaf if self.features.sampling else leaf.index_select(0, rows)
            return followed.reshape(*size, *leaf.shape[1:])

        ended = (tokens == EOS) | (scores == NEVER) | (step >= extras["longest"] - 1)
        state, extras = pytree.tree_map(follow, after, before, (state, extras))
        finished = finished.gather(1, parents) | ended
        return ~finished.all(), parents, Beams(tokens, finished, scores, state, extras)

    def _look(
        self, tokens: Tensor, finished: Tensor, state: State, extras: Extras
    ) -> tuple[Tensor, tuple[State, Extras]]:
        """Returns the log-probability of each token [R, V], and what the beams remember of having seen the last."""
        extras = dict(extras)
        if self.features.coverage:
            logits, attention, state = self.model.attentive_step(tokens, state)
            if attention is None:
                raise ConfigError(
                    "decoding.coverage_penalty needs a decoder with attention, and this one has none: "
                    "set it to 0, or train with another decoder"
                )
            extras["coverage"] = extras["coverage"] + attention.masked_fill(finished[:, None], 0.0)
        else:
            logits, state = self.model.step(tokens, state)
        if self.features.no_repeat:
            extras["history"], extras["matches"] = repeats.extend(extras["history"], extras["matches"], tokens)
        return log_probabilities(logits), (state, extras)

    def _candidates(self, step: Tensor, token_scores: Tensor, extras: Extras, beams: int) -> tuple[Tensor, Tensor]:
        """Returns the log-probabilities and ids of the tokens that each beam might go on with, [R, C]."""
        early = step < extras["shortest"][:, None] - 1
        if self.features.no_repeat:
            token_scores = repeats.ban(token_scores, extras["history"], extras["matches"], extras["no_repeat_ngram"])
        if self.features.sampling:
            ids = torch.arange(token_scores.shape[1], device=token_scores.device)
            token_scores = token_scores.masked_fill(early & (ids == EOS), NEVER)
            noise = sampling.gumbel(extras["key"], step, token_scores.shape[1])
            picks = sampling.pick(token_scores, extras["temperature"], extras["top_k"], extras["top_p"], noise)[:, None]
            return token_scores.gather(1, picks), picks
        # One more than there are beams, as one of them may be an end that comes too early.
        count = torch.sym_min(beams + 1, token_scores.shape[1])  # type: ignore[no-untyped-call]
        gains, picks = token_scores.topk(count)
        return gains.masked_fill(early & (picks == EOS), NEVER), picks

    def _force(
        self, step: Tensor, token_scores: Tensor, finished: Tensor, extras: Extras, gains: Tensor, picks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Leaves one candidate to a beam that isn't free: a prefix's token, or at no cost PAD after the end."""
        first = torch.arange(picks.shape[1], device=picks.device) == 0  # [C]
        if self.features.prefix:
            place = step.clamp(max=extras["prefix"].shape[1] - 1)
            token = extras["prefix"].index_select(1, place[None])  # [R, 1]
            gain = torch.where(first, token_scores.gather(1, token), NEVER)
            gains, picks = torch.where(token != PAD, gain, gains), torch.where(token != PAD, token, picks)
        return torch.where(finished, torch.where(first, 0.0, NEVER), gains), picks.masked_fill(finished, PAD)

    def _choose(self, scores: Tensor, gains: Tensor, picks: Tensor, size: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the scores, the beams before and the tokens of the beams after, [B, K] each."""
        batch, beams = size
        if self.features.sampling:
            parents = torch.arange(beams, device=scores.device).expand(size)
            return scores + gains.reshape(size), parents, picks.reshape(size)
        across = (batch, beams * picks.shape[1])
        scores, best = (scores.reshape(-1, 1) + gains).reshape(across).topk(beams)
        return scores, quotient(best, picks.shape[1]), picks.reshape(across).gather(1, best)
