"""ONNX nodes that run by themselves, such as those of a tokenizer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from s2s_core.data.pairs import Ids
from s2s_core.text.nodes import Op, Value
from s2s_core.text.tokenizer import Tokenizer


class Graph:
    """Nodes between one input and one or more outputs, as export cleans and ONNX Runtime runs them.

    Args:
        build: Adds the nodes. It takes an operator builder and the input, and returns the outputs.
        kind: The type of the input: ``object`` for texts, or ``numpy.int64``.
        rank: The input's.
    """

    def __init__(self, build: Callable[[Op, Value], Sequence[Value]], kind: type = object, rank: int = 1) -> None:
        import onnx_ir as ir  # noqa: PLC0415  # tasks and metrics are examined without ONNX
        import onnxruntime  # noqa: PLC0415

        from s2s_core.exporting.graph import finished, new_builder  # noqa: PLC0415

        self._kind = kind
        builder = new_builder("examined")
        given = ir.DataType.STRING if kind is object else ir.DataType.INT64
        for number, value in enumerate(build(builder.op, builder.input("given", given, ["N", "T"][:rank]))):
            builder.add_output(value, f"found_{number}")
        model = ir.to_proto(finished(builder)).SerializeToString()
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def __call__(self, given: Any) -> list[Any]:
        """Returns the outputs as arrays."""
        outputs: list[Any] = self._session.run(None, {"given": np.array(given, self._kind)})
        return outputs


class TokenizerGraph:
    """A tokenizer's front and back, as two graphs.

    Args:
        tokenizer: Emits their nodes.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._front = Graph(tokenizer.onnx_encode)
        self._back = Graph(lambda op, ids: [tokenizer.onnx_decode(op, ids)], np.int64, 2)

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Returns the padded ids of texts, with EOS, and their lengths."""
        ids, lengths = self._front(texts)
        return ids, lengths

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Returns the texts of padded rows of ids, at least one wide."""
        texts: list[str] = self._back(ids)[0].tolist()
        return texts
