"""What a metric is: a number for how good hypotheses are."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from s2s_core.version import API_VERSION

Split = Callable[[str], Sequence[str]]


class Metric:
    """Scores hypotheses against references.

    Args:
        split: Cuts a text into the tokens of the target's tokenizer.

    Attributes:
        higher_is_better: Which way is up, for choosing the best checkpoint.
        percent: Whether the score is a share from 0 to 1, to be shown as a percentage.
    """

    api_version: ClassVar[int] = API_VERSION
    higher_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = False

    def __init__(self, split: Split = list) -> None:
        self.split = split

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns one number for all.

        Args:
            hypotheses: One text for each source, at least one in all.
            references: The right answers of each source, at least one each.
        """
        raise NotImplementedError

    def display(self, score: float) -> str:
        """Returns a score as a person reads it."""
        return f"{score:.2%}".replace("%", " %") if self.percent else f"{score:.4f}"
