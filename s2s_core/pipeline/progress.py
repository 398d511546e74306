"""The events of a run, from reading its data to the finished file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.reliability import Reliability
from s2s_core.evaluation.spread import Spread
from s2s_core.runs.processes import is_first_process
from s2s_core.runs.run import Run
from s2s_core.training.progress import TrainingProgress

if TYPE_CHECKING:
    from s2s_core.pipeline.results import Distilled, Export


class Progress(TrainingProgress):
    """Receives the events of training, evaluation and export. This default ignores them.

    Write a subclass to show them in another way, and pass it as ``progress``.
    """

    def evaluated(self, run: Run, evaluation: Evaluation) -> None:
        """Called when the best model is scored on the test set."""

    def exporting(self, path: Path) -> None:
        """Called before the file is made and compared with the model, which takes a while."""

    def export_doing(self, what: str) -> None:
        """Called during the export with what is being done, each time that changes."""

    def exported(self, export: "Export") -> None:
        """Called when the file is written."""

    def reliable(self, reliability: Reliability) -> None:
        """Called when it is measured on the test set whether the confidences of the file hold."""

    def seeds_started(self, folder: Path, seeds: Sequence[int], jobs: int, threads: int) -> None:
        """Called before the runs of several seeds are trained.

        Args:
            folder: Holds a folder for each.
            seeds: The seeds that are not finished yet.
            jobs: How many train at the same time.
            threads: How many threads each of them has.
        """

    def seed_said(self, seed: int, text: str) -> None:
        """Called with each line that the run of one of several seeds prints."""

    def seeds_trained(self, spread: Spread) -> None:
        """Called when the runs of all seeds have ended, with their test scores."""

    def evaluated_together(self, evaluation: Evaluation) -> None:
        """Called when the models of all seeds are scored on the test set together."""

    def answered(self, done: int, total: int) -> None:
        """Called in a distillation, when so many of all sources are answered."""

    def distilled(self, distilled: "Distilled") -> None:
        """Called at the end of a distillation, when both files are measured."""

    def finished(self, run: Run) -> None:
        """Called when everything is done."""


def default_progress() -> Progress:
    """Returns one that prints the events as the command line does; any process but the first ignores them."""
    from s2s_core.pipeline.display import shown_progress  # noqa: PLC0415  # rich takes a while to import

    return shown_progress() if is_first_process() else Progress()
