"""The search in PyTorch, by the modules that an exported file is made of."""

import itertools
from typing import Any

import torch
from torch import Tensor

from s2s_core.config.decoding import DecodingConfig, SearchFeatures, features_of, graph_inputs
from s2s_core.decoding.finish import Finish
from s2s_core.decoding.start import Start
from s2s_core.decoding.step import Step
from s2s_core.model.ensemble import AnyModel


class BeamSearch:
    """Searches for answers.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: AnyModel) -> None:
        self._model = model

    @torch.inference_mode()
    def __call__(
        self, source: Tensor, lengths: Tensor, prefix: Tensor | None = None, **decoding: Any
    ) -> tuple[Tensor, Tensor]:
        """Decodes a batch.

        Args:
            source: Ids with EOS, padded, [B, S]; B may be 0.
            lengths: [B], EOS included.
            prefix: Ids to begin with, PAD where the search is free, [B, P]; P at least 1, and the last one is PAD.
            **decoding: Settings of ``DecodingConfig``.

        Returns:
            The hypotheses' ids [B, K, T], padded past EOS, and their scores [B, K], best first.

        Raises:
            ConfigError: A coverage penalty is set, but the decoder has no attention.
        """
        config = DecodingConfig(**decoding)
        features = features_of(config, prefix=prefix is not None)
        settings = {
            name: torch.tensor(value, dtype=getattr(torch, kind), device=source.device)
            for name, kind, value in graph_inputs(config, features)
        }
        penalty = settings["length_penalty"]
        if prefix is not None:
            settings["prefix"] = prefix
        start, step, finish = Start(self._model, features), self.make_step(features), Finish(features)
        beams = start(source, lengths, torch.arange(config.beam_size, device=source.device), settings)
        tokens, parents = [], []
        for number in itertools.count():
            going, parent, beams = step(torch.tensor(number, device=source.device), *beams)
            tokens.append(beams.tokens)
            parents.append(parent)
            if not going:
                break
        trace = torch.stack(tokens), torch.stack(parents)
        hypotheses: tuple[Any, Any] = finish(*trace, beams.scores, beams.extras, penalty)
        return hypotheses

    def make_step(self, features: SearchFeatures) -> Step:
        """Makes what takes a step."""
        return Step(self._model, features)
