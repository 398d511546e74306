"""Runs ONNX nodes on their own, such as those of a tokenizer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from s2s_core.data.pairs import Ids
from s2s_core.text.nodes import Op, Value
from s2s_core.text.tokenizer import Tokenizer


class Graph:
    """Nodes between one input and one or more outputs, cleaned as an export does and run by ONNX Runtime.

    Args:
        build: Adds the nodes; it takes an operator builder and the input, and returns the outputs.
        kind: The type of the input: ``object`` for texts, or ``numpy.int64``.
        rank: The rank of the input.
    """

    def __init__(self, build: Callable[[Op, Value], Sequence[Value]], kind: type = object, rank: int = 1) -> None:
        import onnx_ir as ir  # noqa: PLC0415  # tasks and metrics are examined without ONNX
        import onnxruntime  # noqa: PLC0415

        from s2s_core.exporting.graph import finished, new_builder  # noqa: PLC0415

        self._kind = kind
        builder = new_builder("examined")
        dtype = ir.DataType.STRING if kind is object else ir.DataType.INT64
        for number, value in enumerate(build(builder.op, builder.input("input", dtype, ["N", "T"][:rank]))):
            builder.add_output(value, f"output_{number}")
        model = ir.to_proto(finished(builder)).SerializeToString()
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def __call__(self, values: Any) -> list[Any]:
        """Returns the outputs for the values of the input, as arrays."""
        outputs: list[Any] = self._session.run(None, {"input": np.array(values, self._kind)})
        return outputs


class TokenizerGraph:
    """A tokenizer's encoding and decoding, as two graphs.

    Args:
        tokenizer: Emits the nodes.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._front = Graph(tokenizer.onnx_batch)
        self._back = Graph(lambda op, ids: [tokenizer.onnx_decode(op, ids)], np.int64, 2)

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Returns the padded ids of texts with EOS, and their lengths."""
        ids, lengths = self._front(texts)
        return ids, lengths

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Returns the texts of padded rows of ids, which have at least one column."""
        texts: list[str] = self._back(ids)[0].tolist()
        return texts
