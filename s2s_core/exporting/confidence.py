"""Adds the output ``confidence`` to a file: how probable it is that an answer is right.

::

    log-probabilities of the beams [N, K] ─► that of the best hypothesis [N] ─┐
    ids of the hypotheses [N, K, T] ───────► its length in tokens [N] ────────┴─► line ─► curve ─► [N]
"""

import numpy as np
import onnx_ir as ir

from s2s_core.evaluation.calibration import LOWEST, Calibration
from s2s_core.exporting.graph import FLOAT, add_output, builder_of, finished
from s2s_core.exporting.stitch import HYPOTHESIS_IDS, LOG_PROBABILITIES, ORDER
from s2s_core.model.probabilities import NEVER
from s2s_core.text.nodes import Op, Value
from s2s_core.text.vocabulary import PAD


def with_confidence(model: ir.Model, calibration: Calibration) -> ir.Model:
    """Returns a model that says how sure each answer is.

    Args:
        model: A file's. It is changed.
        calibration: Of its answers.
    """
    inside = {value.name: value for node in model.graph for value in node.outputs}
    builder = builder_of(model)
    op = builder.op
    best = op.Slice(inside[ORDER], [0], [1], [1])  # [N, 1]
    log_probability = op.Squeeze(op.GatherElements(inside[LOG_PROBABILITIES], best, axis=1), [1])  # [N]
    first = op.Squeeze(op.Slice(inside[HYPOTHESIS_IDS], [0], [1], [1]), [1])  # [N, T]
    length = op.ReduceSum(op.Cast(op.Not(op.Equal(first, PAD)), to=FLOAT), [1], keepdims=0)  # [N]
    confidence = calibrated(op, log_probability, length, calibration)
    count = op.Shape(model.graph.inputs[0])
    add_output(builder, op.Slice(confidence, [0], count, [0]), "confidence", FLOAT, ["N"])
    return finished(builder)


def calibrated(op: Op, log_probability: Value, length: Value, calibration: Calibration) -> Value:
    """Adds the nodes that do what a calibration does, to log-probabilities and lengths, [N] each; returns [N]."""
    scaled = op.Div(op.Max(log_probability, LOWEST), calibration.temperature)
    odds = op.Add(op.Add(scaled, op.Mul(length, calibration.per_token)), calibration.offset)
    probability = _curve(op, odds, calibration) if calibration.points else op.Sigmoid(odds)
    is_none = op.Or(op.Equal(log_probability, NEVER), op.IsNaN(log_probability))
    return op.Where(is_none, 0.0, probability)


def _curve(op: Op, odds: Value, calibration: Calibration) -> Value:
    """Adds the nodes of the curve: the sum over its pieces of how far each is passed, times how steep it is."""
    points, values = (np.array(numbers, np.float32) for numbers in (calibration.points, calibration.values))
    begins, widths, slopes = (
        _constant(op, row) for row in (points[:-1], np.diff(points), np.diff(values) / np.diff(points))
    )
    passed = op.Min(op.Relu(op.Sub(op.Unsqueeze(odds, [1]), begins)), widths)  # [N, pieces]
    return op.Min(op.ReduceSum(op.Mul(passed, slopes), [1], keepdims=0), 1.0)


def _constant(op: Op, numbers: "np.ndarray") -> Value:
    tensor = ir.tensor(numbers.astype(np.float32))
    return op.initializer(tensor, f"curve_{len(op.builder.root.graph.initializers)}")
