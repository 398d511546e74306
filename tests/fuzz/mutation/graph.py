"""Mutations of the structure of an ONNX file."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import onnx

from .tree import mutate as mutate_tree
from .values import NUMBERS, TEXTS, text

OPERATORS = (
    "Identity", "Loop", "If", "Scan", "Squeeze", "Unsqueeze", "Expand", "Reshape", "Split", "Concat", "Slice", "Gather",
    "GatherElements", "ScatterElements", "TopK", "ArgMax", "Cast", "Tile", "Range", "Where", "StringConcat",
    "StringSplit", "StringNormalizer", "RegexFullMatch", "CumSum", "ConstantOfShape", "NonZero", "Pad", "Resize",
    "SequenceAt", "SplitToSequence", "LSTM", "GRU", "Gemm", "MatMul", "Transpose", "Softmax", "Nothing",
)  # fmt: skip

Change = Callable[[Random, onnx.ModelProto], None]


def mutate(random: Random, content: bytes, *, most: int = 2) -> bytes:
    """Returns a file with a few changes of its nodes, their attributes, its tensors, its types or its metadata."""
    model = onnx.load_from_string(content)
    for _ in range(random.choice((1, 1, most))):
        random.choice(CHANGES)(random, model)
    return model.SerializeToString()


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yields a graph, and those within its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


def _any_graph(random: Random, model: onnx.ModelProto) -> onnx.GraphProto:
    return random.choice([graph for graph in graphs(model.graph) if graph.node] or [model.graph])


def _any_node(random: Random, model: onnx.ModelProto) -> onnx.NodeProto:
    return random.choice(_any_graph(random, model).node)


def _names(graph: onnx.GraphProto) -> list[str]:
    values = [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    return [*values, *(name for node in graph.node for name in node.output)] or [""]


def _remove_node(random: Random, model: onnx.ModelProto) -> None:
    nodes = _any_graph(random, model).node
    nodes.pop(random.randrange(len(nodes)))


def _repeat_node(random: Random, model: onnx.ModelProto) -> None:
    nodes = _any_graph(random, model).node
    nodes.insert(random.randint(0, len(nodes)), random.choice(nodes))


def _move_node(random: Random, model: onnx.ModelProto) -> None:
    nodes = _any_graph(random, model).node
    node = nodes.pop(random.randrange(len(nodes)))
    nodes.insert(random.randint(0, len(nodes)), node)


def _change_operator(random: Random, model: onnx.ModelProto) -> None:
    node = _any_node(random, model)
    other = _any_node(random, model).op_type
    node.op_type = random.choice((other, random.choice(OPERATORS)))


def _change_input(random: Random, model: onnx.ModelProto) -> None:
    graph = _any_graph(random, model)
    node = random.choice(graph.node)
    if node.input:
        node.input[random.randrange(len(node.input))] = random.choice((*_names(graph), "", "nowhere"))


def _remove_input(random: Random, model: onnx.ModelProto) -> None:
    node = _any_node(random, model)
    if node.input:
        node.input.pop(random.randrange(len(node.input)))


def _add_input(random: Random, model: onnx.ModelProto) -> None:
    graph = _any_graph(random, model)
    random.choice(graph.node).input.append(random.choice(_names(graph)))


def _change_output(random: Random, model: onnx.ModelProto) -> None:
    graph = _any_graph(random, model)
    node = random.choice(graph.node)
    if node.output:
        node.output[random.randrange(len(node.output))] = random.choice((*_names(graph), "", "new"))


def _change_attribute(random: Random, model: onnx.ModelProto) -> None:
    nodes = [node for graph in graphs(model.graph) for node in graph.node if node.attribute]
    if not nodes:
        return
    attributes = random.choice(nodes).attribute
    attribute = random.choice(attributes)
    kind = random.randrange(6)
    if kind == 0:
        attributes.remove(attribute)
    elif kind == 1:
        attribute.name = text(random)
    elif kind == 2:
        attribute.type = random.randrange(15)
    else:
        _change_value(random, attribute)


def _change_value(random: Random, attribute: onnx.AttributeProto) -> None:
    number = random.choice((-1, 0, 1, 2, 3, 100, 2**31, 2**62, -(2**62)))
    if attribute.HasField("t"):
        _change_tensor(random, attribute.t)
    elif attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = number
    elif attribute.strings:
        attribute.strings[random.randrange(len(attribute.strings))] = text(random).encode()
    elif attribute.HasField("s"):
        attribute.s = text(random).encode()
    elif attribute.HasField("f"):
        attribute.f = random.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    else:
        attribute.i = number


def _change_initializer(random: Random, model: onnx.ModelProto) -> None:
    tensors = [tensor for graph in graphs(model.graph) for tensor in graph.initializer]
    if tensors:
        _change_tensor(random, random.choice(tensors))


def _change_tensor(random: Random, tensor: onnx.TensorProto) -> None:
    kind = random.randrange(6)
    if kind == 0 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice((-1, 0, 1, 2, 1000, 2**31, 2**62))
    elif kind == 1:
        tensor.dims.append(random.choice((0, 1, 2)))
    elif kind == 2:
        tensor.data_type = random.randrange(24)
    elif kind == 3:
        tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // 2]
    elif kind == 4 and tensor.raw_data:
        place = random.randrange(len(tensor.raw_data))
        tensor.raw_data = tensor.raw_data[:place] + bytes([random.randrange(256)]) + tensor.raw_data[place + 1 :]
    elif tensor.string_data:
        tensor.string_data[random.randrange(len(tensor.string_data))] = text(random).encode()
    elif tensor.int64_data:
        tensor.int64_data[random.randrange(len(tensor.int64_data))] = random.choice((-1, 0, 1, 2**62, -(2**63)))
    else:
        tensor.name = text(random)


def _remove_initializer(random: Random, model: onnx.ModelProto) -> None:
    tensors = _any_graph(random, model).initializer
    if tensors:
        tensors.pop(random.randrange(len(tensors)))


def _change_form(random: Random, model: onnx.ModelProto) -> None:
    """Changes an input or an output."""
    graph = model.graph if random.random() < 0.5 else _any_graph(random, model)
    values = random.choice((graph.input, graph.output))
    if not values:
        return
    place = random.randrange(len(values))
    kind = random.randrange(5)
    if kind == 0:
        values.pop(place)
    elif kind == 1:
        values.append(random.choice(values))
    elif kind == 2:
        values[place].name = random.choice((*_names(graph), text(random)))
    elif kind == 3:
        values[place].type.tensor_type.elem_type = random.randrange(20)
    else:
        values[place].type.tensor_type.shape.dim.add().dim_value = random.choice((0, 1, 5))


def _change_metadata(random: Random, model: onnx.ModelProto) -> None:
    for entry in model.metadata_props:
        if entry.key == "s2s":
            entry.value = json.dumps(mutate_tree(random, _tree(entry.value)))


def _tree(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return {}


def _change_versions(random: Random, model: onnx.ModelProto) -> None:
    if model.opset_import and random.random() < 0.7:
        opset = random.choice(model.opset_import)
        opset.version = random.choice((-1, 0, 1, 7, 13, 19, 22, 25, 10**6))
        opset.domain = random.choice((opset.domain, opset.domain, random.choice(TEXTS)))
    else:
        model.ir_version = random.choice(
            [number for number in NUMBERS if isinstance(number, int) and 0 <= number < 2**63]
        )


CHANGES: tuple[Change, ...] = (
    _remove_node, _repeat_node, _move_node, _change_operator, _change_operator, _change_input, _change_input,
    _remove_input, _add_input, _change_output, _change_attribute, _change_attribute, _change_attribute,
    _change_initializer, _change_initializer, _remove_initializer, _change_form, _change_metadata, _change_versions,
)  # fmt: skip
