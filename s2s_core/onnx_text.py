"""Operations on strings that ONNX lacks, for tokenizers to emit."""

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir

Op = Any
Value = Any


def strings(op: Op, texts: Sequence[str]) -> Value:
    """Adds constant strings and returns string[len(texts)]."""
    tensor = ir.StringTensor([text.encode() for text in texts], shape=ir.Shape([len(texts)]), name="strings")
    return op.initializer(tensor, f"strings_{len(op.builder.root.graph.initializers)}")


def declare(texts: Value, rank: int) -> Value:
    """Says that a value is strings of a rank, where that can't be inferred, and returns it."""
    texts.type, texts.shape = ir.TensorType(ir.DataType.STRING), ir.Shape([None] * rank)
    return texts


def join(op: Op, pieces: Value) -> Value:
    """Adds the nodes that join each row of string[N, T] into one of string[N]; T is at least 1.

    A loop halves the rows until one column is left::

        [a b c d e] ─► [ab cd e] ─► [abcd e] ─► [abcde]
    """
    row_ends = op.Expand(strings(op, [""]), op.Concat(op.Shape(pieces, start=0, end=1), [1], axis=0))  # [N, 1]

    def halve(op: Op, _iteration: Value, _going: Value, row: Value) -> tuple[Value, Value]:
        half = op.Div(op.Add(op.Shape(row, start=1, end=2), 1), 2)
        even = op.Concat(row, row_ends, axis=1)
        left = op.Slice(even, [0], op.Mul(half, 2), [1], [2])
        right = op.Slice(even, [1], op.Mul(half, 2), [1], [2])
        return op.Squeeze(op.Greater(half, 1), [0]), op.StringConcat(left, right)

    string, flag, number = (ir.TensorType(kind) for kind in (ir.DataType.STRING, ir.DataType.BOOL, ir.DataType.INT64))
    body = op.builder.subgraph(
        halve,
        [
            ir.Value(name="join_iteration", type=number, shape=ir.Shape([])),
            ir.Value(name="join_going_before", type=flag, shape=ir.Shape([])),
            ir.Value(name="join_row", type=string, shape=ir.Shape([None, None])),
        ],
        [ir.Value(name="join_going", type=flag), ir.Value(name="join_halved", type=string)],
        name="join",
    )
    several = op.Squeeze(op.Greater(op.Shape(pieces, start=1, end=2), 1), [0])
    return op.Squeeze(op.Loop(None, several, pieces, body=body), [1])
