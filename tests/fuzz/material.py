"""What is changed: a few pairs, settings, and small runs, one of them half trained."""

import contextlib
import io
import itertools
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import attrs

import s2s_core as s2s
from s2s_core.bulk.journal import Journal
from s2s_core.cli.main import main
from s2s_core.runs.interruption import TrainingInterruptedError

LETTERS = "abcdeghiklmnorstu\u00e4\u00df \N{GRINNING FACE}"

PAIRS = [
    ("".join(LETTERS[(start + step * place) % len(LETTERS)] for place in range(length)).strip() or "x", start % 3)
    for length in (1, 2, 3, 5, 8)
    for start, step in ((0, 1), (2, 3), (3, 5), (5, 2), (7, 7), (9, 4), (11, 3), (13, 8))
]

TAGS = ("V;PST", "V;PRS", "N")

ROWS = [[source, source[::-1], TAGS[tag]] for source, tag in PAIRS]

TINY = {
    "task": {"name": "pairs", "train": "pairs.tsv", "held_out": 5},
    "training": {"steps": 4, "validate_every": 2, "batch_size": 8, "warmup_steps": 1, "device": "cpu"},
    "decoding": {"max_length": 10, "batch_size": 8},
    "export": {"parity_examples": 3},
}

SIDES = {"embedding_size": 4}

RUNS: dict[str, dict[str, Any]] = {
    "run": {
        "source": SIDES,
        "target": SIDES,
        "encoder": {"name": "mlp-rnn", "hidden_size": 6},
        "decoder": {"name": "mlp-rnn", "hidden_size": 6},
    },
    "other": {
        "task": {"feature_columns": [3]},
        "source": {**SIDES, "tokenizer": {"name": "bpe", "vocabulary_size": 40}},
        "target": {**SIDES, "tokenizer": {"name": "unigram", "vocabulary_size": 40}},
        "encoder": {"name": "gru", "hidden_size": 6, "layers": 1},
        "decoder": {"name": "attention-gru", "hidden_size": 6},
        "decoding": {"beam_size": 2, "sampling": True, "no_repeat_ngram": 3, "coverage_penalty": 0.1},
        "export": {"prefix": True},
    },
}

HALF = "half"
"""A run that was interrupted."""


@attrs.frozen
class Job:
    """A job of ``s2s predict`` that was interrupted.

    Attributes:
        source: The file that it answers.
        output: The file that it would have written.
    """

    source: str
    output: str

    @property
    def arguments(self) -> list[str]:
        """The words after ``s2s``."""
        options = ["--output", self.output, "--batch-size", "2", "--workers", "1"]
        return ["predict", "run/model.onnx", self.source, *options]


JOB = Job("job.txt", "job.out.txt")


def make(folder: Path) -> None:
    """Writes the material to a folder, in a fork: threads of libraries would not survive later ones."""
    folder.mkdir(parents=True)
    child = os.fork()
    if not child:
        try:
            _write(folder)
        except BaseException:  # noqa: BLE001  # the parent sees the exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the fuzzer's runs can't be trained")


class _Interrupting(s2s.Progress):
    """Sends Ctrl-C at the third update."""

    def advanced(self, step: int, loss: float, tokens_per_second: float) -> None:
        """Interrupts."""
        del loss, tokens_per_second
        if step == 3:
            signal.raise_signal(signal.SIGINT)


def _write(folder: Path) -> None:
    os.chdir(folder)
    Path("pairs.tsv").write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    Path("two.tsv").write_text("".join("\t".join(row[:2]) + "\n" for row in ROWS), encoding="utf-8")
    Path("lines.txt").write_text("".join(f"{source}\n" for source, _ in PAIRS[:12]), encoding="utf-8")
    for name, tables in RUNS.items():
        s2s.run(settings=[TINY, tables], output=Path(name), progress=s2s.Progress())
    _interrupt_a_job()
    with contextlib.suppress(TrainingInterruptedError):
        s2s.train(settings=[TINY, RUNS["run"]], output=Path(HALF), progress=_Interrupting())


def _interrupt_a_job() -> None:
    """Sends Ctrl-C after the third batch."""
    Path(JOB.source).write_bytes(Path("lines.txt").read_bytes())
    append, written = Journal.append, itertools.count(1)

    def interrupting(journal: Journal, answers: Sequence[str | None]) -> None:
        append(journal, answers)
        if next(written) == 3:
            raise KeyboardInterrupt

    with (
        mock.patch.object(sys, "argv", ["s2s", *JOB.arguments]),
        mock.patch.object(Journal, "append", interrupting),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(SystemExit),
    ):
        main()
