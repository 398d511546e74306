"""``s2s plot`` draws a run's figures, or prints their numbers."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.text.vocabulary import BOS, EOS


@pytest.fixture(scope="module")
def attending(s2s, tmp_path_factory):
    """The folder of a run whose decoder has attention."""
    folder = tmp_path_factory.mktemp("runs") / "attending"
    sizes = {"encoder.hidden_size": 8, "decoder.hidden_size": 8, "training.steps": 2, "decoding.max_length": 5}
    settings = [word for name, value in sizes.items() for word in ("--set", f"{name}={value}")]
    ended = s2s(
        "train", "--task", "reverse", "--encoder", "lstm", "--decoder", "attention-lstm", *settings, "--output", folder
    )
    assert ended.code == 0, ended
    return folder


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_every_figure_is_written(here, exported_run, attending, tmp_path, suffix):
    """In the format of the file's end."""
    run = exported_run.folder
    for name, arguments in {
        "length": [run, run],
        "learning": [run, attending],
        "states": [run, "--count", 5],
        "attention": [attending, "abc"],
    }.items():
        path = tmp_path / f"{name}.{suffix}"
        ended = here("plot", name, *arguments, "-o", path)
        assert (ended.code, ended.out, ended.err) == (0, f"figure   {path}\n", "")
        assert path.stat().st_size > 1000


def test_a_figure_has_a_name_of_its_own(here, exported_run, tmp_path, monkeypatch):
    """In the folder where the command is given."""
    monkeypatch.chdir(tmp_path)
    assert here("plot", "learning", exported_run.folder).out == "figure   learning.png\n"
    assert (tmp_path / "learning.png").exists()


def test_scores_by_length_are_those_of_the_evaluation(here, exported_run, tmp_path):
    """From the log, and from a file of ``s2s evaluate --json`` with other metrics and buckets."""
    (curve,) = json.loads(here("plot", "length", exported_run.folder, "--json").out)
    record = json.loads(exported_run.metrics_path.read_text().splitlines()[-1])
    assert curve["metric"] == "exact_match"
    assert curve["scores"] == [bucket["scores"]["exact_match"] for bucket in record["buckets"]]
    settings = ["--metrics", "chrf", "--set", "evaluation.length_buckets=[3]", "--json"]
    found = here("evaluate", exported_run.onnx_path, *settings).out
    (tmp_path / "chrf.json").write_text(found)
    (curve,) = json.loads(here("plot", "length", tmp_path / "chrf.json", "--json").out)
    assert curve["scores"] == [bucket["scores"]["chrf"] for bucket in json.loads(found)["buckets"]]
    assert len(curve["scores"]) == 2


def test_states_are_the_encoders_summaries(here, exported_run, tmp_path):
    """The points have the distances of the summaries; texts that come again are one point."""
    path = tmp_path / "texts.txt"
    path.write_text("ab\nabc\nab\nhg\n")
    found = json.loads(here("plot", "states", exported_run.folder, "--texts", path, "--json").out)
    assert found["texts"] == ["ab", "abc", "hg"]
    assert pytest.approx(1.0) == sum(found["shares"])  # three points lie on a plane
    checkpoint = load_checkpoint(exported_run)
    summaries = []
    for text in found["texts"]:
        ids = [*checkpoint.source_tokenizer.encode(text), EOS]
        memory = checkpoint.model.encode(torch.tensor([ids]), torch.tensor([len(ids)]))
        summaries.append(memory.summary[0].detach().numpy())
    points = np.array(found["points"])
    for one in range(3):
        expected = np.linalg.norm(np.array(summaries) - summaries[one], axis=1)
        np.testing.assert_allclose(np.linalg.norm(points - points[one], axis=1), expected, atol=1e-4)
    path.write_text("ab\nab\n")
    refused = here("plot", "states", exported_run.folder, "--texts", path)
    assert refused.error() == "the states of at least two different texts are needed"


def test_attention_is_that_of_the_answer(here, attending):
    """Row by row what the decoder's steps told, for the tokens that it wrote."""
    found = json.loads(here("plot", "attention", attending, "abca", "--json").out)
    assert found["source"] == ["a", "b", "c", "a", "⏎"]
    checkpoint = load_checkpoint(Run.open(attending, Plugins()))
    model, before = checkpoint.model, torch.tensor([BOS])
    ids = [*checkpoint.source_tokenizer.encode("abca"), EOS]
    state = model.start(torch.tensor([ids]), torch.tensor([5]))
    expected, written = [], []
    with torch.inference_mode():
        for _ in range(5):
            output, state = model.decoder.step(model.embed_target(before), state)
            logits = model.projection(output.vectors)
            logits[:, [0, BOS]] = float("-inf")
            before = logits.argmax(1)
            expected.append(output.attention[0].tolist())
            written.append(checkpoint.target_tokenizer.vocabulary.surfaces[before] if before != EOS else "⏎")
            if before == EOS:
                break
    assert found["target"] == written
    np.testing.assert_allclose(found["weights"], expected, atol=1e-5)


def test_a_text_without_tokens_is_refused(here, attending, tmp_path):
    """The map would be one square."""
    refused = here("plot", "attention", attending, "", "-o", tmp_path / "attention.png")
    assert refused.error() == "there is nothing to attend to in '': give a text of at least one token"


def test_a_decoder_without_attention_is_refused(here, exported_run, tmp_path):
    """There is nothing to draw."""
    refused = here("plot", "attention", exported_run.folder, "abc", "-o", tmp_path / "attention.png")
    assert refused.error() == "decoder 'mlp-rnn' has no attention to draw"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["length", "{run}", "-o", "{tmp}/x.gif"], "a figure's name must end with .pdf, .png, .svg (got 'x.gif')"),
        (["length", "{tmp}/none"], "can't read {tmp}/none: No such file or directory"),
        (["learning", "{tmp}"], "can't read {tmp}/metrics.jsonl: No such file or directory"),
        (["states", "{tmp}"], "{tmp} holds no run: it has no run.toml"),
        (["states", "{run}", "--texts", "{tmp}/none"], "can't read {tmp}/none: No such file or directory"),
    ],
)
def test_what_can_not_be_drawn_is_refused(here, exported_run, tmp_path, arguments, message):
    """In one line."""
    places = {"run": exported_run.folder, "tmp": tmp_path}
    assert here("plot", *(text.format(**places) for text in arguments)).error() == message.format(**places)


WITHOUT = """
import sys
sys.modules["matplotlib"] = None
sys.argv = ["s2s", *sys.argv[1:]]
from s2s_core.cli.main import main
main()
"""


def test_numbers_need_no_matplotlib(exported_run, tmp_path):
    """A figure without it says what to install."""
    command = [sys.executable, "-c", WITHOUT, "plot", "length", exported_run.folder]
    ended = subprocess.run([*command, "--json"], capture_output=True, check=True, text=True, cwd=tmp_path)
    assert json.loads(ended.stdout)
    ended = subprocess.run(command, capture_output=True, check=False, text=True, cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == (
        'error: this command needs Matplotlib, which isn\'t installed: pip install "s2s-toolkit[plot]"\n'
    )
