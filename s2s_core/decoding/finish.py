"""The end of the search: the hypotheses of all beams, best first."""

import torch
from torch import Tensor, nn

from s2s_core.config.decoding import SearchFeatures
from s2s_core.decoding.start import Extras
from s2s_core.model.probabilities import NEVER
from s2s_core.model.recurrence import scan
from s2s_core.text.vocabulary import PAD

LEAST_COVERAGE = 1e-9
"""The least coverage of a source position, whose logarithm is added to the score.

Attention may underflow to 0, and minus infinity would rule a hypothesis out for a single position. With this minimum,
such a position adds -21 times the coverage penalty.
"""


class Finish(nn.Module):
    """Follows the beams back and orders the hypotheses.

    Args:
        features: The optional parts of the search.
    """

    def __init__(self, features: SearchFeatures) -> None:
        super().__init__()
        self.features = features

    def forward(
        self, tokens: Tensor, parents: Tensor, scores: Tensor, extras: Extras, length_penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the hypotheses' ids [B, K, T], padded past EOS, and their scores [B, K], best first.

        A score is the log-probability divided by ``((5 + length) / 6) ** length_penalty``, EOS included in the length,
        minus the coverage penalty (Wu et al. 2016, arXiv 1609.08144, equation 14).

        Args:
            tokens: The tokens that each step picked, [T, B, K].
            parents: The beam that each of them continues, [T, B, K].
            scores: Log-probabilities after the last step, [B, K].
            extras: After the last step.
            length_penalty: The exponent, [].
        """
        hypotheses = self._trace(tokens, parents)  # [B, K, T]
        lengths = (hypotheses != PAD).sum(2)  # [B, K]
        scores = scores / ((5.0 + lengths) / 6.0) ** length_penalty
        if self.features.coverage:
            scores = scores + self._coverage(extras).reshape(lengths.shape)  # without it, torch.onnx loses the sizes
        scores, order = scores.topk(scores.shape[1])  # [B, K]
        hypotheses = hypotheses.gather(1, order[:, :, None].expand_as(hypotheses))
        return hypotheses.masked_fill((scores == NEVER)[:, :, None], PAD), scores

    def _coverage(self, extras: Extras) -> Tensor:
        """Returns what is added to the scores, [B, K]: at most 0, and less for each position covered less than once."""
        logarithms = extras["coverage"].clamp(LEAST_COVERAGE, 1.0).log()  # [B, K, S]
        return extras["coverage_penalty"] * logarithms.masked_fill(~extras["real"], 0.0).sum(2)

    def _trace(self, tokens: Tensor, parents: Tensor) -> Tensor:
        """Follows the parents back from the last step; returns the hypotheses' ids [B, K, T]."""

        def back(picks: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            beam, _ = state
            token, parent = picks.unbind(1)  # [B, K]
            return parent.gather(1, beam), token.gather(1, beam)

        picks = torch.stack([tokens, parents], 2).flip(0).transpose(0, 1)  # [B, T, 2, K]
        last = torch.arange(tokens.shape[2], device=tokens.device).expand(tokens.shape[1:])  # [B, K]
        everywhere = torch.ones(picks.shape[:2], dtype=torch.bool, device=tokens.device)  # [B, T]
        (_, traced), _ = scan(back, picks, everywhere, (last, tokens[0]))
        hypotheses: Tensor = traced.flip(1).transpose(1, 2)  # [B, K, T]
        return hypotheses
