"""The state on disk."""

import pytest
import torch

from s2s_core import DataError, ModelError
from s2s_core.data.splits import Splits
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.model.tensors import read_tensors, write_tensors
from s2s_core.training.averaging import Averaging
from s2s_core.training.state import Saved, TrainingState, load_saved, load_state, save_state


@pytest.fixture
def make_parts(make_model):
    """Makes what training changes, with a scaler as fp16 has it on a GPU."""
    from s2s_core.config.training import TrainingConfig
    from s2s_core.training.optimizer import make_optimizer

    def make():
        model, config = make_model(), TrainingConfig()
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        return Saved(model, make_optimizer(config, model.parameters()), Averaging(model, config), scaler)

    return make


def test_the_scale_of_fp16_is_kept(make_run, make_parts):
    """A resumed run scales its loss as it did before."""
    run, before, after = make_run(), make_parts(), make_parts()
    before.scaler.scale(torch.ones(()))
    before.scaler.update(64.0)
    save_state(run, TrainingState(step=3), before)
    run.description_path.touch()
    assert load_state(run).step == 3
    load_saved(run, after)
    assert after.scaler.state_dict() == before.scaler.state_dict()
    assert after.scaler.get_scale() == 64.0


def test_a_mean_of_models_tries_no_patience():
    """Its validation comes after the one of the last step, and isn't one of those that are counted."""
    state = TrainingState()
    assert state.note([3.0, 0.0], 1, higher_is_better=True)
    assert not state.note([1.0, 0.0], 5, higher_is_better=True)
    assert state.stale == 0
    assert not state.note([2.0, 0.0], 1, higher_is_better=True)
    assert state.stale == 1
    assert state.note([4.0, 0.0], 5, higher_is_better=True)
    assert (state.stale, state.best_of) == (0, 5)


@pytest.fixture
def interrupted(make_run, train, monkeypatch):
    """A run that was interrupted before its model was first kept, and whose task has a fingerprint."""
    run = make_run(steps=24, validate_every=12)
    monkeypatch.setattr(run.plugins.component("task", "words"), "fingerprint", lambda _: "as it was", raising=False)
    train(run, interrupted_at=10)
    return run


def test_a_run_does_not_go_on_with_other_data(interrupted, train, monkeypatch, contents):
    """The message says what can be done, and the run stays as it is."""
    before = contents(interrupted)
    monkeypatch.setattr(interrupted.plugins.component("task", "words"), "fingerprint", lambda _: "changed")
    with pytest.raises(DataError) as refused:
        train(interrupted, resume=True)
    assert str(refused.value) == (
        f"the training data changed since {interrupted.folder} began: put them back, or start again with --overwrite, "
        f"or start another run from this one's best model with --set training.initial_run={interrupted.folder}"
    )
    assert contents(interrupted) == before


def test_vocabularies_are_those_of_the_start(interrupted, train, monkeypatch, make_run, contents):
    """They come from ``model.json``, so an id keeps its meaning whatever the texts are now."""
    whole = make_run("whole", steps=24, validate_every=12)
    train(whole, [1, 2])
    monkeypatch.setattr(Splits, "vocabulary_examples", None)
    train(interrupted, [1, 2], resume=True)
    assert contents(interrupted) == contents(whole)


def test_without_its_vocabularies_a_run_does_not_go_on(interrupted, train):
    """Its weights would mean nothing."""
    interrupted.description_path.unlink()
    with pytest.raises(
        ModelError, match=r"model\.json is missing: there is nothing to resume; start again with --over"
    ):
        train(interrupted, resume=True)


def test_a_resumed_run_needs_its_best_model(make_run, train):
    """A state that tells of a model that isn't there, or is damaged or another, is no state to go on from."""
    run, other = make_run(), make_run("other", seed=5)
    train(run, [2, 1], interrupted_at=8)
    train(other, [2, 1], interrupted_at=8)
    whole = run.weights_path.read_bytes()
    way_out = "put it back, or start again with --overwrite"
    for content in (None, b"", whole[:-1], whole[:-5] + b"\0\0\1\0\0", other.weights_path.read_bytes()):
        run.weights_path.unlink(missing_ok=True)
        if content is not None:
            run.weights_path.write_bytes(content)
        with pytest.raises(ModelError, match=rf"^{run.weights_path} .*the best model, that of step 4: {way_out}$"):
            train(run, resume=True)
    run.weights_path.write_bytes(whole)
    train(run, [0], resume=True)


def test_a_best_model_of_another_step_is_noticed(make_run, train):
    """As of a copy that was made while the run went on."""
    run = make_run()
    train(run, [1], interrupted_at=4)
    early = run.weights_path.read_bytes()
    train(run, [2], interrupted_at=8, resume=True)
    late = run.weights_path.read_bytes()
    state = run.resume_path.read_bytes()
    run.weights_path.write_bytes(early)
    with pytest.raises(ModelError, match=r" is of step 4, and not the best model, that of step 8: put it back, or "):
        train(run, resume=True)
    run.weights_path.write_bytes(late)
    assert run.resume_path.read_bytes() == state


def test_weights_belong_to_their_description(make_run, train):
    """A run's weights in the folder of another one, of the same sizes, are refused."""
    run, other = make_run(), make_run("other", seed=5)
    train(run)
    train(other)
    run.weights_path.write_bytes(other.weights_path.read_bytes())
    with pytest.raises(ModelError, match=r"model\.safetensors is of another run than .*model\.json: put back"):
        load_checkpoint(run)


@pytest.mark.parametrize(
    ("name", "value"),
    [("step", -5), ("step", "x"), ("step", 2.5), ("best_score", "x"), ("best_score", float("nan")), ("stale", None),
     ("loss_sum", None), ("stopped", 1), ("best_step", 10**12), ("best_step", 0), ("unknown", 1)],
)  # fmt: skip
def test_a_state_of_wrong_types_is_refused(make_run, train, name, value):
    """With one message, that names the file."""
    run = make_run()
    train(run, interrupted_at=4)
    tensors, record = read_tensors(run.resume_path)
    write_tensors(run.resume_path, tensors, {**record, "training": {**record["training"], name: value}})
    with pytest.raises(ModelError, match=rf"^{run.resume_path} is damaged or of another run \("):
        train(run, resume=True)
