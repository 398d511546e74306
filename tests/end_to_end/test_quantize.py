"""A file with smaller weights says what it loses, and does all that any other file does."""

import random
import re
import shutil

import pytest

from s2s_core import load
from s2s_core.pipeline.card import write_card
from s2s_core.pipeline.evaluate import evaluate
from s2s_core.runs.run import Run

METRIC = """
    from s2s_core import Metric

    class Falling(Metric):
        count = 0

        def score(self, hypotheses, references):
            Falling.count -= 1
            return Falling.count

    @hookimpl
    def s2s_metrics():
        return {"falling": "falling:Falling"}
"""


@pytest.fixture(scope="module")
def quantized(s2s, exported_run, tmp_path_factory):
    """A file with smaller weights and all that a file can tell, a model repository, and what was printed."""
    folder = tmp_path_factory.mktemp("quantized")
    (folder / "words.tsv").write_text("abc\tknown\n")
    path, repository = folder / "small.onnx", folder / "models"
    telling = [word for name in ("scorer", "confidence", "origin") for word in ("--set", f"export.{name}=true")]
    options = ["--quantize", "int8", "--lexicon", folder / "words.tsv", "--triton", repository, *telling]
    loose = ["--set", "export.maximum_loss=100"]  # 20 examples make a loss of 5 points or none
    ended = s2s("export", exported_run.folder, "-o", path, *options, *loose)
    assert (ended.code, ended.err) == (0, "")
    return path, repository, ended.out


def test_what_is_lost_is_printed_and_noted(quantized, exported_run):
    """Size, times and scores, beside those of the file with weights of 32 bits."""
    path, _, printed = quantized
    record = load(path).metadata["quantization"]
    assert (record["kind"], record["onnxruntime"]) == ("int8", "1.17")
    plain, small = record["plain"], record["quantized"]
    assert small["size"] < 0.5 * plain["size"]
    assert plain["test"] == {
        name: pytest.approx(score) for name, score in evaluate(exported_run.onnx_path).scores.items()
    }
    assert small["test"] == evaluate(path).scores
    lines = printed.splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("smaller "))
    size = f"smaller  int8: {small['size'] / 1e6:.2f} MB instead of {plain['size'] / 1e6:.2f}"
    time = r" {9}ms per text: alone [\d.]+ instead of [\d.]+, 64 at a time [\d.]+ instead of [\d.]+"
    assert lines[number] == size
    assert re.fullmatch(time, lines[number + 1])
    for line, split in zip(lines[number + 2 :], ("validation", "test"), strict=False):
        after, before = (f"{record[file][split]['exact_match']:.2%}" for file in ("quantized", "plain"))
        shown = f"         {split}: exact match {after} instead of {before}, ".replace("%", " %")
        assert line.startswith(shown)


def test_the_card_has_both(quantized, exported_run, tmp_path):
    """Side by side, each metric on both sets."""
    metadata = load(quantized[0]).metadata
    run = Run.open(shutil.copytree(exported_run.folder, tmp_path / "copied"), exported_run.plugins)
    write_card(run, metadata, evaluate(run))
    card = run.card_path.read_text(encoding="utf-8")
    sides = [metadata["quantization"][file] for file in ("quantized", "plain")]
    assert "| | this file, int8 | weights of 32 bits |\n|---|---|---|\n| size, MB | " in card
    for split in ("validation", "test"):
        shown = " | ".join(f"{side[split]['exact_match']:.2%}".replace("%", " %") for side in sides)
        assert f"| exact_match, {split} | {shown} |" in card


def test_it_answers_as_any_file(quantized, here, tmp_path):
    """``predict``, ``score`` and ``patch``; the model repository has a copy."""
    path, repository, _ = quantized
    (tmp_path / "words.txt").write_text("abc\ncab\n")
    lines = here("predict", path, tmp_path / "words.txt", "--confidence", "--origin").out.splitlines()
    assert lines[0].split("\t") == ["known", "1.0000", "lexicon"]
    assert lines[1].split("\t")[2] == "model"
    (tmp_path / "pairs.tsv").write_text("cab\tbac\n")
    (scored,) = here("score", path, tmp_path / "pairs.tsv").out.splitlines()
    assert float(scored.split("\t")[0]) < 0
    (tmp_path / "fixes.tsv").write_text("cab\tfixed\n")
    assert here("patch", path, tmp_path / "fixes.tsv", "-o", tmp_path / "patched.onnx").code == 0
    patched = load(tmp_path / "patched.onnx")
    assert patched(["abc", "cab"]) == ["known", "fixed"]
    assert patched.metadata["quantization"] == load(path).metadata["quantization"]
    assert (repository / "small" / "1" / "model.onnx").read_bytes() == path.read_bytes()


def test_an_answer_is_the_same_alone_and_in_a_batch(quantized):
    """Of 64 random texts."""
    chance = random.Random(1)
    texts = ["".join(chance.choices("abcdefghä ", k=chance.randint(0, 9))) for _ in range(64)]
    model = load(quantized[0])
    together = model.answers(texts)
    for row, text in enumerate(texts):
        alone = model.answers([text])
        assert alone.hypotheses[0].tolist() == together.hypotheses[row].tolist()
        assert alone.scores[0] == pytest.approx(together.scores[row], rel=1e-4, abs=1e-4)


def test_a_file_that_loses_too_much_is_refused(exported_run, here, install, tmp_path):
    """In one line, and nothing is written; the metric of this test falls with each score that it gives."""
    install("falling", METRIC)
    folder = shutil.copytree(exported_run.folder, tmp_path / "run")
    settings = (folder / "run.toml").read_text()
    evaluation = '[evaluation]\nmetrics = ["falling"]\n\n['
    (folder / "run.toml").write_text(
        re.sub(r"\[evaluation\]\n.*?\n\[(?=export|decoding)", evaluation, settings, flags=re.DOTALL)
    )
    message = here("export", folder, "-o", tmp_path / "small.onnx", "--quantize", "int4").error()
    assert re.fullmatch(
        r"nothing is written: with export.quantize = 'int4', falling on the validation set is -\d.0000 instead of "
        r"-\d.0000, which loses more than export.maximum_loss = 0.5 points; raise that, or store the weights in more "
        "bits",
        message,
    )
    assert not (tmp_path / "small.onnx").exists()


def test_what_cant_be_measured_is_refused_before_training(small, here, tmp_path):
    """A run that is only scored by what needs PyTorch."""
    options = ["--set", "export.quantize=int8", "--set", 'evaluation.metrics=["perplexity"]']
    message = here("run", *small, *options, "--output", tmp_path / "run").error()
    assert message.startswith("export.quantize needs a metric that a file can be scored by, such as exact_match (got ")
    assert not (tmp_path / "run").exists()
