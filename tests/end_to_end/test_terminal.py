"""What comes out of files reaches a terminal on one line, short, and without commands to it."""

import json

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.errors import one_line
from s2s_core.runtime.metadata import METADATA

HOSTILE = "\x1b]0;title\x07\nerror: run this\r\x9b2J\u202e\u2028"
"""Sets a window's title, begins a line that looks like the program's own, clears the screen, turns the direction."""


@pytest.fixture
def folder(exported_run, tmp_path):
    """What a stranger gives: a run's folder with its model."""
    for name in ("run.toml", "model.json", "model.safetensors", "model.onnx"):
        (tmp_path / name).write_bytes((exported_run.folder / name).read_bytes())
    return tmp_path


def in_description(folder):
    """As the format of ``model.json``."""
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": HOSTILE}))
    return "evaluate", folder


def in_settings(folder):
    """As a setting of ``run.toml``."""
    with (folder / "run.toml").open("a") as file:
        file.write(f"\n[{json.dumps(HOSTILE)}]\n")
    return "evaluate", folder


def in_metadata(folder):
    """As the format of an exported file."""
    model = onnx.load(folder / "model.onnx")
    onnx.helper.set_model_props(model, {METADATA: json.dumps({"format": HOSTILE})})
    onnx.save(model, folder / "model.onnx")
    return "predict", folder / "model.onnx", folder / "run.toml"


def in_operator(folder):
    """As an operator of an exported file."""
    model = onnx.load(folder / "model.onnx")
    model.graph.node[0].op_type = HOSTILE
    onnx.save(model, folder / "model.onnx")
    return "predict", folder / "model.onnx", folder / "run.toml"


def in_header(folder):
    """As a column of the data."""
    (folder / "pairs.csv").write_text(f'"{HOSTILE}",b\nx,y\n', newline="")
    return (
        "train", "--task", "pairs", "--set", f"task.train={folder / 'pairs.csv'}",
        "--set", "task.source_column='a'", "--set", "task.target_column='b'", "--output", folder / "new",
    )  # fmt: skip


def in_name(folder):
    """As the name of a setting that a caller's script composes."""
    return "train", "--task", "reverse", "--set", f"{HOSTILE}=1", "--output", folder / "new"


def in_option(folder):
    """As an option, of which click tells."""
    return "predict", folder / "model.onnx", f"--{HOSTILE}"


@pytest.mark.parametrize(
    "attack", [in_description, in_settings, in_metadata, in_operator, in_header, in_name, in_option]
)
def test_an_error_is_plain_lines(here, folder, attack):
    """Whatever a name or value holds, only what the program says is a line of its own."""
    ended = here(*attack(folder))
    assert ended.code in {1, 2}
    assert "title" in ended.err
    assert not [line for line in ended.err.split("\n") if line.startswith("error: run this")]
    assert all(line.isprintable() for line in ended.err.split("\n"))


def test_what_a_run_prints_is_plain_lines(here, small, tmp_path):
    """A folder may have such a name."""
    ended = here("train", *small, "--output", tmp_path / HOSTILE)
    assert ended.code == 0
    assert all(line.isprintable() for line in (ended.out + ended.err).split("\n"))
    assert (tmp_path / HOSTILE / "run.toml").exists()


def test_a_long_value_leaves_a_short_line(here, folder):
    """A megabyte of it too; what to do is still said."""
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "x" * 1_000_000}))
    message = here("evaluate", folder).error()
    assert len(message) < 1_300
    assert message.endswith("upgrade s2s-toolkit")


@given(st.text(max_size=3000))
def test_any_text_is_one_line(text):
    """It is printable, and as it was if it was printable and short."""
    shown = one_line(text)
    assert shown.isprintable()
    if text.isprintable() and len(text) <= 1200:
        assert shown == text
