"""String operations that ONNX lacks, composed of nodes that tokenizers emit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from s2s_core.text.nodes import Op, Value
from s2s_core.text.vocabulary import UNK

INT64, BOOL, STRING = ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.STRING

INT32 = ir.DataType.INT32
"""What ``ArgMax`` takes in every version of ONNX Runtime; int64 only from 1.20 on."""

_LABELS = {str: "string", int: "int64"}
"""The names of types in the attributes of ``LabelEncoder``."""


def strings(op: Op, texts: Sequence[str | bytes]) -> Value:
    """Adds constant strings, of text or of raw bytes, and returns string[len(texts)]."""
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    tensor = ir.StringTensor(encoded, shape=ir.Shape([len(texts)]), name="strings")
    return op.initializer(tensor, f"strings_{len(op.builder.root.graph.initializers)}")


def numbers(op: Op, values: Any) -> Value:
    """Adds constant integers, nested to any depth, and returns int64; they are stored as int16 if they fit."""
    array = np.array(values, np.int64)
    small = array.astype(np.int16) if np.abs(array).max(initial=0) < 2**15 else array
    stored = op.initializer(ir.tensor(small), f"numbers_{len(op.builder.root.graph.initializers)}")
    return op.Cast(stored, to=INT64) if small is not array else stored


def lookup(op: Op, keys: Value, table: Mapping[Any, Any], default: str | int = UNK) -> Value:
    """Adds the node that replaces keys of any shape by the values of a table.

    Args:
        op: Adds the node.
        keys: Strings or int64.
        table: At least one entry; all its keys, and all its values, are strings or all are integers.
        default: The value of keys that the table lacks.
    """
    key, value = (_LABELS[type(label)] for label in (next(iter(table)), default))
    attributes = {f"keys_{key}s": list(table), f"values_{value}s": list(table.values()), f"default_{value}": default}
    return op.LabelEncoder(keys, _domain="ai.onnx.ml", _version=4, **attributes)


def never_empty(op: Op, texts: Value, count: Value) -> Value:
    """Adds an empty text to an empty batch of ``count`` texts, on which recurrent operators would crash."""
    missing = op.Cast(op.Equal(count, [0]), to=INT64)
    return op.Concat(texts, op.Expand(strings(op, [""]), missing), axis=0)


def characters(op: Op, texts: Value) -> Value:
    """Adds the node that splits string[N] into characters, string[N, S], padded with empty strings."""
    return matches(op, texts, "(?s).")


def matches(op: Op, texts: Value, pattern: str) -> Value:
    """Adds the node that finds all matches of a regular expression, from left to right, in each of string[N].

    It is ``com.microsoft.Tokenizer``, as no standard operator does this. Of several matches at a place, it takes the
    longest.

    Returns:
        string[N, S], padded with empty strings; S may be 0.
    """
    matched = op.Tokenizer(texts, _domain="com.microsoft", tokenexp=pattern, mark=0, mincharnum=1, pad_value="")
    return declare(matched, rank=2)


def width(op: Op, rows: Value) -> Value:
    """Adds the nodes that return the number of columns of [N, S], a scalar."""
    return op.Squeeze(op.Shape(rows, start=1, end=2), [0])


def column(op: Op, rows: Value, value: Value) -> Value:
    """Adds the nodes that append a column with the same value in every row to [N, S]."""
    return op.Concat(rows, op.Expand(value, op.Concat(op.Shape(rows, start=0, end=1), [1], axis=0)), axis=1)


def pack(op: Op, rows: Value, padding: Any) -> Value:
    """Adds the nodes that move each row's padding, in ids or strings [N, S], behind the rest, whose order they keep."""
    size = width(op, rows)
    position = op.Range(0, size, 1)
    place = op.Where(op.Equal(rows, padding), op.Add(position, size), position)
    _, order = op.TopK(place, op.Shape(rows, start=1, end=2), axis=1, largest=0, sorted=1, _outputs=2)
    return op.GatherElements(rows, order, axis=1)


def loop(
    op: Op,
    name: str,
    body: Callable[..., Sequence[Value]],
    *,
    steps: Value | None,
    going: Value,
    carried: Iterable[tuple[Value, ir.DataType, int]],
    gathered: Iterable[tuple[ir.DataType, int]] = (),
) -> list[Value]:
    """Adds a ``Loop``.

    Args:
        op: Adds the nodes.
        name: The name of the body's graph.
        body: Takes ``op``, the number of the step and the carried values. It returns whether to continue, the new
            carried values and the gathered values of the step.
        steps: The maximum number of steps; None for no limit.
        going: Whether to take the first step.
        carried: The initial carried values, with their types and ranks; no strings, for which ``_concatenated`` has the
            reason.
        gathered: The types and ranks of a step's gathered values, without the dimension of the steps.

    Returns:
        The final carried values, and the gathered values of all steps, [steps, …].
    """
    values, kinds, ranks = zip(*carried, strict=True)

    def declared(role: str, types: Iterable[tuple[ir.DataType, int]]) -> list[ir.Value]:
        return [
            ir.Value(name=f"{name}_{role}_{number}", type=ir.TensorType(kind), shape=ir.Shape([None] * rank))
            for number, (kind, rank) in enumerate(types)
        ]

    state = list(zip(kinds, ranks, strict=True))
    results = [*state, *gathered]
    graph = op.builder.subgraph(
        lambda op, step, _going, *carried: body(op, step, *carried),
        declared("before", [(INT64, 0), (BOOL, 0), *state]),
        declared("after", [(BOOL, 0), *results]),
        name=name,
    )
    outputs = op.Loop(steps, going, *values, body=graph, _outputs=len(results))
    return [outputs] if len(results) == 1 else list(outputs)


def declare(texts: Value, rank: int) -> Value:
    """Declares the type and rank of strings that can't be inferred, as of a custom operator, and returns them."""
    texts.type, texts.shape = ir.TensorType(ir.DataType.STRING), ir.Shape([None] * rank)
    return texts


def join(op: Op, pieces: Value) -> Value:
    """Adds the nodes that concatenate each row of string[N, T] into one string, string[N].

    A row is padded to a square. All its lines are concatenated at once, and then the lines with each other, so that it
    takes about ``2 √T`` steps::

        [a b c d e] ─► [a b c] ─► [abc de ⋅] ─► [abcde]
                       [d e ⋅]
                       [⋅ ⋅ ⋅]
    """
    size = width(op, pieces)
    side = op.Unsqueeze(op.Add(op.Cast(op.Sqrt(op.Cast(size, to=ir.DataType.DOUBLE)), to=INT64), 1), [0])
    rows = op.Shape(pieces, start=0, end=1)
    lacking = op.Concat(rows, op.Sub(op.Mul(side, side), size), axis=0)
    padded = op.Concat(pieces, op.Expand(strings(op, [""]), lacking), axis=1)
    square = op.Reshape(padded, op.Concat([0], side, side, axis=0))  # [N, lines, columns]
    lines = _concatenated(op, op.Transpose(square, perm=[2, 1, 0]), 2)  # [lines, N]
    return _concatenated(op, lines, 1)


def _concatenated(op: Op, pieces: Value, rank: int) -> Value:
    """Adds the nodes that concatenate string[T, …] along its first dimension; ``rank`` counts the others.

    It is a ``Scan``, as ONNX Runtime would put a ``Loop`` that carries strings onto a GPU, where strings can't be, and
    then refuse the file. ``Expand`` copies, as ``StringConcat`` appends to what the step before the last left in its
    output.
    """
    before, piece, after = (
        ir.Value(name=f"concatenated_{role}", type=ir.TensorType(STRING), shape=ir.Shape([None] * rank))
        for role in ("before", "piece", "after")
    )

    def append(op: Op, before: Value, piece: Value) -> list[Value]:
        return [op.Expand(op.StringConcat(before, piece), op.Shape(piece))]

    body = op.builder.subgraph(append, [before, piece], [after], name="concatenate")
    start = op.Expand(strings(op, [""]), op.Shape(pieces, start=1))
    return op.Scan(start, pieces, body=body, num_scan_inputs=1)
