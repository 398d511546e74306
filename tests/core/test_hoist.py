"""What is the same in every turn of a loop is computed once, and the loop's results stay."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from s2s_core.exporting.hoist import hoist

LOOP = """
<ir_version: 10, opset_import: ["" : 20]>
outer (int64 turns, float[2] x, bool going) => (float[2] total, float[K] constants) {
    total, constants = Loop (turns, going, x) <body = body (int64 turn, bool before, float[2] sum)
        => (bool after, float[2] new, float last) {
        doubled = Add (x, x)
        squared = Mul (doubled, doubled)
        own = Cast <to = 1> (turn)
        part = Add (squared, own)
        new = Add (sum, part)
        after = Identity (before)
        last = ReduceSum <keepdims = 0> (x)
    }>
}
"""


@pytest.fixture
def proto():
    return onnx.parser.parse_model(LOOP)


def hoisted(proto):
    model = ir.from_proto(proto)
    (loop,) = (node for node in model.graph if node.op_type == "Loop")
    hoist(loop)
    return ir.to_proto(model)


def run(proto, turns):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = {"turns": np.array(turns), "x": np.array([1, 2], np.float32), "going": np.array(1 > 0)}
    return session.run(None, inputs)


def test_what_reads_nothing_of_the_loop_moves_before_it(proto):
    """So do nodes that read only such nodes; a node that gives a result of the loop stays."""
    graph = hoisted(proto).graph
    assert ["Add", "Mul", "Loop"] == [node.op_type for node in graph.node]
    body = graph.node[-1].attribute[0].g
    assert ["Cast", "Add", "Add", "Identity", "ReduceSum"] == [node.op_type for node in body.node]


@pytest.mark.parametrize("turns", [1, 4])
def test_a_loop_gives_what_it_gave(proto, turns):
    """And the file is valid."""
    changed = hoisted(proto)
    onnx.checker.check_model(changed, full_check=True)
    for expected, actual in zip(run(proto, turns), run(changed, turns), strict=True):
        np.testing.assert_array_equal(actual, expected)
