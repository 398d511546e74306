"""``s2s score`` tells how likely a model finds given answers, and ``s2s predict`` sets all of a search."""

import math

import pytest

from s2s_core import Example
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.runtime.file import load

PAIRS = "abc\tcba\nabc\tc\nfg\tzz\n\t\n"


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text(PAIRS, encoding="utf-8")
    return path


def test_answers_are_scored_as_the_search_scores_them(here, exported_run, tmp_path):
    """The answers that the file gives have the scores that it gives them, and each token its share."""
    words = ["abc", "hg", "fa", "c"]
    found = load(exported_run.onnx_path).answers(words, beam_size=3)
    lines = [(word, text) for word, texts in zip(words, found.hypotheses, strict=True) for text in texts]
    path = tmp_path / "answers.tsv"
    path.write_text("".join(f"{word}\t{text}\n" for word, text in lines), encoding="utf-8")
    ended = here("score", exported_run.folder, path)
    sums, shares = zip(*(map(float, line.split("\t")) for line in ended.out.splitlines()), strict=True)
    assert ended.code == 0
    assert sums == pytest.approx(found.scores.flatten().tolist(), abs=1e-3)
    assert shares == pytest.approx(
        [total / (len(text) + 1) for total, (_, text) in zip(sums, lines, strict=True)], abs=1e-4
    )


def test_a_file_scores_without_pytorch(here, telling_file, export_once, checkpoints, tmp_path):
    """As the model that it was made of does, and with the same count of tokens; any other file says what it lacks."""
    path = tmp_path / "pairs.tsv"
    pairs = [("cab", "x"), ("b", "xyzzy"), ("abca", "")]
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    ended = here("score", telling_file, path)
    assert ended.code == 0
    likelihoods = Likelihoods(checkpoints["characters"])([Example(*pair) for pair in pairs])
    for line, likelihood in zip(ended.out.splitlines(), likelihoods, strict=True):
        total, share = map(float, line.split("\t"))
        assert total == pytest.approx(likelihood.log_probability, rel=1e-4, abs=1e-3)
        assert share == pytest.approx(total / likelihood.tokens, abs=1e-4)
    ended = here("score", export_once("characters").path, path)
    assert ended.code == 1
    assert "has no output 'answer_scores': export it again with --set export.scorer=true" in ended.err


def test_impossible_answers_are_counted_apart(here, telling_file, tmp_path):
    """One that contradicts the lexicon; the perplexity is that of the others."""
    (tmp_path / "pairs.tsv").write_text("abc\tknown\nabc\twrong\n", encoding="utf-8")
    ended = here("score", telling_file, tmp_path / "pairs.tsv")
    assert ended.out == "0.0000\t0.0000\n-inf\t-inf\n"
    assert ended.err == "1 of 2 answers are impossible\nperplexity 1.0000, of 6 tokens in 1 lines\n"


def test_the_perplexity_comes_last(here, exported_run, pairs):
    """It is that of all tokens together, and goes to standard error."""
    ended = here("score", exported_run.folder, pairs, "--batch-size", 2)
    sums = [float(line.split("\t")[0]) for line in ended.out.splitlines()]
    together = here("score", exported_run.folder, pairs).out.splitlines()
    assert [float(line.split("\t")[0]) for line in together] == pytest.approx(sums, abs=1e-3)
    assert len(sums) == 4
    assert ended.err.startswith("perplexity ")
    assert ended.err.endswith(", of 10 tokens in 4 lines\n")
    assert float(ended.err.split()[1].rstrip(",")) == pytest.approx(math.exp(-sum(sums) / 10), rel=1e-3)


def test_a_byte_order_mark_is_dropped(here, exported_run, pairs):
    """Editors write one; it is no part of the first source."""
    scores, answers = (here(verb, exported_run.folder, pairs) for verb in ("score", "predict"))
    pairs.write_bytes(b"\xef\xbb\xbf" + pairs.read_bytes())
    assert [scores, answers] == [here(verb, exported_run.folder, pairs) for verb in ("score", "predict")]


@pytest.mark.parametrize("words", [["plot", "attention", "MODEL", "abc"], ["export", "MODEL"]])
def test_what_needs_a_run_says_so(here, exported_run, words):
    """An exported file in its place is called so, and not a missing directory."""
    ended = here(*(exported_run.onnx_path if word == "MODEL" else word for word in words))
    assert ended.code == 2
    assert f"a file can't do this; give the folder of the run (got '{exported_run.onnx_path}')" in ended.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nno tab\n", "line 2 must be a source, a tab and a target (got 'no tab'); only TSV is read here"),
        ("", "is empty: each line takes a source, a tab and a target"),
    ],
)
def test_lines_that_are_no_pairs_are_refused(here, exported_run, tmp_path, content, message):
    """The error names file and line."""
    path = tmp_path / "pairs.tsv"
    path.write_text(content, encoding="utf-8")
    assert here("score", exported_run.folder, path).error().endswith(message)


def test_predict_sets_lengths(here, exported_run, tmp_path):
    """They are inputs of every file."""
    words = ["abc", "h", "fa"]
    path = tmp_path / "words.txt"
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    model = load(exported_run.onnx_path)
    for options, search in [
        (["--min-length", 5], {"min_length": 5}),
        (["--min-length-ratio", 2.0], {"min_length_ratio": 2.0}),
        (["--max-length", 1, "--max-length-ratio", 0.25], {"max_length": 1, "max_length_ratio": 0.25}),
    ]:
        expected = model(words, **search)
        assert expected != model(words)
        assert here("predict", exported_run.onnx_path, path, *options).out.splitlines() == expected


@pytest.mark.parametrize(
    ("option", "value", "setting"),
    [
        ("--coverage-penalty", 0.2, "decoding.coverage_penalty=0.2"),
        ("--no-repeat-ngram", 2, "decoding.no_repeat_ngram=3"),
        ("--temperature", 0.5, "decoding.sampling=true"),
        ("--seed", 1, "decoding.sampling=true"),
        ("--prefix", "a", "export.prefix=true"),
    ],
)
def test_predict_says_what_the_file_lacks(here, exported_run, tmp_path, option, value, setting):
    """A file that can't do it is to be exported again, with the setting that the error names."""
    words = tmp_path / "words.txt"
    words.write_text("abc\n", encoding="utf-8")
    refused = here("predict", exported_run.onnx_path, words, option, value).error()
    name = option.removeprefix("--").replace("-", "_")
    assert refused == f"{exported_run.onnx_path} has no input {name!r}: export it again with --set {setting}"


def test_an_impossible_length_is_refused(here, exported_run, tmp_path):
    """Where the fewest tokens are more than the most, the error names both."""
    refused = here("export", exported_run.folder, "-o", tmp_path / "no.onnx", "--set", "decoding.min_length=9")
    assert refused.error() == "decoding.min_length must be at most max_length, 8 (got 9)"


def test_a_file_that_samples_and_continues(here, exported_run, tmp_path):
    """What an export asks for can be set with each call; the same seed gives the same answers."""
    file, words = tmp_path / "sampling.onnx", tmp_path / "words.txt"
    words.write_text("abc\nhg\nfa\n", encoding="utf-8")
    settings = ["decoding.sampling=true", "export.prefix=true", "export.parity_examples=2"]
    options = [word for setting in settings for word in ("--set", setting)]
    exported = here("export", exported_run.folder, "-o", file, *options)
    assert exported.code == 0, exported
    assert " texts, samples, equal PyTorch's" in exported.out
    hot = ["predict", file, words, "--temperature", 9.0]
    first = here(*hot, "--seed", 1).out
    assert first == here(*hot, "--seed", 1).out
    assert first != here(*hot, "--seed", 2).out
    assert all(line.startswith("dg") for line in here(*hot, "--prefix", "dg").out.splitlines())
    greedy = load(exported_run.onnx_path)(["abc", "hg", "fa"])
    assert here("predict", file, words, "--temperature", 0).out.splitlines() == greedy
