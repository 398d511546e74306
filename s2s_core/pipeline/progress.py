"""The events of a run, from reading its data to the finished file."""

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
        """Called when the best model is scored on the test set."""

    def exporting(self, path: Path) -> None:
        """Called before the file is made and compared with the model, which takes a while."""

    def exported(self, export: "Export") -> None:
        """Called when the file is written."""

    def finished(self, run: Run) -> None:
        """Called when everything is done."""


def default_progress() -> Progress:
    """Returns one that prints the events as the command line does; any process but the first ignores them."""
    from s2s_core.pipeline.display import shown_progress  # noqa: PLC0415  # rich takes a while to import

    return shown_progress() if is_first_process() else Progress()
