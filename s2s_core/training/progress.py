"""What training tells while it works."""

from collections.abc import Mapping


class Progress:
    """Hears how training goes on; this one says nothing."""

    def start(self, step: int, steps: int) -> None:
        """Training begins after ``step`` of ``steps`` updates."""

    def advance(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Some updates were made; the loss is their mean over target tokens."""

    def validated(self, step: int, loss: float, scores: Mapping[str, float], *, best: bool) -> None:
        """The model was validated.

        Args:
            step: After so many updates.
            loss: Their mean over target tokens since the last validation.
            scores: By metric.
            best: Whether it is the best so far, and kept.
        """

    def averaged(self, models: int, scores: Mapping[str, float], *, best: bool) -> None:
        """The mean of so many of the best models was validated; ``best`` says whether it is kept."""

    def stop(self) -> None:
        """Training ends, or fails."""
