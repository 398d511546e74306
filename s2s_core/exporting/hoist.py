"""Moves out of a loop whatever is the same in every iteration."""

import onnx_ir as ir


def hoist(loop: ir.Node) -> None:
    """Moves nodes that read nothing computed inside a loop from its body to before it.

    A decoder's keys of the memory, for example, are then transposed once instead of in every step: ONNX Runtime runs
    all nodes of a body in each iteration, whatever they read. The loop must run at least once, because the moved nodes
    run even if it doesn't.

    Args:
        loop: A ``Loop`` whose body has no initializers.
    """
    body, graph = loop.attributes["body"].as_graph(), loop.graph
    assert graph is not None  # noqa: S101  # a node of a graph
    inside = {*body.inputs, *(value for node in body for value in node.outputs)}
    for node in list(body):
        if not (_has_body(node) or _gives_result(node) or inside.intersection(node.inputs)):
            body.remove(node)
            graph.insert_before(loop, node)
            inside.difference_update(node.outputs)


def _has_body(node: ir.Node) -> bool:
    """Whether a node has a graph of its own, which may read values of the loop that aren't among the node's inputs."""
    return any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values())


def _gives_result(node: ir.Node) -> bool:
    """Whether a node computes what an iteration returns, which a body must compute itself."""
    return any(value.is_graph_output() for value in node.outputs)
