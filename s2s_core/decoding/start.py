"""The start of the search, and the beams that it begins with."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from s2s_core.compat import pytree
from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding import sampling
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.interfaces import State, padding_mask
from s2s_core.model.probabilities import NEVER
from s2s_core.text.vocabulary import BOS

LONGEST = 2**30
"""The most that each part of a limit on an answer's length counts, in tokens.

An exported file takes any limit. A ratio may make its part larger than int64, or infinite, and the sum of two parts may
overflow. This number is exact in float32 and far beyond any answer.
"""

Settings = dict[str, Tensor]
"""The settings of a search, each [], by their names in ``DecodingConfig``.

With prefixes, also ``prefix`` [B, P]; of a model that copies, also ``copies`` [B, S], the sources' extended ids.
"""

Extras = dict[str, Tensor]
"""What the search itself remembers about each beam, each [B, K, …]:

==================  =========  =======================================================================
shortest, longest   [B, K]     fewest and most tokens of the answer, its end included
prefix              [B, K, P]  the tokens to begin with; PAD where the search is free
history             [B, K, t]  the tokens before the last one, BOS first
matches             [B, K, t]  for each of these, how many tokens up to it equal the last tokens
coverage            [B, K, S]  the sum of the attention on each source position so far
real                [B, K, S]  False for padding
key                 [B, K]     the number that a beam's noise depends on
==================  =========  =======================================================================

All but the first row are there only if a feature needs them, as are the settings that a step reads, [B, K] each.
"""


class Beams(NamedTuple):
    """The K beams of each source, between two steps. Axis ``R`` is B · K, every beam of every source.

    Attributes:
        tokens: The last token, [B, K].
        finished: Whether the beam has ended, [B, K].
        scores: The beam's log-probability, [B, K].
        state: The decoder's state, each tensor [R, …], as the decoder takes it.
        extras: See ``Extras``.
    """

    tokens: Tensor
    finished: Tensor
    scores: Tensor
    state: State
    extras: Extras

    @property
    def leaves(self) -> list[Tensor]:
        """All tensors that a beam remembers, those of the state, [R, …], before the extras, [B, K, …]."""
        return pytree.tree_leaves((self.state, self.extras))


class Start(nn.Module):
    """Reads the sources and sets up the beams, of which only the first is alive; in sampling, all are.

    Args:
        model: In evaluation mode.
        features: The optional parts of the search.
    """

    def __init__(self, model: AnyModel, features: SearchFeatures) -> None:
        super().__init__()
        self.model, self.features = model, features

    def forward(self, source: Tensor, lengths: Tensor, beams: Tensor, settings: Settings) -> Beams:
        """Returns the beams before the first step.

        Args:
            source: Ids with EOS, padded, [B, S].
            lengths: [B], EOS included.
            beams: The numbers 0 to K - 1, [K]. Their count is a shape, so K is free in an exported file.
            settings: The limits, and the settings that the features need.
        """
        size = (source.shape[0], beams.shape[0])
        extras = self._limits(lengths, settings) | self._memories(source, lengths, settings)
        state = self.model.start(source, lengths, settings.get("copies"))
        rows = torch.arange(size[0], device=source.device)[:, None].expand(size).flatten()  # [R]
        state = pytree.tree_map(lambda leaf: leaf.index_select(0, rows), state)
        extras = pytree.tree_map(lambda leaf: leaf.unsqueeze(1).expand(*size, *leaf.shape[1:]), extras)
        dead = (beams > 0).expand(size)  # [B, K]
        if self.features.sampling:
            extras["key"] = sampling.beam_keys(source, lengths, beams, settings["seed"])
            dead = torch.zeros_like(dead)
        scores = torch.where(dead, NEVER, 0.0)
        return Beams(torch.full(size, BOS, device=source.device), dead, scores, state, extras)

    def _limits(self, lengths: Tensor, settings: Settings) -> Extras:
        """Returns the limits of each answer's length: a fixed number plus a share of the source's length."""
        shortest, longest = (
            settings[f"{name}_length"].clamp(max=LONGEST)
            + (settings[f"{name}_length_ratio"] * lengths).clamp(max=LONGEST).floor().to(torch.int64)
            for name in ("min", "max")
        )  # [B]
        return {"shortest": shortest, "longest": longest.clamp(min=1)}

    def _memories(self, source: Tensor, lengths: Tensor, settings: Settings) -> Extras:
        """Returns what the features remember, before the first step."""
        batch, size = source.shape
        memories: Extras = {}
        read: list[str] = []
        if self.features.prefix:
            memories["prefix"] = settings["prefix"]
        if self.features.no_repeat:
            memories["history"] = memories["matches"] = source[:, :0]  # [B, 0]
            read += ["no_repeat_ngram"]
        if self.features.coverage:
            memories["coverage"] = torch.zeros(batch, size, device=source.device)
            memories["real"] = padding_mask(lengths, size)
            read += ["coverage_penalty"]
        if self.features.sampling:
            read += ["temperature", "top_k", "top_p"]
        return memories | {name: settings[name].expand(batch) for name in read}
