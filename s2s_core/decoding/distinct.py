"""Hypotheses whose texts are distinct, though several sequences of tokens may have the same text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Answers(NamedTuple):
    """The distinct answers to some sources, best first.

    Attributes:
        texts: [N][K].
        scores: Of each text, [N, K]; minus infinity where there are fewer than K.
    """

    texts: list[list[str]]
    scores: NDArray[np.float32]


def distinct(texts: Sequence[Sequence[str]], scores: NDArray[np.float32]) -> Answers:
    """Drops each text that a better hypothesis has already; empty texts with minus infinity fill up the row.

    Args:
        texts: Of the hypotheses, best first, [N][K].
        scores: Of the hypotheses, [N, K].
    """
    kept, kept_scores = [], np.full_like(scores, -np.inf)
    for row, hypotheses in enumerate(texts):
        first = {text: place for place, text in reversed([*enumerate(hypotheses)]) if scores[row, place] != -np.inf}
        places = sorted(first.values())
        kept.append([hypotheses[place] for place in places] + [""] * (len(hypotheses) - len(places)))
        kept_scores[row, : len(places)] = scores[row, places]
    return Answers(kept, kept_scores)
