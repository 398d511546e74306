"""Takes out of a loop what is the same in every turn."""

import onnx_ir as ir


def hoist(loop: ir.Node) -> None:
    """Moves nodes that read nothing of a loop's own from its body to before it.

    So a decoder's keys of the memory are transposed once rather than in every step. The loop must run at least once.

    Args:
        loop: A ``Loop`` whose body has no initializers.
    """
    body, graph = loop.attributes["body"].as_graph(), loop.graph
    assert graph is not None  # noqa: S101  # a node of a graph
    inside = {*body.inputs, *(value for node in body for value in node.outputs)}
    for node in list(body):
        nested = any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values())
        given = any(value.is_graph_output() for value in node.outputs)
        if not (nested or given or inside.intersection(node.inputs)):
            body.remove(node)
            graph.insert_before(loop, node)
            inside.difference_update(node.outputs)
