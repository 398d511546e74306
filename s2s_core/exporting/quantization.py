"""Stores the weights of a file in fewer bits.

A weight is cut into blocks along its last axis. Each block has a scale of its own::

    weight [N, K] float ─► codes [N, blocks, bytes] uint8, scales [N · blocks] float

    weight[n, k] ≈ (code - 2 ** (bits - 1)) * scale

How a weight is read depends on what it is for::

    a large product in a loop   codes, scales ─► MatMulNBits, in every step
    anything else               codes, scales ─► Cast, Sub, Mul, Reshape ─► float, once when the file is loaded

As no scale depends on what the file is asked, no answer depends on the other texts of its batch. With
``fp16-weights`` a weight is float16, of which a ``Cast`` makes float when the file is loaded.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from s2s_core.exporting.graph import FLOAT, builder_of, finished
from s2s_core.text.nodes import Op, Value

BITS = {"int8": 8, "int4": 4}
"""The bits of a code, by the kind of quantization."""

LEAST_NUMBERS = 1024
"""The fewest numbers of a weight that is stored in fewer bits: 4 kB."""

LEAST_PRODUCT = 262_144
"""The fewest numbers of a weight that ``MatMulNBits`` reads: 1 MB of float, which leaves a core's nearest caches.

For one text it then takes half of the time of a product with floats, as it reads a quarter of the bytes. A smaller one
is as fast with floats, and in batches of 64 every one is faster with floats.
"""

BLOCK, SMALL_BLOCK = 32, 16
"""How many numbers share a scale, in weights whose width is a multiple of it and in all others."""

INT8_ACTIVATIONS = 4
"""The ``accuracy_level`` of products: without it, ONNX Runtime decodes the whole weight in every step."""

RUNTIME, PRODUCTS_RUNTIME = "1.17", "1.23"
"""The first version of ONNX Runtime that runs a file, and one with ``MatMulNBits`` of 8 bits on every CPU."""

Use = tuple[ir.Node, int]
"""A node and the place among its inputs."""


def quantized(model: ir.Model, kind: str) -> ir.Model:
    """Returns a model whose weights are stored in fewer bits.

    Args:
        model: A file's, before anything was added to what was stitched. It is changed.
        kind: ``"int8"``, ``"int4"`` or ``"fp16-weights"``.
    """
    builder = builder_of(model)
    for weight in list(_weights(model.graph)):
        uses = list(weight.uses())
        del model.graph.initializers[str(weight.name)]
        if kind in BITS:
            _code(builder.op, weight, uses, BITS[kind])
        else:
            _halve(builder.op, weight, uses)
    model.graph.sort()
    return finished(builder)


def least_runtime(model: onnx.ModelProto) -> str:
    """Returns the first version of ONNX Runtime that runs a file, such as ``"1.17"``."""
    products = [node for node in _nodes(model.graph) if node.op_type == "MatMulNBits"]
    bits = {attribute.i for node in products for attribute in node.attribute if attribute.name == "bits"}
    return PRODUCTS_RUNTIME if BITS["int8"] in bits else RUNTIME


@attrs.frozen(eq=False)
class Blocks:
    """A weight in blocks, whose rows are padded with zeros to whole blocks.

    Attributes:
        codes: uint8 [N, blocks, bytes]; with 4 bits, a byte has two codes, the first one in its lower half.
        scales: float [N, blocks].
        bits: Of a code, 8 or 4.
        block: The number of numbers that share a scale.
        width: The weight's K, without padding.
    """

    codes: NDArray[np.uint8]
    scales: NDArray[np.float32]
    bits: int
    block: int
    width: int

    @classmethod
    def of(cls, weight: NDArray[np.float32], bits: int) -> "Blocks":
        """Returns the nearest that a weight [N, K] can be.

        The number of each block that is farthest from 0 becomes code 0, so that nothing of the range is left unused.
        """
        block = SMALL_BLOCK if weight.shape[1] % BLOCK else BLOCK
        padding = -weight.shape[1] % block
        blocks = np.pad(weight, [(0, 0), (0, padding)]).reshape(len(weight), -1, block)
        half = 2 ** (bits - 1)
        farthest = np.abs(blocks).argmax(2, keepdims=True)
        scales = np.take_along_axis(blocks, farthest, 2) / -half  # [N, blocks, 1]
        steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales != 0)
        codes = (np.clip(np.rint(steps), -half, half - 1) + half).astype(np.uint8)
        if bits == BITS["int4"]:
            codes = codes[..., 0::2] | codes[..., 1::2] << 4
        return cls(codes, scales[..., 0], bits, block, weight.shape[1])


@attrs.frozen(eq=False)
class _Stored:
    """Blocks in a graph."""

    blocks: Blocks
    codes: Value
    scales: Value

    @classmethod
    def in_graph(cls, op: Op, name: str, blocks: Blocks) -> "_Stored":
        codes = op.initializer(ir.tensor(blocks.codes), f"{name}.codes")
        return cls(blocks, codes, op.initializer(ir.tensor(blocks.scales.reshape(-1)), f"{name}.scales"))


def _weights(graph: ir.Graph) -> Iterator[ir.Value]:
    """Yields the initializers that are weights and worth it: tables of finite numbers, such as half precision has."""
    for value in graph.initializers.values():
        tensor = value.const_value
        assert tensor is not None  # noqa: S101  # it is what an initializer has
        if tensor.dtype != FLOAT or len(tensor.shape) < 2 or tensor.size < LEAST_NUMBERS:
            continue
        if np.abs(tensor.numpy()).max() <= np.finfo(np.float16).max:  # false of what isn't finite
            yield value


def _halve(op: Op, weight: ir.Value, uses: Sequence[Use]) -> None:
    """Stores a weight as float16."""
    half = op.initializer(ir.tensor(_numbers(weight).astype(np.float16)), f"{weight.name}.half")
    _replace(uses, op.Cast(half, to=FLOAT))


def _code(op: Op, weight: ir.Value, uses: Sequence[Use], bits: int) -> None:
    """Stores a weight as codes and scales."""
    array = _numbers(weight)

    @functools.cache
    def stored(*, transposed: bool) -> _Stored:
        rows = np.ascontiguousarray(array.T) if transposed else array.reshape(-1, array.shape[-1])
        return _Stored.in_graph(op, f"{weight.name}.T" if transposed else str(weight.name), Blocks.of(rows, bits))

    others = []
    for node, place in uses:
        if array.size >= LEAST_PRODUCT and node.graph is not op.builder.root.graph and _is_product(node, place):
            _multiply(node, stored(transposed=not _has_rows(node)))
        else:
            others.append((node, place))
    if others:
        _replace(others, _decoded(op, stored(transposed=False), array.shape))


def _numbers(weight: ir.Value) -> NDArray[Any]:
    assert weight.const_value is not None  # noqa: S101  # it was an initializer
    return weight.const_value.numpy()


def _replace(uses: Sequence[Use], value: Value) -> None:
    for node, place in uses:
        node.replace_input_with(place, value)


def _is_product(node: ir.Node, place: int) -> bool:
    """Whether a node multiplies by a weight, and at most adds something to the product."""
    if place != 1 or node.domain:
        return False
    attributes = node.attributes
    plain = [attributes.get_float(name, 1.0) for name in ("alpha", "beta")] == [1.0, 1.0]
    return node.op_type == "MatMul" or (node.op_type == "Gemm" and plain and not attributes.get_int("transA", 0))


def _has_rows(node: ir.Node) -> bool:
    """Whether each row of a product's weight makes a number of its result, [N, K], instead of each column, [K, N]."""
    return node.op_type == "Gemm" and bool(node.attributes.get_int("transB", 0))


def _multiply(node: ir.Node, stored: _Stored) -> None:
    """Replaces a product with floats by one with codes."""
    blocks, graph = stored.blocks, node.graph
    assert graph is not None  # noqa: S101  # a node of a graph
    attributes = {
        "K": blocks.width,
        "N": len(blocks.codes),
        "bits": blocks.bits,
        "block_size": blocks.block,
        "accuracy_level": INT8_ACTIVATIONS,
    }
    inputs = [node.inputs[0], stored.codes, stored.scales]
    nodes = [ir.node("MatMulNBits", inputs, attributes, domain="com.microsoft")]
    nodes[0].outputs[0].type = ir.TensorType(FLOAT)
    if len(node.inputs) > 2:
        nodes.append(ir.node("Add", [nodes[0].outputs[0], node.inputs[2]]))
    graph.insert_before(node, nodes)
    node.outputs[0].replace_all_uses_with(nodes[-1].outputs[0], replace_graph_outputs=True)
    graph.remove(node, safe=True)


def _decoded(op: Op, stored: _Stored, shape: Sequence[int]) -> Value:
    """Adds the nodes that make floats of codes, which ONNX Runtime runs once when it loads the file."""
    blocks, codes = stored.blocks, op.Cast(stored.codes, to=FLOAT)
    rows = len(blocks.codes)
    if blocks.bits == BITS["int4"]:
        upper = op.Floor(op.Mul(codes, 1 / 16))
        lower = op.Sub(codes, op.Mul(upper, 16.0))
        codes = op.Concat(op.Unsqueeze(lower, [3]), op.Unsqueeze(upper, [3]), axis=3)  # [N, blocks, bytes, 2]
    steps = op.Sub(op.Reshape(codes, [rows, -1, blocks.block]), float(2 ** (blocks.bits - 1)))
    numbers = op.Reshape(op.Mul(steps, op.Reshape(stored.scales, [rows, -1, 1])), [rows, -1])
    return op.Reshape(op.Slice(numbers, [0], [blocks.width], [1]), list(shape))


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yields the nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g)
