"""Moves batches of ids to the device of a model."""

import torch
from torch import Tensor

from s2s_core.data.pairs import Batch, Ids


def to_device(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Returns a batch on a device.

    Returns:
        Source [B, S], source lengths [B], target [B, T], target lengths [B], and copies [B, S] if the batch has them.
    """
    return (
        ids_to_device(batch.source, device),
        ids_to_device(batch.source_lengths, device),
        ids_to_device(batch.target, device),
        ids_to_device(batch.target_lengths, device),
        None if batch.copies is None else ids_to_device(batch.copies, device),
    )


def ids_to_device(ids: Ids, device: torch.device) -> Tensor:
    """Returns ids or lengths of any shape on a device; on the CPU, the tensor shares the array's memory."""
    return torch.from_numpy(ids).to(device)
