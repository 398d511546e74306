"""Several models that answer together, with the mean of their probabilities in each step."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from s2s_core.model.interfaces import State
from s2s_core.model.probabilities import LEAST, NEVER
from s2s_core.model.seq2seq import Seq2Seq


class Ensemble(nn.Module):
    """Trained models with the same ids, used as one.

    It provides the part of ``Seq2Seq`` that search, export and scoring rely on. Its logits are the logarithms of the
    models' mean probabilities (arXiv 1409.3215, section 3.6).

    Args:
        models: At least one; either all of them copy or none does.
    """

    def __init__(self, models: "Sequence[AnyModel]") -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target: Tensor,
        target_lengths: Tensor,
        copies: Tensor | None = None,
    ) -> Tensor:
        """Computes the logits of every real target token, [N, V]; see ``Seq2Seq.forward``."""
        return self._mean([model(source, source_lengths, target, target_lengths, copies) for model in self.models])

    def start(self, source: Tensor, lengths: Tensor, copies: Tensor | None = None) -> State:
        """Reads sources and returns the first state of every model; see ``Seq2Seq.start``."""
        return tuple(model.start(source, lengths, copies) for model in self._members)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Takes one step with every model, from the previous tokens [B] to logits [B, V]; see ``Seq2Seq.step``."""
        logits, _, state = self.attentive_step(tokens, state)
        return logits, state

    def attentive_step(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        """Takes one step; returns the logits of ``step``, the models' mean attention [B, S] and the state.

        The attention is ``None`` if one of the models has none.
        """
        steps = [model.attentive_step(tokens, its_state) for model, its_state in zip(self._members, state, strict=True)]
        logits, attention, after = zip(*steps, strict=True)
        mean_attention = None if None in attention else torch.stack(attention).mean(0)  # [B, S]
        return self._mean(logits), mean_attention, after

    def parameter_count(self) -> int:
        """Returns the number of trained weights of all models."""
        return sum(model.parameter_count() for model in self._members)

    @property
    def source_size(self) -> int:
        """The number of source ids."""
        return self._members[0].source_size

    @property
    def target_size(self) -> int:
        """The number of target ids, V."""
        return self._members[0].target_size

    @property
    def copies(self) -> bool:
        """Whether target tokens may be copied from the source."""
        return self._members[0].copies

    @property
    def device(self) -> Any:
        """The device of the parameters."""
        return self._members[0].device

    def _mean(self, logits: Sequence[Tensor]) -> Tensor:
        """Returns the logarithm of the mean of all models' probabilities, [R, V], from their logits, [R, V] each."""
        probabilities = torch.stack([each.float().softmax(-1) for each in logits])  # [models, R, V]
        mean = probabilities.mean(0).clamp(min=LEAST).log()  # [R, V]
        if self.copies:  # the models agree on what is impossible
            mean = mean.masked_fill(logits[0] == NEVER, NEVER)
        return mean

    @property
    def _members(self) -> "list[AnyModel]":
        return list(self.models)  # type: ignore[arg-type]  # a ModuleList doesn't say what it holds


AnyModel = Seq2Seq | Ensemble
"""One model, or several that answer together."""
