"""Hypotheses whose texts are distinct, though several sequences of tokens may have the same text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class DistinctTexts(NamedTuple):
    """The distinct texts of hypotheses for some sources, best first.

    Attributes:
        texts: [N][K].
        scores: Of each text, [N, K]; minus infinity where there are fewer than K.
    """

    texts: list[list[str]]
    scores: NDArray[np.float32]


def distinct(texts: Sequence[Sequence[str]], scores: NDArray[np.float32]) -> DistinctTexts:
    """Drops each text that a better hypothesis has already; empty texts with minus infinity fill up the row.

    Args:
        texts: Of the hypotheses, best first, [N][K].
        scores: Of the hypotheses, [N, K].
    """
    kept, kept_scores = [], np.full_like(scores, -np.inf)
    for row, hypotheses in enumerate(texts):
        found: dict[str, np.float32] = {}
        for text, score in zip(hypotheses, scores[row], strict=True):
            if score > -np.inf:
                found.setdefault(text, score)
        kept.append([*found, *[""] * (len(hypotheses) - len(found))])
        kept_scores[row, : len(found)] = list(found.values())
    return DistinctTexts(kept, kept_scores)
