"""``s2s report`` writes a page on runs that loads nothing, whatever the runs and their data are like."""

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from s2s_core.evaluation.bootstrap import signed

VOID = {"meta"}

EVIL = "<script>alert(1)</script>"
"""A text that would be a script if it weren't escaped."""

TURNED = "a\u202eb\x1b[31m\"onmouseover='x' & c"
"""A text that would turn the direction of writing, colour a terminal and leave an attribute."""


class Page(HTMLParser):
    """A page, read strictly: each element is closed in its turn."""

    def __init__(self, path):
        super().__init__()
        self.text, self.open, self.attributes, self.tags, self.headings = "", [], [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in {"h1", "h2", "h3"}:
            self.headings.append(data)
        if "style" not in self.open:
            self.text += data

    def named(self, name):
        return [value for _, found, value in self.attributes if found == name]


def rank(record):
    """Returns what decides whether a validation is the best."""
    scores = record["validation"]
    return scores["exact_match"], scores["token_accuracy"], -scores["edit_distance"], -record["validation_loss"]


@pytest.fixture
def report(here, tmp_path):
    """Writes a report and returns the page, and the lines that the command printed."""

    def write(*folders):
        path = tmp_path / "page.html"
        ended = here("report", *folders, "-o", path)
        assert ended.code == 0, ended
        first, *others = ended.out.splitlines()
        assert first == f"report   {path}"
        page = Page(path)
        assert "script" not in page.tags
        assert not {"src", "href", "action", "background", "onerror"} & {name for _, name, _ in page.attributes}
        assert not re.search(r"url\s*\(|@import|https?:", page.source)
        return page, [line.strip() for line in others]

    return write


@pytest.fixture(scope="module")
def other_run(s2s, small, tmp_path_factory):
    """The run of another seed, not exported and not evaluated."""
    folder = tmp_path_factory.mktemp("runs") / "second"
    ended = s2s("train", *small, "--seed", "1", "--output", folder)
    assert ended.code == 0, ended
    return folder


@pytest.fixture(scope="module")
def evil_run(s2s, tmp_path_factory):
    """A run with attention and a test set of texts that act on pages and terminals, or are long."""
    folder = tmp_path_factory.mktemp("evil")
    texts = [EVIL, TURNED, "long " * 1000, "\u0627\u0644\u0639", "e\u0301" * 10, "&amp;"]
    rows = "".join(json.dumps({"source": text, "target": text[:40]}) + "\n" for text in texts)
    for split in ("train", "validation", "test"):
        (folder / f"{split}.jsonl").write_text(rows, encoding="utf-8")
    settings = {
        **{f"task.{split}": folder / f"{split}.jsonl" for split in ("train", "validation", "test")},
        "target.tokenizer": "characters",
        "source.tokenizer": "characters",
        "encoder.hidden_size": 8,
        "decoder.hidden_size": 8,
        "training.steps": 4,
        "training.validate_every": 2,
        "decoding.max_length": 6,
    }
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command = ["train", "--task", "pairs", "--encoder", "lstm", "--decoder", "attention-lstm"]
    ended = s2s(*command, *words, "--output", folder / "run")
    assert ended.code == 0, ended
    return folder / "run"


def test_a_run_has_all_of_its_parts(report, exported_run):
    """The scores of its log, its curves, lengths, errors, confusions, the proof, sizes and settings."""
    page, problems = report(exported_run.folder)
    assert problems == []
    assert page.headings == [
        "first", "Learning", "By length of the source", "Worst errors", "Confusions", "File", "Settings",
    ]  # fmt: skip
    *validations, test = map(json.loads, exported_run.metrics_path.read_text().splitlines())
    assert f"{test['test']['exact_match']:.2%}".replace("%", " %") in page.text
    assert {len(points.split()) for points in page.named("points")[:2]} == {len(validations)}
    best = max(validations, key=rank)
    assert f"The model of step {best['step']} was kept. Training had 90 updates." in page.text
    assert f"{json.loads(exported_run.description_path.read_text())['parameters']:,}" in page.text
    assert "hypotheses for" in page.text
    assert "learning_rate" in page.text


def test_worst_errors_are_those_of_the_evaluation(report, here, exported_run, tmp_path):
    """In their order, and their confusions add up to their edits."""
    page, _ = report(exported_run.folder)
    here("evaluate", exported_run.folder, "--details", tmp_path / "answers.tsv")
    rows = [line.split("\t") for line in (tmp_path / "answers.tsv").read_text().splitlines()[1:]]
    wrong = [row[0] for row in rows if row[1] != row[2]]
    assert 3 < len(wrong)
    places = [page.text.index(f"source{source}right") for source in wrong[:20]]
    assert all(one < other for one, other in pairwise(places))
    edits = sum(float(row[-1]) for row in rows)
    assert f"{edits:.0f} edits of a symbol would make the wrong answers right" in page.text


def test_the_same_run_gives_the_same_bytes(here, exported_run, tmp_path):
    """By default in the run's folder, wherever the command is given."""
    folder = tmp_path / "copy"
    shutil.copytree(exported_run.folder, folder)
    ended = here("report", folder)
    assert (ended.code, ended.out) == (0, f"report   {folder}/report.html\n")
    first = (folder / "report.html").read_bytes()
    here("report", folder)
    assert (folder / "report.html").read_bytes() == first


def test_foreign_texts_are_only_shown(report, evil_run):
    """Escaped and bounded; nothing of them acts, and a run that is trained alone has no file and no test scores yet."""
    page, problems = report(evil_run)
    assert problems == []
    assert EVIL in page.text
    assert EVIL not in page.source
    assert "\u202e" not in page.source
    assert "\x1b" not in page.source
    assert "a\\u202eb\\x1b[31m" in page.text
    assert "long " * 60 not in page.text
    assert "There is no exported file." in page.text


def test_errors_have_the_attention_of_their_answers(report, evil_run, here):
    """A square for each pair of tokens, and no map for a source that is too long."""
    page, _ = report(evil_run)
    squares = sum(tag == "rect" for tag in page.tags)
    expected = 0
    for text in (EVIL, TURNED, "\u0627\u0644\u0639", "e\u0301" * 10, "&amp;"):
        found = json.loads(here("plot", "attention", evil_run, text, "--json").out)
        expected += len(found["source"]) * len(found["target"])
    assert squares == expected


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["model.onnx"], ["There is no exported file."]),
        (["model.safetensors"], ["the model isn't scored: ", "model.safetensors is missing"]),
        (["metrics.jsonl"], ["there is no validation yet"]),
        (["metrics.jsonl", "model.safetensors", "model.json"], ["there is no validation yet", "isn't scored"]),
    ],
)
def test_a_run_that_is_not_whole_is_shown_as_far_as_it_is(report, exported_run, tmp_path, missing, said):
    """With what is missing, in words."""
    folder = tmp_path / "copy"
    shutil.copytree(exported_run.folder, folder)
    for name in missing:
        (folder / name).unlink()
    page, problems = report(folder)
    for words in said:
        assert words in page.text
    assert "Settings" in page.headings
    assert len(problems) == sum("isn't scored" in words or "no validation" in words for words in said)


def test_an_interrupted_run_says_how_far_it_came(report, exported_run, tmp_path):
    """Its log ends before its last step, and has no test scores."""
    folder = tmp_path / "copy"
    shutil.copytree(exported_run.folder, folder)
    first, second, *_ = (folder / "metrics.jsonl").read_text().splitlines()
    (folder / "metrics.jsonl").write_text(first + "\n" + second + "\n")
    page, (problem,) = report(folder)
    assert problem == "training goes on, was interrupted or ended early: its last validation is of step 60 of 90"
    assert problem in page.text


def test_a_damaged_file_is_told_in_the_report(report, exported_run, tmp_path):
    """The rest of the report is there."""
    folder = tmp_path / "copy"
    shutil.copytree(exported_run.folder, folder)
    (folder / "model.onnx").write_bytes(b"no model")
    page, _ = report(folder)
    assert "model.onnx is damaged or is not an ONNX file" in page.text
    assert "Worst errors" in page.headings


def test_without_its_data_a_run_has_the_scores_of_its_log(report, s2s, evil_run, tmp_path):
    """And says why the model isn't scored."""
    folder = tmp_path / "run"
    shutil.copytree(evil_run, folder)
    settings = (folder / "run.toml").read_text(encoding="utf-8")
    (folder / "run.toml").write_text(settings.replace("test.jsonl", "gone.jsonl"), encoding="utf-8")
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    description["config"]["task"]["test"] = description["config"]["task"]["test"].replace("test.jsonl", "gone.jsonl")
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    bucket = {"shortest": 1, "longest": 9, "mean_length": 5.0, "answers": 6, "scores": {"exact_match": 0.875}}
    record = {"step": 4, "test": {"exact_match": 0.875, "perplexity": float("inf")}, "buckets": [bucket]}
    with (folder / "metrics.jsonl").open("a") as log:
        log.write(json.dumps(record) + "\n")
    page, (problem,) = report(folder)
    assert problem.startswith("the model isn't scored: ")
    assert "gone.jsonl" in problem
    assert "87.50 %" in page.text
    assert "recorded when the run ended" in page.text
    assert "By length of the source" in page.headings


def test_several_runs_are_compared_as_compare_does(report, here, exported_run, other_run):
    """Differences, intervals, p-values and flips; mean and deviation of seeds; and only the settings that differ."""
    page, problems = report(exported_run.folder, other_run)
    assert problems == []
    compared = json.loads(here("compare", exported_run.folder, other_run, "--json").out)
    second = compared["models"][1]
    difference = second["differences"]["edit_distance"]
    for value in (difference["score"], difference["low"], difference["high"]):
        assert signed("{:.4f}".format, value) in page.text
    assert f"{second['right_to_wrong']} right → wrong, {second['wrong_to_right']} wrong → right" in page.text
    one, other = (model["scores"]["edit_distance"] for model in compared["models"])
    assert f"{(one + other) / 2:.4f} ± {abs(one - other) / 2**0.5:.4f}" in page.text
    assert "mean of seeds 0, 1" in page.text
    start = page.text.index("Settings that differ")
    lines = [line for line in page.text[start:].splitlines() if line]
    assert lines[1:3] == ["firstsecond", "training.seed01"]
    assert lines[3].startswith("firstreverse: ")


def test_a_folder_of_seeds_stands_for_its_runs(here, exported_run, other_run, tmp_path):
    """Those that have begun."""
    folder = tmp_path / "seeds"
    shutil.copytree(exported_run.folder, folder / "seed-0")
    shutil.copytree(other_run, folder / "seed-1")
    shutil.copy(folder / "seed-0" / "run.toml", folder / "seeds.toml")
    (folder / "seeds.json").write_text('{"seeds": [0, 1, 2], "threads": 1}')
    ended = here("report", folder)
    assert (ended.code, ended.out) == (0, f"report   {folder}/report.html\n")
    page = Page(folder / "report.html")
    assert page.headings[0] == "2 runs"
    assert {"seed-0", "seed-1"} < set(page.headings)
    (folder / "seeds.json").write_text('{"seeds": 2, "threads": 1}')
    assert here("report", folder).error().endswith("seeds must be a list of whole numbers (got 2)")


def test_runs_that_can_not_be_compared_are_shown_all_the_same(report, exported_run, evil_run):
    """With the reason."""
    page, (problem,) = report(exported_run.folder, evil_run)
    assert "have different sources to score on" in problem
    assert f"They aren't compared: {problem}" in page.text
    assert "Is it better?" not in page.headings


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{tmp}"], 1, "{tmp} holds no run: it has no run.toml"),
        (["{run}", "-o", "{tmp}/none/x.html"], 1, "{tmp}/none/x.html: there is no folder {tmp}/none"),
    ],
)
def test_what_can_not_be_reported_is_refused_in_one_line(here, exported_run, tmp_path, arguments, code, message):
    """Before the model answers."""
    places = {"run": exported_run.folder, "tmp": tmp_path}
    assert here("report", *(text.format(**places) for text in arguments)).error(code) == message.format(**places)


def test_several_runs_need_a_name_for_the_page(here, exported_run, other_run):
    """It belongs to none of them."""
    ended = here("report", exported_run.folder, other_run)
    assert ended.code == 2
    assert ended.err.splitlines()[-1] == "Error: several runs need --output, such as -o report.html"


def test_a_run_says_how_to_make_its_report(first_run):
    """Near the end of what it prints."""
    folder, ended = first_run
    assert f"report   s2s report {folder} makes a page of its curves, errors and confusions" in ended.out.splitlines()
