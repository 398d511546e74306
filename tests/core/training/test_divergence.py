"""Divergence: training ends with a clear error, and what is on disk stays usable."""

import pytest
import torch

from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.training.divergence import DivergedError
from s2s_core.training.updater import Updater


@pytest.fixture
def spoil(monkeypatch):
    """Makes an update go wrong: its loss or, after it, a weight becomes the given number."""

    def spoilt(step, *, loss=None, weight=None):
        update = Updater.update
        steps = []

        def spoiling(updater, *arguments):
            steps.append(1)
            found = update(updater, *arguments)
            if len(steps) == step and weight is not None:
                with torch.no_grad():
                    next(updater._model.parameters()).view(-1)[3] = weight
            return torch.tensor(loss) if len(steps) == step and loss is not None else found

        monkeypatch.setattr(Updater, "update", spoiling)

    return spoilt


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_loss_that_is_no_number_ends_training(make_run, train, spoil, number):
    """The error names the step and what to try; nothing after the last validation is kept."""
    spoil(27, loss=float(number))
    run = make_run(steps=30, validate_every=12, clip_norm=0.0)
    with pytest.raises(DivergedError) as diverged:
        train(run)
    assert str(diverged.value) == (
        f"training diverged: the loss of step 27 is {number}; {run.folder} still holds the best model, of step 24; "
        "start again with --overwrite and a lower training.learning_rate than 0.01, "
        "or more training.warmup_steps than 2, or training.clip_norm=1"
    )
    assert all(parameter.isfinite().all() for parameter in load_checkpoint(run).model.parameters())


@pytest.mark.parametrize("step", [24, 25])
def test_weights_that_are_no_numbers_are_never_kept(make_run, train, spoil, latest, step):
    """A gradient that is no number shows in the weights first, also in the update right before a validation."""
    run = make_run(steps=30, validate_every=12, precision="bf16")
    spoil(step, weight=float("nan"))
    with pytest.raises(DivergedError) as diverged:
        train(run)
    assert "training diverged: " in str(diverged.value)
    assert str(diverged.value).endswith("a lower training.clip_norm than 5.0, or training.precision=full")
    assert all(tensor.isfinite().all() for tensor in latest(run).values())
    assert all(parameter.isfinite().all() for parameter in load_checkpoint(run).model.parameters())


@pytest.mark.parametrize("setting", ["weight_decay", "initial_range"])
def test_a_setting_that_is_far_too_large_is_named_first(make_run, train, spoil, setting):
    """A lower learning rate would not help."""
    spoil(1, loss=float("nan"))
    with pytest.raises(DivergedError, match=rf"with --overwrite and a lower training\.{setting} than 1000\.0, or "):
        train(make_run(**{setting: 1000.0}))


def test_a_run_that_diverges_at_once_has_no_model(make_run, train):
    """The message doesn't promise one; the state is that of the start, and resuming reports the same."""
    run = make_run(learning_rate=1e30, clip_norm=0.0, optimizer="sgd")
    with pytest.raises(DivergedError, match="holds no model yet; start again with --overwrite and a lower") as first:
        train(run)
    with pytest.raises(DivergedError) as second:
        train(run, resume=True)
    assert str(second.value) == str(first.value)
