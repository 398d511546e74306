"""A file that says it is one of ours, but is not, gives one sentence: while loading, or instead of wrong answers."""

import json
import os
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from s2s_core import ChangedFileWarning, ConfigError, DataError, ModelError, load
from s2s_core.runtime.metadata import METADATA
from s2s_core.version import FORMAT_VERSION

FORMS = {
    "target": (TensorProto.STRING, ["N"]),
    "hypotheses": (TensorProto.STRING, ["N", "K"]),
    "scores": (TensorProto.FLOAT, ["N", "K"]),
}
"""The outputs of our files."""

NUMBERS = {"one": [1], "two": [2], "zero": [0], "far": [99]}
"""Constants for the nodes of a stranger."""


def stranger(*nodes, inputs=("source",), outputs=(), metadata=()):
    """Returns the content of a file with the inputs and outputs of ours, which hands texts through.

    Args:
        nodes: What computes ``kept`` of ``source``; nothing keeps it as it is.
        inputs: Its inputs, all of them texts.
        outputs: The types and shapes of outputs that have others than ours.
        metadata: More than the format.
    """
    graph = helper.make_graph(
        [
            *(nodes or [helper.make_node("Identity", [inputs[0]], ["kept"])]),
            helper.make_node("Identity", ["kept"], ["target"]),
            helper.make_node("Unsqueeze", ["kept", "one"], ["hypotheses"]),
            helper.make_node("Shape", ["hypotheses"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["scores"]),
        ],
        "stranger",
        [helper.make_tensor_value_info(name, TensorProto.STRING, ["N"]) for name in inputs],
        [helper.make_tensor_value_info(name, *form) for name, form in {**FORMS, **dict(outputs)}.items()],
        [helper.make_tensor(name, TensorProto.INT64, [1], value) for name, value in NUMBERS.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {METADATA: json.dumps({"format": FORMAT_VERSION, **dict(metadata)})})
    return model.SerializeToString()


def test_a_file_that_looks_like_ours_is_used():
    """These tests would show nothing if it were refused anyway."""
    assert load(stranger())(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (helper.make_node("Slice", ["source", "zero", "one"], ["kept"]), "it gives 1 answers to 3 texts"),
        (helper.make_node("Concat", ["source", "source"], ["kept"], axis=0), "it gives 6 answers to 3 texts"),
        (helper.make_node("Gather", ["source", "far"], ["kept"]), r"\[ONNXRuntimeError\] .*"),
    ],
)
def test_answers_are_counted(node, expected):
    """Fewer or more than there are texts are none; nor is what ONNX Runtime can't compute."""
    model = load(stranger(node))
    for answer in (model, model.answers):
        with pytest.raises(ModelError, match=f"^the model can't answer: {expected}$"):
            answer(["a", "b", "c"])


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (stranger(inputs=["source", "extra"]), "it needs other inputs than a list of texts, 'source'"),
        (stranger(inputs=["text"]), "it needs other inputs than a list of texts, 'source'"),
        (
            stranger(helper.make_node("StringSplit", ["source"], ["kept", "counts"]), outputs={"target": (8, [1, 1])}),
            r"its output 'target' isn't tensor\(string\) of rank 1",
        ),
        (
            stranger(
                helper.make_node("Equal", ["source", "source"], ["kept"]),
                outputs={"target": (9, ["N"]), "hypotheses": (9, ["N", "K"])},
            ),
            r"its output 'target' isn't tensor\(string\) of rank 1",
        ),
    ],
)
def test_other_inputs_and_outputs_are_refused(file, expected):
    """Before anything is answered."""
    with pytest.raises(ModelError, match=f"^the model was not made by s2s: {expected}$"):
        load(file)


def test_an_operator_that_nobody_knows_is_refused():
    """Wherever it is said to come from."""
    for domain in ("", "com.example"):
        with pytest.raises(ModelError, match=r"^the model is damaged or is not an ONNX file: "):
            load(stranger(helper.make_node("Exfiltrate", ["source"], ["kept"], domain=domain)))


@pytest.mark.parametrize("saved", [3, [1], None, {"tokens": 5}, {"tokens": [1, 2]}, {"tokens": {"a": 1}}])
def test_metadata_are_typed_before_they_are_used(saved):
    """The tokens of the source are a list of texts."""
    model = load(stranger(metadata={"source_tokenizer": saved}))
    with pytest.raises(ModelError, match=r"^the model has damaged metadata: "):
        model.knows("a")


def test_an_input_that_another_tool_removed_is_named():
    """Optimizers make constants of inputs with defaults; what was an input then can't be set any more."""
    with pytest.raises(ConfigError, match=r"has no input 'beam_size': export it again and change it with no "):
        load(stranger())(["a"], beam_size=2)


def test_beams_are_a_number():
    """A file that says something else has damaged metadata."""
    model = load(stranger(metadata={"config": {"decoding": {"beam_size": "many"}}}))
    with pytest.raises(ModelError, match=r"^the model has damaged metadata: .*beam_size is no whole number$"):
        _ = model.beam_size


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
def test_only_a_regular_file_is_read(tmp_path):
    """A pipe that nobody writes to would wait for ever, and a device has no end."""
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path / "pipe.onnx", "/dev/zero"):
        with pytest.raises(ModelError, match=f"^can't read {path}: it is no regular file$"):
            load(path)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a", None], r"^text 1 is no string \(got None\)$"),
        ([float("nan")], r"^text 0 is no string \(got nan\)$"),
        ([b"b"], r"^text 0 is no string \(got b'b'\)$"),
        (np.array(["a", 2], object), r"^text 1 is no string \(got 2\)$"),
        ("abc", r"^give texts as a list, such as \['hello'\] \(got 'abc'\)$"),
        (b"abc", "^give texts as a list, "),
        ({"a": 1}, "^give texts as a list, "),
        (iter("abc"), "^give texts as a list, "),
        (7, "^give texts as a list, "),
        (["a" * 5, ["b" * 10_000]], r"^text 1 is no string \(got \['b{58}…\)$"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(texts, expected):
    """As the cells of a table that are empty; the message says which one."""
    with pytest.raises(DataError, match=expected):
        load(stranger())(texts)


def test_a_change_of_the_graph_is_told(exported):
    """A weight with one bit flipped, which gives other scores; texts are answered all the same."""
    changed = onnx.load(exported.path)
    weight = max(changed.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.raw_data = bytes([weight.raw_data[0] ^ 1]) + weight.raw_data[1:]
    with pytest.warns(ChangedFileWarning, match=r"^the model isn't as s2s proved it: another tool changed it, or "):
        model = load(changed.SerializeToString())
    assert len(model(["abc"])) == 1
    load(exported.path)  # and nothing is told of one that is as it was
