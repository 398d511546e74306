"""What the graph of a file begins as, and how it is finished: its versions, and what is cleaned up."""

import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnxscript import GraphBuilder

from s2s_core.exporting.quiet import quiet

OPSET = 20
"""The version of ``ai.onnx`` that the file needs; the first with ``StringSplit`` and ``StringConcat``."""

IR_VERSION = 10


def new_builder(name: str) -> GraphBuilder:
    """Returns a builder of an empty graph."""
    opsets = {"": OPSET, "ai.onnx.ml": 4, "com.microsoft": 1}
    return GraphBuilder(ir.Graph([], [], nodes=[], opset_imports=opsets, name=name))


def finished(builder: GraphBuilder) -> ir.Model:
    """Returns the model of what was built.

    Equal weights are shared, what isn't used is removed, and every node and value has a name of its own.
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
    for number, node in enumerate(ir.traversal.RecursiveGraphIterator(model.graph)):
        node.name = f"{node.op_type}_{number}"  # the pass above lets a loop's node be called like one outside
    return model


def free_shape(rank: int) -> ir.Shape:
    """Returns a shape of which only the rank is known."""
    return ir.Shape([None] * rank)


def _forget_sizes(graph: ir.Graph) -> None:
    """Drops what the pieces noted about values inside the graph.

    ``torch.onnx`` leaves notes of its own on them, which the pass that clears metadata doesn't reach. Each piece
    has its own names for the sizes, and loops change some. What the bodies of loops take and give must be declared,
    and what operators give that aren't standard, as nothing can infer it; of these the rank is kept.
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
                value.shape = None if value.shape is None else free_shape(len(value.shape))


def _bodies(node: ir.Node) -> list[ir.Graph]:
    return [value.as_graph() for value in node.attributes.values() if value.type == ir.AttributeType.GRAPH]
