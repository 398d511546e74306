"""Training on a user's own file, from the command line."""

import gzip
import os
import re
import subprocess
import sys

import pytest
import safetensors.torch

from s2s_core.runtime.file import load

SETTINGS = {
    "encoder.hidden_size": 16,
    "decoder.hidden_size": 16,
    "source.embedding_size": 8,
    "target.embedding_size": 8,
    "training.steps": 6,
    "encoder.dropout": 0.0,  # its masks would differ from process to process
    "decoder.dropout": 0.0,
    "training.validate_every": 3,
    "training.batch_size": 16,
    "training.batch_tokens": 150,
    "decoding.max_length": 8,
    "export.parity_examples": 4,
}
OPTIONS = ["--task", "pairs", *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}"))]

WORDS = [f"{first}{second}{'c' * number}" for first in "abd" for second in "efg" for number in range(8)]
TSV = "".join(f"{word}\t{word[::-1].upper()}\n" for word in WORDS) + "one column\nabc\t\n"


@pytest.fixture
def pairs(tmp_path):
    """A file with 72 pairs and two bad rows."""
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress(TSV.encode()))
    return path


def write_pairs(folder):
    """Writes a file of one pair."""
    (folder / "own.tsv").write_text("ae\tEA\n")
    return folder / "own.tsv"


@pytest.fixture
def trained(here, pairs, tmp_path):
    """A model that is trained on the file: how that ended, its weights, and the options."""
    options = [*OPTIONS, "--set", "task.on_error=skip", "--set", "task.maximum_source=8"]
    ended = here("train", *options, "--output", tmp_path / "file", "--set", f"task.train={pairs}")
    assert ended.code == 0, ended
    return ended.out.splitlines(), (tmp_path / "file" / "model.safetensors").read_bytes(), options


def test_training_on_a_file_tells_what_is_in_it(trained, pairs):
    """How many pairs there are, one of them, and what was left out."""
    lines, _, _ = trained
    assert lines[1] == "data     pairs: 57 training examples, 3 for validation, 3 for test"
    assert re.fullmatch(" {9}such as '([a-g]+)' → '[A-G]+'", lines[2])
    assert lines[3:5] == [
        f"         2 bad rows skipped; the first: {pairs}, line 73 has 1 column, but the first good row has 2",
        "         9 pairs dropped: 9 with source longer than 8 characters",
    ]


def test_standard_input_is_a_file_like_any_other(s2s, trained, tmp_path):
    """Though it comes once and is read for training, evaluation and export, training ends with the same bits."""
    lines, weights, options = trained
    folder = tmp_path / "run"
    ended = s2s("run", *options, "--output", folder, "--set", "task.train=-", input=TSV)
    assert ended.code == 0, ended
    assert ended.out.splitlines()[1:3] == lines[1:3]
    assert "2 bad rows skipped; the first: standard input, line 73 has 1 column" in ended.out
    assert weights == (folder / "model.safetensors").read_bytes()
    assert len(load(folder / "model.onnx")(["abc", "d"])) == 2


def test_a_run_is_exported_without_its_data(here, trained, pairs, tmp_path):
    """Its proof needs a few sources, which the run remembers; its evaluation needs the data."""
    folder = tmp_path / "file"
    for name in ("with.onnx", "without.onnx"):
        assert here("export", folder, "-o", tmp_path / name).code == 0
        pairs.unlink(missing_ok=True)
    assert (tmp_path / "with.onnx").read_bytes() == (tmp_path / "without.onnx").read_bytes()
    more = here("export", folder, "-o", tmp_path / "more.onnx", "--set", "export.parity_examples=50")
    assert more.code == 0  # as many as there are
    assert here("evaluate", folder).error().startswith(f"can't read {pairs}: No such file")


def test_other_training_data_are_told(here, trained, pairs, tmp_path):
    """What is held out of them may have been trained on. The test set is as it was only if the training data are."""
    folder = tmp_path / "file"
    assert here("evaluate", folder).err == ""
    pairs.write_bytes(gzip.compress(TSV.replace("aeccc", "aexxx").encode()))
    ended = here("evaluate", folder)
    assert (ended.code, ended.err) == (
        0,
        f"warning: the training data changed since {folder} was trained: what is held out now may have been seen\n",
    )
    assert here("evaluate", folder, "--data", write_pairs(tmp_path)).err == ""


PROCESS = "import s2s_core.data.store as store; store.FEWEST_PAIRS = 1; from s2s_core.cli.main import main; main()"


def test_several_processes_share_a_store(trained, pairs, tmp_path):
    """They build it once, and end with the weights of one process that has all in memory, but for rounding."""
    _, weights, options = trained
    (tmp_path / "process.py").write_text(PROCESS)
    arguments = [*options, "--output", tmp_path / "run", "--set", f"task.train={pairs}"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launcher, tmp_path / "process.py", "train", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, "S2S_CACHE": str(tmp_path / "cache"), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert 1 == len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()])
    alone = safetensors.torch.load(weights)
    shared = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    assert max(float((alone[name] - shared[name]).abs().max()) for name in alone) < 1e-6


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([], "task.train must be a file of pairs, hf:NAME for a data set, or - for standard input (got '')"),
        (
            ["train={}"],
            "{}, line 73 has 1 column, but the first good row has 2; task.on_error=skip leaves such rows out",
        ),
        (["train={}x"], "can't read {}x: No such file or directory"),
        (["train={}", "maximum_source=1", "on_error=skip"], "{} has no pairs; 2 bad rows skipped; the first: "),
        (["train={}", "source_column=true"], "task.source_column must be a whole number or a string (got True)"),
        (["train={}", "target_column=ipa"], "task.target_column is 'ipa', but {} has the columns: ae, EA"),
    ],
)
def test_data_that_can_not_be_used_is_refused(here, pairs, tmp_path, assignments, expected):
    """One line says where and why, and no folder is made."""
    options = [word for assignment in assignments for word in ("--set", f"task.{assignment.format(pairs)}")]
    message = here("run", "--task", "pairs", *options, "--output", tmp_path / "run").error()
    assert message.startswith(expected.format(pairs))
    assert not (tmp_path / "run").exists()


def test_a_missing_package_is_named(here, tmp_path, monkeypatch):
    """With the way to install it."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path = tmp_path / "a.tsv.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd")
    for train, expected in [
        ("hf:x", 'Datasets, which isn\'t installed: pip install "s2s-toolkit[datasets]"'),
        (path, 'zstandard, which isn\'t installed: pip install "s2s-toolkit[train]"'),
    ]:
        assert (
            here("run", "--task", "pairs", "--set", f"task.train={train}").error() == f"this command needs {expected}"
        )
