"""An update: in parts, and in few bits."""

import pytest
import torch

from s2s_core import ConfigError
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.training.preparation import prepare
from s2s_core.training.trainer import Trainer

PLAIN = {"optimizer": "sgd", "learning_rate": 0.5, "schedule": "constant", "warmup_steps": 0, "steps": 4}


@pytest.mark.parametrize("parts", [2, 3, 4, 7])
def test_an_update_in_parts_is_the_update_in_one(make_run, train, latest, records, parts):
    """Parts of unequal size and length, and more parts than rows, give the same weights and the same loss."""
    whole, divided = make_run("whole", **PLAIN), make_run("divided", accumulation=parts, **PLAIN)
    train(whole)
    train(divided)
    torch.testing.assert_close(latest(divided), latest(whole), rtol=0, atol=1e-6)
    assert records(divided)[0]["loss"] == pytest.approx(records(whole)[0]["loss"], rel=1e-6)


def test_the_parts_make_a_difference_to_what_is_computed_at_once(make_run, train, monkeypatch):
    """Each part is a forward pass of its rows, and the optimizer steps once an update."""
    from s2s_core.model.seq2seq import Seq2Seq

    rows = []
    forward = Seq2Seq.forward
    monkeypatch.setattr(Seq2Seq, "forward", lambda self, *batch: rows.append(len(batch[0])) or forward(self, *batch))
    train(make_run(accumulation=3, **PLAIN))
    assert rows == [*[2, 1, 1] * 4, 5]  # the last are those of validation


@pytest.mark.parametrize("parts", [1, 3])
def test_the_mean_may_be_over_pairs(make_run, train, latest, records, parts):
    """A step is longer than that of the mean over tokens by the tokens of a pair; the reported loss is the same."""
    settings = {**PLAIN, "steps": 1, "clip_norm": 0.0, "initial_range": 0.08}
    tokens = make_run("tokens", **settings)
    pairs = make_run("pairs", average_over="pairs", accumulation=parts, **settings)
    start = make_run("start", **settings | {"learning_rate": 1e-30})
    for run in (tokens, pairs, start):
        train(run)
    batch = next(prepare(tokens).batches.after(0))
    longer = batch.target_lengths.sum() / len(batch.target_lengths)
    before, short, long = latest(start), latest(tokens), latest(pairs)
    for name, weight in before.items():
        torch.testing.assert_close(long[name] - weight, longer * (short[name] - weight), rtol=1e-3, atol=1e-6)
    assert records(pairs)[0]["loss"] == pytest.approx(records(tokens)[0]["loss"])


def test_bf16_trains_in_fewer_bits(make_run, train, latest, records):
    """The weights stay in full precision, and the result is near that of full precision, but not the same."""
    full, short = make_run("full", **PLAIN), make_run("short", precision="bf16", **PLAIN)
    train(full)
    train(short)
    assert {tensor.dtype for tensor in latest(short).values()} == {torch.float32}
    assert records(short)[0]["loss"] != records(full)[0]["loss"]
    assert records(short)[0]["loss"] == pytest.approx(records(full)[0]["loss"], rel=0.02)


def test_validation_is_in_full_precision(make_run, train):
    """Likelihoods, too, are those that ``s2s evaluate`` finds."""
    run = make_run(precision="bf16", **PLAIN)
    seen = {}
    answer = Trainer._scores
    examples = run.splits.validation

    def scores(trainer):
        trainer._checkpoint.model.eval()
        seen["during"] = Likelihoods(trainer._checkpoint)(examples)
        return answer(trainer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Trainer, "_scores", scores)
        train(run)
    assert seen["during"] == Likelihoods(load_checkpoint(run))(examples)


def test_one_process_may_train_with_several_precisions(make_run, train, contents):
    """A run in full precision ends as ever after one in bf16."""
    before, after = make_run("before"), make_run("after")
    train(before)
    train(make_run("short", precision="bf16"))
    train(after)
    assert contents(after) | {"run.toml": b""} == contents(before) | {"run.toml": b""}


def test_fp16_needs_a_gpu(make_run, train):
    """A CPU can't; the message says what it can. Nothing is trained in another precision than was asked for."""
    run = make_run(precision="fp16", device="cpu")
    with pytest.raises(ConfigError) as refused:
        train(run)
    assert str(refused.value) == "training.precision: this device can't train with fp16; use full or bf16"
    assert not run.resume_path.exists()
