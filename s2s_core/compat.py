"""Names that other libraries keep private and s2s can't do without, all in this one place.

Each has no public counterpart in the versions that are tested together (``constraints.txt``): torch 2.13,
Accelerate 1.15 and ONNX Runtime 1.32. A test imports every one, so that a version that lost a name is noticed at once.

- ``pytree`` maps functions over nested states. ``torch.func`` works on such nestings, but exports none of its tools.
- ``scan_operator`` is the only recurrence that ``torch.onnx`` turns into a ``Scan`` node.
- ``OnnxRegistry`` is the table of operators that ``torch.onnx`` translates. It takes a second to make, and the public
  function makes it anew in each call; ``onnx_program`` takes it as an argument.
- ``check`` tells ``torch.export`` what holds for sizes. Its documentation names it, underscore and all.
- ``bf16_lstm_is_there`` tells whether oneDNN's recurrent layers can compute in bfloat16 on this CPU.
- ``forget_precision`` lets a process train a second time with another precision.
- ``runtime_errors`` is the module of what ONNX Runtime raises, which its public module doesn't export.

They are imported when first used, so that s2s starts without PyTorch.
"""

import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.utils import _pytree as pytree

    scan_operator: Callable[..., Any]
    OnnxRegistry: Any
    onnx_program: Callable[..., Any]
    check: Callable[..., None]
    bf16_lstm_is_there: Callable[[], bool]
    forget_precision: Callable[[], None]
    runtime_errors: Any

PRIVATE = {
    "pytree": "torch.utils._pytree",
    "scan_operator": "torch._higher_order_ops.scan:scan",
    "OnnxRegistry": "torch.onnx._internal.exporter._registration:ONNXRegistry",
    "onnx_program": "torch.onnx._internal.exporter._core:export",
    "check": "torch:_check",
    "bf16_lstm_is_there": "torch:ops.mkldnn._is_mkldnn_bf16_supported",
    "forget_precision": "accelerate.state:AcceleratorState._reset_state",
    "runtime_errors": "onnxruntime.capi.onnxruntime_pybind11_state",
}

__all__ = [
    "OnnxRegistry",
    "bf16_lstm_is_there",
    "check",
    "forget_precision",
    "onnx_program",
    "pytree",
    "runtime_errors",
    "scan_operator",
]


def __getattr__(name: str) -> Any:
    if name not in PRIVATE:
        raise AttributeError(f"module 's2s_core.compat' has no attribute {name!r}")
    value = globals()[name] = pkgutil.resolve_name(PRIVATE[name])
    return value
