"""What code that emits ONNX nodes takes and gives. ONNX is imported only when something is emitted."""

from typing import Any

Op = Any
"""An ``onnxscript`` operator builder: ``op.Shape(x)`` adds a ``Shape`` node and returns its output."""

Value = Any
"""An ``onnx_ir`` value, as operator builders take and give it."""
