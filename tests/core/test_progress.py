"""What is shown while a run works."""

import sys

import pytest

from s2s_core import Progress
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.pipeline.display import BarProgress, LineProgress, duration, shown_progress
from s2s_core.pipeline.progress import default_progress
from s2s_core.runs.run import Run
from s2s_core.training.state import TrainingState

METRICS = {"exact_match": ExactMatch(list)}


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
    shown.validated(10, 1.5, {"exact_match": 0.25}, best=True)
    shown.averaged(3, {"exact_match": 0.2}, best=False)
    shown.averaged(3, {"exact_match": 0.4}, best=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "train    step 10 of 20, mean loss 1.5000, 1,000 tokens/s, 0 s left, exact match 25.00 % (best)",
        "average  of the 3 best models, exact match 20.00 %",
        "average  of the 3 best models, exact match 40.00 % (best)",
    ]


def test_the_end_says_what_was_kept(capsys, tmp_path):
    """A model, or a mean of several."""
    run = Run(tmp_path, None, None)
    LineProgress().trained(run, TrainingState(best_step=4, best_of=1))
    LineProgress().trained(run, TrainingState(best_step=4, best_of=2))
    assert capsys.readouterr().out.splitlines() == [
        f"best     the model of step 4, in {run.weights_path}",
        f"best     the mean of 2 models, in {run.weights_path}",
    ]


def test_a_bar_shows_the_step_and_the_score(capsys):
    """It stays when training ends; what waits for an export goes."""
    shown = BarProgress()
    shown.started(5, 20, METRICS)
    shown.validated(10, 1.5, {"exact_match": 0.25}, best=True)
    shown.advanced(10, 9.9, 1000)
    shown.stopped()
    assert "10/20 loss 9.9000  exact match 25.00 %  1,000 tokens/s" in " ".join(capsys.readouterr().out.split(" "))


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
