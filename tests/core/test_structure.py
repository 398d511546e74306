"""Weights in other files are found wherever a file may hold a tensor, and refused."""

import json

import onnx
import pytest
from onnx import TensorProto, helper

from s2s_core import ModelError, load
from s2s_core.runtime.metadata import METADATA
from s2s_core.runtime.structure import structure_of

FLOATS = [1.0, 2.0]


def tensor(location=None):
    """Two numbers, which are in a file if a location is given."""
    made = helper.make_tensor("w", TensorProto.FLOAT, [2], FLOATS)
    if location is not None:
        made.ClearField("float_data")
        made.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("length", "8")):
            entry = made.external_data.add()
            entry.key, entry.value = key, value
    return made


def sparse(values):
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 1])
    values.name = "w"
    return helper.make_sparse_tensor(values, indices, [4])


def graph(nodes=(), initializers=(), **parts):
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    return helper.make_graph(
        nodes or [helper.make_node("Identity", ["w"], ["y"])], "g", [], [output], initializers, **parts
    )


def model(graph, functions=()):
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, functions=functions)
    helper.set_model_props(made, {METADATA: json.dumps({"format": 1})})
    return made.SerializeToString()


def constant(value, **attributes):
    return helper.make_node("Constant", [], ["y"], value=value, **attributes)


PLACES = {
    "initializer": lambda value: model(graph(initializers=[value])),
    "sparse initializer": lambda value: model(graph(sparse_initializer=[sparse(value)])),
    "attribute": lambda value: model(graph([constant(value)])),
    "list of tensors": lambda value: model(graph([helper.make_node("X", [], ["y"], values=[value])])),
    "sparse attribute": lambda value: model(graph([helper.make_node("X", [], ["y"], value=sparse(value))])),
    "sparse attributes": lambda value: model(graph([helper.make_node("X", [], ["y"], values=[sparse(value)])])),
    "inner graph": lambda value: model(
        graph([helper.make_node("If", ["c"], ["y"], then_branch=graph([constant(value)]))])
    ),
    "list of graphs": lambda value: model(graph([helper.make_node("X", [], ["y"], graphs=[graph([constant(value)])])])),
}


@pytest.mark.parametrize("place", PLACES)
def test_weights_in_another_file_are_found_everywhere(place):
    """In each place that a tensor may have; where they aren't, nothing is found."""
    assert not structure_of(PLACES[place](tensor())).external
    assert structure_of(PLACES[place](tensor("w.bin"))).external


def test_a_place_inside_is_no_other_file():
    """Other tools write down where data is even if that is the file itself, which is the default."""
    made = tensor()
    made.data_location = TensorProto.DEFAULT
    assert not structure_of(model(graph(initializers=[made]))).external


def test_functions_are_refused():
    """Twenty that each call the one before twice are a graph of a million nodes, and take ONNX Runtime for ever."""
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    calls = [helper.make_function("f", "F0", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])], opset)]
    for number in range(20):
        nodes = [helper.make_node(f"F{number}", [a], [b], domain="f") for a, b in ("xz", "zy")]
        calls.append(helper.make_function("f", f"F{number + 1}", ["x"], ["y"], nodes, opset))
    with pytest.raises(ModelError, match=r"was not made by s2s: it has functions, or graphs for training$"):
        load(model(graph([helper.make_node("F20", ["w"], ["y"], domain="f")], [tensor()]), calls))


def test_the_checksum_is_the_graphs():
    """It changes with a weight, and not with the metadata."""
    content = model(graph(initializers=[tensor()]))
    other = onnx.ModelProto.FromString(content)
    helper.set_model_props(other, {METADATA: "{}"})
    assert structure_of(content).checksum == structure_of(other.SerializeToString()).checksum
    other.graph.initializer[0].float_data[0] += 1.0
    assert structure_of(content).checksum != structure_of(other.SerializeToString()).checksum


@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/etc/passwd", "*/_ORT_MEM_ADDR_/*"])
def test_weights_in_another_file_are_never_read(tmp_path, monkeypatch, location):
    """Wherever it is: beside the model, or outside its folder, or in memory."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for place in (tmp_path, folder):
        (place / "w.bin").write_bytes(bytes(8))
    content = model(graph(initializers=[tensor(location)]))
    (folder / "model.onnx").write_bytes(content)
    for file in (content, "model.onnx"):
        with pytest.raises(
            ModelError, match=r"was not made by s2s: it has weights in other files, which are not read$"
        ):
            load(file)


def test_a_length_may_be_written_in_many_ways():
    """Protobuf allows more bytes than are needed, by which nobody can hide anything."""
    content = tensor("w").SerializeToString()
    for key in (b"\x2a", b"\x3a"):  # an initializer of the graph of a model
        length = bytes([len(content) & 0x7F | 0x80, len(content) >> 7 | 0x80, 0x80, 0])
        content = key + length + content
    assert [TensorProto.EXTERNAL] == [
        one.data_location for one in onnx.ModelProto.FromString(content).graph.initializer
    ]
    assert structure_of(content).external


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x3a\x05abc", "it ends too early"),
        (b"\x3a", "it has a number without end"),
        (b"\x08" + b"\xff" * 11, "it has a number without end"),
        (b"\x0b", "it has a field of the unknown type 3"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "it ends too early"),
    ],
)
def test_what_is_no_protobuf_is_refused(content, expected):
    """With what is wrong with it."""
    with pytest.raises(ModelError, match=f"^the model is damaged or is not an ONNX file: {expected}$"):
        load(content)


def test_graphs_without_end_are_refused():
    """The reader gives up on them."""
    content = b""
    for _ in range(1000):
        for key in (b"\x32", b"\x2a", b"\x0a"):  # a graph of an attribute of a node
            content = key + varint(len(content)) + content
    with pytest.raises(ModelError, match=r"^the model is damaged or is not an ONNX file: "):
        load(b"\x3a" + varint(len(content)) + content)


def varint(number):
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def test_operators_of_others_are_refused():
    """No library of operators is loaded, and no other format than ONNX."""
    node = helper.make_node("Run", ["w"], ["y"], domain="ai.onnx.contrib")
    made = helper.make_model(
        graph([node], [tensor()]), opset_imports=[helper.make_opsetid("ai.onnx.contrib", 1)], ir_version=9
    )
    with pytest.raises(ModelError, match=r"^the model is damaged or is not an ONNX file: .*ai\.onnx\.contrib"):
        load(made.SerializeToString())
    with pytest.raises(ModelError, match=r"^the model (is damaged or is not an ONNX file|was not made by s2s)"):
        load(b"\x0a\x06\x00\x00ORTM")
