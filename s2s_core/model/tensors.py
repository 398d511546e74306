"""Named tensors on disk: a safetensors file with a record beside them, and a checksum of both."""

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from s2s_core.files import write_atomically


class Stored(NamedTuple):
    """What a file holds.

    Attributes:
        tensors: By their names.
        record: Values for JSON; empty in a file that another program wrote.
    """

    tensors: dict[str, Tensor]
    record: dict[str, Any]


class DamagedError(ValueError):
    """A file of tensors can't be read, or isn't as it was written."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Writes tensors and a record, which may not have an entry ``checksum``."""
    text = json.dumps({**record, "checksum": _checksum(tensors, record)})
    # One entry, since safetensors writes several in no fixed order.
    write_atomically(path, safetensors.torch.save(dict(tensors), {"json": text}))


def read_tensors(path: Path) -> Stored:
    """Reads what ``write_tensors`` wrote. A file without a record has no checksum that could be compared.

    Raises:
        DamagedError: It is damaged; the message says how.
        OSError: It can't be read.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            metadata = file.metadata()
        if not metadata:
            return Stored(tensors, {})
        record = json.loads(metadata["json"])
        intact = record.pop("checksum") == _checksum(tensors, record)
    except (safetensors.SafetensorError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedError(str(error)) from error
    if not intact:
        raise DamagedError("its checksum says that it isn't as it was written")
    return Stored(tensors, record)


def count_stored(path: Path) -> int:
    """Returns the number of values in a file, of which only the header is read.

    Raises:
        DamagedError: It is damaged.
        OSError: It can't be read.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (safetensors.SafetensorError, RuntimeError, ValueError) as error:
        raise DamagedError(str(error)) from error


def _checksum(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> int:
    """Returns a CRC-32 of the names and bytes of tensors, and of a record."""
    checksum = zlib.crc32(json.dumps(record, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        header = f"{name} {tensor.dtype} {list(tensor.shape)}"
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        checksum = zlib.crc32(content.data, zlib.crc32(header.encode(), checksum))
    return checksum
