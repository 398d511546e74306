"""Type aliases for code that emits ONNX nodes, which imports ONNX only when it emits something."""

from typing import Any

Op = Any
"""An ``onnxscript`` operator builder: ``op.Shape(x)`` adds a ``Shape`` node and returns its output."""

Value = Any
"""An ``onnx_ir`` value: the input or output of a node."""
