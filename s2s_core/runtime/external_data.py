"""Detects ONNX files that keep weights in other files, with a minimal protobuf reader.

    ModelProto ─► GraphProto ─► NodeProto ─► AttributeProto ─► TensorProto: external_data, data_location
              └─► FunctionProto ─┘                        └──► GraphProto

Files of s2s never have external data. ONNX Runtime would open whatever path such a tensor names, so a file of unknown
origin is checked first.
"""

from collections.abc import Iterator, Mapping

_INNER: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""The fields of each message that lead to tensors, by field number in ``onnx.proto``."""

_EXTERNAL = (13, 14)
"""The fields of a tensor that locate its data: ``external_data`` and ``data_location``."""

_VARINT, _FIXED_64, _MESSAGE, _FIXED_32 = 0, 1, 2, 5
"""Protobuf's wire types; 3 and 4, the deprecated groups, aren't used by ONNX."""

_LONGEST_VARINT = 10
"""The most bytes in a varint: it has up to 64 bits, seven in each byte."""


def has_external_data(content: bytes) -> bool:
    """Returns whether any tensor in an ONNX file refers to data outside the file.

    Raises:
        ValueError: The content isn't valid protobuf.
        RecursionError: Its graphs are nested too deeply.
    """
    return _leads_elsewhere("model", memoryview(content))


def _leads_elsewhere(kind: str, message: memoryview) -> bool:
    inner = _INNER[kind]
    for number, value in _fields(message):
        if kind == "tensor" and number in _EXTERNAL:
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
    number = 0
    for index, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, place + index + 1
    raise ValueError("it has a number without end")
