"""The base classes of metrics, which score a model's answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from s2s_core.config.fields import NoConfig
from s2s_core.version import API_VERSION

Tokenize = Callable[[str], Sequence[str]]


class Likelihood(NamedTuple):
    """The likelihood of a reference under a model.

    Attributes:
        log_probability: The natural logarithm of the probability of the whole reference, given its source.
        tokens: The number of the reference's tokens, EOS included.
    """

    log_probability: float
    tokens: int


class BaseMetric:
    """The common base of all metrics. A metric is a ``Metric`` or, rarely, a ``LikelihoodMetric``.

    Args:
        split: Splits a text into the tokens of the target's tokenizer.
        config: An instance of the class's own ``Config``; by default one with all defaults.

    Attributes:
        higher_is_better: Whether a higher score is better, which decides the best checkpoint.
        percent: Whether the score is a share from 0 to 1, shown as a percentage.
        digits: The number of decimals shown for a score that isn't a percentage.
        small: The settings with which the conformance kit examines the metric; small sizes make it fast.
        exempt: The promises of the conformance kit that the metric doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    higher_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False
    digits: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, split: Tokenize = list, config: Any = None) -> None:
        self.split = split
        self.config = self.Config() if config is None else config

    def display(self, score: float) -> str:
        """Returns a score formatted for people."""
        return f"{score:.2%}".replace("%", " %") if self.percent else f"{score:.{self.digits}f}"

    def signature(self) -> str:
        """Returns how the last score was computed, if the metric's name leaves that open; otherwise ``""``."""
        return ""


class Metric(BaseMetric):
    """Scores hypotheses against references. A subclass implements ``score``."""

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns one score for all hypotheses.

        Args:
            hypotheses: One text for each line that counts, at least one in all.
            references: The correct answers of each line, at least one each.
        """
        raise NotImplementedError

    def score_line(self, hypothesis: str, references: Sequence[str]) -> float:
        """Returns the score of a single hypothesis."""
        return self.score([hypothesis], [references])


class LikelihoodMetric(BaseMetric):
    """Scores the references' likelihoods under the model, which only the model in PyTorch can compute.

    A subclass implements ``score``.
    """

    def score(self, likelihoods: Sequence[Likelihood]) -> float:
        """Returns one score for all references, of which there is at least one."""
        raise NotImplementedError
