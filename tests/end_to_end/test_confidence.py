"""A run whose file tells how sure it is says whether that holds, wherever a user looks."""

import json

import pytest


@pytest.fixture(scope="module")
def sure(s2s, small, tmp_path_factory):
    """A small run with confidences, and what it printed."""
    folder = tmp_path_factory.mktemp("sure") / "run"
    ended = s2s("run", *small, "--set", "export.confidence=true", "--set", "task.held_out=40", "--output", folder)
    assert (ended.code, ended.err) == (0, "")
    return folder, ended.out


def test_a_run_tells_it(sure):
    """On the terminal, in its log and on its card."""
    folder, printed = sure
    (line,) = [line for line in printed.splitlines() if line.startswith("sure ")]
    assert "the surest 80 % of the answers have " in line
    test = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    logged = test["reliability"]
    assert sum(each["answers"] for each in logged["bins"]) == test["lines"]
    assert f"expected calibration error is {logged['calibration_error']:.2%}".replace("%", " %") in line
    assert f"- Confidence: {line.removeprefix('sure').strip()} (" in (folder / "README.md").read_text()


def test_files_are_evaluated_and_drawn(sure, here, tmp_path):
    """The file alone gives the same numbers, and both draw the same curve."""
    folder, _ = sure
    printed = here("evaluate", folder / "model.onnx", "--json").out
    logged = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["reliability"]
    assert json.loads(printed)["reliability"] == logged
    (tmp_path / "scores.json").write_text(printed)
    curves = json.loads(here("plot", "reliability", folder, tmp_path / "scores.json", "--json").out)
    assert [curve["confidence"] for curve in curves] == [[each["confidence"] for each in logged["bins"]]] * 2
    assert here("plot", "reliability", folder, "-o", tmp_path / "drawn.svg").out == f"figure   {tmp_path}/drawn.svg\n"
    assert (tmp_path / "drawn.svg").read_bytes().startswith(b"<?xml")


def test_predict_prints_it(sure, here, exported_run, tmp_path):
    """After the answer, or after all answers and scores; a file that can't tell says which setting it needs."""
    folder, _ = sure
    (tmp_path / "words.txt").write_text("abc\nb\n")
    lines = here("predict", folder, tmp_path / "words.txt", "--confidence").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == here("predict", folder, tmp_path / "words.txt").out.splitlines()
    assert all(0 <= float(line.split("\t")[1]) <= 1 for line in lines)
    more = here("predict", folder, tmp_path / "words.txt", "--n-best", 2, "--scores", "--confidence").out.splitlines()
    assert [line.split("\t")[4] for line in more] == [line.split("\t")[1] for line in lines]
    assert (
        here("predict", exported_run.onnx_path, tmp_path / "words.txt", "--origin")
        .error()
        .endswith("has no output 'origin': export it again with --set export.origin=true")
    )


def test_too_few_examples_are_told_before_training(small, here, tmp_path):
    """No folder is made."""
    few = ["--set", "export.confidence=true", "--set", "task.held_out=19"]
    message = here("run", *small, *few, "--output", tmp_path / "run").error()
    assert message == "a confidence needs at least 20 validation examples to be calibrated on (got 19)"
    assert not (tmp_path / "run").exists()


def test_what_has_no_confidence_is_told(exported_run, here, tmp_path):
    """A run without it, and a file of other JSON."""
    (tmp_path / "odd.json").write_text('{"reliability": {"bins": [{"confidence": "high"}]}}')
    assert (
        "has no confidences: a run with --set export.confidence=true"
        in here("plot", "reliability", exported_run.folder, "--json").error()
    )
    (tmp_path / "empty.json").write_text('{"reliability": {"bins": []}}')
    assert "has no confidences" in here("plot", "reliability", tmp_path / "empty.json").error()
    assert "confidence must be a finite number" in here("plot", "reliability", tmp_path / "odd.json", "--json").error()


def test_words_have_one_answer(here, sentences_file, tmp_path):
    """So several to each line are refused."""
    (tmp_path / "text.txt").write_text("abc\n")
    ended = here("predict", sentences_file, tmp_path / "text.txt", "--n-best", 2)
    assert ended.code == 2
    assert "--n-best must be 1 for a file that answers each word of a text by itself" in ended.err
