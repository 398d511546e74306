"""What training tells while it works."""

from collections.abc import Mapping


class Progress:
    """Hears how training goes on; this one says nothing."""

    def start(self, step: int, steps: int) -> None:
        """Training begins after ``step`` of ``steps`` updates."""

    def advance(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Some updates were made; the loss is their mean over target tokens."""

    def validated(self, step: int, scores: Mapping[str, float], *, best: bool) -> None:
        """The model was validated; ``best`` says whether it is the best so far, and kept."""

    def stop(self) -> None:
        """Training ends, or fails."""
