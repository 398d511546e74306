"""Stitches the exported pieces of a search into one graph, text in and text out.

With ``N`` sources, ``S`` tokens of the longest, ``P`` of the longest prefix, ``K`` beams, ``T`` steps::

    source                     string [N]
      │  an empty text is added to an empty batch
      ▼
    source tokenizer ────────► ids [N, S], lengths [N]
      │
      │    beam_size ────────► beams [K]                         prefix            string [1] or [N]
      │    other settings      []                                  ▼
      ▼      ▼                                           target tokenizer ─────► [N, P]
    Start ◄──┴─────────────────────────────────────────────────────┘
      │  tokens, ended, scores [N, K]; leaves of the state and the extras [N, K, …]
      ▼
    Loop "search" ─ Step       carries tokens, ended, scores and the leaves that change;
      │                        the other leaves and all weights are read from outside
      │  tokens, parents of every step [T, N, K]; the last scores and extras
      ▼
    Finish ◄─ length_penalty
      │  ids [N, K, T], scores [N, K]
      ▼
    target tokenizer ────────► texts [N, K]
      │
      ▼
    distinct ────────────────► target [N], hypotheses [N, K], scores [N, K], without the added text

The same in Python::

    ids, lengths = source_tokenizer.encode(source or [""])
    tokens, ended, scores, leaves = start(ids, lengths, range(max(beam_size, 1)), *settings, prefix)
    every_token, every_parent, going = [], [], True
    for number in itertools.count():
        going, parents, tokens, ended, scores, leaves = step(number, tokens, ended, scores, leaves)
        every_token.append(tokens)
        every_parent.append(parents)
        if not going:
            break
    ids, scores = finish(every_token, every_parent, scores, extras(leaves), length_penalty)
    hypotheses, scores = distinct(target_tokenizer.decode(ids), scores)
    target = hypotheses[:len(source), 0]
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnxscript import GraphBuilder

from s2s_core.config.decoding import features_of, graph_inputs
from s2s_core.config.tables import RunConfig
from s2s_core.exporting.distinct import distinct
from s2s_core.exporting.finish import FLOAT, finish
from s2s_core.exporting.graph import add_outputs, finished, new_builder
from s2s_core.exporting.hoist import hoist
from s2s_core.exporting.pieces import Leaf, Pieces
from s2s_core.text import copies
from s2s_core.text.nodes import Op, Value
from s2s_core.text.onnx_text import BOOL, INT64, STRING, loop, never_empty
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import EOS, PAD

HYPOTHESIS_IDS = "hypothesis_ids"
"""The name of the ids [N, K, T] inside the graph, from which the hypotheses' texts are made."""

HYPOTHESIS_SCORES = "hypothesis_scores"
"""The name of their scores [N, K], before repeated texts are dropped."""

TRACE = ("kept_tokens", "kept_parents")
"""The names, inside the graph, of what the search kept in each step: its tokens and their parents, [T, N, K]."""

Carried = tuple[Value, ir.DataType, int]
"""A value that a loop carries: the first one, its type and its rank."""


def stitch(pieces: Pieces, tokenizers: tuple[Tokenizer, Tokenizer], config: RunConfig) -> ir.Model:
    """Returns the whole model, text to text.

    Args:
        pieces: The exported search.
        tokenizers: Of the source and of the target.
        config: Says which inputs the file has, and holds their defaults.
    """
    source_tokenizer, target_tokenizer = tokenizers
    builder = new_builder("s2s")
    op = builder.op
    source = builder.input("source", STRING, ["N"])
    settings = _settings(builder, config)
    count = op.Shape(source)
    sources = never_empty(op, source, count)
    if config.target.copy:
        tokens = copies.onnx_tokens(op, sources, source_tokenizer)  # [N, S]
        ids, lengths, settings["copies"] = copies.onnx_encode_source(op, tokens, tokenizers)  # [N, S], [N], [N, S]
    else:
        tokens = None
        ids, lengths = source_tokenizer.onnx_batch(op, sources)  # [N, S], [N]
    if config.export.prefix:
        settings["prefix"] = _prefix(builder, target_tokenizer, sources, tokens)
    hypothesis_ids, scores = _search(op, pieces, ids, lengths, settings)
    texts = _texts(op, target_tokenizer, hypothesis_ids, tokens)  # [N, K]
    if not config.decoding.sampling:  # equal samples count each
        texts, scores = distinct(op, texts, scores)
    add_outputs(builder, texts, scores, count)
    return finished(builder)


def _settings(builder: GraphBuilder, config: RunConfig) -> dict[str, Value]:
    """Adds an input for each setting of the search, whose default is the setting's own value."""
    inputs = graph_inputs(config.decoding, features_of(config.decoding, prefix=config.export.prefix))
    return {name: _input(builder, name, np.array(value, kind)) for name, kind, value in inputs}


def _input(builder: GraphBuilder, name: str, default: "np.generic | np.ndarray") -> Value:
    """Adds an input that may be left out."""
    tensor = ir.tensor(default, name=name)
    return builder.input(name, tensor.dtype, [], const_value=tensor)


def _prefix(builder: GraphBuilder, tokenizer: Tokenizer, sources: Value, tokens: Value | None) -> Value:
    """Adds the input ``prefix``, one text for all sources or one for each, and returns its ids [N, P] without EOS.

    Args:
        builder: Builds the graph.
        tokenizer: The target's.
        sources: The texts, [N].
        tokens: Their tokens, [N, S], if the model copies them.
    """
    op = builder.op
    tensor = ir.StringTensor([b""], shape=ir.Shape([1]), name="prefix")
    prefix = builder.input("prefix", STRING, [1], const_value=tensor)
    prefix.shape = ir.Shape(["P"])  # its default has one text, but another value may have more
    prefixes = never_empty(op, prefix, op.Shape(prefix))
    prefixes = op.Expand(prefixes, op.Shape(sources))
    if tokens is not None:
        return copies.onnx_encode_prefix(op, prefixes, tokens, tokenizer)
    ids, _ = tokenizer.onnx_batch(op, prefixes)
    return op.Where(op.Equal(ids, EOS), PAD, ids)


def _search(op: Op, pieces: Pieces, ids: Value, lengths: Value, settings: dict[str, Value]) -> tuple[Value, Value]:
    """Adds the search, and returns the ids of the hypotheses [N, K, T] and their scores [N, K]."""
    beams = op.Range(0, op.Max(settings["beam_size"], 1), 1)  # [K]
    first = _inline(op, pieces.start, [ids, lengths, beams, *(settings[name] for name in pieces.settings)])
    tokens, parents, scores, extras = _steps(op, pieces, first)
    tokens.name, parents.name = TRACE
    hypothesis_ids, scores = finish(op, tokens, parents, scores, extras, settings["length_penalty"])
    hypothesis_ids.name, scores.name = HYPOTHESIS_IDS, HYPOTHESIS_SCORES
    return hypothesis_ids, scores


def _steps(op: Op, pieces: Pieces, first: Sequence[Value]) -> tuple[Value, Value, Value, dict[str, Value]]:
    """Adds the loop over Step; returns all tokens and parents [T, N, K], the last scores [N, K] and the last extras.

    Args:
        op: Adds the nodes.
        pieces: The exported search.
        first: Tokens, whether beams have ended, scores and all leaves, as Start returns them.
    """
    tokens, ended, scores, *leaves = first

    def step(op: Op, number: Value, tokens: Value, ended: Value, scores: Value, *changing: Value) -> list[Value]:
        arguments = [number, tokens, ended, scores, *_merged(pieces, leaves, changing)]
        going, parents, tokens, *after = _inline(op, pieces.step, arguments)
        return [going, tokens, *after, op.Identity(tokens), op.Identity(parents)]

    beams = [(tokens, INT64, 2), (ended, BOOL, 2), (scores, FLOAT, 2)]
    changing = [_carried(leaf, about) for leaf, about in zip(leaves, pieces.leaves, strict=True) if not about.invariant]
    _, _, scores, *changed, every_token, every_parent = loop(
        op, "search", step, steps=None, going=True, carried=[*beams, *changing], gathered=[(INT64, 2)] * 2
    )
    hoist(every_token.producer())
    extras = dict(zip(pieces.extras, _merged(pieces, leaves, changed)[-len(pieces.extras) :], strict=True))
    return every_token, every_parent, scores, extras


def _carried(first: Value, leaf: Leaf) -> Carried:
    return first, ir.tensor(leaf.example).dtype, leaf.example.dim()


def _merged(pieces: Pieces, first: Sequence[Value], changed: Sequence[Value]) -> list[Value]:
    """Returns all leaves: those that never change as they were at first, the others from ``changed``."""
    latest = iter(changed)
    return [old if leaf.invariant else next(latest) for old, leaf in zip(first, pieces.leaves, strict=True)]


def _texts(op: Op, tokenizer: Tokenizer, ids: Value, tokens: Value | None) -> Value:
    """Adds the nodes that turn ids [N, K, T] into texts [N, K].

    Args:
        op: Adds the nodes.
        tokenizer: The target's.
        ids: Of the hypotheses.
        tokens: The sources' tokens, [N, S], if the model copies them.
    """
    rows = _rows(op, ids)  # [N·K, T]
    if tokens is None:
        texts = tokenizer.onnx_decode(op, rows)  # [N·K]
    else:
        size = op.Concat(op.Shape(ids, start=0, end=2), op.Shape(tokens, start=1, end=2), axis=0)
        every = _rows(op, op.Expand(op.Unsqueeze(tokens, [1]), size))  # [N·K, S]
        texts = copies.onnx_decode(op, rows, every, tokenizer)
    return op.Reshape(texts, op.Shape(ids, start=0, end=2))  # [N, K]


def _rows(op: Op, values: Value) -> Value:
    """Adds the nodes that make one row of each hypothesis, [N·K, T], of values [N, K, T]."""
    return op.Reshape(values, op.Concat([-1], op.Shape(values, start=2, end=3), axis=0))


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
