"""Looks at the structure of an ONNX file before ONNX Runtime does, with a minimal protobuf reader.

    ModelProto ─► GraphProto ─► NodeProto ─► AttributeProto ─► TensorProto: data_location
                                                      └──► GraphProto

Files of s2s keep all weights inside and have no functions. ONNX Runtime would open whatever path a tensor names, and
expand functions that call functions without end, so a file of unknown origin is checked first.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_INNER: Mapping[str, Mapping[int, str]] = {
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""The fields of each message that lead to tensors, by field number in ``onnx.proto``."""

_GRAPH, _METADATA = 7, 14
"""The fields of a model with its graph and its metadata."""

_PLAIN = frozenset({1, 2, 3, 4, 5, 6, 8, _METADATA})
"""The other fields of a model that s2s may write: versions, names and texts.

What is left out are functions, and graphs for training.
"""

_DATA_LOCATION, _EXTERNAL = 14, 1
"""The field of a tensor that says where its data is, and its value for another file."""

_VARINT, _FIXED_64, _MESSAGE, _FIXED_32 = 0, 1, 2, 5
"""Protobuf's wire types; 3 and 4, the deprecated groups, aren't used by ONNX."""

_LONGEST_VARINT = 10
"""The most bytes in a varint: it has up to 64 bits, seven in each byte."""


class Structure(NamedTuple):
    """What is known of an ONNX file before it is opened.

    Attributes:
        external: Whether a tensor's data is outside the file.
        foreign: Whether the file has parts that no file of s2s has.
        checksum: The CRC-32 of its graph, weights included.
    """

    external: bool
    foreign: bool
    checksum: int


def structure_of(content: bytes) -> Structure:
    """Reads the structure of an ONNX file.

    Raises:
        ValueError: The content isn't valid protobuf.
        RecursionError: Its graphs are nested too deeply.
    """
    external = foreign = False
    checksum = 0
    for number, value in _fields(memoryview(content)):
        if number == _GRAPH and isinstance(value, memoryview):
            external |= _leads_elsewhere("graph", value)
            checksum = zlib.crc32(value, checksum)
        else:
            foreign |= number not in _PLAIN
    return Structure(external, foreign, checksum)


def _leads_elsewhere(kind: str, message: memoryview) -> bool:
    inner = _INNER[kind]
    for number, value in _fields(message):
        if kind == "tensor" and (number, value) == (_DATA_LOCATION, _EXTERNAL):
            return True
        if number in inner and isinstance(value, memoryview) and _leads_elsewhere(inner[number], value):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yields the number and the content of each field of a message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire == _MESSAGE:
            length, place = _varint(message, place)
        elif wire in {_FIXED_64, _FIXED_32}:
            length = 8 if wire == _FIXED_64 else 4
        else:
            raise ValueError(f"it has a field of the unknown type {wire}")
        end = place + length
        if end > len(message):
            raise ValueError("it ends too early")
        yield number, message[place:end]
        place = end


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Decodes a varint, seven bits a byte, low bits first; returns its value and the position after it."""
    if place < len(message) and (number := message[place]) < 0x80:  # as nearly all are, which makes this twice as fast
        return number, place + 1
    number = 0
    for index, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, place + index + 1
    raise ValueError("it has a number without end")
