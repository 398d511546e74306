"""What a metric is: a number for how good a model's answers are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from s2s_core.config.fields import NoConfig
from s2s_core.version import API_VERSION

Split = Callable[[str], Sequence[str]]


class Likelihood(NamedTuple):
    """How likely a model finds a reference.

    Attributes:
        log_probability: Of the whole reference given its source, a natural logarithm.
        tokens: The reference's tokens, its end included.
    """

    log_probability: float
    tokens: int


class Measure:
    """What all metrics have in common. A metric is a ``Metric`` or, rarely, a ``LikelihoodMetric``.

    Args:
        split: Cuts a text into the tokens of the target's tokenizer.
        config: The class's own ``Config``; by default with nothing set.

    Attributes:
        higher_is_better: Which way is up, for choosing the best checkpoint.
        percent: Whether the score is a share from 0 to 1, to be shown as a percentage.
        digits: The digits after the point of a score that isn't a percentage.
        small: Settings with which the conformance kit examines it, small sizes above all, which make it fast.
        exempt: The promises of the conformance kit that it doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    higher_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False
    digits: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, split: Split = list, config: Any = None) -> None:
        self.split = split
        self.config = self.Config() if config is None else config

    def display(self, score: float) -> str:
        """Returns a score as a person reads it."""
        return f"{score:.2%}".replace("%", " %") if self.percent else f"{score:.{self.digits}f}"

    def signature(self) -> str:
        """Says how the last score was computed, where its name alone leaves that open; else it's empty."""
        return ""


class Metric(Measure):
    """Scores hypotheses against references. A subclass writes ``score``."""

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns one number for all.

        Args:
            hypotheses: One text for each source, at least one in all.
            references: The right answers of each source, at least one each.
        """
        raise NotImplementedError

    def score_line(self, hypothesis: str, references: Sequence[str]) -> float:
        """Returns a number for one hypothesis alone."""
        return self.score([hypothesis], [references])


class LikelihoodMetric(Measure):
    """Scores how likely the model finds the references, whatever it answers. Only PyTorch can tell."""

    def score(self, likelihoods: Sequence[Likelihood]) -> float:
        """Returns one number for all references, of which there is at least one."""
        raise NotImplementedError
