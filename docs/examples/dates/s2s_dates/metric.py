"""The metric ``day_error``."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

import attrs

from s2s_core import Metric, at_least, setting


@attrs.frozen
class DayErrorConfig:
    """What can be set of the metric."""

    most: int = setting(365, "days that an answer counts if it is no date, and the most that any counts", at_least(1))


class DayError(Metric):
    """The mean number of days between an answer and the right date."""

    api_version = 1
    Config: ClassVar[type] = DayErrorConfig
    higher_is_better = False
    digits = 2
    config: DayErrorConfig

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Returns the mean; of several right dates the nearest counts."""
        pairs = zip(hypotheses, references, strict=True)
        return sum(min(self._days(answer, right) for right in dates) for answer, dates in pairs) / len(hypotheses)

    def signature(self) -> str:
        """Says what an unreadable answer counts, without which two scores can't be compared."""
        return f"days to the nearest reference, at most {self.config.most}"

    def _days(self, answer: str, right: str) -> int:
        if answer == right:
            return 0
        try:
            apart = date.fromisoformat(answer) - date.fromisoformat(right)
        except ValueError:
            return self.config.most
        return min(abs(apart.days), self.config.most)
