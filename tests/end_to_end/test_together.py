"""Several runs answer as one: in PyTorch, and as one exported file."""

import json
import math

import pytest

from s2s_core.runtime.file import load


@pytest.fixture(scope="module")
def second_run(s2s, small, tmp_path_factory):
    """A run on the same task with another model."""
    folder = tmp_path_factory.mktemp("runs") / "second"
    other = ["--encoder", "gru", "--decoder", "attention-gru", "--set", "source.reverse=true", "--seed", 7]
    ended = s2s("train", *small, *other, "--output", folder)
    assert ended.code == 0, ended
    return folder


@pytest.fixture(scope="module")
def together(s2s, exported_run, second_run, tmp_path_factory):
    """Both runs as one file, and how the export ended."""
    path = tmp_path_factory.mktemp("exported") / "together.onnx"
    return path, s2s("export", exported_run.folder, second_run, "-o", path)


def test_two_runs_become_one_file(together, exported_run, second_run):
    """It is proven equal to PyTorch, tells of both models, and is neither of them."""
    path, ended = together
    assert ended.code == 0, ended
    assert "equal PyTorch's" in ended.out
    model = load(path)
    encoders = [member["encoder"]["name"] for member in model.metadata["members"]]
    assert encoders == ["mlp-rnn", "gru"]
    assert {"mlp-rnn", "gru", "attention-gru"} <= {record["name"] for record in model.metadata["plugins"]}
    alone = load(exported_run.onnx_path)
    words = ["abc", "hgf", "ah"]
    assert alone.answers(words).scores.tolist() != model.answers(words).scores.tolist()


def test_both_score_as_their_file_does(together, s2s, exported_run, second_run):
    """Evaluating two folders gives the scores of the file that they become."""
    in_pytorch = s2s("evaluate", exported_run.folder, second_run, "--json", "--metrics", "exact_match,token_accuracy")
    in_file = s2s("evaluate", together[0], "--json", "--metrics", "exact_match,token_accuracy")
    assert json.loads(in_pytorch.out) == json.loads(in_file.out)


def test_both_score_answers(here, exported_run, second_run, tmp_path):
    """Together they find an answer as likely as the mean of their probabilities says."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("abc\t\n", encoding="utf-8")  # an answer of one token, its end
    scores = [
        float(here("score", *runs, pairs).out.split("\t")[0])
        for runs in ([exported_run.folder], [second_run], [exported_run.folder, second_run])
    ]
    one, other, both = map(math.exp, scores)
    assert both == pytest.approx((one + other) / 2, abs=1e-4)


def test_several_models_must_be_runs(here, exported_run, second_run):
    """A file can't answer together with anything."""
    message = here("evaluate", second_run, exported_run.onnx_path).error()
    assert message == f"several models must be folders of runs (got {exported_run.onnx_path})"


def test_several_runs_need_a_name_for_their_file(here, exported_run, second_run):
    """They have no folder in common that it could be written to."""
    ended = here("export", exported_run.folder, second_run)
    assert ended.code == 2
    assert "several runs need --output" in ended.err


def test_runs_of_different_tasks_do_not_answer_together(here, s2s, small, exported_run, tmp_path):
    """One of them may have been trained on what the other is tested on."""
    other = tmp_path / "other"
    ended = s2s("train", *small, "--set", "task.maximum_length=4", "--set", "training.steps=1", "--output", other)
    assert ended.code == 0, ended
    message = here("evaluate", exported_run.folder, other).error()
    assert f"{other} and {exported_run.folder} have different tasks" in message


def test_runs_of_different_tokenizers_do_not_answer_together(here, s2s, small, exported_run, tmp_path):
    """An id must mean the same to each."""
    other = tmp_path / "other"
    changed = ["--set", "target.tokenizer.maximum_size=5", "--set", "training.steps=1"]
    ended = s2s("train", *small, *changed, "--output", other)
    assert ended.code == 0, ended
    message = here("evaluate", exported_run.folder, other).error()
    assert "different target.tokenizer.maximum_size (5 and 0)" in message
