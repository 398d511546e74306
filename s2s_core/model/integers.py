"""Integer arithmetic that is the same in PyTorch and in an exported file."""

import torch
from torch import Tensor


def quotient(number: Tensor, divisor: int) -> Tensor:
    """Divides whole numbers from 0 on and drops the remainder.

    Becomes one ``Div`` node in an exported file. ``torch.onnx`` would divide as float32, which rounds.
    """
    if not torch.compiler.is_exporting():
        return torch.div(number, divisor, rounding_mode="trunc")
    by = torch.full((), divisor, dtype=torch.int64)
    divided: Tensor = torch.onnx.ops.symbolic("Div", (number, by), dtype=torch.int64, shape=number.shape)
    return divided
