"""Adds the nodes of ``Finish``, which are the same for every model."""

from collections.abc import Mapping

import onnx_ir as ir

from s2s_core.decoding.finish import LEAST_COVERAGE
from s2s_core.model.probabilities import NEVER
from s2s_core.text.nodes import Op, Value
from s2s_core.text.onnx_text import INT64
from s2s_core.text.vocabulary import PAD

FLOAT = ir.DataType.FLOAT


def finish(
    op: Op, tokens: Value, parents: Value, scores: Value, extras: Mapping[str, Value], length_penalty: Value
) -> tuple[Value, Value, Value]:
    """Adds the nodes that follow the beams back and order the hypotheses, as ``Finish`` of the search does.

    ``torch.export`` would need a third of the whole export's time for this piece, and make twice as many nodes.

    Args:
        op: Adds the nodes.
        tokens: The tokens that each step picked, [T, N, K].
        parents: The beam that each of them continues, [T, N, K].
        scores: Log-probabilities after the last step, [N, K].
        extras: What the search remembers about each beam, after the last step.
        length_penalty: The exponent, [].

    Returns:
        The hypotheses' ids [N, K, T], padded past EOS, and their scores [N, K], best first; and the beam that each of
        them is, [N, K].
    """
    hypotheses = _trace(op, tokens, parents)  # [N, K, T]
    lengths = _sum(op, op.Cast(op.Not(op.Equal(hypotheses, PAD)), to=FLOAT))  # [N, K]
    scores = op.Div(scores, op.Pow(op.Div(op.Add(lengths, 5.0), 6.0), length_penalty))
    if "coverage" in extras:
        scores = op.Add(scores, _coverage(op, extras))
    scores, order = op.TopK(scores, op.Shape(scores, start=1, end=2), axis=1, _outputs=2)
    chosen = op.Expand(op.Unsqueeze(order, [2]), op.Shape(hypotheses))
    hypotheses = op.GatherElements(hypotheses, chosen, axis=1)
    return op.Where(op.Unsqueeze(op.Equal(scores, NEVER), [2]), PAD, hypotheses), scores, order


def _trace(op: Op, tokens: Value, parents: Value) -> Value:
    """Adds the nodes that follow the parents back from the last step; returns the hypotheses' ids [N, K, T]."""

    def back(op: Op, beam: Value, token: Value, parent: Value) -> list[Value]:
        return [op.GatherElements(values, beam, axis=1) for values in (parent, token)]

    body = op.builder.subgraph(
        back,
        [_declared(name) for name in ("trace_beam", "trace_token", "trace_parent")],
        [_declared(name) for name in ("trace_next", "trace_kept")],
        name="trace",
    )
    last = op.Expand(op.Range(0, op.Squeeze(op.Shape(tokens, start=2, end=3), [0]), 1), op.Shape(tokens, start=1))
    backwards = {"scan_input_directions": [1, 1], "scan_output_directions": [1], "scan_output_axes": [2]}
    _, hypotheses = op.Scan(last, tokens, parents, body=body, num_scan_inputs=2, **backwards, _outputs=2)
    return hypotheses


def _declared(name: str) -> ir.Value:
    """Returns an input or output of the loop's body, int64[N, K]."""
    return ir.Value(name=name, type=ir.TensorType(INT64), shape=ir.Shape([None, None]))


def _coverage(op: Op, extras: Mapping[str, Value]) -> Value:
    """Adds the nodes of what is added to the scores, [N, K]."""
    logarithms = op.Log(op.Clip(extras["coverage"], LEAST_COVERAGE, 1.0))  # [N, K, S]
    return op.Mul(extras["coverage_penalty"], _sum(op, op.Where(extras["real"], logarithms, 0.0)))


def _sum(op: Op, values: Value) -> Value:
    """Adds the node that sums over the last dimension."""
    return op.ReduceSum(values, [-1], keepdims=0)
