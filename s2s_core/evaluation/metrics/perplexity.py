"""Perplexity: how much the references surprise the model."""

import math
from collections.abc import Sequence

from s2s_core.evaluation.metric import Likelihood, LikelihoodMetric

_LARGEST = 700.0
"""The largest exponent, as ``math.exp`` overflows from about 709.8 on; a worse model gets this one's perplexity."""


class Perplexity(LikelihoodMetric):
    """The perplexity of the references given their sources: e to the mean loss of a target token, EOS included.

    Every reference of a source counts. Perplexities under different target tokenizers can't be compared.
    """

    higher_is_better = False
    digits = 2

    def score(self, likelihoods: Sequence[Likelihood]) -> float:
        """Returns the perplexity; see ``LikelihoodMetric.score``."""
        loss = -math.fsum(likelihood.log_probability for likelihood in likelihoods)
        return math.exp(min(loss / sum(likelihood.tokens for likelihood in likelihoods), _LARGEST))
