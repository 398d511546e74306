"""What a run tells while it works, from the first look at its data to the finished file."""

from pathlib import Path
from typing import TYPE_CHECKING

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.runs.processes import is_first_process
from s2s_core.runs.run import Run
from s2s_core.training.progress import TrainingProgress

if TYPE_CHECKING:
    from s2s_core.pipeline.results import Export


class Progress(TrainingProgress):
    """Receives the events of training, evaluation and export. This default ignores them.

    Write a subclass to show them in another way, and pass it as ``progress``.
    """

    def evaluated(self, run: Run, evaluation: Evaluation) -> None:
        """The best model was scored on the test set."""

    def exporting(self, path: Path) -> None:
        """The file is about to be made and compared with the model, which takes a while."""

    def exported(self, export: "Export") -> None:
        """The file is written."""

    def finished(self, run: Run) -> None:
        """Everything is done."""


def default_progress() -> Progress:
    """Returns what prints the events, as the command line does; in all processes but the first, what ignores them."""
    from s2s_core.pipeline.course import shown_progress  # noqa: PLC0415  # rich takes a while to import

    return shown_progress() if is_first_process() else Progress()
