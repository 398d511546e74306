"""A file that crashes ONNX Runtime, or never ends, harms no process but the one that tries it."""

import subprocess
import sys

import onnx
import onnxruntime
import pytest

from s2s_core.cache import CACHE
from s2s_core.errors import ModelError
from s2s_core.runtime import trial
from s2s_core.runtime.file import load
from s2s_core.runtime.trial import note_as_known, require_tried


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tries(monkeypatch):
    """Counts the trials."""
    made, real = [], trial._try

    def counted(content):
        made.append(content)
        return real(content)

    monkeypatch.setattr(trial, "_try", counted)
    return made


def endless(model):
    """Changes a file so that its search never ends."""
    loop = next(node for node in model.graph.node if node.op_type == "Loop")
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    going = onnx.helper.make_tensor("going", onnx.TensorProto.BOOL, [], [True])
    body.node.append(onnx.helper.make_node("Constant", [], ["forever"], value=going))
    body.output[0].name = "forever"


def crashing(model):
    """Changes a file so that ONNX Runtime writes beyond the outputs of a ``Split``, of which it announces only one."""
    zeros = onnx.helper.make_tensor("zeros", onnx.TensorProto.FLOAT, [3], [0.0] * 3)
    parts = ["part_1", "part_2", "part_3"]
    model.graph.initializer.append(zeros)
    model.graph.node.append(onnx.helper.make_node("Split", ["zeros"], parts, axis=0, num_outputs=1))
    model.graph.output.extend(onnx.helper.make_tensor_value_info(part, onnx.TensorProto.FLOAT, None) for part in parts)


def test_a_file_is_tried_once(cache, tries, export_once):
    """Then its content is known, whatever it is called."""
    path = export_once("characters").path
    require_tried(path)
    require_tried(path)
    copy = path.with_name("copy.onnx")
    copy.write_bytes(path.read_bytes())
    require_tried(copy)
    assert tries == [path.read_bytes()]
    (mark,) = (cache / "opened").iterdir()
    assert mark.name.startswith(f"{onnxruntime.__version__}-")


def test_own_exports_are_known(cache, tries, export_once):
    """So they cost no trial."""
    path = export_once("words").path
    note_as_known(path.read_bytes())
    require_tried(path)
    assert tries == []


@pytest.mark.parametrize(
    ("change", "reason"), [(endless, "it takes too long; "), (crashing, "it crashes ONNX Runtime ")]
)
def test_a_harmful_file_is_not_opened(cache, tmp_path, monkeypatch, export_once, change, reason):
    """One line says why, and it stays unknown."""
    monkeypatch.setattr(trial, "SECONDS", 2)
    path = tmp_path / "bad.onnx"
    model = onnx.load(export_once("characters").path)
    change(model)
    onnx.save(model, path)
    with pytest.raises(ModelError) as refused:
        require_tried(path)
    assert str(refused.value).startswith(f"{path} is not opened: {reason}")
    assert not (cache / "opened").exists()


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_is_refused_in_the_same_words(cache, tmp_path, content):
    """As by who would open it, but nothing that ONNX Runtime prints itself is seen; a missing file is left to that."""
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    messages = []
    for use in (require_tried, load):
        with pytest.raises(ModelError) as refused:
            use(path)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert not (cache / "opened").exists()
    require_tried(tmp_path / "missing.onnx")


@pytest.mark.parametrize("name", ["file", "a" * 300])
def test_without_a_cache_it_is_tried_each_time(tmp_path, monkeypatch, tries, export_once, name):
    """Where nothing can be remembered, nothing fails."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE, str(tmp_path / name))
    path = export_once("characters").path
    require_tried(path)
    require_tried(path)
    assert len(tries) == 2


@pytest.mark.parametrize("limit", ["-v 3500000", "-t 600"])
def test_limits_that_are_there_already_hinder_no_trial(cache, tmp_path, export_once, limit):
    """A crash is found under them too, and what is sound is opened."""
    model = onnx.load(export_once("characters").path)
    crashing(model)
    onnx.save(model, tmp_path / "bad.onnx")
    program = f"ulimit {limit}; echo abc | {sys.executable} -m s2s_core predict"
    ended = subprocess.run(
        ["bash", "-c", f"{program} {tmp_path / 'bad.onnx'}"], capture_output=True, check=False, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {tmp_path / 'bad.onnx'} is not opened: it crashes ONNX Runtime")
    ended = subprocess.run(
        ["bash", "-c", f"{program} {export_once('characters').path}"], capture_output=True, check=False, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_trial_that_fails_opens_nothing(cache, monkeypatch, export_once):
    """The message has what the process said last, and the way out."""
    path = export_once("characters").path
    monkeypatch.setattr(trial, "_PROGRAM", "raise OSError('no room')")
    with pytest.raises(ModelError) as refused:
        require_tried(path)
    assert str(refused.value) == (
        f"{path} is not opened: the process that tries it ended with 1: OSError: no room; "
        "S2S_TRIAL=off opens it all the same"
    )
    monkeypatch.setenv("S2S_TRIAL", "off")
    require_tried(path)
