"""What the tests of tokenizers share: their nodes, run as a graph."""

import numpy as np
import pytest


class Graph:
    """Nodes between one input and one or more outputs, as export cleans and ONNX Runtime runs them.

    Args:
        build: Adds the nodes; it takes an operator builder and the input, and returns the outputs.
        kind: The type of the input, a type of NumPy.
        rank: The input's.
    """

    def __init__(self, build, kind=object, rank=1):
        import onnx_ir as ir
        import onnxruntime
        from onnxscript import GraphBuilder

        from s2s_core.export.pieces import OPSET
        from s2s_core.export.stitch import IR_VERSION, _clean

        self.kind = kind
        opsets = {"": OPSET, "ai.onnx.ml": 4, "com.microsoft": 1}
        builder = GraphBuilder(ir.Graph([], [], nodes=[], opset_imports=opsets, name="tokenizer"))
        given = ir.DataType.STRING if kind is object else ir.DataType.INT64
        for number, value in enumerate(build(builder.op, builder.input("given", given, ["N", "T"][:rank]))):
            builder.add_output(value, f"found_{number}")
        model = ir.to_proto(_clean(ir.Model(builder.graph, ir_version=IR_VERSION)))
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def __call__(self, given):
        return self.session.run(None, {"given": np.array(given, self.kind)})


class TokenizerGraph:
    """A tokenizer's front and back."""

    def __init__(self, tokenizer):
        self.encode = Graph(tokenizer.onnx_encode)
        self.back = Graph(lambda op, ids: [tokenizer.onnx_decode(op, ids)], np.int64, 2)

    def decode(self, ids):
        return self.back(ids)[0].tolist()


@pytest.fixture(scope="session")
def graph():
    """Makes a graph of nodes."""
    return Graph


@pytest.fixture(scope="session")
def tokenizer_graph():
    """Makes the graphs of a tokenizer."""
    return TokenizerGraph
