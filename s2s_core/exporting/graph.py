"""Begins the graph of a file, with the versions that it needs, and cleans it up at the end."""

from collections.abc import Collection, Sequence

import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnxscript import GraphBuilder

from s2s_core.exporting.quiet import quiet
from s2s_core.text.nodes import Value
from s2s_core.text.onnx_text import STRING

FLOAT = ir.DataType.FLOAT

OPSET = 20
"""The version of ``ai.onnx`` that the file needs; the first with ``StringSplit`` and ``StringConcat``."""

IR_VERSION = 9
"""The first that has this version of ``ai.onnx``; a later one would only shut out older versions of ONNX Runtime."""


def new_builder(name: str) -> GraphBuilder:
    """Returns a builder of an empty graph."""
    opsets = {"": OPSET, "ai.onnx.ml": 4, "com.microsoft": 1}
    return GraphBuilder(ir.Graph([], [], nodes=[], opset_imports=opsets, name=name))


def builder_of(model: ir.Model, named: Collection[str] = ()) -> GraphBuilder:
    """Returns a builder that goes on with a finished graph.

    The graph's constants get other names, as a new builder gives its own the same ones.

    Args:
        model: Has the graph.
        named: The constants that keep their names.
    """
    graph = model.graph
    kept = {*named, *(value.name for value in graph.inputs)}
    for name, value in list(graph.initializers.items()):
        if name not in kept:
            del graph.initializers[name]
            value.name = f"model.{name}"
            graph.register_initializer(value)
    return GraphBuilder(graph)


def add_outputs(builder: GraphBuilder, texts: Value, scores: Value, count: Value) -> None:
    """Makes the file's outputs of the first ``count`` texts and scores, [N, K] both."""
    op = builder.op
    hypotheses = op.Slice(texts, [0], count, [0])  # [N, K]
    target = op.Squeeze(op.Slice(hypotheses, [0], [1], [1]), [1])  # [N]
    add_output(builder, target, "target", STRING, ["N"])
    add_output(builder, hypotheses, "hypotheses", STRING, ["N", "K"])
    add_output(builder, op.Slice(scores, [0], count, [0]), "scores", FLOAT, ["N", "K"])


def add_output(builder: GraphBuilder, value: Value, name: str, kind: ir.DataType, shape: Sequence[str]) -> None:
    """Makes a value an output of the file."""
    value.type, value.shape = ir.TensorType(kind), ir.Shape(shape)
    builder.add_output(value, name)


def finished(builder: GraphBuilder) -> ir.Model:
    """Returns the finished model.

    Equal weights are shared, unused nodes are removed, and every node and value gets a name of its own.
    """
    clean = ir.passes.Sequential(
        passes.LiftConstantsToInitializersPass(),
        passes.LiftSubgraphInitializersToMainGraphPass(),
        passes.DeduplicateHashedInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.OutputFixPass(),
        passes.ClearMetadataAndDocStringPass(),
        passes.NameFixPass(),
    )
    model = ir.Model(builder.graph, ir_version=IR_VERSION, producer_name="s2s")
    _forget_sizes(model.graph)
    with quiet():
        clean(model)
    _tell_apart(model.graph)
    return model


def _tell_apart(graph: ir.Graph) -> None:
    """Gives each node and value a name of its own; the pass before this lets two loops have the same names inside."""
    taken = {value.name for value in (*graph.inputs, *graph.outputs, *graph.initializers.values())}
    for number, node in enumerate(ir.traversal.RecursiveGraphIterator(graph)):
        node.name = f"{node.op_type}_{number}"
        for value in (*node.outputs, *(value for body in _bodies(node) for value in body.inputs)):
            if value.is_graph_output() and value.graph is graph:
                continue
            if value.name in taken:
                value.name = f"{value.name}_{node.name}"
            taken.add(value.name)


def _forget_sizes(graph: ir.Graph) -> None:
    """Drops the types, shapes and metadata that the pieces noted on values inside the graph.

    Each piece has its own names for sizes, and some sizes change from one iteration of a loop to the next. Inputs and
    outputs of a loop's body must be declared, as must outputs of operators that aren't standard, because nothing can
    infer them: these keep their type and rank. The pass that clears metadata doesn't reach what ``torch.onnx`` noted on
    values.
    """
    for value in graph.initializers.values():
        value.metadata_props.clear()
    for node in graph:
        for value in node.outputs:
            value.metadata_props.clear()
            if not value.is_graph_output() and node.domain in {"", "ai.onnx.ml"}:
                value.type = value.shape = None
        for body in _bodies(node):
            _forget_sizes(body)
            for value in (*body.inputs, *body.outputs):
                value.shape = None if value.shape is None else ir.Shape([None] * len(value.shape))


def _bodies(node: ir.Node) -> list[ir.Graph]:
    return [value.as_graph() for value in node.attributes.values() if value.type == ir.AttributeType.GRAPH]
