"""A run from the command line: what it prints and leaves, and what can be done with it."""

import json
import os
import re
import shutil
import subprocess
import sys

import attrs
import pytest
from huggingface_hub import ModelCard

from s2s_core import evaluate
from s2s_core.evaluation.answers import Answered
from s2s_core.evaluation.evaluation import evaluate_answers
from s2s_core.pipeline.card import write_card
from s2s_core.pipeline.card_head import card_head
from s2s_core.runs.components import make_metrics, make_task
from s2s_core.runs.run import Run
from s2s_core.runtime.file import ExportedModel, load

FILES = {
    ".lock",
    "run.toml",
    "metrics.jsonl",
    "model.safetensors",
    "model.json",
    "resume/state.safetensors",
    "model.onnx",
    "README.md",
}

WORDS = ["abc", "", "ha", "☃b", "  a", "abcdefgh" * 9, "hg"]


@pytest.fixture
def file(exported_run):
    """The exported file."""
    return exported_run.onnx_path


@pytest.fixture
def words(tmp_path):
    """A file with ``WORDS`` as its lines."""
    path = tmp_path / "words.txt"
    path.write_text("".join(word + "\n" for word in WORDS), encoding="utf-8", newline="")
    return path


@pytest.fixture
def copied(exported_run, tmp_path):
    """A copy of the run, that a test may change."""
    return shutil.copytree(exported_run.folder, tmp_path / "copied")


def test_a_run_leaves_what_the_design_lists(exported_run, contents):
    """The folder holds these files and no others, temporary ones included."""
    assert set(contents(exported_run.folder)) == FILES


def test_a_run_says_what_it_does(first_run):
    """Data, model, training, scores, export and proof are told in this order, without any warning."""
    folder, ended = first_run
    assert ended.err == ""
    lines = [line for line in ended.out.splitlines() if line]
    topics = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert topics[:11] == ["run", "data", "model", *["train"] * 3, "best", "test", "export", "export", "proof"]
    expected = [
        f"run +{re.escape(str(folder))}",
        "data +reverse: endless training examples, 20 for validation, 20 for test",
        " +such as '([a-h]+)' → '[a-h]+'",
        r"model +mlp-rnn → mlp-rnn, [\d,]+ parameters; characters \(12 ids\) → characters \(12 ids\)",
        *[
            rf"train +step {step} of 90, mean loss \d\.\d+, validation loss \d\.\d+, "
            r"[\d,]+ target tokens/s, \d+ s left, exact match [\d.]+ %( \(best\))?"
            for step in (30, 60, 90)
        ],
        rf"best +step \d+ of 90, exact match [\d.]+ %, in {re.escape(str(folder / 'model.safetensors'))}",
        r"test +20 lines: exact match [\d.]+ %, token accuracy [\d.]+ %, edit distance [\d.]+",
        "export +making the file and comparing it with the model",
        rf"export +{re.escape(str(folder / 'model.onnx'))}, .*",
        "proof +.* hypotheses for 27 texts, greedy and beam, equal PyTorch's.*",
    ]
    for pattern, line in zip(expected, lines, strict=False):
        assert re.fullmatch(pattern, line), line


def test_the_last_lines_run_the_file(first_run, file):
    """The three lines of Python that the run ends with do as they say."""
    lines = first_run[1].out.splitlines()[-3:]
    word = re.search(r"array\(\[['\"](.*)['\"]\]\)", lines[2]).group(1)
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, check=True, encoding="utf-8")
    assert ran.stdout.strip() == str([load(file)._run(["target"], [word])[0]])


def test_the_log_ends_with_the_test_scores(exported_run, first_run):
    """``metrics.jsonl`` has a line for each validation, then one with what was printed as test scores."""
    records = [json.loads(line) for line in exported_run.metrics_path.read_text().splitlines()]
    assert [record["step"] for record in records] == [30, 60, 90, 90]
    assert [sorted(record) for record in records[:3]] == [
        ["learning_rate", "loss", "step", "validation", "validation_loss"]
    ] * 3
    assert sorted(records[3]) == ["buckets", "lines", "references", "signatures", "sources", "step", "test"]
    assert (records[3]["lines"], records[3]["sources"], records[3]["references"]) == (20, 20, "each")
    printed = re.search(r"^test +.*edit distance ([\d.]+)$", first_run[1].out, re.MULTILINE).group(1)
    assert f"{records[3]['test']['edit_distance']:.4f}" == printed
    assert records[2]["loss"] < records[0]["loss"]


def test_the_card_counts_what_was_scored(exported_run, tmp_path):
    """Lines and sources, and whether any reference of a source is right."""
    run = Run.open(shutil.copytree(exported_run.folder, tmp_path / "copied"), exported_run.plugins)
    answered = Answered(["abc", "ab"], [["cba", "abc"], ["ba"]], ["cba", "ab"], rule="all")
    metrics = make_metrics(run.config.evaluation, make_task(run.config.task, run.plugins), run.plugins)
    write_card(run, ExportedModel(run.onnx_path).metadata, evaluate_answers(answered, [3, 2], metrics))
    counted = "2 sources with 3 references, any of which counts as right"
    assert f"| on the test set, {counted} | |" in run.card_path.read_text(encoding="utf-8")


def test_the_card_has_the_scores_and_a_program_that_runs(exported_run, file):
    """The card says how good the model is and how to run it from its folder."""
    card = exported_run.card_path.read_text(encoding="utf-8")
    scores = json.loads(exported_run.metrics_path.read_text().splitlines()[-1])["test"]
    assert "\n---\n\n# reverse: mlp-rnn → mlp-rnn\n" in card
    assert "| on the test set, 20 lines | |" in card
    assert f"| edit_distance | {scores['edit_distance']:.4f} |" in card
    assert f"| token_accuracy | {scores['token_accuracy'] * 100:.2f} % |" in card
    assert f"- Parameters: {json.loads(exported_run.description_path.read_text())['parameters']:,}\n" in card
    program = re.search("```python\n(.*)```", card, re.DOTALL).group(1)
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=exported_run.folder)


def test_hubs_read_the_head_of_the_card(exported_run, tmp_path):
    """As ``huggingface_hub`` reads it, with the scores; a language and a license only if they are set."""
    card = ModelCard.load(exported_run.card_path)
    scores = json.loads(exported_run.metrics_path.read_text().splitlines()[-1])["test"]
    head = card.data
    assert (head.library_name, head.pipeline_tag) == ("onnx", "text2text-generation")
    assert head.tags == ["s2s", "onnx", "reverse"]
    assert (head.language, head.license) == (None, None)
    assert head.model_name == "reverse: mlp-rnn → mlp-rnn"
    assert {result.metric_type: result.metric_value for result in head.eval_results} == scores
    assert {(result.dataset_name, result.dataset_split) for result in head.eval_results} == {("reverse", "test")}
    config = exported_run.config
    export = attrs.evolve(config.export, language="en", license="apache-2.0")
    run = attrs.evolve(exported_run, config=attrs.evolve(config, export=export))
    answered = Answered(["abc"], [["cba"]], ["cba"])
    metrics = make_metrics(config.evaluation, make_task(config.task, run.plugins), run.plugins)
    head = ModelCard(card_head(run, evaluate_answers(answered, [3], metrics))).data
    assert (head.language, head.license) == ("en", "apache-2.0")


def test_the_resolved_configuration_gives_the_same_bits(here, exported_run, contents, tmp_path):
    """Running ``run.toml`` into another folder, in another process, leaves the same bytes in every file."""
    ended = here("run", exported_run.folder / "run.toml", "--output", tmp_path / "again")
    assert ended.code == 0, ended
    assert contents(tmp_path / "again") == contents(exported_run.folder)


def test_a_lexicon_is_read_before_training(here, small, tmp_path):
    """A mistake in it shows at once, and no folder is made."""
    folder, words = tmp_path / "new", tmp_path / "words.tsv"
    words.write_text("ab\n")
    message = here("run", *small, "--set", f"export.lexicon={words}", "--output", folder).error()
    assert message == f"{words}, line 1 must have a source, a TAB and an answer"
    assert not folder.exists()


def test_a_file_may_have_a_lexicon(here, exported_run, tmp_path):
    """By an option of the export; ``s2s evaluate`` scores its answers, and ``s2s lexicon`` lists them."""
    words, pairs = tmp_path / "words.tsv", tmp_path / "pairs.tsv"
    words.write_text("ab\tnever learnt\n")
    pairs.write_text("ab\tnever learnt\n")
    assert here("export", exported_run.folder, "-o", tmp_path / "known.onnx", "--lexicon", words).code == 0
    assert here("lexicon", tmp_path / "known.onnx").out == words.read_text()
    assert "exact match 100.00 %" in here("evaluate", tmp_path / "known.onnx", "--data", pairs).out
    assert here("lexicon", exported_run.onnx_path).out == ""


def test_a_folder_that_holds_a_run_is_refused(here, small, copied, contents):
    """Nothing is touched, and the message says what can be done."""
    before = contents(copied)
    for verb in ("run", "train"):
        message = here(verb, *small, "--seed", 1, "--output", copied).error()
        assert message == (
            f"{copied} already holds a run: go on with --resume, start again with --overwrite, "
            "or choose another --output"
        )
    assert contents(copied) == before


def test_overwriting_starts_again(here, small, copied, contents):
    """What the old run wrote is gone, and a file of someone else's stays."""
    (copied / "notes.txt").write_text("mine")
    before = contents(copied)
    ended = here("train", *small, "--seed", 1, "--set", "training.steps=2", "--output", copied, "--overwrite")
    assert ended.code == 0, ended
    after = contents(copied)
    assert set(after) == FILES - {"model.onnx", "README.md"} | {"notes.txt"}
    assert after["notes.txt"] == b"mine"
    assert all(after[name] != before[name] for name in (FILES - {".lock"}) & set(after))


def test_a_run_that_can_not_begin_overwrites_nothing(here, copied, contents):
    """Where the task, the data or the model can't be made, the old run stays."""
    before = contents(copied)
    for name, value in (("task.alphabet", "ab"), ("task.nonsense", 1), ("decoder.name", "nonsense")):
        settings = ["--set", "task.maximum_length=1", "--set", f"{name}={value}"]
        here("train", "--task", "reverse", *settings, "--output", copied, "--overwrite").error()
    assert contents(copied) == before


def test_a_run_that_can_not_begin_makes_no_folder(here, tmp_path):
    """So the corrected command isn't refused."""
    settings = ["--set", "task.maximum_length=1", "--set", "task.alphabet=ab"]
    message = here("train", "--task", "reverse", *settings, "--output", tmp_path / "new").error()
    assert message.startswith("validation and test need one source each")
    assert not (tmp_path / "new").exists()


def test_a_finished_run_may_be_resumed(here, copied, contents):
    """There is nothing left to train; all is evaluated again, with the same result."""
    before = contents(copied)
    assert here("train", "--resume", "--output", copied).code == 0
    after = contents(copied)
    last = before["metrics.jsonl"].splitlines(keepends=True)[-1]
    assert after.pop("metrics.jsonl") + last == before.pop("metrics.jsonl")
    assert after == before


def test_another_run_is_not_resumed(here, small, copied, contents):
    """Settings that the folder's run doesn't have are refused rather than mixed with it."""
    before = contents(copied)
    message = here("train", *small, "--set", "training.steps=91", "--resume", "--output", copied).error()
    settings = "training.steps = 90 and not 91, on which the learning rate of its cosine schedule depends"
    assert message.startswith(f"{copied} holds a run with other settings than these, {settings}: go on with --resume ")
    assert message.endswith(f"with --set training.initial_run={copied} and another --output")
    assert contents(copied) == before


def test_a_finished_run_may_have_more_steps(here, small, copied, contents, tmp_path):
    """Under a schedule that doesn't depend on their number, with the command line that began it or the folder alone."""
    constant = [*small, "--set", "training.schedule=constant", "--output", tmp_path / "constant"]
    for steps, more in ((60, ()), (90, ("--resume",))):
        assert here("train", *constant, "--set", f"training.steps={steps}", *more).code == 0
    lines = (tmp_path / "constant" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 90
    ended = here("train", "--resume", "--output", tmp_path / "constant", "--set", "training.steps=100")
    assert "of 100" in ended.out
    assert here("train", "--resume", "--output", tmp_path / "constant").code == 0


def test_the_same_run_is_resumed_by_its_own_command(here, small, copied):
    """The command that began a run goes on with it when ``--resume`` is added."""
    assert here("train", *small, "--resume", "--output", copied).code == 0


def test_a_model_that_claims_to_be_huge_takes_no_memory(here, copied):
    """Its weights are counted before it is made: it would have several GB."""
    for name in ("run.toml", "model.json"):
        path = copied / name
        text, count = re.subn(r'(hidden_size"?( =|:)) \d+', r"\1 16384", path.read_text(encoding="utf-8"))
        assert count == 2
        path.write_text(text, encoding="utf-8")
    message = here("evaluate", copied).error()
    assert re.fullmatch(
        rf"{copied / 'model.safetensors'} is damaged or of another model: it has [\d,]+ values, but the model has "
        r"\d+,\d{3},\d{3},\d{3} weights",
        message,
    )


def test_there_must_be_a_run_to_resume(here, tmp_path):
    """A folder without a run is refused."""
    assert here("run", "--resume", "--output", tmp_path).error() == f"{tmp_path} holds no run: it has no run.toml"


def test_resuming_and_overwriting_exclude_each_other(here, copied):
    """Asking for both is a mistake in the usage."""
    ended = here("run", "--resume", "--overwrite", "--output", copied)
    assert ended.code == 2
    assert "--resume and --overwrite exclude each other" in ended.err


def test_a_run_and_its_file_score_alike(here, exported_run, first_run, file):
    """``s2s evaluate`` gives the same scores in PyTorch and in ONNX Runtime, which are those of the log."""
    found = {}
    for model in (exported_run.folder, file):
        for split in ("test", "validation"):
            ended = here("evaluate", model, "--split", split, "--json")
            assert (ended.code, ended.err) == (0, "")
            found[model, split] = json.loads(ended.out)["scores"]
    logged = [json.loads(line) for line in exported_run.metrics_path.read_text().splitlines()]
    best_step = int(re.search(r"best +step (\d+)", first_run[1].out)[1])
    best = next(record["validation"] for record in logged if record["step"] == best_step)
    assert found[exported_run.folder, "test"] == found[file, "test"] == logged[3]["test"]
    assert found[exported_run.folder, "validation"] == found[file, "validation"] == best
    assert found[file, "test"] == evaluate(file).scores


def test_scores_are_printed_for_people(here, file):
    """Without ``--json``, scores come as one line."""
    ended = here("evaluate", file)
    assert re.fullmatch(
        r"test +20 lines: exact match [\d.]+ %, token accuracy [\d.]+ %, edit distance [\d.]+\n", ended.out
    )


def test_a_file_is_answered_line_by_line(here, file, words):
    """One line comes out for each line in, in their order, whatever the batches are."""
    expected = load(file)(WORDS)
    assert len(set(expected)) == len(WORDS)
    for options in ([], ["--batch-size", 1], ["--batch-size", 3]):
        ended = here("predict", file, words, *options)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.split("\n") == [*expected, ""]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_answered_line_by_line(s2s, file, arguments):
    """Without a file, or with ``-``, lines come from standard input, the last one with or without an end."""
    expected = load(file)(WORDS)
    for end in ("\n", "\r\n"):
        ended = s2s("predict", file, *arguments, input=end.join(WORDS))
        assert (ended.code, ended.err, ended.out.split("\n")) == (0, "", [*expected, ""])


def test_an_answer_comes_before_the_next_line(command, file):
    """A line is answered while the writer waits, so that two programs can talk."""
    with subprocess.Popen(
        [*command, "predict", file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as talk:
        answers = []
        for word in ("abc", "hg"):
            talk.stdin.write(f"{word}\n")
            talk.stdin.flush()
            answers.append(talk.stdout.readline().rstrip("\n"))
        talk.stdin.close()
    assert answers == load(file)(["abc", "hg"])
    assert talk.returncode == 0


def test_several_answers_are_columns(here, file, words):
    """``--n-best`` prints so many answers, best first, and searches with as many beams."""
    expected = load(file).answers(WORDS, beam_size=3).hypotheses
    ended = here("predict", file, words, "--n-best", 3)
    assert ended.out.split("\n") == ["\t".join(row) for row in expected] + [""]
    assert all(len(set(row)) == 3 for row in expected)


@pytest.mark.parametrize(
    ("options", "beams"),
    [([], 6), (["--n-best", 2], 6), (["--n-best", 7], 7), (["--n-best", 2, "--beam-size", 3], 3)],
)
def test_few_answers_are_searched_with_the_file_s_beams(here, file, words, monkeypatch, options, beams):
    """Fewer answers than the file has beams are the first that all its beams find."""
    seen = []

    def answers(model, texts, beam_size=None, **search):
        seen.append(beam_size or model.beam_size)
        return answered(model, texts, beam_size=beam_size, **search)

    answered = ExportedModel.answers
    monkeypatch.setattr(ExportedModel, "answers", answers)
    monkeypatch.setattr(ExportedModel, "beam_size", 6)
    assert here("predict", file, words, "--scores", *options).code == 0
    assert seen == [beams]


def test_fewer_beams_than_answers_are_refused(here, file, words):
    """Both were asked for, so neither is changed."""
    refused = here("predict", file, words, "--n-best", 3, "--beam-size", 2)
    assert refused.code == 2
    assert "--n-best must be at most --beam-size, 2 (got 3)" in refused.err


def test_a_tab_is_warned_of(here, file, tmp_path):
    """Once, as it is read as a part of the source, which may be a mistake."""
    path = tmp_path / "pairs.tsv"
    path.write_text("abc\ncba\tabc\na\tb\n", encoding="utf-8")
    for size in (1, 64):
        ended = here("predict", file, path, "--batch-size", size)
        assert ended.out.splitlines() == load(file)(["abc", "cba\tabc", "a\tb"])
        assert ended.err == "warning: line 2 has a tab; a line is one source\n"


def test_scores_follow_their_answers(here, file, words):
    """``--scores`` prints the score of each answer after it."""
    found = load(file).answers(WORDS, beam_size=4, length_penalty=1.0)
    ended = here("predict", file, words, "--beam-size", 4, "--n-best", 2, "--scores", "--length-penalty", 1.0)
    rows = [line.split("\t") for line in ended.out.split("\n")[:-1]]
    assert [row[::2] for row in rows] == [list(row[:2]) for row in found.hypotheses]
    assert [list(map(float, row[1::2])) for row in rows] == [
        pytest.approx(row[:2], abs=1e-4) for row in found.scores.tolist()
    ]
    alone = here("predict", file, words, "--scores").out.split("\n")
    assert [line.split("\t")[0] for line in alone[:-1]] == load(file)(WORDS)


def test_the_search_may_be_set(here, file, words):
    """``--beam-size`` and ``--max-length`` come before the file's own defaults."""
    model = load(file)
    for options, search in (
        (["--beam-size", 5, "--length-penalty", -9], {"beam_size": 5, "length_penalty": -9.0}),
        (["--max-length", 2], {"max_length": 2}),
    ):
        expected = model(WORDS, **search)
        assert expected != model(WORDS)
        assert here("predict", file, words, *options).out.split("\n") == [*expected, ""]


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n"])
def test_empty_lines_are_answered_too(here, file, tmp_path, content):
    """An empty file has no line and gets no answer; an empty line is a text as any other."""
    path = tmp_path / "lines.txt"
    path.write_bytes(content)
    ended = here("predict", file, path)
    assert (ended.code, ended.out, ended.err) == (0, f"{load(file)([''])[0]}\n" * content.count(b"\n"), "")


def test_predict_takes_a_folder(here, exported_run):
    """A run's folder stands for the file in it."""
    assert here("predict", exported_run.folder, os.devnull).code == 0
    missing = here("predict", exported_run.folder / "resume", os.devnull)
    assert missing.error() == f"can't read {exported_run.folder / 'resume' / 'model.onnx'}: No such file or directory"


def test_predict_says_how_to_export(here, exported_run, tmp_path):
    """A run without a file can be exported."""
    (tmp_path / "run.toml").write_bytes((exported_run.folder / "run.toml").read_bytes())
    ended = here("predict", tmp_path, os.devnull)
    assert ended.error() == (
        f"can't read {tmp_path / 'model.onnx'}: No such file or directory; s2s export {tmp_path} makes it"
    )


def test_resume_alone_asks_for_the_folder(here):
    """Nothing says which run is meant."""
    refused = here("run", "--resume")
    assert refused.code == 2
    assert "--resume needs --output" in refused.err


def test_export_gives_a_file_other_defaults(here, exported_run, tmp_path):
    """What is set of decoding is the file's default; the run's own file stays. A model repository gets a copy."""
    before = exported_run.onnx_path.read_bytes()
    path, models = tmp_path / "beams.onnx", tmp_path / "models"
    options = ["--set", "decoding.beam_size=3", "--triton", models]
    ended = here("export", exported_run.folder, "-o", path, *options)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, f"triton   {models / 'beams'}")
    assert (models / "beams" / "1" / "model.onnx").read_bytes() == path.read_bytes()
    assert load(path).answers(["ab", "c"]).scores.shape == (2, 3)
    assert load(exported_run.onnx_path).answers(["ab", "c"]).scores.shape == (2, 1)
    assert exported_run.onnx_path.read_bytes() == before


def test_export_can_not_change_what_was_trained(here, exported_run):
    """Only decoding and export may be set."""
    refused = here("export", exported_run.folder, "--set", "training.steps=1")
    assert refused.error() == "an export can't change training of a trained model, only decoding and export"


def test_evaluate_and_export_follow_an_edit_of_the_settings(here, exported_run, tmp_path):
    """An edited ``decoding.beam_size`` becomes the file's default; an edited size is refused by its name."""
    folder = shutil.copytree(exported_run.folder, tmp_path / "edited")
    settings = folder / "run.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("beam_size = 1\n", "beam_size = 3\n"), encoding="utf-8")
    ended = here("export", folder)
    assert ended.code == 0, ended
    model = ExportedModel(folder / "model.onnx")
    assert 3 == model.beam_size == model.answers(["abc"]).hypotheses.shape[1]
    settings.write_text(text.replace("embedding_size = ", "embedding_size = 1"), encoding="utf-8")
    for command in ("evaluate", "export"):
        ended = here(command, folder)
        assert ended.code == 1
        assert "run.toml says source.embedding_size = 1" in ended.err
        assert "but the model was trained with source.embedding_size = " in ended.err
