"""Whatever the command line can do, Python can do in one call: with the same settings, to the same bits."""

import json
import re

import pytest

import s2s_core as s2s
from s2s_core.pipeline.plot import plot_learning, plot_length
from s2s_core.pipeline.recipe import open_run
from s2s_core.plugins.registry import Plugins

TINY = {
    "task": "reverse",
    "task.alphabet": "abcd",
    "task.maximum_length": 3,
    "task.held_out": 5,
    "encoder.hidden_size": 4,
    "decoder.hidden_size": 4,
    "training.steps": 2,
    "training.validate_every": 1,
    "training.batch_size": 4,
    "decoding.max_length": 4,
}


def test_one_call_does_what_the_command_does(exported_run, first_run, contents, tmp_path, capsys):
    """The same files, byte for byte, the same lines, and what was measured is returned."""
    run = s2s.run(exported_run.folder / "run.toml", output=tmp_path / "run")
    assert contents(tmp_path / "run") == contents(exported_run.folder)
    *_, last = map(json.loads, run.metrics_path.read_text(encoding="utf-8").splitlines())
    assert last["test"] == run.evaluation.scores
    metadata = s2s.load(run.onnx_path).metadata
    assert metadata["parity"]["hypotheses"] == run.export.parity.hypotheses
    assert run.onnx_path.stat().st_size == run.export.size
    assert [90, True] == [run.state.step, run.state.best_step > 0]

    def lines(text):
        steady = re.sub(r"train +step \d+ of 90, loss .*\n", "", text)  # a slow machine tells more often how far it is
        timeless = re.sub(r"[\d,]+ target tokens/s, \d+ s left|in \d+ s", "…", steady)
        return timeless.replace(str(tmp_path / "run"), "RUN").replace(str(first_run[0]), "RUN")

    assert lines(first_run[1].out) == lines(capsys.readouterr().out)


def test_settings_are_those_of_the_command_line(here, tmp_path):
    """By their paths, as ``--set`` takes them, before the recipe's; a path of a file may be a ``Path``."""
    settings = {"task": "pairs", "task.train": tmp_path / "pairs.tsv", "training.seed": 3}
    config = open_run({"training": {"seed": 1, "steps": 7}}, settings, Plugins(), output=tmp_path / "run").config
    assert (str(tmp_path / "pairs.tsv"), 3, 7) == (
        config.task.config.train,
        config.training.seed,
        config.training.steps,
    )


@pytest.fixture
def run(tmp_path):
    """A tiny run, trained in Python without a word."""
    return s2s.train(settings=TINY, output=tmp_path / "run", progress=s2s.Progress())


def test_each_stage_is_a_call(run, tmp_path, capsys):
    """It takes a run or its folder, alone or as one of several, and prints nothing if it isn't to."""
    evaluation = s2s.evaluate(run, {"evaluation.metrics": ["exact_match"]}, split="validation")
    assert ["exact_match"] == list(evaluation.scores)
    alone = s2s.evaluate(run).scores
    assert alone == s2s.evaluate(run.folder).scores == s2s.evaluate(str(run.folder)).scores
    assert alone == pytest.approx(s2s.evaluate([run, run.folder]).scores)
    answers = [s2s.Example("abc", "cba")]
    assert 1 == len(s2s.evaluate(run, examples=answers).answered.sources)
    assert s2s.score(run, answers) == s2s.score([run.folder], answers)
    assert [1, 2] == plot_learning([run.folder])[0].steps
    assert capsys.readouterr() == ("", "")


def test_the_task_and_the_metrics_of_a_run_are_made_once(tmp_path, monkeypatch):
    """And what is read for training serves evaluation too."""
    made = []
    for name in ("make_task", "make_metrics", "Splits"):
        original = getattr(s2s_core_runs_run(), name)
        monkeypatch.setattr(
            f"s2s_core.runs.run.{name}",
            lambda *arguments, name=name, original=original: made.append(name) or original(*arguments),
        )
    s2s.evaluate(s2s.train(settings=TINY, output=tmp_path / "run", progress=s2s.Progress()))
    assert ["Splits", "make_metrics", "make_task"] == sorted(made)


def s2s_core_runs_run():
    """The module whose names are counted."""
    from s2s_core.runs import run

    return run


def test_the_events_come_in_their_order(tmp_path):
    """A program may show them in its own way."""
    heard = []

    class Heard(s2s.Progress):
        def __getattribute__(self, name):
            heard.append(name)
            return super().__getattribute__(name)

    s2s.train(settings=TINY, output=tmp_path / "run", progress=Heard())
    assert [
        "opened",
        "settled",
        "built",
        "started",
        "advanced",
        "validated",
        "advanced",
        "validated",
        "stopped",
        "trained",
    ] == heard


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda run: s2s.train(settings={"task": "nope"}), s2s.PluginError, "unknown task 'nope'"),
        (lambda run: s2s.train(settings=TINY, output=run.folder), s2s.ConfigError, "already holds a run"),
        (lambda run: s2s.train(settings={**TINY, "training.stepz": 1}), s2s.ConfigError, "training.stepz"),
        (lambda run: s2s.train("no.toml"), s2s.ConfigError, "can't read no.toml"),
        (lambda run: s2s.train(resume=True), s2s.ConfigError, "resume needs output"),
        (lambda run: s2s.train(resume=True, overwrite=True), s2s.ConfigError, "exclude each other"),
        (lambda run: s2s.evaluate(run, {"training.steps": 3}), s2s.ConfigError, "can't change training"),
        (lambda run: s2s.evaluate(run, examples=[]), s2s.DataError, "no examples"),
        (lambda run: s2s.evaluate([]), s2s.ConfigError, "at least one"),
        (lambda run: s2s.evaluate(run.folder / "no.onnx"), s2s.ModelError, "can't read"),
        (lambda run: s2s.export(run, settings={"target.dropout": 0.5}), s2s.ConfigError, "can't change target"),
        (lambda run: s2s.evaluate(run, split="train"), s2s.ConfigError, "must be 'test' or 'validation'"),
        (lambda run: s2s.evaluate(run.folder / "nowhere"), s2s.ConfigError, "there is no folder"),
        (lambda run: s2s.score(run.folder / "nowhere", []), s2s.ConfigError, "there is no folder"),
        (lambda run: s2s.score(run.folder / "no.onnx", []), s2s.ModelError, "can't read"),
        (lambda run: plot_length([]), s2s.ConfigError, "at least one"),
    ],
)
def test_what_a_user_can_put_right_is_an_error_of_s2s(run, monkeypatch, tmp_path, call, kind, message):
    """With the command line's own message."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=message):
        call(run)
