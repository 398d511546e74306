"""Operators that ``torch.onnx`` translates so that small probabilities are lost, translated anew.

ONNX Runtime's ``Sigmoid`` has an absolute error of 6e-8, so its logarithm is wrong below -10 and never below -17. The
sum of two exponentials overflows above 88 and is 0 below -103. ``Softplus`` has neither fault.
"""

from typing import Any

import torch
from onnxscript import opset20 as op

from s2s_core.compat import OnnxRegistry


def log_sigmoid(x: Any) -> Any:
    """``log(sigmoid(x)) = -softplus(-x)``."""
    return op.Neg(op.Softplus(op.Neg(x)))


def logaddexp(one: Any, other: Any) -> Any:
    """``log(exp(a) + exp(b)) = max(a, b) + softplus(-|a - b|)``; equal infinities have no difference."""
    distance = op.Where(op.Equal(one, other), 0.0, op.Abs(op.Sub(one, other)))
    return op.Add(op.Max(one, other), op.Softplus(op.Neg(distance)))


def register(registry: OnnxRegistry) -> None:
    """Puts these translations before those of ``torch.onnx``."""
    registry.register_op(torch.ops.aten.log_sigmoid.default, log_sigmoid)
    registry.register_op(torch.ops.aten.logaddexp.default, logaddexp)
