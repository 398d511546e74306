"""Operations on strings that ONNX lacks, for tokenizers to emit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from s2s_core.text.nodes import Op, Value
from s2s_core.text.vocabulary import PAD, UNK

INT64, BOOL, STRING = ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.STRING


def strings(op: Op, texts: Sequence[str | bytes]) -> Value:
    """Adds constant strings, of text or of raw bytes, and returns string[len(texts)]."""
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    tensor = ir.StringTensor(encoded, shape=ir.Shape([len(texts)]), name="strings")
    return op.initializer(tensor, f"strings_{len(op.builder.root.graph.initializers)}")


def numbers(op: Op, values: Any) -> Value:
    """Adds constant whole numbers, nested to any depth, and stores them in few bytes."""
    array = np.array(values, np.int64)
    small = array.astype(np.int16) if np.abs(array).max(initial=0) < 2**15 else array
    stored = op.initializer(ir.tensor(small), f"numbers_{len(op.builder.root.graph.initializers)}")
    return op.Cast(stored, to=INT64) if small is not array else stored


def lookup(op: Op, texts: Value, table: Mapping[str, int], default: int = UNK) -> Value:
    """Adds the node that replaces strings of any shape by numbers."""
    return op.LabelEncoder(
        texts,
        _domain="ai.onnx.ml",
        _version=4,
        keys_strings=list(table),
        values_int64s=list(table.values()),
        default_int64=default,
    )


def replace(op: Op, given: Value, table: Mapping[int, int], default: int) -> Value:
    """Adds the node that replaces numbers of any shape by others."""
    return op.LabelEncoder(
        given,
        _domain="ai.onnx.ml",
        _version=4,
        keys_int64s=list(table),
        values_int64s=list(table.values()),
        default_int64=default,
    )


def characters(op: Op, texts: Value) -> Value:
    """Adds ``com.microsoft.Tokenizer``, as no standard operator splits string[N] into characters, string[N, S]."""
    split = op.Tokenizer(texts, _domain="com.microsoft", tokenexp="(?s).", mark=0, mincharnum=1, pad_value="")
    return declare(split, rank=2)


def width(op: Op, rows: Value) -> Value:
    """Adds the nodes that give the number of columns of [N, S], a scalar."""
    return op.Squeeze(op.Shape(rows, start=1, end=2), [0])


def column(op: Op, rows: Value, value: Value) -> Value:
    """Adds the nodes that append a column of one value to [N, S]."""
    return op.Concat(rows, op.Expand(value, op.Concat(op.Shape(rows, start=0, end=1), [1], axis=0)), axis=1)


def pack(op: Op, ids: Value) -> Value:
    """Adds the nodes that move each row's padding, in int64[N, S], behind its ids, whose order stays."""
    size = width(op, ids)
    position = op.Range(0, size, 1)
    place = op.Where(op.Equal(ids, PAD), op.Add(position, size), position)
    _, order = op.TopK(place, op.Shape(ids, start=1, end=2), axis=1, largest=0, sorted=1, _outputs=2)
    return op.GatherElements(ids, order, axis=1)


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
        name: What to call it.
        body: Takes ``op``, the number of the step and the carried values. It returns whether to go on, the carried
            values and those that are gathered.
        steps: The most steps.
        going: Whether to take the first step.
        carried: First values, their types and ranks.
        gathered: Types and ranks of what each step adds to results of its own, without the steps' dimension.

    Returns:
        The last carried values, and the gathered ones [steps, …].
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
    found = op.Loop(steps, going, *values, body=graph, _outputs=len(results))
    return [found] if len(results) == 1 else list(found)


def declare(texts: Value, rank: int) -> Value:
    """Says that a value is strings of a rank, where that can't be inferred, and returns it."""
    texts.type, texts.shape = ir.TensorType(ir.DataType.STRING), ir.Shape([None] * rank)
    return texts


def join(op: Op, pieces: Value) -> Value:
    """Adds the nodes that join each row of string[N, T] into one of string[N]; T is at least 1.

    A loop halves the rows until one column is left::

        [a b c d e] ─► [ab cd e] ─► [abcd e] ─► [abcde]
    """
    empty = strings(op, [""])

    def halve(op: Op, _step: Value, row: Value) -> tuple[Value, Value]:
        half = op.Div(op.Add(op.Shape(row, start=1, end=2), 1), 2)
        even = column(op, row, empty)
        left = op.Slice(even, [0], op.Mul(half, 2), [1], [2])
        right = op.Slice(even, [1], op.Mul(half, 2), [1], [2])
        return op.Squeeze(op.Greater(half, 1), [0]), op.StringConcat(left, right)

    several = op.Greater(width(op, pieces), 1)
    (joined,) = loop(op, "join", halve, steps=None, going=several, carried=[(pieces, STRING, 2)])
    return op.Squeeze(joined, [1])
