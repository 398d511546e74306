"""How much the references surprise the model."""

import math
from collections.abc import Sequence

from s2s_core.evaluation.metric import Likelihood, LikelihoodMetric

_LARGEST = 700.0
"""The largest exponent: e to this power is still a number."""


class Perplexity(LikelihoodMetric):
    """The perplexity of the references given their sources: e to the mean loss of a target token, its end included.

    Each of several references counts. Perplexities of different target tokenizers can't be compared.
    """

    higher_is_better = False
    digits = 2

    def score(self, likelihoods: Sequence[Likelihood]) -> float:
        """Returns the perplexity; see ``LikelihoodMetric.score``."""
        loss = -math.fsum(likelihood.log_probability for likelihood in likelihoods)
        return math.exp(min(loss / sum(likelihood.tokens for likelihood in likelihoods), _LARGEST))
