"""What is shown while a run works."""

import sys
import types
from pathlib import Path

import pytest

from s2s_core import Progress
from s2s_core.config.training import TrainingConfig
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.pipeline.display import BarProgress, LineProgress, duration, shown_progress
from s2s_core.pipeline.progress import default_progress
from s2s_core.runs.folder import RunFolder
from s2s_core.training.state import TrainingState

METRICS = {"exact_match": ExactMatch(list)}


def trained_run(folder, size):
    """What is shown of a run at the end: its steps, how many training pairs it has, and where its model is."""
    config = types.SimpleNamespace(training=TrainingConfig(steps=2500))
    splits = types.SimpleNamespace(training_size=lambda: size)
    return types.SimpleNamespace(config=config, splits=splits, weights_path=RunFolder(folder).weights_path)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "0:01:00"), (61, "0:01:01"), (3723.4, "1:02:03"), (90000, "1 day, 1:00:00")],
)
def test_a_long_time_is_shown_in_hours_and_minutes(seconds, shown):
    """Nobody reads thousands of seconds."""
    assert duration(seconds) == shown


def test_a_validation_is_a_line(capsys):
    """With the loss that is recorded, not that of the last few updates; a mean of models has a line of its own."""
    shown = LineProgress()
    shown.started(0, 20, METRICS)
    shown.advanced(10, 9.9, 1000)
    shown.validated(10, 1.5, {"exact_match": 0.25}, validation_loss=1.75, best=True)
    shown.averaged(3, {"exact_match": 0.2}, best=False)
    shown.averaged(3, {"exact_match": 0.4}, best=True)
    lines = capsys.readouterr().out.splitlines()
    losses = "mean loss 1.5000, validation loss 1.7500"
    assert lines == [
        f"train    step 10 of 20, {losses}, 1,000 target tokens/s, 0 s left, exact match 25.00 % (best)",
        "average  of the 3 best models, exact match 20.00 %",
        "average  of the 3 best models, exact match 40.00 % (best)",
    ]


def test_the_end_says_what_was_kept(capsys, tmp_path):
    """A model, or a mean of several, and its score; and whether training ended early."""
    run = trained_run(tmp_path, size=None)
    best = {"best_step": 1400, "best_score": 0.931}
    states = [
        TrainingState(**best, step=2500),
        TrainingState(**best, step=2500, best_of=2),
        TrainingState(**best, step=1600, stopped=True),
    ]
    for state in states:
        shown = LineProgress()
        shown.started(0, 2500, METRICS)
        shown.trained(run, state)
    assert capsys.readouterr().out.splitlines() == [
        f"best     step 1,400 of 2,500, exact match 93.10 %, in {run.weights_path}",
        f"best     the mean of 2 models, exact match 93.10 %, in {run.weights_path}",
        f"best     stopped after step 1,600; step 1,400 of 2,500, exact match 93.10 %, in {run.weights_path}",
    ]


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        (2_500_000, "2,500 times"),
        (107_400, "107 times"),
        (9_960, "10 times"),
        (9_940, "9.9 times"),
        (1000, "1 time"),
        (420, "0.42 times"),
        (9, "less than 0.01 times"),
    ],
)
def test_the_end_says_how_often_a_pair_was_seen(capsys, tmp_path, pairs, shown):
    """If the task knows how many there are."""
    progress = LineProgress()
    progress.started(0, 2500, METRICS)
    progress.trained(
        trained_run(tmp_path, size=1000), TrainingState(best_score=0.5, best_step=1, step=1, pair_count=pairs)
    )
    assert capsys.readouterr().out.splitlines()[1:] == [f"         each of the 1,000 training pairs was seen {shown}"]


def test_a_bar_shows_the_step_and_the_score(capsys):
    """It stays when training ends; what waits for an export goes."""
    shown = BarProgress()
    shown.started(5, 20, METRICS)
    shown.validated(10, 1.5, {"exact_match": 0.25}, validation_loss=1.75, best=True)
    shown.advanced(10, 9.9, 1000)
    shown.stopped()
    end = "10/20 loss 9.9000 exact match 25.00 % 1,000 tokens/s"
    assert end in " ".join(capsys.readouterr().out.split())


def test_an_export_on_a_terminal_says_what_it_does(monkeypatch, capsys):
    """In one line, which is gone in the end; elsewhere that takes no lines."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    shown = BarProgress()
    shown.exporting(Path("model.onnx"))
    for number in (1, 2):
        shown.export_doing(f"comparing it with the model, batch {number} of 2")
    shown.stopped()
    drawn = capsys.readouterr().out
    assert "export   comparing it with the model, batch 2 of 2" in drawn
    lines = LineProgress()
    lines.export_doing("anything")
    assert capsys.readouterr().out == ""


def test_a_notebook_shows_a_bar_though_it_is_no_terminal(monkeypatch):
    """Rich redraws it there, if ipywidgets are installed."""
    assert isinstance(shown_progress(), LineProgress)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", {"ipywidgets": object()}.get)
    assert isinstance(shown_progress(), BarProgress)
    monkeypatch.setattr("importlib.util.find_spec", {}.get)
    assert isinstance(shown_progress(), LineProgress)


def test_the_other_processes_of_several_print_nothing(monkeypatch):
    """Only the first one tells what happens."""
    assert isinstance(default_progress(), LineProgress)
    monkeypatch.setenv("RANK", "1")
    assert type(default_progress()) is Progress


def test_a_terminal_shows_a_bar(monkeypatch):
    """Elsewhere, as in a log, lines are better."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(shown_progress(), BarProgress)
