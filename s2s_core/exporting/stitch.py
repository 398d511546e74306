"""Stitches the pieces into one graph.

::

    source ─► guard ─► source tokenizer ─► Start ─► Loop(Step) ─► Finish ─► target tokenizer ─► target, hypotheses
              (empty     string → ids                (ends when                ids → string      scores
               batch)                                 all beams have)
    prefix ─► target tokenizer ──────────►
    beam_size, other settings ───────────►
    length_penalty ──────────────────────────────────────────────►
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnxscript import GraphBuilder

from s2s_core.config.inputs import chosen, features
from s2s_core.config.tables import RunConfig
from s2s_core.exporting.graph import finished, free_shape, new_builder
from s2s_core.exporting.hoist import hoist
from s2s_core.exporting.pieces import Leaf, Pieces
from s2s_core.text.nodes import Op, Value
from s2s_core.text.onnx_text import strings
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import EOS, PAD

HYPOTHESIS_IDS = "hypothesis_ids"
"""The name of the ids [N, K, T] inside the graph, from which the hypotheses' texts are made."""

TRACE = ("kept_tokens", "kept_parents")
"""The names of what each step of the search kept, inside the graph: the tokens and the beams before, [T, N, K]."""

INT64, FLOAT, BOOL, STRING = (
    ir.TensorType(kind) for kind in (ir.DataType.INT64, ir.DataType.FLOAT, ir.DataType.BOOL, ir.DataType.STRING)
)


def stitch(pieces: Pieces, tokenizers: tuple[Tokenizer, Tokenizer], config: RunConfig) -> ir.Model:
    """Returns the whole model, text to text.

    Args:
        pieces: Of the search.
        tokenizers: Of the source and of the target.
        config: Holds the defaults of the file's inputs, and says which there are.
    """
    builder = new_builder("s2s")
    op = builder.op
    source = builder.input("source", ir.DataType.STRING, ["N"])
    settings = {
        name: _input(builder, name, np.array(value, kind))
        for name, kind, value in chosen(config.decoding, features(config.decoding, prefix=config.export.prefix))
    }
    beam_size, length_penalty = settings.pop("beam_size"), settings.pop("length_penalty")

    count = op.Shape(source)
    sources = _never_empty(op, source, count)
    ids, lengths = tokenizers[0].onnx_encode(op, sources)
    if config.export.prefix:
        settings["prefix"] = _prefix(builder, tokenizers[1], sources)
    beams = op.Range(0, op.Max(beam_size, 1), 1)
    given = [settings[name] for name in pieces.settings]
    tokens, parents, log_probabilities, extras = _search(op, pieces, [ids, lengths, beams, *given])
    searched = [tokens, parents, log_probabilities, *extras, length_penalty]
    found, scores = _inline(op, pieces.finish, searched)  # [N, K, T]
    found.name = HYPOTHESIS_IDS

    rows = op.Reshape(found, op.Concat([-1], op.Shape(found, start=2, end=3), axis=0))  # [N·K, T]
    texts = op.Reshape(tokenizers[1].onnx_decode(op, rows), op.Shape(found, start=0, end=2))  # [N, K]
    hypotheses = op.Slice(texts, [0], count, [0])
    target = op.Squeeze(op.Slice(hypotheses, [0], [1], [1]), [1])
    _output(builder, target, "target", STRING, ["N"])
    _output(builder, hypotheses, "hypotheses", STRING, ["N", "K"])
    _output(builder, op.Slice(scores, [0], count, [0]), "scores", FLOAT, ["N", "K"])
    return finished(builder)


def _input(builder: GraphBuilder, name: str, default: "np.generic | np.ndarray") -> Value:
    """Adds an input that may be left out."""
    tensor = ir.tensor(default, name=name)
    return builder.input(name, tensor.dtype, [], const_value=tensor)


def _output(builder: GraphBuilder, value: Value, name: str, kind: ir.TensorType, shape: Sequence[str]) -> None:
    value.type, value.shape = kind, ir.Shape(shape)
    builder.add_output(value, name)


def _never_empty(op: Op, source: Value, count: Value) -> Value:
    """Adds an empty text to an empty batch, on which recurrent operators would crash."""
    missing = op.Cast(op.Equal(count, [0]), to=ir.DataType.INT64)
    return op.Concat(source, op.Expand(strings(op, [""]), missing), axis=0)


def _prefix(builder: GraphBuilder, tokenizer: Tokenizer, sources: Value) -> Value:
    """Adds the input ``prefix``, one text for all sources or one for each, and returns ids [N, P] without an end."""
    op = builder.op
    tensor = ir.StringTensor([b""], shape=ir.Shape([1]), name="prefix")
    prefix = builder.input("prefix", ir.DataType.STRING, [1], const_value=tensor)
    prefix.shape = ir.Shape(["P"])  # its default has one text, but another value may have more
    given = _never_empty(op, prefix, op.Shape(prefix))
    ids, _ = tokenizer.onnx_encode(op, op.Expand(given, op.Shape(sources)))
    return op.Where(op.Equal(ids, EOS), PAD, ids)


def _search(op: Op, pieces: Pieces, inputs: Sequence[Value]) -> tuple[Value, Value, Value, list[Value]]:
    """Adds Start and the loop over Step; returns all tokens and parents [T, N, K], the last scores and the extras."""
    tokens, finished, scores, *state = _inline(op, pieces.start, inputs)
    changed = [leaf for leaf, about in zip(state, pieces.leaves, strict=True) if not about.invariant]

    def all_leaves(changed: Sequence[Value]) -> list[Value]:
        new = iter(changed)
        return [old if about.invariant else next(new) for old, about in zip(state, pieces.leaves, strict=True)]

    def body(op: Op, iteration: Value, _going: Value, *carried: Value) -> list[Value]:
        arguments = [iteration, *carried[:3], *all_leaves(carried[3:])]
        going, parents, tokens, finished, scores, *changed = _inline(op, pieces.step, arguments)
        return [going, tokens, finished, scores, *changed, op.Identity(tokens), op.Identity(parents)]

    row = (
        ir.TypeAndShape(INT64, free_shape(2)),
        ir.TypeAndShape(BOOL, free_shape(2)),
        ir.TypeAndShape(FLOAT, free_shape(2)),
    )
    carried = [*row, *(_type_of(about) for about in pieces.leaves if not about.invariant)]
    going, picks = ir.TypeAndShape(BOOL, free_shape(0)), [row[0]] * 2
    graph = op.builder.subgraph(
        body,
        _declare("before", [ir.TypeAndShape(INT64, free_shape(0)), going, *carried]),
        _declare("after", [going, *carried, *picks]),
        name="search",
    )
    results = op.Loop(None, True, tokens, finished, scores, *changed, body=graph, _outputs=len(carried) + 2)  # noqa: FBT003
    hoist(results[0].producer())
    extras = all_leaves(results[3:-2])[-pieces.extras :]
    for name, kept in zip(TRACE, results[-2:], strict=True):
        kept.name = name
    return results[-2], results[-1], results[2], extras


def _declare(name: str, types: Sequence[ir.TypeAndShape]) -> list[Value]:
    """Returns new values for what a loop's body takes or gives."""
    return [ir.Value(name=f"{name}_{number}", type=about.type, shape=about.shape) for number, about in enumerate(types)]


def _type_of(leaf: Leaf) -> ir.TypeAndShape:
    return ir.TypeAndShape(ir.TensorType(ir.tensor(leaf.example).dtype), free_shape(leaf.example.dim()))


def _inline(op: Op, piece: ir.Model, arguments: Sequence[Value]) -> list[Value]:
    """Adds a piece's nodes. Its weights become the whole graph's, where ONNX Runtime can prepare them once."""
    graph, root = piece.graph, op.builder.root.graph
    for name, value in list(graph.initializers.items()):
        assert value.const_value is not None  # noqa: S101  # it is what an initializer has
        del graph.initializers[name]
        value.name = f"{name}.{len(root.initializers)}"
        value.const_value = ir.tensor(np.array(value.const_value.numpy(), order="C"), name=value.name)
        root.register_initializer(value)
    function = ir.Function("s2s", graph.name or "piece", graph=graph, attributes={})
    return list(op.builder.call_inline(function, *arguments))
