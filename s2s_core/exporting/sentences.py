"""Puts sentences around a file that answers words.

With ``N`` sentences, ``W`` pieces of the longest, ``D`` distinct words::

    source                     string [N]
      │  an empty text is added to an empty batch
      ▼
    pieces ──────────────────► words, white space, anything else [N, W]
      │  distinct words [D]                    │
      ▼                                        │
    lexicon and model ───────► answers, their scores [D]
                                    │  each to the places of its word
                                    ▼
    pieces with answers in place of words [N, W] ─► joined ─► target [N], hypotheses [N, 1], scores [N, 1]
"""

import warnings

import onnx_ir as ir

from s2s_core.data.lexicon import Entries
from s2s_core.errors import UnreachableEntriesWarning
from s2s_core.exporting.graph import FLOAT, add_output, add_outputs, builder_of, finished
from s2s_core.exporting.lexicon import ANSWERS, LEXICON, MODEL, SCORES, SOURCE
from s2s_core.text import sentences
from s2s_core.text.nodes import Value
from s2s_core.text.onnx_text import INT64, STRING, lookup, never_empty


def with_sentences(model: ir.Model, punctuation: sentences.Punctuation, separator: str) -> ir.Model:
    """Returns a model that answers each word of a text by itself.

    Args:
        model: A file's, which answers words. It is changed.
        punctuation: What becomes of what is neither a word nor white space.
        separator: Stands between words.
    """
    graph = model.graph
    outputs = {value.name: value for value in graph.outputs}
    graph.outputs.clear()
    for value in outputs.values():
        value.name = f"word_{value.name}"
    source = graph.inputs[0]
    uses = list(source.uses())
    builder = builder_of(model, named=(ANSWERS, SCORES))
    op = builder.op
    count = op.Shape(source)
    pieces, is_word, is_space = sentences.onnx_split(op, never_empty(op, source, count))  # [N, W]
    places = op.Transpose(op.NonZero(is_word), perm=[1, 0])  # [M, 2]
    words, _, word_of, _ = op.Unique(op.GatherND(pieces, places), sorted=0, _outputs=4)  # [D], [M]
    for node, place in uses:
        node.replace_input_with(place, words)

    def placed(answers: Value, others: Value) -> Value:
        """Adds the nodes that put answers [D] where their words are, and others [N, W] elsewhere."""
        return op.ScatterND(others, places, op.Gather(answers, word_of))

    def of_words(answers: Value, neutral: Value | float) -> Value:
        """Adds the nodes that put numbers [D] where their words are, and one number elsewhere, [N, W]."""
        return placed(answers, op.Expand(neutral, op.Shape(pieces)))

    answered = placed(outputs["target"], pieces)
    texts = sentences.onnx_join(op, answered, is_word, is_space, punctuation, separator)
    best = op.Squeeze(op.Slice(outputs["scores"], [0], [1], [1]), [1])  # [D]
    scores = op.ReduceSum(of_words(best, 0.0), [1], keepdims=1)  # [N, 1]
    add_outputs(builder, op.Unsqueeze(texts, [1]), scores, count)
    if "confidence" in outputs:
        confidence = op.ReduceProd(of_words(outputs["confidence"], 1.0), [1], keepdims=0)
        add_output(builder, op.Slice(confidence, [0], count, [0]), "confidence", FLOAT, ["N"])
    if "origin" in outputs:
        ranks = op.Cast(lookup(op, outputs["origin"], {MODEL: 2, LEXICON: 1}, default=0), to=FLOAT)
        highest = op.ReduceMax(of_words(ranks, 0.0), [1], keepdims=0)
        origin = lookup(op, op.Cast(highest, to=INT64), {2: MODEL, 1: LEXICON}, default=SOURCE)
        add_output(builder, op.Slice(origin, [0], count, [0]), "origin", STRING, ["N"])
    graph.sort()
    return finished(builder)


def warn_of_unreachable(entries: Entries) -> None:
    """Warns of entries that are no single word, which are never looked up."""
    unreachable = [source for source in entries if not sentences.is_single_word(source)]
    if unreachable:
        warnings.warn(
            f"{len(unreachable):,} of {len(entries):,} entries of the lexicon are no single word and never found, such "
            f"as {unreachable[0]!r}",
            UnreachableEntriesWarning,
            stacklevel=3,
        )
