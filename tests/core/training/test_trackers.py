"""Trackers: what TensorBoard reads back, and what is said where a package is missing."""

import importlib.util

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from s2s_core import ConfigError
from s2s_core.training import trackers
from s2s_core.training.trainer import Trainer


@pytest.fixture
def logged():
    """Returns what TensorBoard shows of a run: each curve's values by step."""

    def read(run):
        events = EventAccumulator(str(run.trackers_path / trackers.PROJECT)).Reload()
        return {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}

    return read


def test_tensorboard_shows_losses_rates_and_scores(make_run, train, logged, records):
    """Losses come every ten updates and before validations, scores with each validation."""
    run = make_run(trackers=["tensorboard"], steps=24, validate_every=12)
    train(run, [0.25, 0.75])
    curves = logged(run)
    assert set(curves) == {"loss", "learning_rate", "tokens_per_second", "validation/scripted"}
    assert curves["validation/scripted"] == {12: 0.25, 24: 0.75}
    assert list(curves["loss"]) == [10, 12, 20, 24]
    assert curves["learning_rate"][12] == pytest.approx(records(run)[0]["learning_rate"])


def test_a_resumed_run_logs_each_step_once(make_run, train, logged):
    """The curves of an interrupted run are those of an undisturbed one."""
    settings = {"trackers": ["tensorboard"], "steps": 24, "validate_every": 12}
    whole, parts = make_run("whole", **settings), make_run("parts", **settings)
    train(whole, [1, 2])
    train(parts, [1, 2], interrupted_at=20)
    train(parts, resume=True)
    for name in ("loss", "learning_rate", "validation/scripted"):
        assert logged(parts)[name] == logged(whole)[name]


def test_what_a_crashed_run_logged_too_much_is_dropped(make_run, train, monkeypatch):
    """Steps after the last state are made again; each has one value in a curve all the same."""
    run = make_run(trackers=["tensorboard"], steps=24, validate_every=12)
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_validate", save_or_crash)
        with pytest.raises(SystemExit):
            train(run)
    train(run, [1], resume=True)
    events = EventAccumulator(str(run.trackers_path / trackers.PROJECT)).Reload()
    assert [event.step for event in events.Scalars("loss")] == [10, 12, 20, 24]


def save_or_crash(trainer):
    """Stands for a validation: the first saves the state, the second ends the process."""
    if trainer._state.step == 24:
        raise SystemExit
    trainer._save()


def test_trackers_change_nothing_else(make_run, train, contents):
    """A run that logs has the same weights and state as one that doesn't."""
    plain, tracked = make_run("plain"), make_run("tracked", trackers=["tensorboard"])
    train(plain)
    train(tracked)
    same = ["metrics.jsonl", "model.safetensors", "resume/state.safetensors"]
    assert [contents(tracked)[name] for name in same] == [contents(plain)[name] for name in same]


def test_starting_again_removes_what_was_logged(make_run, train):
    """So the curves of two runs don't mix."""
    run = make_run(trackers=["tensorboard"])
    train(run)
    run.create(overwrite=True)
    assert [path.name for path in run.folder.iterdir() if path.name not in {"resume", "previous"}] == ["run.toml"]


@pytest.mark.parametrize("name", ["wandb", "mlflow", "tensorboard"])
def test_a_missing_package_is_named(make_run, train, monkeypatch, name):
    """Before anything is trained or written."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == name else find(wanted))
    run = make_run(trackers=[name])
    with pytest.raises(ConfigError) as refused:
        train(run)
    assert str(refused.value) == f"training.trackers: {name} isn't installed: pip install {name}"
    assert [path.name for path in run.folder.iterdir()] == ["run.toml"]


def test_a_tracker_that_can_not_start_is_one_clear_error(make_run, train, monkeypatch):
    """As where there is no account, or the network is down."""

    def fail(*arguments, **options):
        raise RuntimeError("api_key not configured")

    monkeypatch.setattr("accelerate.Accelerator.init_trackers", fail)
    with pytest.raises(ConfigError, match=r"^training\.trackers: RuntimeError: api_key not configured$"):
        train(make_run(trackers=["tensorboard"]))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["tensorbord"], "must be a list of different ones of 'tensorboard', 'wandb', 'mlflow' (got ('tensorbord',))"),
        (["mlflow", "mlflow"], "must be a list of different ones of 'tensorboard', 'wandb', 'mlflow' (got "),
        ("wandb", "must be a list, such as [\"wandb\"] (got 'wandb')"),
        ([1], "must be a string (got 1"),
    ],
)
def test_what_is_no_tracker_is_refused(make_run, chosen, expected):
    """The message names the setting and what it may be."""
    with pytest.raises(ConfigError) as refused:
        make_run(trackers=chosen)
    assert str(refused.value).startswith(f"training.trackers {expected}")
