"""A tensor of the Open Inference Protocol, in JSON and in binary.

In binary, numbers are little-endian, and an element of ``BYTES`` is its length, an unsigned number of 32 bits, before
its bytes, which are a text in UTF-8 here. Specified in the protocol's REST part and "Binary Tensor Data Extension".
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from s2s_core.config.fields import LARGEST
from s2s_core.serving.fields import checked, field
from s2s_core.serving.request_error import RequestError

TEXT = "BYTES"

NUMBERS: Mapping[str, "np.dtype[Any]"] = {"INT64": np.dtype("<i8"), "FP32": np.dtype("<f4")}
"""The types of numbers that files of s2s take and give."""

MOST_DIMENSIONS = 8
"""More than any input has, and few enough to multiply."""

_SIZE = struct.Struct("<I")

_LOWEST = float(np.finfo(np.float32).min)
"""Stands for minus infinity and for what is no number, which JSON doesn't have."""


@attrs.frozen
class Tensor:
    """A tensor.

    Attributes:
        name: The name of the input or output.
        datatype: ``BYTES``, ``INT64`` or ``FP32``.
        shape: The size of each dimension.
        values: The elements, row by row.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]

    @property
    def head(self) -> dict[str, Any]:
        """What stands in JSON beside the elements."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def to_json(self) -> dict[str, Any]:
        """Returns it with its elements."""
        values = list(self.values)
        return {**self.head, "data": [max(_LOWEST, value) for value in values] if self.datatype == "FP32" else values}

    def to_binary(self) -> bytes:
        """Returns its elements in binary."""
        if self.datatype != TEXT:
            return np.array(self.values, NUMBERS[self.datatype]).tobytes()
        encoded = [text.encode() for text in self.values]
        return b"".join(part for text in encoded for part in (_SIZE.pack(len(text)), text))


def binary_size(fields: Mapping[str, Any]) -> int | None:
    """Returns how many bytes of binary data belong to an input, or None if its elements are in the JSON."""
    size: int | None = field(field(fields, "parameters", dict, {}), "binary_data_size", int, None)
    if size is not None and size < 0:
        raise RequestError(f"'binary_data_size' must be at least 0 (got {size})")
    return size


def read_tensor(fields: Mapping[str, Any], binary: bytes | None) -> Tensor:
    """Reads an input of a request.

    Args:
        fields: The JSON object.
        binary: Its binary data; None if its elements are in the JSON.

    Raises:
        RequestError: It isn't valid.
    """
    name, datatype = field(fields, "name", str), field(fields, "datatype", str)
    shape = _shape(name, field(fields, "shape", list))
    if datatype not in {TEXT, *NUMBERS}:
        raise RequestError(f"input {name!r} must be of type {', '.join((TEXT, *NUMBERS))} (got {datatype!r})")
    if binary is None:
        values = [_element(name, datatype, value) for value in _flat(field(fields, "data", list), len(shape))]
    elif "data" in fields:
        raise RequestError(f"input {name!r} has both 'data' and 'binary_data_size'")
    else:
        values = _texts(name, binary) if datatype == TEXT else _numbers(name, datatype, binary)
    if math.prod(shape) != len(values):
        raise RequestError(f"input {name!r} has {len(values)} elements, but the shape {list(shape)}")
    return Tensor(name, datatype, shape, values)


def _shape(name: str, sizes: Sequence[Any]) -> tuple[int, ...]:
    if len(sizes) > MOST_DIMENSIONS:
        raise RequestError(f"input {name!r} may have at most {MOST_DIMENSIONS} dimensions (got {len(sizes)})")
    for size in sizes:
        if not 0 <= checked(size, int, f"each dimension of input {name!r}") <= LARGEST:
            raise RequestError(f"each dimension of input {name!r} must be from 0 to {LARGEST}")
    return tuple(sizes)


def _flat(values: Sequence[Any], rank: int) -> Sequence[Any]:
    """Returns the elements of a list of lists, which the protocol allows as well as a plain list."""
    for _ in range(1, rank):
        if not (values and all(isinstance(value, list) for value in values)):
            return values
        values = [element for value in values for element in value]
    return values


def _element(name: str, datatype: str, value: Any) -> Any:
    """Returns an element of a list in JSON."""
    what = f"each element of input {name!r}"
    if datatype == "FP32" and isinstance(value, float):
        return value
    return checked(value, str if datatype == TEXT else int, what)


def _texts(name: str, binary: bytes) -> list[str]:
    texts = []
    place = 0
    while place < len(binary):
        begin = place + _SIZE.size
        end = begin + int.from_bytes(binary[place:begin], "little")
        if begin > len(binary) or end > len(binary):
            raise RequestError(f"the binary data of input {name!r} end within an element")
        try:
            texts.append(binary[begin:end].decode())
        except UnicodeDecodeError as error:
            raise RequestError(f"element {len(texts)} of input {name!r} isn't UTF-8: {error}") from error
        place = end
    return texts


def _numbers(name: str, datatype: str, binary: bytes) -> list[Any]:
    kind = NUMBERS[datatype]
    if len(binary) % kind.itemsize:
        raise RequestError(f"the binary data of input {name!r} end within an element")
    numbers: list[Any] = np.frombuffer(binary, kind).tolist()
    return numbers
