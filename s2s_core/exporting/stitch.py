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
      │  tokens, ended, scores [N, K]; leaves of the state [N·K, …], of the extras [N, K, …]
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

A file that scores given answers has Start and a second loop over Step once more, with one beam that is forced to write
the input ``answer``, and the output ``answer_scores`` [N].

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

import functools
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnxscript import GraphBuilder

from s2s_core.config.decoding import features_of, graph_inputs
from s2s_core.config.tables import RunConfig
from s2s_core.decoding.start import LONGEST
from s2s_core.exporting.distinct import distinct
from s2s_core.exporting.finish import finish
from s2s_core.exporting.graph import FLOAT, add_output, add_outputs, finished, new_builder
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

LOG_PROBABILITIES = "log_probabilities"
"""The name of the log-probabilities of the beams after the last step, [N, K]."""

ORDER = "order"
"""The name of the beams' order: the beam that each hypothesis is, [N, K]."""

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
    texts_of = functools.partial(_target_ids, op, target_tokenizer, tokens)
    required = config.export.required_inputs
    if config.export.prefix:
        prefix = texts_of(_text_input(builder, "prefix", sources, required=required))
        settings["prefix"] = op.Where(op.Equal(prefix, EOS), PAD, prefix)
    elif config.export.scorer:  # whose loop needs one
        settings["prefix"] = op.Expand(PAD, op.Concat(op.Shape(sources), [1], axis=0))
    hypothesis_ids, scores = _search(op, pieces, ids, lengths, settings)
    texts = _texts(op, target_tokenizer, hypothesis_ids, tokens)  # [N, K]
    if not config.decoding.sampling:  # equal samples count each
        texts, scores = distinct(op, texts, scores)
    add_outputs(builder, texts, scores, count)
    if config.export.scorer:
        answer = texts_of(_text_input(builder, "answer", sources, required=required))
        answer_scores = _forced(op, pieces, ids, lengths, {**settings, "prefix": answer})
        add_output(builder, op.Slice(answer_scores, [0], count, [0]), "answer_scores", FLOAT, ["N"])
    return finished(builder)


def _settings(builder: GraphBuilder, config: RunConfig) -> dict[str, Value]:
    """Adds an input for each setting of the search, whose default is the setting's own value."""
    inputs = graph_inputs(config.decoding, features_of(config.decoding, prefix=config.export.prefix))
    required = config.export.required_inputs
    return {
        name: _input(builder, name, ir.tensor(np.array(value, kind), name=name), [], required=name in required)
        for name, kind, value in inputs
    }


def _input(
    builder: GraphBuilder, name: str, default: ir.TensorProtocol, shape: Sequence[int], *, required: bool
) -> Value:
    """Adds an input, which may be left out unless it is required."""
    kind = default.dtype
    return builder.input(name, kind, shape) if required else builder.input(name, kind, shape, const_value=default)


def _text_input(builder: GraphBuilder, name: str, sources: Value, *, required: Sequence[str]) -> Value:
    """Adds an input of texts, one for all sources or one for each, and returns one for each, [N]."""
    op = builder.op
    default = ir.StringTensor([b""], shape=ir.Shape([1]), name=name)
    given = _input(builder, name, default, [1], required=name in required)
    given.shape = ir.Shape(
        ["P" if name == "prefix" else "A"]
    )  # its default has one text, but another value may have more
    return op.Expand(never_empty(op, given, op.Shape(given)), op.Shape(sources))


def _target_ids(op: Op, tokenizer: Tokenizer, tokens: Value | None, texts: Value) -> Value:
    """Adds the nodes that encode targets, [N], and returns their ids with EOS, padded, [N, P].

    Args:
        op: Adds the nodes.
        tokenizer: The target's.
        tokens: The sources' tokens, [N, S], if the model copies them.
        texts: The targets, or how they begin.
    """
    if tokens is not None:
        return copies.onnx_encode_target(op, texts, tokens, tokenizer)
    ids, _ = tokenizer.onnx_batch(op, texts)
    return ids


def _search(op: Op, pieces: Pieces, ids: Value, lengths: Value, settings: dict[str, Value]) -> tuple[Value, Value]:
    """Adds the search, and returns the ids of the hypotheses [N, K, T] and their scores [N, K]."""
    beams = op.Range(0, op.Max(settings["beam_size"], 1), 1)  # [K]
    first = _inline(op, pieces.start, [ids, lengths, beams, *(settings[name] for name in pieces.settings)])
    tokens, parents, scores, extras = _steps(op, pieces, first, "search")
    tokens.name, parents.name = TRACE
    scores.name = LOG_PROBABILITIES
    hypothesis_ids, scores, order = finish(op, tokens, parents, scores, extras, settings["length_penalty"])
    hypothesis_ids.name, scores.name, order.name = HYPOTHESIS_IDS, HYPOTHESIS_SCORES, ORDER
    return hypothesis_ids, scores


def _forced(op: Op, pieces: Pieces, ids: Value, lengths: Value, settings: dict[str, Value]) -> Value:
    """Adds a search that can't but find given answers, its prefixes, which have EOS; returns their scores [N]."""
    free = {"max_length": op.Constant(value_int=LONGEST)}
    first = _inline(
        op,
        pieces.start,
        [ids, lengths, op.Constant(value_ints=[0]), *({**settings, **free}[name] for name in pieces.settings)],
    )
    _, _, scores, _ = _steps(op, pieces, first, "forced")
    return op.Squeeze(scores, [1])


def _steps(op: Op, pieces: Pieces, first: Sequence[Value], name: str) -> tuple[Value, Value, Value, dict[str, Value]]:
    """Adds the loop over Step; returns all tokens and parents [T, N, K], the last scores [N, K] and the last extras.

    Args:
        op: Adds the nodes.
        pieces: The exported search.
        first: Tokens, whether beams have ended, scores and all leaves, as Start returns them.
        name: The loop's.
    """
    tokens, ended, scores, *leaves = first

    def step(op: Op, number: Value, tokens: Value, ended: Value, scores: Value, *changing: Value) -> list[Value]:
        arguments = [number, tokens, ended, scores, *_merged(pieces, leaves, changing)]
        going, parents, tokens, *after = _inline(op, pieces.step, arguments)
        return [going, tokens, *after, op.Identity(tokens), op.Identity(parents)]

    beams = [(tokens, INT64, 2), (ended, BOOL, 2), (scores, FLOAT, 2)]
    changing = [_carried(leaf, about) for leaf, about in zip(leaves, pieces.leaves, strict=True) if not about.invariant]
    _, _, scores, *changed, every_token, every_parent = loop(
        op, name, step, steps=None, going=True, carried=[*beams, *changing], gathered=[(INT64, 2)] * 2
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
