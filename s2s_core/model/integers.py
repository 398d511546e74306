"""Integer division that gives the same in PyTorch and in an exported file."""

import torch
from torch import Tensor


def quotient(number: Tensor, divisor: int) -> Tensor:
    """Divides whole numbers of at least 0 and drops the remainder.

    It becomes one ``Div`` node in an exported file. ``torch.onnx`` would divide in float32, which rounds numbers above
    2**24.
    """
    if not torch.compiler.is_exporting():
        return torch.div(number, divisor, rounding_mode="trunc")
    by = torch.full((), divisor, dtype=torch.int64)
    divided: Tensor = torch.onnx.ops.symbolic("Div", (number, by), dtype=torch.int64, shape=number.shape)
    return divided
