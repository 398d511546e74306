"""A run may train for longer than it was meant to, where that is as if it had been meant from the start."""

import attrs
import pytest

from s2s_core.errors import ConfigError
from s2s_core.model.checkpoint import TextModel, load_checkpoint
from s2s_core.runs.run import Run


@pytest.fixture
def extended():
    """Returns a run on disk with other settings of training, as ``--resume --set`` does."""

    def changed(run, **training):
        saved = Run.open(run.folder, run.plugins)
        wanted = attrs.evolve(saved.config.training, **training)
        return attrs.evolve(saved, config=attrs.evolve(saved.config, training=wanted))

    return changed


@pytest.mark.parametrize("schedule", ["constant", "inverse-square-root", "halving", "plateau"])
def test_more_steps_lead_to_the_same_bits(make_run, train, contents, extended, schedule):
    """All files are those of a run that had as many steps from the start, and the settings say so."""
    whole = make_run("whole", steps=20, schedule=schedule)
    train(whole, [1, 2, 3, 3, 3])
    parts = make_run("parts", steps=8, schedule=schedule)
    train(parts, [1, 2])
    assert train(extended(parts, steps=20), [3, 3, 3], resume=True).step == 20
    assert contents(parts) == contents(whole)
    assert Run.open(parts.folder, parts.plugins).config.training.steps == 20


def test_more_patience_goes_on_after_a_stop(make_run, train, extended, records):
    """It stopped as nothing improved; with more patience it finds what is better."""
    run = make_run(steps=24, patience=1)
    assert train(run, [5, 4]).stopped
    state = train(extended(run, patience=3), [3, 6, 7, 8], resume=True)
    assert (state.step, state.stopped, state.best_step) == (24, False, 24)
    assert [line["step"] for line in records(run)] == [4, 8, 12, 16, 20, 24]


@pytest.mark.parametrize("change", [{"patience": 1}, {"patience": 2, "steps": 40}])
def test_no_more_patience_trains_no_further(make_run, train, extended, change):
    """A run that stopped stays where it is."""
    run = make_run(steps=24, patience=2, schedule="constant")
    assert train(run, [5, 4, 3]).step == 12
    assert train(extended(run, **change), [], resume=True).step == 12


def test_more_steps_average_the_best_models_alone(make_run, train, contents, extended):
    """The mean that ended the shorter run is none of them."""
    whole = make_run("whole", steps=16, schedule="constant", average="best", average_count=3)
    train(whole, [1, 2, 3, 4, 0])
    parts = make_run("parts", steps=8, schedule="constant", average="best", average_count=3)
    train(parts, [1, 2, 0])
    train(extended(parts, steps=16), [3, 4, 0], resume=True)
    assert contents(parts)["model.safetensors"] == contents(whole)["model.safetensors"]


def test_less_patience_still_waits_for_a_validation(make_run, train, extended):
    """It is asked when the next validation is no better."""
    run = make_run(steps=24)
    train(run, [5, 4], interrupted_at=10)
    assert train(extended(run, patience=1), [3], resume=True).step == 12


def test_fewer_steps_than_made_are_refused(make_run, train, contents, extended):
    """What was learnt can't be taken back; the run stays as it is."""
    run = make_run(steps=12, schedule="constant")
    train(run)
    before = contents(run)
    with pytest.raises(ConfigError, match=r"^training\.steps must be at least 12, the updates made so far \(got 11\)$"):
        train(extended(run, steps=11), resume=True)
    assert contents(run) == before


def test_training_may_end_where_it_was_interrupted(make_run, train, extended, records):
    """The model of that step is validated, as any last one is."""
    run = make_run(steps=24, validate_every=12, schedule="constant")
    train(run, [], interrupted_at=10)
    assert train(extended(run, steps=10), [5], resume=True).best_step == 10
    assert [line["step"] for line in records(run)] == [10]
    assert run.weights_path.exists()


def test_what_was_made_of_the_shorter_run_goes(make_run, train, extended):
    """Its file would answer as a model that the run no longer has."""
    run = make_run(schedule="constant")
    train(run)
    made = run.onnx_path, run.card_path, run.report_path
    for path in made:
        path.touch()
    train(run, resume=True)
    assert all(path.exists() for path in made)
    train(extended(run, steps=16), [20], resume=True)
    assert not any(path.exists() for path in made)


@pytest.mark.parametrize(("owner", "moment"), [(TextModel, "save_description"), (Run, "save_settings")])
def test_a_crash_while_the_length_changes_loses_nothing(
    make_run, train, contents, extended, monkeypatch, owner, moment
):
    """The run goes on by the same command, and to its old length without it."""
    whole = make_run("whole", steps=16, schedule="constant")
    train(whole)
    run = make_run("parts", steps=8, schedule="constant")
    train(run)

    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(owner, moment, die)
        with pytest.raises(SystemExit):
            train(extended(run, steps=16), resume=True)
    assert load_checkpoint(Run.open(run.folder, run.plugins)).config.training.steps == 8
    assert train(Run.open(run.folder, run.plugins), resume=True).step == 8
    train(extended(run, steps=16), [2, 3], resume=True)
    assert contents(run) == contents(whole)
