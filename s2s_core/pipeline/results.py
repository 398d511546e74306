"""What the pipeline returns: a run with what was measured of it, and an exported file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from s2s_core.config.decoding import DecodingConfig
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.evaluation.spread import Spread
from s2s_core.pipeline.model_repository import ModelRepository
from s2s_core.pipeline.quantization import Quantization
from s2s_core.pipeline.web_page import WebPage
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from s2s_core.exporting.parity import Parity
    from s2s_core.training.state import TrainingState


@attrs.frozen
class Export:
    """An exported file.

    Attributes:
        path: The file.
        size: Its bytes.
        seconds: How long it took to make and to prove.
        decoding: How it searches where a call sets nothing.
        parity: What its proof compared.
        repository: The model repository that has a copy, if one was asked for.
        page: The web page that has a copy, if one was asked for.
        quantization: What smaller weights lose and gain, if they were asked for.
    """

    path: Path
    size: int
    seconds: float
    decoding: DecodingConfig
    parity: "Parity"
    repository: ModelRepository | None = None
    page: WebPage | None = None
    quantization: Quantization | None = None


@attrs.frozen(slots=False)
class TrainedRun(Run):
    """A run whose training has ended, with what was measured of it.

    Attributes:
        state: Where training ended: ``step``, ``best_step``, ``best_score`` and others.
        evaluation: Of the best model on the test set, by ``run``.
        export: The file that ``run`` made.
    """

    state: "TrainingState" = attrs.field(kw_only=True)
    evaluation: Evaluation | None = attrs.field(default=None, kw_only=True, repr=False)
    export: Export | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def of(cls, run: Run, state: "TrainingState") -> Self:
        """Returns a run that has ended. It keeps the data that was read."""
        trained = cls(run.folder, run.config, run.plugins, saved=run.saved, state=state)
        trained.keep_data_of(run)
        return trained

    def measured(self, evaluation: Evaluation, export: Export) -> Self:
        """Returns it with its evaluation and export."""
        measured = attrs.evolve(self, evaluation=evaluation, export=export)
        measured.keep_data_of(self)
        return measured


@attrs.frozen
class SeedRuns:
    """Runs that differ only in their seed, and the file that they are together.

    Attributes:
        folder: Holds them all.
        runs: The runs, in the order of their seeds.
        spread: Mean and standard deviation of their test scores.
        evaluation: Of all models together on the test set.
        export: The file that answers with the mean of their probabilities.
    """

    folder: Path
    runs: Sequence[Run] = attrs.field(repr=False)
    spread: Spread = attrs.field(repr=False)
    evaluation: Evaluation = attrs.field(repr=False)
    export: Export


@attrs.frozen
class FileCost:
    """A file, its size and speed, and its model's scores.

    Attributes:
        path: The file.
        size: Its bytes.
        milliseconds: The median time in which it answers one text alone, on one thread.
        evaluation: Of its model on the test set.
    """

    path: Path
    size: int
    milliseconds: float
    evaluation: Evaluation = attrs.field(repr=False)


@attrs.frozen
class Distilled:
    """A small model that learned the answers of runs.

    Attributes:
        run: Its run.
        teacher: The runs' file.
        student: Its own file.
    """

    run: TrainedRun
    teacher: FileCost
    student: FileCost

    def change(self, metric: str) -> float:
        """Returns the small model's test score minus that of the runs."""
        return self.student.evaluation.scores[metric] - self.teacher.evaluation.scores[metric]
