"""``s2s compare``: models on the same test set, as a person and a program read it."""

import json
import re

import pytest

import s2s_core as s2s


@pytest.fixture(scope="module")
def other(exported_run, tmp_path_factory):
    """A run on the same task that has hardly learned anything."""
    folder = tmp_path_factory.mktemp("runs") / "other"
    settings = {"training.steps": 5, "training.seed": 7}
    s2s.train(exported_run.settings_path, settings, output=folder, progress=s2s.Progress())
    return folder


def test_a_run_and_its_file_do_not_differ(here, exported_run):
    """No resample tells them apart, and nothing flips; likelihoods, which a file lacks, are left out."""
    ended = here("compare", exported_run.folder, exported_run.onnx_path, "--json")
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert (found["examples"], found["resamples"]) == (20, 1000)
    first, second = found["models"]
    assert first["model"] == str(exported_run.folder)
    assert first["scores"] == second["scores"]
    nothing = {"score": 0.0, "low": 0.0, "high": 0.0, "p_value": 1.0}
    assert second["differences"] == dict.fromkeys(first["scores"], nothing)
    assert (second["right_to_wrong"], second["wrong_to_right"]) == (0, 0)


def test_the_scores_are_those_of_evaluate(here, exported_run, other):
    """And each flip is what the models answer to a source of the test set."""
    comparison = s2s.compare([exported_run.folder, other], resamples=200)
    evaluations = [s2s.evaluate(folder) for folder in (exported_run.folder, other)]
    assert [model.scores for model in comparison.models] == [evaluation.scores for evaluation in evaluations]
    right = [
        {
            source
            for source, references, answer in zip(
                evaluation.answered.sources, evaluation.answered.references, evaluation.answered.hypotheses, strict=True
            )
            if answer in references
        }
        for evaluation in evaluations
    ]
    flips = comparison.models[1].flips
    assert {flip.source for flip in flips.worse} == right[0] - right[1] != set()
    assert {flip.source for flip in flips.better} == right[1] - right[0]
    difference = comparison.models[1].differences["edit_distance"]
    assert difference.score == evaluations[1].scores["edit_distance"] - evaluations[0].scores["edit_distance"]
    assert difference.low < difference.score < difference.high


def test_a_person_gets_a_table(here, exported_run, other):
    """Scores, differences, intervals, p-values, the method and some flips."""
    ended = here("compare", exported_run.folder, other, exported_run.onnx_path, "--flips", 1)
    lines = ended.out.splitlines()
    assert re.split(r"  +", lines[0])[-3:] == ["exact match", "token accuracy", "edit distance"]
    heads = [re.split(r"   +", line)[0] for line in lines[1:11]]
    assert heads[:2] == [str(exported_run.folder), str(other)]
    assert [line.split("   ")[0].strip() for line in lines[3:7]] == [
        "difference",
        "95 % interval, from",
        "to",
        "p-value",
    ]
    assert len({len(line) for line in lines[:12]}) == 1
    assert lines[13] == "20 answers; 1,000 resamples, paired bootstrap (Koehn 2004, aclanthology.org/W04-3250)"
    assert re.fullmatch(rf"{re.escape(str(other))}: \d+ right → wrong, \d+ wrong → right", lines[14])
    assert re.fullmatch(r"  right → wrong   '[a-h]+': '[a-h]+' → '[a-h]*'; '[a-h]+' is right", lines[15])
    assert lines[16] == f"{exported_run.onnx_path}: 0 right → wrong, 0 wrong → right"


def test_json_has_flips_if_asked(here, exported_run, other):
    """As many of each kind as are wanted."""
    found = json.loads(here("compare", exported_run.folder, other, "--json", "--flips", 2).out)["models"][1]
    assert len(found["flips"]["right_to_wrong"]) == min(2, found["right_to_wrong"]) > 0
    flip = found["flips"]["right_to_wrong"][0]
    assert flip["before"] in flip["references"]
    assert flip["after"] not in flip["references"]


def test_a_file_of_pairs_serves_instead(here, exported_run, other, tmp_path):
    """With other metrics too."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("abc\tcba\nab\tba\nab\tbb\n", encoding="utf-8")
    ended = here("compare", exported_run.onnx_path, other, "--data", pairs, "--metrics", "bleu", "--json")
    found = json.loads(ended.out)
    assert found["examples"] == 3
    any_right = here("compare", exported_run.onnx_path, other, "--data", pairs, "--references", "all", "--json")
    assert json.loads(any_right.out)["examples"] == 2
    assert [list(model["scores"]) for model in found["models"]] == [["bleu"]] * 2


def test_what_can_not_be_compared_is_refused(here, exported_run, s2s, small, tmp_path):
    """With the way out."""
    ended = here("compare", exported_run.folder)
    assert ended.code == 2
    assert "a comparison needs two models or more" in ended.err
    other = tmp_path / "other"
    ended = s2s("train", *small, "--set", "task.maximum_length=4", "--set", "training.steps=1", "--output", other)
    assert ended.code == 0, ended
    message = here("compare", exported_run.folder, other).error()
    assert re.fullmatch(
        rf"{re.escape(str(other))} and {re.escape(str(exported_run.folder))} have different sources to score on: "
        r"\d+ of 20 and 20 are the same; --data FILE gives both the same ones",
        message,
    )
    message = here("compare", exported_run.onnx_path, exported_run.onnx_path, "--metrics", "perplexity").error()
    assert "metric 'perplexity' needs the model in PyTorch" in message


def test_references_must_be_the_same(exported_run, other, monkeypatch):
    """The same sources are not enough."""
    from s2s_core.evaluation.answers import Answered
    from s2s_core.pipeline.compare import _aligned

    first, second = Answered(["a", "b"], [["1"], ["2"]], ["", ""]), Answered(["b", "a"], [["3"], ["1"]], ["x", "y"])
    with pytest.raises(s2s.DataError, match="two and one have different references for 'b': '3' and '2'"):
        _aligned(second, first, "one", "two")
    same = Answered(["b", "a"], [["2"], ["1"]], ["x", "y"])
    assert _aligned(same, first, "one", "two").hypotheses == ["y", "x"]
