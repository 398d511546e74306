"""One step of the search: every beam goes on by one token."""

import torch
from torch import Tensor, nn

from s2s_core.compat import pytree
from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding import repeats
from s2s_core.decoding.choice import BestTokens, Candidates, Choice, DrawnTokens
from s2s_core.decoding.start import Beams, Extras
from s2s_core.errors import ConfigError
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.interfaces import State
from s2s_core.model.probabilities import NEVER, log_probabilities
from s2s_core.text.vocabulary import EOS, PAD


class Step(nn.Module):
    """Extends every beam by one token and keeps the K best; in sampling, each goes on by itself.

    Axis ``R`` is B · K, every beam of every source; ``C`` counts the candidates of a beam.

    Args:
        model: In evaluation mode.
        features: The optional parts of the search.
        choice: Chooses the tokens; by default as the features say, the best ones or drawn ones.
    """

    def __init__(self, model: AnyModel, features: SearchFeatures, choice: Choice | None = None) -> None:
        super().__init__()
        self.model, self.features = model, features
        self.choice = choice or (DrawnTokens() if features.sampling else BestTokens())

    def forward(
        self, step: Tensor, tokens: Tensor, finished: Tensor, scores: Tensor, state: State, extras: Extras
    ) -> tuple[Tensor, Tensor, Beams]:
        """Takes a step's number [], from 0 on, and the parts of ``Beams``.

        Returns:
            Whether any beam goes on [], the beam that each one continues [B, K], and the beams.
        """
        batch, beams = size = extras["longest"].shape  # of what never changes, so that it's read before the loop
        flat = pytree.tree_map(lambda leaf: leaf.flatten(0, 1), extras)  # [R, …]
        token_scores, new_state, new_extras = self._look(tokens.flatten(), finished.flatten(), state, flat)
        candidates = self._candidates(step, token_scores, new_extras, beams)
        candidates = self._force(step, token_scores, finished.reshape(-1, 1), new_extras, candidates)
        scores, parents, tokens = self.choice.select(step, scores, candidates, size)  # [B, K]
        rows = (torch.arange(batch, device=tokens.device)[:, None] * beams + parents).flatten()  # [R]

        def follow(leaf: Tensor, before: Tensor) -> Tensor:
            """Gives each beam the leaf [R, …] of its parent; one that didn't change stays one object."""
            return leaf if self.features.sampling or leaf is before else leaf.index_select(0, rows)

        ended = (tokens == EOS) | (scores == NEVER) | (step >= extras["longest"] - 1)
        state = pytree.tree_map(follow, new_state, state)
        extras = {
            name: extras[name] if leaf is flat[name] else follow(leaf, flat[name]).reshape(*size, *leaf.shape[1:])
            for name, leaf in new_extras.items()
        }
        finished = finished.gather(1, parents) | ended
        return ~finished.all(), parents, Beams(tokens, finished, scores, state, extras)

    def _look(self, tokens: Tensor, finished: Tensor, state: State, extras: Extras) -> tuple[Tensor, State, Extras]:
        """Reads the last tokens [R].

        Returns:
            The log-probability of each next token [R, V]; the state and the extras after the last one, [R, …].
        """
        extras = dict(extras)
        if self.features.coverage:
            logits, attention, state = self.model.attentive_step(tokens, state)
            if attention is None:
                raise ConfigError(
                    "decoding.coverage_penalty needs a decoder with attention, and this one has none: "
                    "set it to 0, or train with another decoder"
                )
            extras["coverage"] = extras["coverage"] + attention.masked_fill(finished[:, None], 0.0)  # [R, S]
        else:
            logits, state = self.model.step(tokens, state)
        if self.features.no_repeat:
            extras["history"], extras["matches"] = repeats.extend(extras["history"], extras["matches"], tokens)
        return log_probabilities(logits), state, extras

    def _candidates(self, step: Tensor, token_scores: Tensor, extras: Extras, beams: int) -> Candidates:
        """Returns what each beam may go on with, if nothing forces it."""
        early = step < extras["shortest"][:, None] - 1  # [R, 1]
        if self.features.no_repeat:
            token_scores = repeats.ban(
                token_scores, extras["history"], extras["matches"], extras["no_repeat_ngram"]
            )  # [R, V]
        return self.choice.candidates(step, token_scores, early, extras, beams)

    def _force(
        self, step: Tensor, token_scores: Tensor, finished: Tensor, extras: Extras, candidates: Candidates
    ) -> Candidates:
        """Leaves one candidate to a beam that isn't free: a prefix's token, or at no cost PAD after the end."""
        gains, tokens = candidates  # [R, C]
        first = torch.arange(tokens.shape[1], device=tokens.device) == 0  # [C]
        if self.features.prefix:
            place = step.clamp(max=extras["prefix"].shape[1] - 1)
            token = extras["prefix"].index_select(1, place[None])  # [R, 1]
            gain = torch.where(first, token_scores.gather(1, token), NEVER)
            gains, tokens = torch.where(token != PAD, gain, gains), torch.where(token != PAD, token, tokens)
        return Candidates(
            torch.where(finished, torch.where(first, 0.0, NEVER), gains), tokens.masked_fill(finished, PAD)
        )
