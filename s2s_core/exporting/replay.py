"""Tells whether a file's hypotheses that differ from the model's are just as good.

Where two tokens or two beams are equally good, rounding may make the file prefer the other one, and the rest of the
search may then look quite different. So the model searches again and keeps in each step what the file kept. This shows
whether anything else was better, and which scores the model gives to the file's hypotheses.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from s2s_core.config.decoding import DecodingConfig, SearchFeatures
from s2s_core.decoding import BeamSearch, Step
from s2s_core.decoding.choice import BestTokens, Candidates, DrawnTokens, Selection
from s2s_core.decoding.start import Extras
from s2s_core.decoding.translate import Hypotheses, Translator
from s2s_core.model.checkpoint import TextModel
from s2s_core.model.ensemble import AnyModel
from s2s_core.model.probabilities import NEVER
from s2s_core.text.vocabulary import PAD


class Trace(NamedTuple):
    """What a file kept in each step of a search.

    Attributes:
        tokens: The tokens, [T, N, K].
        parents: The beam that each token continues, [T, N, K].
    """

    tokens: NDArray[np.int64]
    parents: NDArray[np.int64]

    def of(self, row: int) -> "Trace":
        """Returns the trace of one text alone."""
        return Trace(self.tokens[:, row : row + 1], self.parents[:, row : row + 1])


def is_tie(
    checkpoint: TextModel,
    text: str,
    prefix: str | None,
    hypotheses: Hypotheses,
    trace: Trace,
    decoding: DecodingConfig,
    tolerance: float,
) -> bool:
    """Whether a file's hypotheses [K, T] could be the model's, had it decided ties as the file did.

    Args:
        checkpoint: The model, on the CPU.
        text: The source.
        prefix: What the answers begin with, if anything.
        hypotheses: The file's.
        trace: What the file kept in each step of its search.
        decoding: The file's search settings.
        tolerance: The largest difference of two scores that count as equal.
    """
    judge = _Judge(trace, tolerance)
    translator = Translator(checkpoint, decoding, _Replay(checkpoint.model, judge))
    ids, scores = translator.hypotheses([text], None if prefix is None else [prefix])
    return judge.fair and _same(Hypotheses(ids[0], scores[0]), hypotheses, tolerance)


def same_ids(*hypotheses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Compares two arrays of hypotheses [N, K, T] that may differ in T."""
    size = max(ids.shape[2] for ids in hypotheses)
    padding = [((0, 0), (0, 0), (0, size - ids.shape[2])) for ids in hypotheses]
    left, right = (np.pad(ids, width, constant_values=PAD) for ids, width in zip(hypotheses, padding, strict=True))
    same: NDArray[np.bool_] = (left == right).all(2)
    return same


def _same(left: Hypotheses, right: Hypotheses, tolerance: float) -> bool:
    """Whether two searches have the same hypotheses [K, T], up to the order of equally good ones."""
    (ids, scores), (other_ids, other_scores) = map(_by_ids, (left, right))
    pairs = ((scores, other_scores), (left.scores, right.scores))
    return bool(same_ids(ids[None], other_ids[None]).all()) and all(
        np.allclose(one, other, rtol=0.0, atol=tolerance) for one, other in pairs
    )


def _by_ids(hypotheses: Hypotheses) -> Hypotheses:
    order = np.lexsort(hypotheses.ids.T[::-1])
    return Hypotheses(hypotheses.ids[order], hypotheses.scores[order])


class _Judge:
    """Knows what a file did with a text, and judges whether the model might have done the same.

    Args:
        trace: What the file kept for the only text.
        tolerance: By how much something that the file left out may be better.

    Attributes:
        fair: Whether nothing so far was better by more.
    """

    def __init__(self, trace: Trace, tolerance: float) -> None:
        self.fair = True
        self._tokens, self._parents = (torch.from_numpy(array[:, 0].copy()) for array in trace)  # [T, K]
        self._tolerance = tolerance

    def kept_in(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the tokens [K] of a step and their parents [K]; a search that goes on for longer isn't fair."""
        self.fair &= step < len(self._tokens)
        last = min(step, len(self._tokens) - 1)
        return self._tokens[last], self._parents[last]

    def compare(self, scores: Tensor, others: Tensor) -> None:
        """Compares the scores of what was kept with those of what was left out."""
        self.fair &= bool(scores.min() >= others.max() - self._tolerance)

    def lenient(self, token_scores: Tensor, tokens: Tensor) -> Tensor:
        """Returns log-probabilities [R, V] among which those of some tokens [R] win where it is close."""
        return token_scores + self._tolerance * one_hot(tokens, token_scores.shape[1])


class _Replay(BeamSearch):
    """A search that keeps in each step what the file kept."""

    def __init__(self, model: AnyModel, judge: _Judge) -> None:
        super().__init__(model)
        self._judge = judge

    def make_step(self, features: SearchFeatures) -> Step:
        choice = _ReplayedDraws(self._judge) if features.sampling else _ReplayedBest(self._judge)
        return Step(self._model, features, choice)


class _ReplayedBest(BestTokens):
    """Keeps the beams that the file kept."""

    def __init__(self, judge: _Judge) -> None:
        self._judge = judge

    def candidates(self, step: Tensor, token_scores: Tensor, early: Tensor, extras: Extras, beams: int) -> Candidates:
        """Returns all tokens, as one that the file kept may be just beyond the best."""
        del beams
        return super().candidates(step, token_scores, early, extras, beams=token_scores.shape[1])

    def select(self, step: Tensor, scores: Tensor, candidates: Candidates, size: torch.Size) -> Selection:
        """Returns the file's beams, and ``NEVER`` as the score of a token that isn't its parent's candidate."""
        del size  # one text, [1, K]
        tokens, parents = self._judge.kept_in(int(step))  # [K]
        totals = scores.reshape(-1, 1) + candidates.gains  # [K, C]
        possible, places = _places(candidates.tokens[parents] == tokens[:, None], parents, tokens)  # [K]
        scores = totals[parents, places].masked_fill(~possible, NEVER)  # [K]
        self._judge.compare(scores, totals.index_put((parents, places), torch.tensor(NEVER)))
        return Selection(scores[None], parents[None], tokens[None])


class _ReplayedDraws(DrawnTokens):
    """Draws the tokens that the file drew, where that is close."""

    def __init__(self, judge: _Judge) -> None:
        self._judge = judge

    def draw(self, step: Tensor, token_scores: Tensor, extras: Extras) -> Tensor:
        """Returns the token of the file wherever another one is hardly better."""
        tokens, _ = self._judge.kept_in(int(step))
        return super().draw(step, self._judge.lenient(token_scores, tokens), extras)

    def select(self, step: Tensor, scores: Tensor, candidates: Candidates, size: torch.Size) -> Selection:
        """Notes whether the file drew the same tokens."""
        tokens, _ = self._judge.kept_in(int(step))
        self._judge.fair &= torch.equal(candidates.tokens[:, 0], tokens)
        return super().select(step, scores, candidates, size)


def _places(same: Tensor, parents: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Returns whether each token of the file is among the candidates of its parent [K], and at which place [K].

    A beam that has ended, or doesn't exist, has many candidates that are PAD. If the file continued one parent with one
    token several times, each takes the next candidate that is this token.

    Args:
        same: Whether a candidate of the parent is the token, [K, C].
        parents: The parents that the file kept, [K].
        tokens: The tokens that it kept, [K].
    """
    equal = (parents[:, None] == parents) & (tokens[:, None] == tokens)  # [K, K]
    earlier = equal.tril(-1).sum(1, keepdim=True)  # [K, 1]
    possible, places = (same & (same.cumsum(1) == earlier + 1)).max(1)
    return possible, places
