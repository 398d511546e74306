"""Adds the nodes that drop repeated texts."""

from s2s_core.model.probabilities import NEVER
from s2s_core.text.nodes import Op, Value
from s2s_core.text.onnx_text import INT32, strings


def distinct(op: Op, texts: Value, scores: Value) -> tuple[Value, Value]:
    """Adds the nodes that do what ``distinct`` of the search does.

    Args:
        op: Adds the nodes.
        texts: Of the hypotheses, best first, string[N, K].
        scores: Of the hypotheses, [N, K].

    Returns:
        Both, without texts that a better hypothesis has already.
    """
    beams = op.Shape(texts, start=1, end=2)
    equal = op.Cast(op.Equal(op.Unsqueeze(texts, [2]), op.Unsqueeze(texts, [1])), to=INT32)  # [N, K, K]
    is_first = op.Equal(op.ArgMax(equal, axis=2, keepdims=0), op.Range(0, op.Squeeze(beams, [0]), 1))  # [N, K]
    scores, order = op.TopK(op.Where(is_first, scores, NEVER), beams, axis=1, _outputs=2)
    return op.Where(op.Equal(scores, NEVER), strings(op, [""]), op.GatherElements(texts, order, axis=1)), scores
