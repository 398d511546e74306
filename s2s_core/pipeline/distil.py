"""Distils runs into one small model, which learns their answers."""

import hashlib
import itertools
import json
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.overrides import Overrides
from s2s_core.config.structure import unstructure
from s2s_core.data.answers import append_pairs, read_pairs, write_pairs
from s2s_core.data.splits import VOCABULARY_EXAMPLES, Splits, distinct, generator
from s2s_core.data.task import Example
from s2s_core.errors import ConfigError, DataError
from s2s_core.evaluation.evaluation import Evaluation
from s2s_core.files import sync_folder, write_atomically
from s2s_core.pipeline.evaluate import evaluate
from s2s_core.pipeline.export import export
from s2s_core.pipeline.models import Runs, opened
from s2s_core.pipeline.progress import Progress, default_progress
from s2s_core.pipeline.recipe import Recipe, Settings, named, open_run, overrides_of, tables_of
from s2s_core.pipeline.results import Distilled, FileCost, TrainedRun
from s2s_core.pipeline.run import run
from s2s_core.pipeline.speed import milliseconds_per_text
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.components import choose_metrics
from s2s_core.runs.folder import RunFolder, require_owned
from s2s_core.runs.interruption import TrainingInterruptedError
from s2s_core.runs.processes import share_cores
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from s2s_core.decoding.translate import Translator

PAIRS_TASK = "pairs"
"""The task that reads the answers, so that the small model's run is one like any other, which its settings repeat."""

_CHUNK = 1000
"""How many sources are answered before their answers are written.

Rounding may differ with the texts of a batch, so answering always goes on at a whole chunk.
"""


@attrs.frozen
class _Files:
    """What distillation adds to the folder of the small model's run."""

    folder: Path

    def pairs(self, split: str) -> Path:
        """Returns the pairs of a split: the answers, or the held-out examples of the task that was distilled."""
        return self.folder / f"{split}.jsonl"

    @property
    def partial_path(self) -> Path:
        """The answers, as long as some are missing."""
        return self.folder / "train.partial.jsonl"

    @property
    def teacher_path(self) -> Path:
        """The file of the runs that are distilled."""
        return self.folder / "teacher.onnx"

    @property
    def teachers_path(self) -> Path:
        """What the answers of each run depend on, by which it is told whether other runs are given to go on with."""
        return self.folder / "teachers.json"

    @property
    def record_path(self) -> Path:
        """What was measured of both files."""
        return self.folder / "distillation.json"

    @property
    def written(self) -> tuple[Path, ...]:
        """All of them."""
        splits = (self.pairs(split) for split in ("train", "validation", "test"))
        return *splits, self.partial_path, self.teacher_path, self.teachers_path, self.record_path

    def remove(self) -> None:
        """Removes what an earlier distillation wrote."""
        for path in self.written:
            path.unlink(missing_ok=True)


def distil(
    runs: Runs,
    settings: Settings | None = None,
    *,
    output: str | Path,
    recipe: Recipe = None,
    unlabelled: Iterable[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    plugins: Plugins | None = None,
    progress: Progress | None = None,
) -> Distilled:
    """Trains a small model on the answers of runs, and measures what it loses and gains against them.

    ::

        distilled = s2s.distil(["runs/a", "runs/b"], {"encoder.hidden_size": 32}, output="runs/small")
        distilled.change("exact_match"), distilled.student.milliseconds, distilled.teacher.milliseconds

    The runs together answer all training sources and other texts; their answers take the place of the targets. This is
    sequence-level knowledge distillation (Kim and Rush 2016, arXiv 1606.07947). The small model's run is one of the
    task ``pairs`` on files in its folder, with the runs' own validation and test sets.

    Args:
        runs: A trained run or its folder, or several, which answer with the mean of their models' probabilities.
        settings: Settings of the small model's run, by their paths.
        output: The small model's folder.
        recipe: A TOML file that describes the small model's run, or its tables, which come before the first run's
            settings.
        unlabelled: More sources to answer and learn from; those that are held out are left out.
        resume: Whether to go on with an interrupted distillation.
        overwrite: Whether to start again where a run is already.
        plugins: Where components come from, by default the installed plugins.
        progress: Receives the events. By default they are printed; ``Progress()`` prints nothing.

    Raises:
        ConfigError: A setting can't be used, the folder holds a run, or the runs have different tasks or vocabularies.
        DataError: The data can't be read, or aren't those of the distillation to resume.
        ExportError: A file doesn't answer as its model does.
        ModelError: A run has no trained model, or it is damaged.
        TrainingInterruptedError: Ctrl-C, SIGTERM or SIGHUP arrived; ``resume`` goes on.
    """
    from s2s_core.runs.lock import locked  # noqa: PLC0415  # comes with PyTorch

    share_cores()
    progress = progress or default_progress()
    files = _Files(named(output))
    teachers = opened(runs, plugins)
    _require_other_folder(teachers, files.folder)
    tables = [*_settings(teachers[0], files), tables_of(recipe), *overrides_of(settings)]
    if resume and overwrite:
        raise ConfigError("resume and overwrite exclude each other")
    begun = resume and RunFolder(files.folder).settings_path.exists()
    again = (overwrite or resume) and not begun
    small = open_run(None, tables, teachers[0].plugins, output=files.folder, resume=begun, overwrite=again)
    small.require_room()
    require_owned(files.folder, files.written)
    sources = _sources(teachers[0].splits, unlabelled)
    with locked(files.folder):
        try:
            _write_data(teachers, files, sources, progress, resume=resume)
            trained = _train(small, tables, progress, resume=resume, overwrite=overwrite)
            return _measure(teachers, trained, files, progress)
        except KeyboardInterrupt as error:
            raise TrainingInterruptedError(
                "interrupted; the same command goes on with --resume added", signal.SIGINT
            ) from error


def _require_other_folder(teachers: Sequence[Run], folder: Path) -> None:
    for teacher in teachers:
        if teacher.folder.resolve() == folder.resolve():
            raise ConfigError(f"{folder} is a run to distil: choose another --output for the small model")


def _settings(teacher: Run, files: _Files) -> list[Overrides]:
    """Returns the settings of the small model's run: those of the first run, but for its data."""
    config = teacher.config
    metrics = tuple(choose_metrics(config.evaluation, teacher.task, teacher.plugins))
    tables = unstructure(
        attrs.evolve(
            config,
            training=attrs.evolve(config.training, initial_run=""),
            evaluation=attrs.evolve(config.evaluation, metrics=metrics),
        )
    )
    del tables["task"]
    paths = {split: str(files.pairs(split)) for split in ("train", "validation", "test")}
    columns = {"format": "jsonl", "source_column": "source", "target_column": "target"}
    held_out = (*teacher.splits.validation, *teacher.splits.test)
    rules = {
        "on_error": "skip",  # an empty answer is no pair to learn, unless there are empty targets
        "allow_empty_target": any(not example.target.strip() for example in held_out),
        "references": teacher.task.references,
    }
    return [tables, {"task": {"name": PAIRS_TASK, **paths, **columns, **rules}}]


def _write_data(
    teachers: Sequence[Run], files: _Files, sources: Sequence[str], progress: Progress, *, resume: bool
) -> None:
    """Writes the pairs that the small model learns and is measured on."""
    from s2s_core.decoding.translate import Translator  # noqa: PLC0415  # needs PyTorch
    from s2s_core.model.together import load_together  # noqa: PLC0415

    together = load_together(teachers)
    splits = teachers[0].splits
    if not resume:
        files.remove()
    _require_teachers(files.teachers_path, teachers)
    write_pairs(files.pairs("validation"), splits.validation)
    write_pairs(files.pairs("test"), splits.test)
    if not files.pairs("train").exists():
        translate = Translator(together, teachers[0].config.decoding)
        _answer(translate, sources, files, progress)
    _require_sources(files.pairs("train"), read_pairs(files.pairs("train")), sources, len(sources))


def _require_teachers(path: Path, teachers: Sequence[Run]) -> None:
    """Notes which models answer, or checks that they are those that are noted."""
    text = json.dumps([_identity(teacher) for teacher in teachers])
    if not path.exists():
        write_atomically(path, text)
    elif path.read_bytes() != text.encode():
        raise ConfigError(
            f"{path.parent} learns the answers of other runs than these: give the same ones, or start again with "
            "--overwrite"
        )


def _identity(teacher: Run) -> list[Any]:
    """Returns what a run's answers depend on: a hash of its model, and how it searches."""
    with teacher.weights_path.open("rb") as file:
        return [hashlib.file_digest(file, "blake2b").hexdigest(), unstructure(teacher.config)["decoding"]]


def _sources(splits: Splits, unlabelled: Iterable[str]) -> list[str]:
    """Returns the sources to answer: those of training, or a part of an endless task's, and the unlabelled ones."""
    training: Iterable[Example] = splits.train(generator(0, "distillation"))
    if splits.endless:
        training = itertools.islice(distinct(training, ()), VOCABULARY_EXAMPLES)
    held_out = {example.source for example in (*splits.validation, *splits.test)}
    texts = itertools.chain((example.source for example in training), unlabelled)
    return [text for text in dict.fromkeys(texts) if text and text not in held_out]


def _answer(translate: "Translator", sources: Sequence[str], files: _Files, progress: Progress) -> None:
    """Writes the answer to each source, from the first chunk on that isn't written yet."""
    path = files.partial_path
    done = read_pairs(path)
    done = done[: len(done) // _CHUNK * _CHUNK]
    _require_sources(path, done, sources, len(done))
    write_pairs(path, done)
    for start in range(len(done), len(sources), _CHUNK):
        chunk = sources[start : start + _CHUNK]
        append_pairs(path, map(Example, chunk, translate(chunk)))
        progress.answered(start + len(chunk), len(sources))
    path.replace(files.pairs("train"))
    sync_folder(files.folder)


def _require_sources(path: Path, pairs: Sequence[Example], sources: Sequence[str], count: int) -> None:
    """Checks that the answers on disk are those of the first so many sources."""
    if [pair.source for pair in pairs] != list(sources[:count]):
        raise DataError(
            f"{path} has the answers to other sources than these: give the same runs and unlabelled texts, or start "
            "again with --overwrite"
        )


def _train(small: Run, tables: Sequence[Overrides], progress: Progress, *, resume: bool, overwrite: bool) -> TrainedRun:
    """Trains, evaluates and exports the small model, or goes on with it."""
    begun = resume and small.settings_path.exists() and small.resume_path.exists()
    return run(
        settings=tables,
        output=small.folder,
        resume=begun,
        overwrite=(overwrite or resume) and not begun,
        plugins=small.plugins,
        progress=progress,
    )


def _measure(teachers: Sequence[Run], trained: TrainedRun, files: _Files, progress: Progress) -> Distilled:
    """Compares the small model with the runs: scores, sizes and times."""
    examples = trained.splits.test
    evaluation = evaluate(teachers, {"evaluation": unstructure(trained.config)["evaluation"]}, examples=examples)
    if not files.teacher_path.exists():
        export(teachers, files.teacher_path, progress=progress)
    sources = list(dict.fromkeys(example.source for example in examples))
    teacher = _cost(files.teacher_path, evaluation, sources)
    student = _cost(trained.onnx_path, _evaluation_of(trained), sources)
    distilled = Distilled(trained, teacher, student)
    write_atomically(files.record_path, json.dumps(_record(teachers, distilled), indent=1) + "\n")
    progress.distilled(distilled)
    return distilled


def _evaluation_of(trained: TrainedRun) -> Evaluation:
    assert trained.evaluation is not None  # noqa: S101  # ``run`` has evaluated it
    return trained.evaluation


def _cost(path: Path, evaluation: Evaluation, sources: Sequence[str]) -> FileCost:
    (milliseconds,) = milliseconds_per_text([path], sources)
    return FileCost(path, path.stat().st_size, milliseconds, evaluation)


def _record(teachers: Sequence[Run], distilled: Distilled) -> dict[str, Any]:
    sides = {"teacher": distilled.teacher, "student": distilled.student}
    tables = {
        name: {"size": side.size, "milliseconds": side.milliseconds, "scores": side.evaluation.scores}
        for name, side in sides.items()
    }
    return {"runs": [str(teacher.folder) for teacher in teachers], **tables}
