"""Training: its schedule, when it stops, what it keeps, and that chance comes from the seed alone."""

import copy
import importlib.metadata
import itertools
import json
import logging
import math
import os
import signal
import sys
import types
from typing import ClassVar

import attrs
import pytest
import torch
from interrupting import InterruptedAt
from torch.nn import functional

from s2s_core import ConfigError, Example, Metric, ModelError, PluginError, Task, hookimpl
from s2s_core.config.resolve import resolve
from s2s_core.config.schedule import learning_rate
from s2s_core.config.training import TrainingConfig
from s2s_core.data.pairs import Pairs
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.model.checkpoint import TextModel, load_checkpoint
from s2s_core.model.interfaces import padding_mask
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.interruption import Interruption, TrainingInterruptedError, before_training, postponed
from s2s_core.runs.run import Run
from s2s_core.text.vocabulary import BOS, PAD
from s2s_core.training import trainer
from s2s_core.training.preparation import prepare
from s2s_core.training.progress import TrainingProgress
from s2s_core.training.state import TrainingState, load_state
from s2s_core.training.trainer import Trainer

TINY = {
    "task": {"name": "reverse", "maximum_length": 3, "held_out": 20},
    "encoder": {"name": "mlp-rnn", "hidden_size": 8},
    "decoder": {"hidden_size": 8},
    "training": {"steps": 6, "validate_every": 2, "batch_size": 8, "warmup_steps": 2, "learning_rate": 0.01},
    "decoding": {"max_length": 8},
}


class Scripted(Metric):
    """Gives the scores of a script, one after the other, whatever the answers are."""

    script: ClassVar[list] = []

    def score(self, hypotheses, references):
        return self.script.pop(0)


class ScriptedLoss(Scripted):
    """The same, but less is better."""

    higher_is_better = False


class FewWords(Task):
    """Three pairs in all; a run sees them again and again."""

    metrics = ("scripted",)

    def examples(self, split, rng):
        return iter([Example("a", "b"), Example("abc", "cc"), Example("ab", "abcabc")])


class Counted(Metric):
    """Gives the number of answers that count."""

    def score(self, hypotheses, references):
        return len(hypotheses)


class EachLine(Task):
    """A source comes twice, with two targets."""

    metrics = ("counted",)

    def examples(self, split, rng):
        return iter([Example("a", "b"), Example("a", "c"), Example("ab", "cc")])


class AnyTarget(EachLine):
    """The same, but both targets are right."""

    references = "all"


class OtherReferences(EachLine):
    """It says something that the core doesn't know."""

    references = "some"


class FewWordsLoss(FewWords):
    """The same, measured by a loss."""

    metrics = ("scripted-loss",)


RULES = {"each-line": EachLine, "any-target": AnyTarget, "other-references": OtherReferences}


@pytest.fixture
def listener():
    """A plugin of this test, to which hooks are added."""
    module = types.ModuleType("s2s_test_training")
    module.s2s_metrics = hookimpl(lambda: {"scripted": Scripted, "scripted-loss": ScriptedLoss, "counted": Counted})
    module.s2s_tasks = hookimpl(lambda: {"few": FewWords, "few-loss": FewWordsLoss, **RULES})
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def make_run(tmp_path, listener):
    """Makes runs, each in a folder of its own."""

    def make(name="run", *layers):
        listening = importlib.metadata.EntryPoint(listener.__name__, listener.__name__, "s2s")
        plugins = Plugins([*importlib.metadata.entry_points(group="s2s"), listening], {})
        run = Run(tmp_path / name, resolve([TINY, *layers], plugins), plugins)
        run.create()
        return run

    return make


def train(run, progress=None, *, resume=False):
    return Trainer(prepare(run, progress, resume=resume), progress).train()


def scripted(run, *scores, progress=None):
    """Trains a run whose validations score as given."""
    Scripted.script[:] = scores
    return train(run, progress)


def few(**training):
    return {"task": {"name": "few"}, "training": training}


def contents(run):
    """All that training leaves, by file."""
    return {str(path.relative_to(run.folder)): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def records(run):
    return [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


def test_the_learning_rate_rises_and_falls():
    """It rises in equal steps to its highest value, then falls as half a cosine to nearly 0."""
    config = TrainingConfig(steps=1000, warmup_steps=10, learning_rate=2.0)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)], rel=1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[500] == pytest.approx(1.0)
    assert rates[250] == pytest.approx(1 + 2**-0.5)
    assert 0 < rates[-1] < 1e-4


def test_the_learning_rate_needs_no_rise():
    """Without warm-up the first update has the highest rate."""
    assert learning_rate(TrainingConfig(warmup_steps=0, learning_rate=2.0), 0) == 2.0


def test_patience_ends_training(make_run):
    """Training stops after so many validations in a row that were not better, and keeps the best model."""
    run = make_run("run", few(patience=2, steps=20))
    state = scripted(run, 0.3, 0.2, 0.4, 0.1, 0.2)
    assert (state.stopped, state.step, state.best_step, state.best_score) == (True, 10, 6, 0.4)
    assert [record["step"] for record in records(run)] == [2, 4, 6, 8, 10]


def test_training_without_patience_goes_on(make_run):
    """By default scores that get no better don't end it."""
    state = scripted(make_run("run", few(steps=12)), 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert (state.stopped, state.step, state.best_step) == (False, 12, 2)


def test_the_last_step_is_validated(make_run):
    """So no update is in vain where the steps are no multiple of the interval."""
    run = make_run("run", few(steps=5))
    assert scripted(run, 0.1, 0.2, 0.3).best_step == 5
    assert [record["step"] for record in records(run)] == [2, 4, 5]


def test_a_tie_is_broken_by_the_loss(make_run):
    """Where no score gets better but the loss does, the model still learns: it is kept, and patience goes on."""
    kept, losses = [], []

    class Keeper(TrainingProgress):
        def validated(self, step, loss, scores, *, validation_loss, best):
            kept.append(best)
            losses.append(validation_loss)

    state = scripted(make_run("run", few(steps=12, patience=2)), *[0.0] * 6, progress=Keeper())
    least = list(itertools.accumulate(losses, min))
    assert kept == [True, *(new < before for before, new in itertools.pairwise(least))]
    assert sum(kept) > 3
    assert state.best_step == 2 * (1 + max(number for number, best in enumerate(kept) if best))


def test_validations_are_compared_in_the_order_of_the_metrics():
    """The next one decides only where those before it are equal; a tie in all and in the loss is no progress."""
    state = TrainingState()
    for step, (rank, best, stale) in enumerate(
        [
            ([0.5, 0.1, -2.0], True, 0),
            ([0.5, 0.2, -3.0], True, 0),
            ([0.5, 0.1, -1.0], False, 1),
            ([0.5, 0.2, -3.0], False, 2),
            ([0.4, 0.9, -0.1], False, 3),
            ([0.5, 0.2, -2.9], True, 0),
            ([0.6, 0.0, -9.0], True, 0),
        ],
        1,
    ):
        state.step = step
        assert state.note(rank, 1, higher_is_better=True) == best
        assert state.stale == stale
    assert (state.best_step, state.best_score) == (7, 0.6)


@pytest.mark.parametrize("score", [math.nan, -math.inf])
def test_a_first_score_that_is_no_number_is_worse_than_any(make_run, score):
    """It is kept as there is no other, the run can be resumed, and any number is better."""
    run = make_run("run", few(steps=6))
    assert scripted(run, score, score, score).best_step > 0
    assert load_state(run).best_score == -math.inf
    assert scripted(make_run("other", few(steps=6)), score, 0.1, 0.0).best_step == 4


def test_where_less_is_better_the_least_score_is_the_best(make_run):
    """The metric says which way is up."""
    state = scripted(make_run("run", few(steps=6), {"task": "few-loss"}), 0.3, 0.2, 0.4)
    assert (state.best_step, state.best_score) == (4, 0.2)


def test_a_plugin_may_end_training(make_run, listener):
    """A plugin that answers ``True`` to ``s2s_evaluated`` stops the run, whose model is kept."""
    told = []

    @hookimpl
    def s2s_evaluated(run, step, metrics):
        told.append((step, metrics))
        return step >= 4

    listener.s2s_evaluated = s2s_evaluated
    run = make_run("run", few(steps=20))
    state = scripted(run, 0.1, 0.2)
    assert told == [(2, {"scripted": 0.1}), (4, {"scripted": 0.2})]
    assert (state.stopped, state.step, state.best_step) == (True, 4, 4)


@pytest.mark.parametrize("answer", [1, "yes", False, None])
def test_only_true_ends_training(make_run, listener, answer):
    """What is merely like ``True`` doesn't stop a run."""
    listener.s2s_evaluated = hookimpl(lambda: answer, specname="s2s_evaluated")
    assert scripted(make_run("run", few()), 0.1, 0.2, 0.3).step == 6


def test_a_plugin_can_not_change_the_scores(make_run, listener):
    """What it is given is its own."""
    listener.s2s_evaluated = hookimpl(lambda metrics: metrics.clear(), specname="s2s_evaluated")
    run = make_run("run", few(steps=4))
    assert scripted(run, 0.1, 0.2).best_score == 0.2
    assert [{"scripted": 0.1}, {"scripted": 0.2}] == [record["validation"] for record in records(run)]


EVENTS = ["s2s_run_started", "s2s_progressed", "s2s_evaluated", "s2s_run_finished", "s2s_run_ended"]


@pytest.fixture
def told(listener):
    """What plugins are told, one event after the other: its name, its step, and whether there is a model."""
    events = []

    def hear(event):
        takes_step = event not in {"s2s_run_finished", "s2s_run_ended"}
        if takes_step:
            hook = hookimpl(lambda run, step: events.append((event, step, run.weights_path.exists())), specname=event)
        else:
            hook = hookimpl(lambda run: events.append((event, None, run.weights_path.exists())), specname=event)
        setattr(listener, event, hook)

    for event in EVENTS:
        hear(event)
    return events


def test_plugins_hear_how_a_run_goes(make_run, told):
    """The start comes before the first update, the end when the best model is on disk."""
    scripted(make_run("run", few(steps=4)), 0.1, 0.2)
    assert told == [
        ("s2s_run_started", 0, False),
        ("s2s_progressed", 2, False),
        ("s2s_evaluated", 2, False),
        ("s2s_progressed", 4, True),
        ("s2s_evaluated", 4, True),
        ("s2s_run_finished", None, True),
        ("s2s_run_ended", None, True),
    ]


def test_plugins_hear_what_training_measured(make_run, listener):
    """The loss of a token and the rate are those of the log."""
    measured = []
    listener.s2s_progressed = hookimpl(lambda step, values: measured.append((step, values)), specname="s2s_progressed")
    run = make_run("run", few(steps=4))
    scripted(run, 0.1, 0.2)
    for (step, values), record in zip(measured, records(run), strict=True):
        assert {"loss", "learning_rate", "tokens_per_second"} == set(values)
        assert (step, values["learning_rate"]) == (record["step"], record["learning_rate"])
        assert values["loss"] == pytest.approx(record["loss"])


def test_plugins_hear_that_an_interrupted_run_ends_and_goes_on(make_run, told):
    """It isn't finished before it has gone on to its last step."""
    run = make_run("run", few(steps=4))
    with pytest.raises(TrainingInterruptedError):
        scripted(run, 0.1, progress=InterruptedAt(2))
    assert ["s2s_run_started", "s2s_progressed", "s2s_evaluated", "s2s_run_ended"] == [event for event, *_ in told]
    told.clear()
    Scripted.script[:] = [0.2]
    train(run, resume=True)
    assert ("s2s_run_started", 2, True) == told[0]
    assert ["s2s_run_finished", "s2s_run_ended"] == [event for event, *_ in told[-2:]]


def test_plugins_hear_that_a_failed_run_ends(make_run, told):
    """A validation that raises is a failure like any other."""
    with pytest.raises(IndexError):
        scripted(make_run("run", few(steps=4)))
    assert ("s2s_run_ended", None, False) == told[-1]
    assert "s2s_run_finished" not in [event for event, *_ in told]


def test_a_plugin_may_refuse_a_run(make_run, listener, told):
    """An error that a user can put right ends it before the first update."""

    def refuse():
        raise ConfigError("the moon is full")

    listener.s2s_run_started = hookimpl(refuse, specname="s2s_run_started")
    with pytest.raises(ConfigError, match=r"^the moon is full$"):
        train(make_run())
    assert [("s2s_run_ended", None, False)] == told


@pytest.mark.parametrize("event", EVENTS[1:])
def test_a_plugin_refuses_at_the_start_or_not_at_all(make_run, listener, event, caplog):
    """Later such an error is a warning like any other."""

    def refuse():
        raise ConfigError("the moon is full")

    setattr(listener, event, hookimpl(refuse, specname=event))
    assert scripted(make_run("run", few(steps=2)), 0.1).step == 2
    (message,) = caplog.messages
    assert f"{event} failed: ConfigError: the moon is full; to disable it: " in message


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
@pytest.mark.parametrize("event", EVENTS)
def test_a_plugin_that_fails_does_not_end_training(make_run, listener, event, error, caplog):
    """An error in a hook is reported once, and training goes on to the same model."""

    def fail():
        raise error("full moon")

    plain = make_run("plain")
    train(plain)
    setattr(listener, event, hookimpl(fail, specname=event))
    run = make_run("run")
    with caplog.at_level(logging.WARNING, "s2s"):
        assert train(run).step == 6
    assert [message for message in caplog.messages if "full moon" in message] == caplog.messages
    assert len(caplog.messages) == 1
    assert contents(run) == contents(plain)


@pytest.mark.parametrize("layer", [{}, {"task": {"name": "few"}}], ids=["endless", "epochs"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_to_the_same_bits(make_run, number, layer):
    """After Ctrl-C or SIGTERM, between validations and at one, a resumed run ends as an undisturbed one."""
    layers = (layer, {"training": {"steps": 34, "validate_every": 12}})
    script = [0.1, 0.3, 0.2]
    whole = make_run("whole", *layers)
    Scripted.script[:] = script
    train(whole)

    parts = make_run("parts", *layers)
    Scripted.script[:] = script
    before = signal.getsignal(number)
    for resume, step in ((False, 10), (True, 24), (True, 30)):
        with pytest.raises(TrainingInterruptedError) as interrupted:
            train(parts, InterruptedAt(step, number), resume=resume)
        assert interrupted.value.exit_code == 128 + number
        assert str(interrupted.value) == (
            f"stopped after {step} of 34 steps; go on with --resume --output {parts.folder}"
        )
        assert signal.getsignal(number) is before
    assert train(parts, resume=True).step == 34
    assert contents(parts) == contents(whole)


def test_resuming_drops_what_was_logged_after_the_state(make_run):
    """A run that was killed between its log and its state, in the middle of a line, ends as an undisturbed one."""
    layer = {"training": {"steps": 8}}
    whole = make_run("whole", layer)
    train(whole)
    parts = make_run("parts", layer)
    with pytest.raises(TrainingInterruptedError):
        train(parts, InterruptedAt(4))
    with parts.metrics_path.open("a") as file:
        file.write('{"step": 6, "loss": 1.0}\n{"step": 8, "lo')
    train(parts, resume=True)
    assert contents(parts) == contents(whole)


@pytest.mark.parametrize("moment", ["append_metrics", "save_state", "save_weights"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_crash_between_two_writes_loses_nothing(make_run, monkeypatch, moment, done):
    """Wherever a run dies while it saves a validation's results, the resumed one ends as an undisturbed one."""
    whole = make_run("whole")
    train(whole)

    parts = make_run("parts")
    owner = TextModel if moment == "save_weights" else trainer
    write = getattr(owner, moment)
    calls = []

    def die(*arguments):
        calls.append(arguments)
        if len(calls) < 2:
            return write(*arguments)
        if done:
            write(*arguments)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(owner, moment, die)
        with pytest.raises(SystemExit):
            train(parts)
    assert train(parts, resume=True).step == 6
    assert contents(parts) == contents(whole)


def test_resuming_a_finished_run_changes_nothing(make_run):
    """There is nothing left to do, whether the steps or the patience ended it."""
    for run, scores in ((make_run("done", few()), (1, 2, 3)), (make_run("stopped", few(patience=1)), (2, 1))):
        scripted(run, *scores)
        before = contents(run)
        train(run, resume=True)
        assert contents(run) == before


def test_a_second_ctrl_c_acts_at_once():
    """The first is remembered for the end of an update; the second does what it did before."""
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_training_is_told(number):
    """Not even something that survives all errors goes on."""
    before = signal.getsignal(number)
    with pytest.raises(TrainingInterruptedError, match=r"^stopped before training began; nothing was written$") as told:
        prepare_with(number)
    assert told.value.exit_code == 128 + number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_does_not_cut_an_import_off(number):
    """It is told right after it."""
    done = []
    with pytest.raises(TrainingInterruptedError, match=r"^stopped before training began; nothing was written$") as told:
        import_with(number, done)
    assert told.value.exit_code == 128 + number
    assert done


def import_with(number, done):
    with postponed():
        os.kill(os.getpid(), number)
        done.append(True)


def prepare_with(number):
    with before_training():
        try:
            os.kill(os.getpid(), number)
        except Exception:  # noqa: BLE001
            pytest.fail("the signal was taken for an error")


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "foreign", "of another model"])
def test_a_state_that_can_not_be_used_is_refused(make_run, damage):
    """A missing, truncated or foreign state is one clear error, and the run's files stay as they are."""
    run = make_run("run")
    train(run)
    content = run.resume_path.read_bytes()
    if damage == "missing":
        run.resume_path.unlink()
    elif damage == "of another model":
        other = make_run("other", {"encoder": {"hidden_size": 10}})
        train(other)
        run.resume_path.write_bytes(other.resume_path.read_bytes())
    else:
        run.resume_path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "foreign": b"x" * 99}[damage])
    before = contents(run)
    expected = "is missing: there is nothing to resume" if damage == "missing" else "is damaged or of another run"
    with pytest.raises(ModelError, match=expected) as refused:
        train(run, resume=True)
    assert str(refused.value).startswith(f"{run.resume_path} ")
    way_out = f"; the best model is still there for s2s export {run.folder}; or start again with --overwrite"
    assert str(refused.value).endswith(way_out)
    assert len(str(refused.value).splitlines()) == 1
    assert contents(run) == before


def test_a_state_that_can_not_be_used_promises_no_model(make_run):
    """Where there is none, starting again is the only way."""
    run = make_run("run")
    with pytest.raises(ModelError) as refused:
        train(run, resume=True)
    assert str(refused.value).endswith("is missing: there is nothing to resume; start again with --overwrite")


def test_one_seed_gives_one_result(make_run):
    """Two runs with the same settings leave the same bytes: weights, log, description and state."""
    first, second = make_run("first"), make_run("second")
    train(first)
    torch.rand(7)  # what else happens in the process doesn't matter
    train(second)
    assert contents(first) == contents(second)
    assert set(contents(first)) == {
        "run.toml",
        "metrics.jsonl",
        "model.json",
        "model.safetensors",
        os.path.join("resume", "state.safetensors"),  # noqa: PTH118  # compared with a path as text
    }


def test_another_seed_gives_another_result(make_run):
    """The seed reaches the weights and the data, but not the held-out examples."""
    first, second = make_run("first"), make_run("second", {"training": {"seed": 1}})
    train(first)
    train(second)
    assert first.weights_path.read_bytes() != second.weights_path.read_bytes()
    assert [record["loss"] for record in records(first)] != [record["loss"] for record in records(second)]
    assert first.splits.validation == second.splits.validation
    assert first.splits.test == second.splits.test
    batches = [next(prepare(run).batches.after(0)) for run in (first, second)]
    assert batches[0].source.tolist() != batches[1].source.tolist()


def test_the_log_says_what_happened(make_run):
    """Each validation is one line: the step, the loss since the last one, the rate of its last update, the scores."""
    run = make_run("run")
    train(run)
    found = records(run)
    keys = ["step", "loss", "learning_rate", "validation_loss", "validation"]
    assert [list(record) for record in found] == [keys] * 3
    assert [record["step"] for record in found] == [2, 4, 6]
    rates = [learning_rate(run.config.training, step) for step in (1, 3, 5)]
    assert [record["learning_rate"] for record in found] == rates
    assert list(found[0]["validation"]) == ["exact_match", "token_accuracy", "edit_distance"]


def test_the_validation_loss_is_that_of_training_without_smoothing_and_dropout(make_run, listener):
    """It is the cross-entropy of a target token, EOS included; the log, plugins and perplexity agree on it."""
    heard = []

    @hookimpl
    def s2s_evaluated(loss):
        heard.append(loss)

    listener.s2s_evaluated = s2s_evaluated
    metrics = {"evaluation": {"metrics": ["exact_match", "perplexity"]}}
    run = make_run("run", few(steps=2, label_smoothing=0.2), {"source": {"dropout": 0.5}}, metrics)
    train(run)
    (record,) = records(run)
    checkpoint = load_checkpoint(run)
    pairs = Pairs.encode(run.splits.validation, (checkpoint.source_tokenizer, checkpoint.target_tokenizer))
    source, source_lengths, target, target_lengths = map(
        torch.tensor, attrs.astuple(pairs.batch(range(len(pairs))))[:4]
    )
    with torch.no_grad():
        logits = checkpoint.model(source, source_lengths, target, target_lengths)
    logits[:, [PAD, BOS]] = float("-inf")  # they never come
    real = target[padding_mask(target_lengths, target.shape[1])]
    assert record["validation_loss"] == pytest.approx(float(functional.cross_entropy(logits, real)), rel=1e-5)
    assert [record["validation_loss"]] == heard
    assert record["validation"]["perplexity"] == pytest.approx(math.exp(record["validation_loss"]))


@pytest.mark.parametrize(("name", "count"), [("each-line", 3), ("any-target", 2)])
def test_a_validation_counts_what_the_task_says(make_run, name, count):
    """Each line, or each source with all of its targets; the loss is that of all lines."""
    run = make_run("run", few(steps=2), {"task": {"name": name}})
    train(run)
    assert records(run)[0]["validation"] == {"counted": count}


def test_a_task_with_other_references_is_refused(make_run):
    """By its name and what it says."""
    run = make_run("run", few(steps=2), {"task": {"name": "other-references"}})
    with pytest.raises(PluginError, match=r"'other-references' must have references 'each' or 'all' \(got 'some'\)"):
        train(run)


def test_a_validation_computes_likelihoods_once(make_run, monkeypatch):
    """The loss and a metric share them."""
    asked = []
    original = Likelihoods.__call__
    monkeypatch.setattr(Likelihoods, "__call__", lambda self, some: asked.append(len(some)) or original(self, some))
    run = make_run("run", few(steps=4), {"evaluation": {"metrics": ["perplexity"]}})
    train(run)
    assert asked == [len(run.splits.validation)] * 2


@pytest.mark.parametrize("batching", [{"batch_size": 3}, {"batch_size": 3, "batch_tokens": 9}])
def test_pairs_are_counted_as_often_as_they_are_seen(make_run, batching):
    """However batches are cut, and through an interruption."""
    run = make_run("run", few(steps=5, **batching))
    training = prepare(run)
    expected = sum(len(batch.source) for batch in itertools.islice(training.batches.after(0), 5))
    assert scripted(run, 0.1, 0.2, 0.3).pair_count == expected
    again = make_run("again", few(steps=5, **batching))
    with pytest.raises(TrainingInterruptedError):
        scripted(again, 0.1, progress=InterruptedAt(2))
    Scripted.script[:] = [0.2, 0.3]
    assert train(again, resume=True).pair_count == expected


def test_the_loss_is_a_mean_over_real_tokens(make_run, monkeypatch):
    """An update's loss and gradients are those of its pairs taken one by one, without any padding."""
    run = make_run("run", few(steps=1, batch_size=3, bucket_batches=1, clip_norm=0.0))
    training = prepare(run)
    model = copy.deepcopy(training.checkpoint.model)
    batch = next(training.batches.after(0))
    assert len(set(batch.target_lengths.tolist())) == 3  # so there is padding

    gradients = []
    step = torch.optim.AdamW.step

    def recording(optimizer, *arguments):
        gradients.extend(parameter.grad.clone() for parameter in training.checkpoint.model.parameters())
        return step(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", recording)
    Scripted.script[:] = [0.0]
    Trainer(training).train()

    tokens = batch.target_lengths.sum()
    total = 0.0
    for source, size, target, length in zip(*map(torch.from_numpy, attrs.astuple(batch)[:4]), strict=True):
        alone = source[None, :size], size[None], target[None, :length], length[None]
        total = total + functional.cross_entropy(model(*alone), target[:length], reduction="sum")
    mean = total / tokens
    mean.backward()
    assert records(run)[0]["loss"] == pytest.approx(mean.item(), rel=1e-5)
    expected = [parameter.grad for parameter in model.parameters()]
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-6)


def test_the_gradient_s_norm_is_clipped(make_run, monkeypatch):
    """No update's whole gradient is longer than ``clip_norm``."""
    norms = []
    step = torch.optim.AdamW.step

    def recording(optimizer, *arguments):
        parameters = optimizer.param_groups[0]["params"]
        norms.append(torch.stack([parameter.grad.norm() for parameter in parameters]).norm().item())
        return step(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", recording)
    train(make_run("free", {"training": {"clip_norm": 0.0}}))
    longest = max(norms)
    norms.clear()
    train(make_run("clipped", {"training": {"clip_norm": longest / 10}}))
    assert max(norms) == pytest.approx(longest / 10, rel=1e-3)
