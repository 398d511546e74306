"""What the tests of training share: tiny runs, and validations whose scores are given."""

import importlib.metadata
import json
import sys
import types
from typing import ClassVar

import pytest
import safetensors.torch
from interrupting import InterruptedAt

from s2s_core import Example, Metric, Task, hookimpl
from s2s_core.config.resolve import resolve
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.interruption import TrainingInterruptedError
from s2s_core.runs.run import Run
from s2s_core.training.preparation import prepare
from s2s_core.training.trainer import Trainer

TINY = {
    "task": {"name": "words"},
    "encoder": {"name": "mlp-rnn", "hidden_size": 8},
    "decoder": {"hidden_size": 8, "feed_previous": True},
    "training": {"steps": 12, "validate_every": 4, "batch_size": 4, "warmup_steps": 2, "learning_rate": 0.01},
    "decoding": {"max_length": 6},
}


class Scripted(Metric):
    """Gives the scores of a script, one after the other, whatever the answers are."""

    script: ClassVar[list] = []

    def score(self, hypotheses, references):
        return self.script.pop(0)


class Words(Task):
    """Five pairs in all."""

    metrics = ("scripted",)

    def examples(self, split, rng):
        pairs = [("a", "b"), ("abc", "cc"), ("ab", "abca"), ("bb", "a"), ("cab", "bac")]
        return iter([Example(*pair) for pair in pairs])


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """Makes runs, each in a folder of its own, from settings of training and other tables."""
    module = types.ModuleType("s2s_test_training_parts")
    module.s2s_metrics = hookimpl(lambda: {"scripted": Scripted})
    module.s2s_tasks = hookimpl(lambda: {"words": Words})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = importlib.metadata.EntryPoint(module.__name__, module.__name__, "s2s")

    def make(name="run", tables=(), **training):
        plugins = Plugins([*importlib.metadata.entry_points(group="s2s"), point], {})
        run = Run(tmp_path / name, resolve([TINY, dict(tables), {"training": training}], plugins), plugins)
        run.create()
        return run

    return make


@pytest.fixture
def train():
    """Trains a run; validations score as given, or 0, 1, 2, and so on."""

    def trained(run, scores=None, *, interrupted_at=None, resume=False):
        if scores is not None:
            Scripted.script[:] = scores
        elif not resume:
            Scripted.script[:] = range(99)
        trainer = Trainer(prepare(run, resume=resume), InterruptedAt(interrupted_at))
        if interrupted_at is None:
            return trainer.train()
        with pytest.raises(TrainingInterruptedError):
            trainer.train()
        return None

    return trained


@pytest.fixture
def contents():
    """Returns all that training leaves, by file."""

    def read(run):
        files = [path for path in run.folder.rglob("*") if path.is_file()]
        return {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in files}

    return read


@pytest.fixture
def records():
    """Returns the lines of the log."""
    return lambda run: [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


@pytest.fixture
def kept():
    """Returns the weights of the best model."""
    return lambda run: safetensors.torch.load_file(run.weights_path)


@pytest.fixture
def latest():
    """Returns the weights that training would go on with."""

    def read(run):
        state = safetensors.torch.load_file(run.resume_path)
        return {name.removeprefix("model/"): tensor for name, tensor in state.items() if name.startswith("model/")}

    return read
