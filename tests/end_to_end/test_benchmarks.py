"""Every script in ``benchmarks/`` works: each runs to its end at a tiny size, and prints its numbers."""

import importlib.util
import sys
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import torch

import s2s_core as s2s
from s2s_core.cache import CACHE
from s2s_core.config.resolve import resolve
from s2s_core.evaluation.answers import Answered
from s2s_core.evaluation.reliability import reliability
from s2s_core.plugins.registry import Plugins

SCRIPTS = {path.stem: path for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py")}

TINY = {
    "task": "reverse",
    "task.held_out": 10,
    "source.embedding_size": 4,
    "target.embedding_size": 4,
    "encoder.hidden_size": 8,
    "decoder.hidden_size": 8,
    "decoding.max_length": 8,
    "training.steps": 2,
    "training.validate_every": 2,
    "training.batch_size": 4,
}


@pytest.fixture(autouse=True)
def one_thread():
    """Most scripts set it for their process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def script(monkeypatch, capsys):
    """Loads a script, and gives its module and what runs it and returns what it printed."""

    def load(name):
        monkeypatch.syspath_prepend(str(SCRIPTS[name].parent))  # as Python does for a script, which may import another
        spec = importlib.util.spec_from_file_location(name, SCRIPTS[name])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def run(*arguments):
            monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
            code = None
            try:
                module.main()
            except SystemExit as ended:
                code = ended.code
            printed = capsys.readouterr()
            assert not code, printed
            return printed.out

        return module, run

    return load


def test_growth_measures_each_size_of_each_model(script, monkeypatch):
    """In this process; that each has one of its own, and only so much memory, is a test of its own."""
    module, run = script("growth")
    monkeypatch.setattr(module, "limited", lambda measure, limit: measure())
    printed = run(
        "--model", "mlp-rnn", "--length", 3, "--length", 5, "--vocabulary", 8, "--batch", 2, "--seconds", 0.01
    )
    rows = [line.split() for line in printed.splitlines()[1:]]
    assert [row[:4] for row in rows] == [["mlp-rnn", "3", "8", "2"], ["mlp-rnn", "5", "8", "2"]]
    assert all(float(number.replace(",", "")) > 0 for row in rows for number in row[4:])


def test_growth_measures_what_is_set(script, tmp_path):
    """As in a run."""
    module, _ = script("growth")
    model = module.Model("attention-lstm", ("encoder.hidden_size=12", "training.precision=bf16"))
    config = resolve(module.settings_of(model, module.Size(3, 8, 2), tmp_path), Plugins())
    assert (12, "bf16") == (config.encoder.config.hidden_size, config.training.precision)


def test_growth_changes_one_size_at_a_time(script):
    """The first of each is the usual one."""
    module, _ = script("growth")
    assert list(module.sizes((20, 10), (30, 90), (4, 5))) == [(20, 30, 4), (10, 30, 4), (20, 90, 4), (20, 30, 5)]


def test_growth_limits_memory(script, monkeypatch):
    """What takes too much is a dash in the table, and other errors are errors."""
    module, _ = script("growth")
    monkeypatch.setitem(sys.modules, "growth", module)  # where the other process looks for its functions
    assert module.shown(module.limited(partial(torch.empty, 10**11), limit=4)).split() == ["–", "–"]
    with pytest.raises(ValueError, match="invalid literal"):
        module.limited(partial(int, "x"), limit=4)


def test_bulk_answers_files(script, exported_run):
    """Of each size with each number of workers."""
    _, run = script("bulk")
    printed = run(exported_run.folder, "--rows", 10, "--rows", 70, "--workers", 1, "--workers", 2)
    assert [line.split()[:2] for line in printed.splitlines()[1:]] == [
        ["10", "1"],
        ["10", "2"],
        ["70", "1"],
        ["70", "2"],
    ]


def test_browser_measures_a_page(script, tmp_path, monkeypatch, sentences_file):
    """The bytes of each file, and four times; without a browser here."""
    module, run = script("browser")
    (tmp_path / "texts.txt").write_text("abc\ncab\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("page")
    monkeypatch.setattr(module.s2s, "web_page", lambda model, site, package: (tmp_path / "site").rename(site))
    monkeypatch.setattr(module, "visit", lambda site, profile, lines: (2.0, 1.0, 0.5))
    printed = run(sentences_file, tmp_path / "texts.txt").splitlines()
    assert [line.split()[0] for line in printed] == ["file", "index.html", "all", "first", "second", "an", "an"]


def test_busy_times_training_alone_and_beside_loops(script, monkeypatch):
    """In this process, here; otherwise each way has one of its own."""
    module, run = script("busy")
    monkeypatch.setattr(module, "SETTINGS", {**module.SETTINGS, **TINY})
    monkeypatch.setattr(module, "measured", lambda steps, environment: module.speed(steps))
    printed = run("--steps", 20, "--only", "one thread")
    assert printed.splitlines()[1].startswith("one thread ")


def test_calibration_counts_by_itself(script, tmp_path, sentences_file):
    """What it prints is what ``s2s`` measures, too."""
    module, run = script("calibration")
    pairs = [("abc", "known"), ("abc", "wrong"), ("cab", "x"), ("ab", "b")]
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    answers = s2s.load(sentences_file).answers([source for source, _ in pairs])
    rows = Answered(*zip(*((source, [target]) for source, target in pairs), strict=True), answers.hypotheses[:, 0])
    expected = reliability(rows, answers.confidence)
    printed = run(sentences_file, file).splitlines()
    assert printed[0] == f"4 answers: expected calibration error {expected.calibration_error:.2%}"
    assert run(sentences_file, file, "--references", "all").startswith("3 answers: ")
    assert printed[4].startswith(f"surest  80%: {expected.surest_wrong:.2%} wrong")
    assert len(printed) == 1 + len(module.SHARES)


def test_sentences_are_timed_and_looked_up(script, tmp_path, export_once, sentences_file):
    """Each way once, and every entry that is one word."""
    _, run = script("sentences")
    (tmp_path / "text.txt").write_text("abc, cab ab.\n\nabc abc!\nnever read\n", encoding="utf-8")
    (tmp_path / "words.tsv").write_text("abc\tknown\nabc\tother\nto us\tno word\ncab\twrong\n", encoding="utf-8")
    printed = run(
        sentences_file,
        export_once("characters").path,
        tmp_path / "text.txt",
        "--lexicon",
        tmp_path / "words.tsv",
        "--count",
        4,
        "--rounds",
        1,
    ).splitlines()
    assert printed[0] == "5 running words in 3 sentences, 3 distinct"
    assert [line.split("  ")[0].split(",")[0] for line in printed[1:5]] == [
        "sentences",
        "sentences",
        "the model",
        "the model",
    ]
    assert printed[5] == "1 of 2 of the lexicon's words are answered as it says"


@pytest.fixture
def beside(script, monkeypatch):
    """The script about CTranslate2, with a tiny model."""
    module, run = script("ctranslate2")
    tiny = module.Size(module.TransformerConfig(8, 1, 2, 8), 20)
    monkeypatch.setattr(module, "MODELS", {"tiny": tiny})
    return module, run


class Echo:
    """In the place of CTranslate2, which isn't installed here: answers as the file does, or otherwise."""

    def __init__(self, module, model, size, length, wrong):
        self._file, self._wrong = module.File(module.export(model, size, length)), wrong
        self.seconds = self._file.seconds

    def answers(self, texts, beam_size):
        return ["wrong"] if self._wrong else self._file.answers(texts, beam_size)


@pytest.mark.parametrize("wrong", [False, True])
def test_ctranslate2_is_timed_if_it_gives_the_same_answers(beside, monkeypatch, tmp_path, wrong):
    """For each batch and beam size, after it has got all that it needs of the model."""
    module, run = beside

    @contextmanager
    def echo(python, model, size, length):
        module.save(model, size, length, tmp_path)
        yield Echo(module, model, size, length, wrong)

    monkeypatch.setattr(module, "beside", echo)
    monkeypatch.setattr(module, "version", lambda python: "4.8")
    monkeypatch.setattr(module, "LEAST_SECONDS", 0)
    command = (sys.executable, "--batch", 1, "--batch", 3, "--beam", 2, "--length", 3, "--rounds", 2)
    if wrong:
        with pytest.raises(AssertionError, match="answers differ: tiny, batch 1, beam 2"):
            run(*command)
        return
    assert [line.split()[1:3] for line in run(*command).splitlines()[3:]] == [["1", "2"], ["3", "2"]]


def test_ctranslate2_is_asked_for(beside, tmp_path):
    """If it is missing, and if it doesn't take the model."""
    module, run = beside
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(AssertionError, match="can't import ctranslate2; in its environment, run: pip install"):
        run(python)
    size = module.MODELS["tiny"]
    with (
        pytest.raises(module.click.ClickException, match="couldn't take the model"),
        module.beside(python, module.make_model(size), size, 3),
    ):
        pass


class Spec:
    """In the place of CTranslate2's description of a model: whatever is looked up exists, and is remembered."""

    def __init__(self):
        self.parts = defaultdict(Spec)

    def __getattr__(self, name):
        return self.parts[name]

    def __getitem__(self, number):
        return self.parts[number]

    def numbers(self):
        """How many numbers were set, in this part and those below it."""
        own = sum(value.size for value in vars(self).values() if isinstance(value, np.ndarray))
        return own + sum(part.numbers() for part in self.parts.values())


def test_ctranslate2_side_takes_every_weight(script, beside, tmp_path):
    """Each once, and the positions on both sides."""
    side, _ = script("ctranslate2_side")
    module, _ = beside
    size = module.MODELS["tiny"]
    model = module.make_model(size)
    module.save(model, size, 3, tmp_path)
    weights = np.load(tmp_path / "weights.npz")
    encoder, decoder = Spec(), Spec()
    for spec in (encoder, decoder):
        spec.layer = [Spec()]
        spec.layer[0].attention.linear = [Spec() for _ in range(3)]
    side.fill_encoder(encoder, weights)
    side.fill_decoder(decoder, weights)
    filled = sum(spec.numbers() + spec.layer[0].numbers() for spec in (encoder, decoder))
    filled += sum(linear.numbers() for linear in decoder.layer[0].attention.linear)
    assert model.parameter_count() + 2 * weights["positions"].size == filled


def test_gpu_works_without_one(script, tmp_path, monkeypatch):
    """A stage that fails is told by a line, not by the exit code."""
    module, run = script("gpu")
    sizes = {"encoder.hidden_size": 8, "decoder.hidden_size": 8}
    monkeypatch.setattr(module, "MODELS", {"mlp-rnn": {**module.MODELS["mlp-rnn"], **sizes}})
    monkeypatch.setitem(module.LENGTHS, "task.held_out", 10)
    printed = run("--tiny", "--only", "identity", "--only", "speed", "--out", tmp_path)
    assert "the same bits, mlp-rnn: rerun True, resumed True" in printed
    assert "failed" not in printed
    assert printed == (tmp_path / "gpu.txt").read_text()


def test_large_corpus_trains_twice(script, monkeypatch):
    """The second time with the encoded pairs of the first."""
    monkeypatch.setenv(CACHE, "")  # which the script sets
    _, run = script("large_corpus")
    assert "again: batches of an epoch" in run(2100, "--steps", 2)


def test_latency_compares_a_run_with_its_file(script, exported_run):
    """Both give the same answers, or it fails."""
    _, run = script("latency")
    printed = run(exported_run.folder, "--words", 4, "--rounds", 1)
    assert [line.split()[0] for line in printed.splitlines()[2:]] == ["1", "64"]


def test_mlp_rnn_training_compares_with_the_plain_loop(script):
    """Both give the same gradients, or it fails."""
    _, run = script("mlp_rnn_training")
    assert "toolkit" in run("--lengths", 4, "--batch-size", 4, "--hidden-size", 8, "--repeats", 1)


@pytest.fixture
def peers(script, monkeypatch):
    """The script ``peers``, with tiny models."""
    module, run = script("peers")
    monkeypatch.setattr(module, "SHARED", {**module.SHARED, "embedding_size": 8, "batch_size": 4, "updates": 2})
    sizes = {"hidden_size": 8, "layers": 1, "dropout": 0.1}
    models = {"lstm": sizes, "transformer": {**sizes, "heads": 2, "feed_forward_size": 8}}
    monkeypatch.setattr(module, "MODELS", models)
    return module, run


def test_peers_trains_with_s2s_in_turns(peers, tmp_path):
    """Sorted and unsorted, each in a process of its own; the peers themselves aren't installed here."""
    _, run = peers
    options = ["--starts", 1, "--rounds", 2, "--words", 100]
    printed = run("run", tmp_path, "--only", "s2s", "--only", "s2s, unsorted", "--model", "transformer", *options)
    title, *lines = printed.splitlines()
    assert title.startswith("transformer, 2 turns of 2 updates ")
    assert [line.split("  ")[0] for line in lines] == ["s2s", "s2s, unsorted"]


def test_peers_that_are_not_installed_are_named(peers, tmp_path):
    """With the command that installs them; also where another version is."""
    module, _ = peers
    (tmp_path / "joeynmt").mkdir()
    module.mark_of(tmp_path, "joeynmt").write_text('["joeynmt==2.2"]')
    with pytest.raises(click.ClickException, match=r"lacks eole, joeynmt .* install .* --only eole --only joeynmt$"):
        module.require_installed(tmp_path, {"s2s", "joeynmt", "eole"})


def test_peers_tells_why_a_program_ended(peers, tmp_path, monkeypatch):
    """By the last lines that it printed."""
    module, _ = peers
    monkeypatch.setattr(module, "PROGRAMS", {"s2s": module.Program("s2s", {"training.nothing": 1})})
    with pytest.raises(click.ClickException, match=r"s2s ended before .*\n(.*\n)*error: .*nothing"):
        module.measure(tmp_path, "lstm", ["s2s"], 2, tmp_path)


LOOKUP = """#!{python}
import pathlib, sys
if sys.argv[1] == "train":
    pathlib.Path(sys.argv[3]).write_text(pathlib.Path(sys.argv[4]).read_text(encoding="utf-8"), encoding="utf-8")
else:
    known = pathlib.Path(sys.argv[3]).read_text(encoding="utf-8").splitlines()
    for word in sys.stdin.read().splitlines():
        print(*[line for line in known if line.split()[0] == word], sep="\\n")
"""
"""In the place of Phonetisaurus, a program that answers what it was trained on, the first answer first."""


def test_phonetisaurus_is_scored_by_its_answers(script, tmp_path):
    """Each line by itself or each word once, by the first answer; one that is missing is wrong.

    The accent is one character in training and two in the test, so that word is known only if both are decomposed.
    """
    _, run = script("phonetisaurus")
    train, test = "n\u00e9\tn e\na\tA B\na\tC\na b\tX\n", "ne\u0301\tn e\na\tC\na\tA B\nlacking\tl\na b\tX\n"
    program = tmp_path / "phonetisaurus"
    program.write_text(LOOKUP.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    for name in ("medium.hun.{}.tsv", "{}.tsv"):
        (tmp_path / name.format("train")).write_text(train, encoding="utf-8")
        (tmp_path / name.format("test")).write_text(test, encoding="utf-8")
    printed = run("sigmorphon-medium", tmp_path, program, "--only", "hun", "--decompose").splitlines()
    assert printed[0] == "sigmorphon-medium hun: 40.00% of the words wrong, 42.86% of the phones"
    assert run("cmudict", tmp_path, program).splitlines()[1].startswith("cmudict: mean 50.00% of the words wrong")


def test_phonetisaurus_says_why_it_failed(script, tmp_path):
    """By what it wrote."""
    _, run = script("phonetisaurus")
    program = tmp_path / "phonetisaurus"
    program.write_text("#!/bin/sh\necho no room >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    for part in ("train", "test"):
        (tmp_path / f"{part}.tsv").write_text("a\tb\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="no room"):
        run("cmudict", tmp_path, program)


def test_quality_trains_and_scores_a_row(script, tmp_path, monkeypatch):
    """It reads the row's files, trains by the defaults but for what is set, and prints the score."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(s2s, "run", without_export)
    for part in ("train", "test"):
        lines = "".join(f"walk {word}\tI_{word.upper()}\n" for word in ("left", "right", "twice", "back"))
        (tmp_path / f"simple.{part}.tsv").write_text(lines)
    small = [name for name in TINY if name.startswith(("encoder", "decoder", "source", "target", "training"))]
    options = [word for name in small for word in ("--set", f"{name}={TINY[name]}")]
    _, run = script("quality")
    printed = run("scan", tmp_path, "--only", "simple", "--output", tmp_path / "runs", *options)
    assert printed.splitlines()[-1].startswith("scan seeds 0: mean ")


def without_export(recipe, settings, **options):
    """Is ``s2s_core.run``, but its exported file is the run's folder, which can be evaluated too."""
    return SimpleNamespace(onnx_path=s2s.train(recipe, settings, progress=s2s.Progress(), **options).folder)


def test_quantized_measures_runs_and_a_large_model(script, exported_run, monkeypatch):
    """Each in the kinds that are asked for."""
    module, run = script("quantized")
    printed = run(exported_run.folder, "--only", "int8")
    assert printed.startswith("first, int8: MB ")
    monkeypatch.setattr(module, "LARGE", module.transformer_step.TransformerConfig(32, 1, 2, 32))
    monkeypatch.setattr(module.transformer_step, "VOCABULARY", 600)
    lines = run("--only", "int4", "--rounds", 1).splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        "1 at a time, 32 bits",
        "1 at a time, int4",
        "8 at a time, 32 bits",
    ]


def test_reverse_words_trains_and_scores(script, here, tmp_path, monkeypatch):
    """Its commands run in this process, here, and the run's folder is evaluated instead of a file."""

    def command(*arguments):
        words = [str(word).removesuffix("/model.onnx") for word in arguments]
        return "" if words[0] == "export" else here(*words).out

    module, run = script("reverse_words")
    monkeypatch.setattr(module, "s2s", command)
    small = {name: value for name, value in TINY.items() if name in module.SETTINGS}
    monkeypatch.setattr(module, "SETTINGS", {**module.SETTINGS, **small})
    assert "s2s" in run(tmp_path, "--words", 100, "--steps", 3)


def test_serving_measures_each_number_of_clients(script, exported_run):
    """With a server for each way to batch."""
    module, run = script("serving")
    printed = run(exported_run.onnx_path, "--seconds", 0, "--clients", 2)
    assert len(printed.splitlines()) == 2 + len(module.SETTINGS)


def test_tokenizing_compares_files_with_python(script):
    """Both give the same ids, or it fails."""
    module, run = script("tokenizing")
    printed = run("--lines", 600, "--rounds", 1)
    assert len(printed.splitlines()) == 3 + len(module.SETTINGS)


def test_transformer_step_compares_a_file_with_the_plain_loop(script, monkeypatch):
    """Both give the same answers, or it fails."""
    module, run = script("transformer_step")
    monkeypatch.setattr(module, "MODELS", {"tiny": module.TransformerConfig(8, 1, 2, 8)})
    monkeypatch.setattr(module, "VOCABULARY", 200)
    assert [line.split()[1] for line in run("--length", 3, "--rounds", 1).splitlines()[2:]] == ["1", "32"]


def test_startup_times_each_command(script, exported_run):
    """With a file that answers."""
    _, run = script("startup")
    printed = run(exported_run.folder, "--rounds", 1)
    assert len(printed.splitlines()) == 10
    assert printed.splitlines()[-1].startswith("predict is ")


def test_every_script_is_tested():
    """A new one needs a test here."""
    tested = {name.split("_", 1)[1] for name in globals() if name.startswith("test_")}
    assert not [name for name in SCRIPTS if not any(test.startswith(name) for test in tested)]
