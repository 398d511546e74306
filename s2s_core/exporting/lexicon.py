"""The lexicon in a file's graph: its nodes, and the entries of a file that has one.

With ``N`` sources, ``M`` of them without an entry, ``K`` beams, ``L`` entries and ``J`` answers at most::

    source                     string [N]
      │  an empty text is added to an empty batch
      ▼
    normalise, LabelEncoder ─► rows of the tables [N], the last row for sources without an entry
      │
      ├─► those without an entry [M] ─► the model ─► hypotheses, scores [M, K]
      ▼                                                 │
    answers, scores [L + 1, J] ─► [N, K] ◄── ScatterND ─┘
                                    ▼
                                  target [N], hypotheses [N, K], scores [N, K]
"""

from typing import Any

import numpy as np
import onnx_ir as ir

from s2s_core.data.lexicon import Entries
from s2s_core.exporting.graph import FLOAT, add_output, add_outputs, builder_of, finished
from s2s_core.text.nodes import Op, Value
from s2s_core.text.onnx_text import STRING, never_empty, strings, width
from s2s_core.text.tokenizer import Tokenizer

ANSWERS, SCORES = "lexicon_answers", "lexicon_scores"
"""The names of the tables [L + 1, J] in the graph; their last row is for sources without an entry."""

ROWS = "lexicon_rows"
"""The name of the entries' rows [N] in the graph."""

LAST = -1
"""The row of a source without an entry: the last one of the tables, counted from their end."""

CERTAIN, NEVER = 0.0, float("-inf")
"""The scores of an entry's answer, the logarithm of probability 1, and of what fills up its row."""

NOBODY = "\0"
"""The only key of a lexicon without entries, as the node needs one: no source of ``s2s`` has it."""

MODEL, LEXICON, SOURCE = "model", "lexicon", "source"
"""Where an answer is from, in the words of the output ``origin``."""

_KEYS = "keys_strings"

_TEXTS = ("source", "prefix", "answer")
"""The inputs that are texts, one for each source."""


def with_lexicon(
    model: ir.Model, entries: Entries, tokenizer: Tokenizer, *, origin: bool = False, answerable: str = ""
) -> ir.Model:
    """Returns a model that has a lexicon before it.

    Args:
        model: A file's, without a lexicon. It is changed.
        entries: The lexicon's.
        tokenizer: The source's, which normalises.
        origin: Whether the file tells where each answer is from.
        answerable: A regular expression of the normalised sources that the model is asked for. Others are their own
            answers. If it is empty, the model is asked for all.
    """
    graph = model.graph
    outputs = {value.name: value for value in graph.outputs}
    graph.outputs.clear()
    for value in outputs.values():
        value.name = f"model_{value.name}"
    inputs = {value.name: (value, list(value.uses())) for value in graph.inputs if value.name in _TEXTS}
    builder = builder_of(model)
    op = builder.op
    count = op.Shape(graph.inputs[0])
    given = {name: never_empty(op, value, op.Shape(value)) for name, (value, _) in inputs.items()}
    size = op.Shape(given["source"])  # Reshape refuses other numbers of texts, which Expand alone would take for N = 1
    given = {name: op.Reshape(op.Expand(value, size), size) for name, value in given.items()}  # [N]
    keys = tokenizer.normalize.onnx(op, given["source"])
    rows = op.LabelEncoder(keys, _domain="ai.onnx.ml", _version=4, **_labels(entries))  # [N]
    rows.name = ROWS
    is_kept = _is_kept(op, rows, keys, answerable)
    is_asked = _is_asked(op, rows, is_kept, given)
    asked = op.Squeeze(op.NonZero(is_asked), [0])  # [M]
    for name, (_, uses) in inputs.items():
        chosen = op.Gather(given[name], asked)
        for node, place in uses:
            node.replace_input_with(place, chosen)
    tables = {name: op.initializer(tensor, name) for name, tensor in _tables(entries).items()}
    texts, scores = (_looked_up(op, tables[name], rows) for name in (ANSWERS, SCORES))  # [N, J]
    if is_kept is not None:
        first = op.And(op.Unsqueeze(is_kept, [1]), op.Equal(op.Range(0, width(op, texts), 1), 0))  # [N, J]
        texts = op.Where(first, op.Unsqueeze(given["source"], [1]), texts)
        scores = op.Where(first, CERTAIN, scores)
    nothing = strings(op, [""])
    add_outputs(
        builder,
        _merged(op, texts, asked, outputs["hypotheses"], nothing),
        _merged(op, scores, asked, outputs["scores"], NEVER),
        count,
    )

    def of_all(name: str, known: Value) -> None:
        """Adds an output [N], of what is known of entries, and of what the model found, [M]."""
        merged = op.ScatterND(known, op.Unsqueeze(asked, [1]), outputs[name])
        add_output(builder, op.Slice(merged, [0], count, [0]), name, FLOAT, ["N"])

    if "confidence" in outputs:
        of_all("confidence", op.Expand(1.0, op.Shape(rows)))
    if "answer_scores" in outputs:
        is_entry = op.Equal(texts, op.Unsqueeze(given["answer"], [1]))  # [N, J]
        of_all("answer_scores", op.ReduceMax(op.Where(is_entry, scores, NEVER), [1], keepdims=0))
    if origin:
        names = op.Where(is_asked, strings(op, [MODEL]), strings(op, [LEXICON]))
        if is_kept is not None:
            names = op.Where(is_kept, strings(op, [SOURCE]), names)
        add_output(builder, op.Slice(names, [0], count, [0]), "origin", STRING, ["N"])
    graph.sort()
    return finished(builder)


def has_lexicon(model: ir.Model) -> bool:
    """Whether a model has a lexicon, perhaps without entries."""
    return _node(model.graph) is not None


def entries_of(model: ir.Model) -> Entries:
    """Returns the entries of a model's lexicon; none if it has no lexicon."""
    node = _node(model.graph)
    if node is None:
        return {}
    keys = node.attributes[_KEYS].as_strings()
    answers, scores = (_content(model.graph, name)[:-1] for name in (ANSWERS, SCORES))
    return {
        key: tuple(answer for answer, score in zip(*row, strict=True) if score == CERTAIN)
        for key, *row in zip(keys, answers, scores, strict=True)
        if key != NOBODY
    }


def replace_entries(model: ir.Model, entries: Entries) -> None:
    """Replaces the entries of a model that has a lexicon."""
    node = _node(model.graph)
    assert node is not None  # noqa: S101  # who calls this has seen its entries
    for attribute in ir.convenience.convert_attributes(_labels(entries)):
        node.attributes[attribute.name] = attribute
    for name, tensor in _tables(entries).items():
        table = model.graph.initializers[name]
        table.const_value, table.shape = tensor, ir.Shape(tensor.numpy().shape)


def _labels(entries: Entries) -> dict[str, Any]:
    """Returns the attributes of the node that finds an entry's row."""
    keys = list(entries) or [NOBODY]
    return {_KEYS: keys, "values_int64s": list(range(len(keys))), "default_int64": LAST}


def _tables(entries: Entries) -> dict[str, ir.TensorProtocol]:
    """Returns the tables of answers and scores, each row padded with empty texts and minus infinity."""
    most = max(map(len, entries.values()), default=1)
    rows = [*(entries.values() or [()]), ()]
    answers = [answer.encode() for row in rows for answer in (*row, *([""] * (most - len(row))))]
    scores = np.array([[CERTAIN] * len(row) + [NEVER] * (most - len(row)) for row in rows], np.float32)
    return {
        ANSWERS: ir.StringTensor(answers, shape=ir.Shape([len(rows), most]), name=ANSWERS),
        SCORES: ir.tensor(scores, name=SCORES),
    }


def _is_kept(op: Op, rows: Value, keys: Value, answerable: str) -> Value | None:
    """Adds the nodes that tell which sources are their own answers, bool[N]; none are if the model can read all."""
    if not answerable:
        return None
    return op.And(op.Equal(rows, LAST), op.Not(op.RegexFullMatch(keys, pattern=answerable)))


def _is_asked(op: Op, rows: Value, is_kept: Value | None, given: dict[str, Value]) -> Value:
    """Adds the nodes that tell which sources the model is asked for: those without an entry, or with a prefix."""
    unknown = op.Equal(rows, LAST)
    if is_kept is not None:
        unknown = op.And(unknown, op.Not(is_kept))
    if "prefix" not in given:
        return unknown
    return op.Or(unknown, op.Not(op.Equal(given["prefix"], strings(op, [""]))))


def _looked_up(op: Op, table: Value, rows: Value) -> Value:
    """Adds the nodes that look rows [N] up in a table [L + 1, J]; returns [N, J].

    The table is flattened first, as ``Gather`` of ONNX Runtime copies only the first string of each row.
    """
    size = op.Shape(table, start=1, end=2)  # [1]
    places = op.Range(0, op.Squeeze(size, [0]), 1)  # [J]
    return op.Gather(op.Reshape(table, [-1]), op.Add(op.Mul(op.Unsqueeze(rows, [1]), size), places))


def _merged(op: Op, known: Value, asked: Value, found: Value, nothing: Value) -> Value:
    """Adds the nodes that put what the model found, [M, K], between what the lexicon knows, [N, J].

    Args:
        op: Adds the nodes.
        known: Texts or scores of the lexicon.
        asked: Which rows the model was asked for, [M].
        found: Texts or scores of the model.
        nothing: Fills up the rows of the lexicon.

    Returns:
        [N, K].
    """
    beams = op.Shape(found, start=1, end=2)
    filling = op.Expand(nothing, op.Concat(op.Shape(known, start=0, end=1), beams, axis=0))
    known = op.Slice(op.Concat(known, filling, axis=1), [0], beams, [1])
    return op.ScatterND(known, op.Unsqueeze(asked, [1]), found)


def _node(graph: ir.Graph) -> ir.Node | None:
    """Returns the node that finds an entry's row, if there is a lexicon."""
    return next((node for node in graph if _KEYS in node.attributes and node.outputs[0].name == ROWS), None)


def _content(graph: ir.Graph, name: str) -> Any:
    """Returns the rows of a table."""
    tensor = graph.initializers[name].const_value
    assert tensor is not None  # noqa: S101  # an initializer has it
    rows = tensor.numpy().tolist()
    return [[text.decode() for text in row] for row in rows] if tensor.dtype == ir.DataType.STRING else rows
