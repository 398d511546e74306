"""Inflection, end to end: features in a column, a run, its file in ONNX Runtime alone, and ``s2s predict``."""

import subprocess
import sys
import unicodedata

import numpy as np
import onnx
import onnxruntime
import pytest

from s2s_core.decoding.translate import Translator
from s2s_core.exporting.stitch import HYPOTHESIS_IDS
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.text.vocabulary import UNK

SETTINGS = {
    "task.feature_columns": "[3]",
    "target.tokenizer.normalization": "nfd",
    "encoder.hidden_size": 24,
    "decoder.hidden_size": 24,
    "source.embedding_size": 12,
    "target.embedding_size": 12,
    "training.steps": 20,
    "training.validate_every": 10,
    "training.batch_size": 16,
    "decoding.max_length": 12,
    "export.parity_examples": 8,
}
STEMS = [first + second for first in ("walk", "talk", "jump", "look", "play") for second in ("", "er", "ify", "ate")]
ENDINGS = {"V;PRS;3;SG": "s", "V;PST": "ed", "V;V.PTCP;PRS": "ing"}
ROWS = [
    (stem, stem.replace("a", "\u00e1") + ending, features) for stem in STEMS for features, ending in ENDINGS.items()
]
SOURCES = ["<V><PST>walk", "<V><PRS><3><SG>jumpify", "<V><FUT>walk", "<V.PTCP>", "walk", ""]


@pytest.fixture(scope="module")
def inflection(s2s, tmp_path_factory):
    """A run on 60 rows of lemma, form and features."""
    folder = tmp_path_factory.mktemp("inflection")
    (folder / "verbs.tsv").write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    options = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    data = ["--task", "pairs", "--set", f"task.train={folder / 'verbs.tsv'}"]
    ended = s2s("run", *data, *options, "--output", folder / "run")
    assert ended.code == 0, ended
    return Run.open(folder / "run", Plugins())


def test_a_feature_is_one_token(inflection):
    """All features of the training data are in the source's vocabulary, and none is in the target's."""
    checkpoint = load_checkpoint(inflection)
    assert inflection.config.source.tokenizer.config.tags
    tags = {f"<{name}>" for features in ENDINGS for name in features.split(";")}
    assert tags == {token for token in checkpoint.source_tokenizer.vocabulary.tokens if len(token) > 1}
    assert all(len(token) == 1 for token in checkpoint.target_tokenizer.vocabulary.tokens)
    assert {"a", "\u0301"} < set(checkpoint.target_tokenizer.vocabulary.tokens)
    assert 2 + len("walk") == len(checkpoint.source_tokenizer.encode("<V><PST>walk"))


def test_an_unseen_feature_is_unknown(inflection):
    """It is not spelt out."""
    tokenizer = load_checkpoint(inflection).source_tokenizer
    (verb,) = tokenizer.encode("<V>")
    assert [verb, UNK, *tokenizer.encode("walk")] == tokenizer.encode("<V><FUT>walk")


def test_the_file_answers_as_the_run_does(inflection):
    """In ONNX Runtime alone, from one text with tags: the same ids of the source, of the answer, and the same text."""
    checkpoint = load_checkpoint(inflection)
    model = onnx.load(inflection.onnx_path)
    model.graph.output.append(onnx.helper.make_tensor_value_info(HYPOTHESIS_IDS, onnx.TensorProto.INT64, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for texts in (SOURCES, *([text] for text in SOURCES)):
        target, ids = session.run(["target", HYPOTHESIS_IDS], {"source": np.array(texts, object)})
        expected = Translator(checkpoint, inflection.config.decoding).hypotheses(texts)
        assert expected.ids.tolist() == ids.tolist()
        assert [checkpoint.target_tokenizer.decode(row) for row in expected.ids[:, 0].tolist()] == target.tolist()
        assert all(unicodedata.is_normalized("NFC", text) for text in target)


def test_predict_reads_the_columns(s2s, inflection, tmp_path):
    """``--features`` joins them as the task does: the answers are those to the sources with tags."""
    rows = tmp_path / "rows.tsv"
    rows.write_text("walk\twalked\tV;PST\njumpify\t\tV;PRS; 3;SG\nwalk\t?\tV;FUT\nwalk\t?\t\n")
    sources = ["<V><PST>walk", "<V><PRS><3><SG>jumpify", "<V><FUT>walk", "walk"]
    expected = s2s("predict", inflection.folder, input="".join(f"{source}\n" for source in sources))
    assert (0, 4) == (expected.code, len(expected.out.splitlines()))
    columns = s2s("predict", inflection.folder, rows, "--features", "3")
    assert (0, expected.out, "") == (columns.code, columns.out, columns.err)
    several = "walk\tV\tPST\njumpify\tV\tPRS/3/SG\nwalk\tV\tFUT\nwalk\t\t\n"
    options = ["--features", "2,3", "--feature-separator", "/", "--batch-size", "3"]
    assert expected.out == s2s("predict", inflection.folder, *options, input=several).out


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("walk\tV;PST\nwalk\n", "standard input, line 2 has 1 column, but column 2 should hold features"),
        (
            "walk\tV;PST\nwalk\tV;3 SG\n",
            "standard input, line 2 has a bad feature: '3 SG' contains white space, < or >, which no feature may",
        ),
    ],
)
def test_a_bad_line_is_named(s2s, inflection, lines, expected):
    """After the answers to the lines before it."""
    ended = s2s("predict", inflection.folder, "--features", "2", input=lines)
    assert (1, f"error: {expected}\n") == (ended.code, ended.err)
    assert 1 == len(ended.out.splitlines())


WITHOUT_PYTORCH = """
import sys
for name in ("torch", "onnx", "onnxscript", "tokenizers"):
    sys.modules[name] = None
from s2s_core.cli.main import main
main()
"""


def test_predict_needs_no_pytorch(inflection):
    """Nor ONNX, with features as without."""
    command = [sys.executable, "-c", WITHOUT_PYTORCH, "predict", inflection.folder, "--features", "2"]
    done = subprocess.run(command, input="walk\tV;PST\n", capture_output=True, check=False, text=True)
    assert (0, 1) == (done.returncode, len(done.stdout.splitlines())), done.stderr
