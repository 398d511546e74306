"""Several models that answer together: the mean of their probabilities, step by step."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.model.interfaces import State
from s2s_core.model.seq2seq import Seq2Seq

LEAST = 1e-30
"""The least probability: its logarithm, -69, is a number, and it is far below what any token that is picked has."""


class Ensemble(nn.Module):
    """Models of the same ids, used as one. It isn't trained; each of them was.

    It provides the part of ``Seq2Seq`` that search, export and scoring rely on. Its logits are the logarithms of the
    models' mean probabilities (arXiv 1409.3215, section 3.6).

    Args:
        models: At least one.
    """

    def __init__(self, models: "Sequence[AnyModel]") -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, source: Tensor, source_lengths: Tensor, target: Tensor, target_lengths: Tensor) -> Tensor:
        """Computes the logits of every real target token, [N, V]; see ``Seq2Seq.forward``."""
        return _mean([model(source, source_lengths, target, target_lengths) for model in self.models])

    def start(self, source: Tensor, lengths: Tensor) -> State:
        """Reads sources and returns the first state of every model's decoder."""
        return tuple(model.start(source, lengths) for model in self._members)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Takes one step with every model, from the tokens before [B] to logits [B, V]."""
        logits, _, state = self.attentive_step(tokens, state)
        return logits, state

    def attentive_step(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        """Takes a step, and returns between logits and state the mean of how much each source position counted.

        There is nothing in between where one of the models has no attention.
        """
        steps = [model.attentive_step(tokens, part) for model, part in zip(self._members, state, strict=True)]
        logits, attention, after = zip(*steps, strict=True)
        together = None if None in attention else torch.stack(attention).mean(0)
        return _mean(logits), together, after

    def parameter_count(self) -> int:
        """Returns the number of trained numbers of all models."""
        return sum(model.parameter_count() for model in self._members)

    @property
    def source_size(self) -> int:
        """The number of source ids."""
        return self._members[0].source_size

    @property
    def device(self) -> Any:
        """Where the parameters are."""
        return self._members[0].device

    @property
    def _members(self) -> "list[AnyModel]":
        return list(self.models)  # type: ignore[arg-type]  # that's what they are


AnyModel = Seq2Seq | Ensemble
"""What answers: one model or several."""


def _mean(logits: Sequence[Tensor]) -> Tensor:
    """Returns the logarithm of the mean of several models' probabilities."""
    probabilities = torch.stack([each.float().softmax(-1) for each in logits])
    return probabilities.mean(0).clamp(min=LEAST).log()
