"""``s2s evaluate`` with metrics, data and settings of one's own, and what it writes."""

import json
import re
import tomllib

import onnx
import pytest

from s2s_core import ConfigError, evaluate
from s2s_core.runtime.file import load

BLEU = '[{name = "bleu", tokenize = "char"}]'


@pytest.fixture
def file(exported_run):
    """The exported file."""
    return exported_run.onnx_path


@pytest.fixture
def pairs(file, tmp_path):
    """Three sources: answered rightly, answered wrongly, and with the answer as one of two references."""
    right, other = load(file)(["abc", "hg"])
    path = tmp_path / "pairs.tsv"
    path.write_text(f"abc\t{right}\nab\tnothing\nhg\tnothing\nhg\t{other}\n")
    return path


def test_metrics_may_be_chosen(here, exported_run, file):
    """Run and file give the same scores by the metrics that are named, with sacrebleu's signature."""
    found = []
    for model in (exported_run.folder, file):
        ended = here("evaluate", model, "--metrics", "bleu, character_error_rate", "--json")
        assert (ended.code, ended.err) == (0, "")
        found.append(json.loads(ended.out))
    assert found[0] == found[1]
    assert ["bleu", "character_error_rate"] == list(found[0]["scores"])
    assert re.match(r"nrefs:1\|case:mixed\|eff:no\|tok:13a\|", found[0]["signatures"]["bleu"])


def test_a_layer_may_leave_out_the_evaluation(file):
    """An empty one changes nothing."""
    assert evaluate(file, [{}]).scores == evaluate(file).scores


def test_signatures_are_printed_under_the_scores(here, file):
    """A metric that leaves nothing open has none."""
    ended = here("evaluate", file, "--metrics", "exact_match,word_error_rate")
    assert re.fullmatch(
        r"test +20 lines: exact match [\d.]+ %, word error rate [\d.]+ %\n"
        r" +word_error_rate: edits of words / words of the nearest reference\n",
        ended.out,
    )


def test_settings_of_evaluation_and_decoding_may_be_set(here, exported_run):
    """A metric has settings, and one more token of an answer matters."""
    ended = here("evaluate", exported_run.folder, "--set", f"evaluation.metrics={BLEU}", "--json")
    assert "|tok:char|" in json.loads(ended.out)["signatures"]["bleu"]
    scores = [
        json.loads(here("evaluate", exported_run.folder, "--set", f"decoding.max_length={most}", "--json").out)[
            "scores"
        ]
        for most in (2, 8)
    ]
    assert scores[0]["token_accuracy"] < scores[1]["token_accuracy"]


def test_perplexity_is_known_in_pytorch_alone(here, exported_run, file):
    """A file that is asked for it says so."""
    found = json.loads(here("evaluate", exported_run.folder, "--metrics", "perplexity", "--json").out)
    assert 1.0 < found["scores"]["perplexity"] < 12.0  # ids
    message = here("evaluate", file, "--metrics", "perplexity").error()
    assert message == "metric 'perplexity' needs the model in PyTorch: evaluate the folder of a run"


def test_examples_may_come_from_a_file(here, exported_run, file, pairs):
    """Each line counts, as the task has it."""
    for model in (exported_run.folder, file):
        found = json.loads(here("evaluate", model, "--data", pairs, "--json").out)
        assert (found["lines"], found["sources"], found["references"]) == (4, 3, "each")
        assert found["scores"]["exact_match"] == 2 / 4
    assert here("evaluate", file, "--data", pairs).out.startswith(
        "data     4 lines (3 distinct sources): exact match 50.00 %"
    )
    assert here("evaluate", file, "--data", pairs.parent / "no").error() == (
        f"can't read {pairs.parent / 'no'}: No such file or directory"
    )


def test_lines_with_the_same_source_may_be_references(here, exported_run, file, pairs):
    """Where the user says so, one of them suffices."""
    for model in (exported_run.folder, file):
        found = json.loads(here("evaluate", model, "--data", pairs, "--references", "all", "--json").out)
        assert (found["lines"], found["sources"], found["references"]) == (4, 3, "all")
        assert found["scores"]["exact_match"] == pytest.approx(2 / 3)
    assert here("evaluate", file, "--data", pairs, "--references", "all").out.startswith(
        "data     3 sources with 4 references, any of which counts as right: exact match 66.67 %"
    )
    with pytest.raises(ConfigError, match=r"references must be 'each' or 'all' \(got 'any'\)"):
        evaluate(file, references="any")


def test_examples_may_come_from_standard_input(s2s, file, pairs):
    """As ``-``."""
    ended = s2s("evaluate", file, "--data", "-", input=pairs.read_text())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("data     4 lines (3 distinct sources): exact match 50.00 %")


def test_details_go_to_a_file(here, file, pairs, tmp_path):
    """The worst answer comes first; the scores are printed as always."""
    path = tmp_path / "answers.tsv"
    ended = here("evaluate", file, "--data", pairs, "--references", "all", "--details", path)
    assert ended.out.startswith("data ")
    header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert header[:4] == ["source", "reference", "reference_2", "hypothesis"]
    assert header[4:] == ["exact_match", "token_accuracy", "edit_distance"]
    assert [row[0] for row in rows] == ["ab", "abc", "hg"]
    assert [row[3] for row in rows] == load(file)(["ab", "abc", "hg"])
    assert [row[2] for row in rows[:2]] == [r"\N", r"\N"]


@pytest.mark.parametrize("options", [["--details"], ["--details", "-"]])
def test_details_go_to_standard_output(here, file, pairs, options):
    """Then the scores go to standard error, so that the table can be piped."""
    ended = here("evaluate", file, "--data", pairs, *options)
    assert ended.out.startswith("source\treference\thypothesis\t")
    assert len(ended.out.splitlines()) == 1 + 4
    assert ended.err.startswith("data     4 lines (3 distinct sources): exact match 50.00 %")


def test_scores_come_by_length(here, file):
    """One line for each bucket that has sources."""
    settings = ["--set", "evaluation.length_buckets=[2, 3]"]
    lines = here("evaluate", file, "--by-length", *settings).out.splitlines()
    assert [re.sub(r": exact match.*", "", line.strip()) for line in lines[1:]][-1].endswith(" of 3 source tokens")
    found = json.loads(here("evaluate", file, "--json", *settings).out)
    assert [bucket["shortest"] for bucket in found["buckets"]] == sorted({1, 2, 3})[-len(found["buckets"]) :]
    assert sum(bucket["answers"] for bucket in found["buckets"]) == found["lines"] == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "blue"], "unknown metric 'blue' (did you mean 'bleu'?)"),
        (["--metrics", "bleu,bleu"], "evaluation.metrics must be metrics that differ in their names"),
        (["--set", "evaluation.metrics=bleu"], "evaluation.metrics must be a list, such as [\"bleu\"] (got 'bleu')"),
        (["--set", "evaluation.metrics=[3]"], "evaluation.metrics must be a name or a table (got 3)"),
        (
            ["--set", 'evaluation.metrics=[{name = "bleu", tokenize = "x"}]'],
            "evaluation.metrics.tokenize must be one of",
        ),
        (
            ["--set", "evaluation.select=bleu"],
            "evaluation.select must be one of the metrics, edit_distance, exact_match",
        ),
        (["--set", "evaluation.length_buckets=[5, 2]"], "evaluation.length_buckets must be a rising list"),
        (["--set", "evaluation.length_buckets=5"], "evaluation.length_buckets must be a list, such as [5]"),
        (["--set", "training.steps=5"], "can't change training of a trained model, only"),
    ],
)
def test_what_can_not_be_evaluated_is_refused(here, exported_run, file, options, message):
    """Of a run and of a file alike, before anything is answered."""
    for model in (exported_run.folder, file):
        assert message in here("evaluate", model, *options).error()


def test_a_run_may_choose_its_metrics(here, small, tmp_path):
    """The selected one chooses the best model and is told first; all are in the log, the card and ``run.toml``."""
    folder = tmp_path / "chosen"
    metrics = '["bleu", "perplexity", {name = "chrf", word_order = 2}]'
    options = ["--set", f"evaluation.metrics={metrics}", "--set", "evaluation.select=perplexity"]
    ended = here("train", *small, *options, "--output", folder)
    assert (ended.code, ended.err) == (0, "")
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    perplexities = [record["validation"]["perplexity"] for record in records]
    best = records[perplexities.index(min(perplexities))]["step"]
    assert f"best     step {best} of 90, perplexity {min(perplexities):.2f}, in" in ended.out
    assert re.search(r"s left, perplexity \d+\.\d\d \(best\)\n", ended.out)
    written = tomllib.loads((folder / "run.toml").read_text())["evaluation"]
    assert [metric["name"] for metric in written["metrics"]] == ["bleu", "perplexity", "chrf"]
    assert written["metrics"][2]["word_order"] == 2
    assert written["select"] == "perplexity"
    used = [(record["kind"], record["name"]) for record in json.loads((folder / "model.json").read_text())["plugins"]]
    assert ("metric", "chrf") in used
    assert here("train", "--resume", "--output", folder).code == 0
    assert json.loads(here("evaluate", folder, "--split", "validation", "--json").out)["scores"]["perplexity"] == (
        pytest.approx(min(perplexities))
    )


def test_a_file_whose_metrics_need_pytorch_is_not_scored_with_nothing(here, exported_run, tmp_path):
    """As of a run that only measures perplexity."""
    model, path = onnx.load(exported_run.onnx_path), tmp_path / "model.onnx"
    metadata = json.loads(model.metadata_props[0].value)
    metadata["config"]["evaluation"]["metrics"] = ["perplexity"]
    onnx.helper.set_model_props(model, {"s2s": json.dumps(metadata)})
    onnx.save(model, path)
    message = f"{path} can't be scored: all metrics of its run need PyTorch, so name others"
    assert here("evaluate", path).error() == message
    assert here("evaluate", path, "--set", 'evaluation.metrics=["exact_match"]').code == 0
