"""Trackers: what TensorBoard reads back, and what is said where a package is missing."""

import importlib.util
import json

import pytest
from interrupting import InterruptedAt
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from s2s_core import ConfigError
from s2s_core.config.resolve import resolve
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.interruption import TrainingInterruptedError
from s2s_core.runs.run import Run
from s2s_core.training.preparation import prepare
from s2s_core.training.trainer import Trainer

TINY = {
    "task": {"name": "reverse", "maximum_length": 3, "held_out": 4},
    "encoder": {"name": "mlp-rnn", "hidden_size": 8},
    "decoder": {"hidden_size": 8},
    "training": {"steps": 24, "validate_every": 12, "batch_size": 4},
    "decoding": {"max_length": 6},
}
LOGGED = [10, 12, 20, 24]
"""The steps at which training tells how it goes."""


@pytest.fixture
def make_run(tmp_path):
    """Makes tiny runs, each in a folder of its own, that log to TensorBoard if nothing else is said."""
    plugins = Plugins()

    def make(name="run", trackers=("tensorboard",)):
        run = Run(tmp_path / name, resolve([TINY, {"training": {"trackers": list(trackers)}}], plugins), plugins)
        run.create()
        return run

    return make


def train(run, *, resume=False, interrupted_at=None):
    Trainer(prepare(run, resume=resume), InterruptedAt(interrupted_at)).train()


def curves(run):
    """Returns what TensorBoard shows of a run: each curve's steps and values."""
    events = EventAccumulator(str(run.trackers_path / "s2s")).Reload()
    return {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


def steps(run, name):
    return [step for step, _ in curves(run)[name]]


def test_tensorboard_shows_losses_rates_and_scores(make_run):
    """Losses come every ten updates and before validations, scores with each validation."""
    run = make_run()
    train(run)
    shown = curves(run)
    scores = {"validation/loss", "validation/exact_match", "validation/token_accuracy", "validation/edit_distance"}
    assert {"loss", "learning_rate", "tokens_per_second", *scores} == set(shown)
    assert LOGGED == steps(run, "loss")
    written = [json.loads(line) for line in run.metrics_path.read_text().splitlines()]
    for record in written:
        assert (record["step"], pytest.approx(record["learning_rate"])) in shown["learning_rate"]
        for name, score in record["validation"].items():
            assert (record["step"], pytest.approx(score)) in shown[f"validation/{name}"]


def test_a_resumed_run_logs_each_step_once(make_run):
    """The curves of an interrupted run are those of an undisturbed one."""
    whole, parts = make_run("whole"), make_run("parts")
    train(whole)
    with pytest.raises(TrainingInterruptedError):
        train(parts, interrupted_at=20)
    train(parts, resume=True)
    for name in ("loss", "learning_rate", "validation/exact_match"):
        assert curves(parts)[name] == curves(whole)[name]


def test_what_a_crashed_run_logged_too_much_is_dropped(make_run, monkeypatch):
    """Steps after the last state are made again; each has one value in a curve all the same."""
    run = make_run()
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_validate", save_or_crash)
        with pytest.raises(SystemExit):
            train(run)
    assert LOGGED == steps(run, "loss")  # what was logged is there, although the process ended
    train(run, resume=True)
    assert LOGGED == steps(run, "loss")


def save_or_crash(trainer):
    """Stands for a validation: the first saves the state, the second ends the process."""
    if trainer._state.step == 24:
        raise SystemExit
    trainer._save()


def test_trackers_know_whether_a_run_came_to_its_end(make_run, monkeypatch):
    """An interrupted one is told to have ended early; once it has gone on to its end, it isn't."""
    early = []
    monkeypatch.setattr("s2s_trackers.log._end_early", lambda tracker: early.append(tracker.name))
    run = make_run()
    with pytest.raises(TrainingInterruptedError):
        train(run, interrupted_at=20)
    assert early == ["tensorboard"]
    train(run, resume=True)
    assert early == ["tensorboard"]


def test_trackers_change_nothing_else(make_run):
    """A run that logs has the same weights and state as one that doesn't."""
    plain, tracked = make_run("plain", ()), make_run("tracked")
    train(plain)
    train(tracked)
    assert not plain.trackers_path.exists()
    for name in ("metrics.jsonl", "model.safetensors", "resume/state.safetensors"):
        assert (tracked.folder / name).read_bytes() == (plain.folder / name).read_bytes()


def test_starting_again_removes_what_was_logged(make_run):
    """So the curves of two runs don't mix."""
    run = make_run()
    train(run)
    run.create(overwrite=True)
    assert ["run.toml"] == [path.name for path in run.folder.iterdir() if path.name not in {"resume", "previous"}]


def test_another_process_than_the_first_logs_nothing(make_run, monkeypatch):
    """Each process tells its own plugins; one of them writes."""
    import s2s_trackers

    monkeypatch.setenv("RANK", "1")
    run = make_run()
    s2s_trackers.s2s_run_started(run, 0)
    s2s_trackers.s2s_progressed(run, 10, {"loss": 1.0})
    s2s_trackers.s2s_run_ended(run)
    assert not run.trackers_path.exists()


@pytest.mark.parametrize("name", ["wandb", "mlflow", "tensorboard"])
def test_a_missing_package_is_named(make_run, monkeypatch, name):
    """Before anything is trained or written."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == name else find(wanted))
    run = make_run(trackers=[name])
    with pytest.raises(ConfigError) as refused:
        train(run)
    assert str(refused.value) == f"training.trackers: {name} isn't installed: pip install {name}"
    assert [path.name for path in run.folder.iterdir()] == ["run.toml"]


def test_a_tracker_that_can_not_start_is_one_clear_error(make_run, monkeypatch):
    """As where there is no account, or the network is down."""

    def fail(*arguments, **options):
        raise RuntimeError("api_key not configured")

    monkeypatch.setattr("accelerate.Accelerator.init_trackers", fail)
    with pytest.raises(ConfigError, match=r"^training\.trackers: RuntimeError: api_key not configured$"):
        train(make_run())


def test_what_is_no_tracker_is_refused_with_the_closest_name(make_run):
    """And with all that there are."""
    with pytest.raises(ConfigError) as refused:
        train(make_run(trackers=["tensorbord"]))
    assert str(refused.value) == (
        "training.trackers: unknown tracker 'tensorbord' (did you mean 'tensorboard'?); "
        "there are: mlflow, tensorboard, wandb"
    )
