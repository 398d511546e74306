"""``s2s distil``: a small model learns the answers of runs."""

import json
import shutil

import pytest

import s2s_core as s2s
from s2s_core.data.answers import read_pairs
from s2s_core.runs.run import Run

SMALLER = ["--set", "encoder.hidden_size=8", "--set", "decoder.hidden_size=8", "--set", "training.steps=20"]
SMALLER += ["--set", "export.parity_examples=1", "--set", "training.validate_every=20"]
EXTRA = ["a\tb", "h\\ng", "☃"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A file of unlabelled texts."""
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("".join(text + "\n" for text in [*EXTRA, "", EXTRA[0], "a"]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def distilled(s2s, exported_run, texts, tmp_path_factory):
    """The folder of the small model, and how the command ended. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    ended = s2s("distil", exported_run.folder, "--unlabelled", texts, *SMALLER, "--output", folder)
    assert ended.code == 0, ended
    return folder, ended


def test_the_answers_take_the_place_of_the_targets(distilled, exported_run):
    """Of all training sources and the unlabelled texts, but of nothing that is held out: as the runs' file answers."""
    folder, _ = distilled
    pairs = read_pairs(folder / "train.jsonl")
    words = [first + second + third for first in "abcdefgh" for second in ["", *"abcdefgh"] for third in "abcdefgh"]
    every = {*"abcdefgh", *words}
    held_out = {example.source for example in (*exported_run.splits.validation, *exported_run.splits.test)}
    assert {pair.source for pair in pairs} == (every - held_out) | set(EXTRA)
    assert len(pairs) == len({pair.source for pair in pairs})
    answers = s2s.load(exported_run.onnx_path)([pair.source for pair in pairs])
    assert answers == [pair.target for pair in pairs]
    assert any(pair.target != pair.source[::-1] for pair in pairs)


def test_it_is_a_run_of_its_own(distilled, exported_run, here):
    """Of the task pairs, with the first run's other settings, metrics and test set."""
    folder, _ = distilled
    run = Run.open(folder, exported_run.plugins)
    assert run.config.task.name == "pairs"
    assert run.config.encoder.config.hidden_size == 8
    assert run.config.training.learning_rate == exported_run.config.training.learning_rate
    assert [metric.name for metric in run.config.evaluation.metrics] == list(exported_run.task.metrics)
    assert run.splits.test == exported_run.splits.test
    found = json.loads(here("evaluate", folder, "--json").out)
    assert found["scores"] == json.loads((folder / "distillation.json").read_text())["student"]["scores"]


def test_both_files_are_measured(distilled, exported_run, here):
    """Their scores, sizes and times are printed and recorded."""
    folder, ended = distilled
    assert ended.err == ""
    record = json.loads((folder / "distillation.json").read_text())
    assert record["runs"] == [str(exported_run.folder)]
    assert record["teacher"]["scores"] == json.loads(here("evaluate", exported_run.folder, "--json").out)["scores"]
    assert record["teacher"]["size"] == (folder / "teacher.onnx").stat().st_size > record["student"]["size"]
    assert record["student"]["size"] == (folder / "model.onnx").stat().st_size
    assert 0 < record["student"]["milliseconds"] < 1000
    lines = ended.out.splitlines()
    answered = next(number for number, line in enumerate(lines) if line.startswith("answers  "))
    assert lines[answered] == "answers  547 of 547"
    assert answered < next(number for number, line in enumerate(lines) if line.startswith("data "))
    topics = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert topics[-3:] == ["teacher", "student", "change"]
    change = record["student"]["scores"]["edit_distance"] - record["teacher"]["scores"]["edit_distance"]
    assert f"edit distance +{change:.4f}; " in lines[-1]
    assert change > 0


def test_an_interrupted_distillation_goes_on(distilled, exported_run, texts, here, monkeypatch, tmp_path):
    """The answers that were written are kept, up to a whole chunk, and the result is the same."""
    whole, _ = distilled
    folder = tmp_path / "small"
    folder.mkdir()
    for name in ("teacher.onnx", ".lock"):
        shutil.copy(whole / name, folder)
    monkeypatch.setattr("s2s_core.pipeline.distil._CHUNK", 200)
    lines = (whole / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    marked = [lines[0].replace('"target": "', '"target": "kept')]
    (folder / "train.partial.jsonl").write_text("".join([*marked, *lines[1:399]]) + lines[399][:9], encoding="utf-8")
    arguments = ["distil", exported_run.folder, "--unlabelled", texts, *SMALLER, "--output", folder]
    monkeypatch.setattr("s2s_core.pipeline.distil.run", interrupt)
    ended = here(*arguments, "--resume")
    assert (ended.code, ended.err) == (130, "error: interrupted; the same command goes on with --resume added\n")
    found = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    assert found == [*marked, *lines[1:]]
    monkeypatch.undo()
    (folder / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    ended = here(*arguments, "--resume")
    assert ended.code == 0, ended
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert "answers" not in ended.out


def test_other_runs_do_not_go_on(exported_run, texts, here, tmp_path):
    """Their answers would be mixed; the folder knows the models by their hashes."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "teachers.json").write_text('["another"]')
    arguments = ["distil", exported_run.folder, "--unlabelled", texts, *SMALLER, "--output", folder]
    assert here(*arguments, "--resume").error() == (
        f"{folder} learns the answers of other runs than these: give the same ones, or start again with --overwrite"
    )


def interrupt(**arguments):
    raise KeyboardInterrupt


def test_what_can_not_be_distilled_is_refused(distilled, exported_run, here, tmp_path):
    """With the way out, and before anything changes."""
    folder, _ = distilled
    message = here("distil", exported_run.folder, "--output", folder).error()
    assert message.startswith(f"{folder} already holds a run: go on with --resume, start again with --overwrite")
    message = here("distil", exported_run.folder, "--output", exported_run.folder, "--overwrite").error()
    assert message == f"{exported_run.folder} is a run to distil: choose another --output for the small model"
    message = here("distil", exported_run.folder, "--output", folder, *SMALLER, "--resume").error()
    assert "train.jsonl has the answers to other sources than these" in message
    message = here("distil", exported_run.folder, "--output", tmp_path / "x", "--set", "training.stepz=1").error()
    assert "training.stepz" in message
    ended = here("distil", exported_run.folder, "--output", tmp_path / "x", "--resume", "--overwrite")
    assert ended.code == 2
    message = here("distil", exported_run.folder, "--unlabelled", tmp_path / "no", "--output", tmp_path / "x").error()
    assert message == f"can't read {tmp_path / 'no'}: No such file or directory"
    assert not (tmp_path / "x").exists()
