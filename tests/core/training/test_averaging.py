"""Averages of weights: what is validated, kept and resumed with each."""

import pytest
import torch

from s2s_core.training import averaging
from s2s_core.training.progress import TrainingProgress
from s2s_core.training.updater import Updater


@pytest.fixture
def trajectory(monkeypatch):
    """The weights before the first update and after each, of the runs that are trained."""
    found = []
    update = Updater.update

    def weights(updater):
        return {name: tensor.detach().clone() for name, tensor in updater._model.state_dict().items()}

    def recording(updater, *arguments):
        if not found:
            found.append(weights(updater))
        loss = update(updater, *arguments)
        found.append(weights(updater))
        return loss

    monkeypatch.setattr(Updater, "update", recording)
    return found


def mean(*several):
    return {name: sum(weights[name] for weights in several) / len(several) for name in several[0]}


def test_without_an_average_the_latest_weights_are_kept(make_run, train, kept, latest, trajectory):
    """The best model is what training went on with."""
    run = make_run()
    train(run, [1, 3, 2])
    torch.testing.assert_close(kept(run), trajectory[8], rtol=0, atol=0)
    torch.testing.assert_close(latest(run), trajectory[12], rtol=0, atol=0)


def test_ema_keeps_the_moving_average(make_run, train, kept, trajectory):
    """It moves with each update: by a lot at first, then by what the decay leaves."""
    run = make_run(average="ema", ema_decay=0.6)
    train(run)
    average = trajectory[0]
    for step, weights in enumerate(trajectory[1:], 1):
        decay = min(0.6, (1 + step) / (10 + step))
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in weights}
    torch.testing.assert_close(kept(run), average)


def test_last_keeps_the_mean_of_the_last_validations(make_run, train, kept, trajectory):
    """As long as there are fewer, it is the mean of those."""
    run = make_run(average="last", average_count=2)
    train(run, [1, 2, 0])
    torch.testing.assert_close(kept(run), mean(trajectory[4], trajectory[8]))
    trajectory.clear()
    run = make_run("longer", average="last", average_count=2)
    train(run)
    torch.testing.assert_close(kept(run), mean(trajectory[8], trajectory[12]))


def test_best_keeps_the_mean_of_the_best_validations_if_it_is_better(
    make_run, train, kept, records, trajectory, monkeypatch
):
    """When training ends, the mean is validated too. The log says which line is its."""
    run = make_run(average="best", average_count=2)
    told = []
    monkeypatch.setattr(TrainingProgress, "averaged", lambda _, *arguments, **best: told.append((*arguments, best)))
    state = train(run, [5, 2, 4, 6])
    assert told == [(2, {"scripted": 6}, {"best": True})]
    torch.testing.assert_close(kept(run), mean(trajectory[4], trajectory[12]))
    assert (state.best_score, state.best_step, state.best_of) == (6, 12, 2)
    assert [record.get("average") for record in records(run)] == [None, None, None, "best"]
    assert [record["step"] for record in records(run)] == [4, 8, 12, 12]


def test_best_keeps_the_best_single_model_if_the_mean_is_worse(make_run, train, kept, trajectory):
    """An average is no aim in itself."""
    run = make_run(average="best", average_count=2)
    state = train(run, [5, 2, 4, 3])
    torch.testing.assert_close(kept(run), trajectory[4], rtol=0, atol=0)
    assert (state.best_score, state.best_step, state.best_of) == (5, 4, 1)


def test_the_mean_of_the_best_is_taken_when_patience_ends_training(make_run, train, records):
    """However training ends; and a better mean doesn't make it go on."""
    run = make_run(average="best", patience=1, steps=40)
    state = train(run, [5, 4, 9])
    assert (state.stopped, state.step, state.best_score) == (True, 8, 9)
    assert records(run)[-1]["average"] == "best"


@pytest.mark.parametrize("average", ["ema", "last", "best"])
def test_training_goes_on_with_its_own_weights(make_run, train, latest, average):
    """Averages are taken beside the weights; those are the same as without."""
    plain, averaged = make_run("plain"), make_run("averaged", average=average)
    train(plain)
    train(averaged)
    torch.testing.assert_close(latest(averaged), latest(plain), rtol=0, atol=0)


def test_a_failing_validation_gives_the_weights_back(make_model):
    """Whatever happens meanwhile."""
    model = make_model()
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    other = {name: tensor + 1 for name, tensor in before.items()}

    def validate():
        with averaging.borrowed(model, other):
            torch.testing.assert_close(dict(model.named_parameters()), other, rtol=0, atol=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        validate()
    torch.testing.assert_close(dict(model.named_parameters()), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    "training",
    [
        {"average": "ema", "optimizer": "adafactor"},
        {"average": "last", "optimizer": "sgd", "momentum": 0.9, "average_count": 2},
        {"average": "best", "optimizer": "sgd", "accumulation": 3},
        {"optimizer": "adam", "precision": "bf16", "label_smoothing": 0.1},
    ],
    ids=lambda training: " ".join(map(str, training.values())),
)
def test_an_interrupted_run_goes_on_to_the_same_bits(make_run, train, contents, training):
    """Optimizers and averages remember what they need, wherever training was interrupted."""
    settings = {"steps": 33, "validate_every": 6, **training}
    whole, parts = make_run("whole", **settings), make_run("parts", **settings)
    scores = [3, 1, 4, 1, 9, 5, 10]  # the best comes right after an interruption; a mean at the end is better still
    train(whole, scores)
    train(parts, scores, interrupted_at=10)
    train(parts, interrupted_at=24, resume=True)
    train(parts, resume=True)
    assert contents(parts) == contents(whole)
