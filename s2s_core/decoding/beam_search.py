"""The search in PyTorch, with the modules that an exported file is made of."""

import itertools
from typing import Any

import torch
from torch import Tensor

from s2s_core.config.decoding import DecodingConfig, SearchFeatures, features_of, graph_inputs
from s2s_core.decoding.finish import Finish
from s2s_core.decoding.start import Beams, Settings, Start
from s2s_core.decoding.step import Step
from s2s_core.model.ensemble import AnyModel


class BeamSearch:
    """Searches for the best answers of a model.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: AnyModel) -> None:
        self._model = model

    @torch.inference_mode()
    def __call__(
        self,
        source: Tensor,
        lengths: Tensor,
        prefix: Tensor | None = None,
        copies: Tensor | None = None,
        **decoding: Any,
    ) -> tuple[Tensor, Tensor]:
        """Decodes a batch.

        Args:
            source: Ids with EOS, padded, [B, S]; B may be 0.
            lengths: [B], EOS included.
            prefix: Ids to begin with, PAD where the search is free, [B, P]; the last column is PAD, so P is at least 1.
            copies: What the source's tokens are as tokens of the target, for a model that copies, [B, S].
            **decoding: Settings, by their names in ``DecodingConfig``.

        Returns:
            The hypotheses' ids [B, K, T], padded past EOS, and their scores [B, K], best first.

        Raises:
            ConfigError: A coverage penalty is set, but the decoder has no attention.
        """
        config = DecodingConfig(**decoding)
        features = features_of(config, prefix=prefix is not None)
        settings = _settings(config, features, source.device)
        if prefix is not None:
            settings["prefix"] = prefix
        if copies is not None:
            settings["copies"] = copies
        numbers = torch.arange(config.beam_size, device=source.device)  # [K]
        beams = Start(self._model, features)(source, lengths, numbers, settings)
        tokens, parents, beams = _take_steps(self.make_step(features), beams)
        finish = Finish(features)
        hypotheses, scores = finish(tokens, parents, beams.scores, beams.extras, settings["length_penalty"])
        return hypotheses, scores

    def make_step(self, features: SearchFeatures) -> Step:
        """Makes the module that takes a step; another search may override it."""
        return Step(self._model, features)


def _settings(config: DecodingConfig, features: SearchFeatures, device: torch.device) -> Settings:
    return {
        name: torch.tensor(value, dtype=getattr(torch, kind), device=device)
        for name, kind, value in graph_inputs(config, features)
    }


def _take_steps(step: Step, beams: Beams) -> tuple[Tensor, Tensor, Beams]:
    """Takes steps until every beam is finished; returns all tokens and parents [T, B, K], and the last beams."""
    tokens, parents = [], []
    for number in itertools.count():
        going, parent, beams = step(torch.tensor(number, device=beams.tokens.device), *beams)
        tokens.append(beams.tokens)
        parents.append(parent)
        if not going:
            break
    return torch.stack(tokens), torch.stack(parents), beams
