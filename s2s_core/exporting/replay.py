"""Whether a file's hypotheses that differ from the model's are as good.

Where two tokens or two beams are equally good, rounding may let the file prefer the other one, and that may lead
anywhere. So the model searches again and keeps in each step what the file kept. Then it tells whether anything else was
better, and what the hypotheses are worth.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from s2s_core.config.decoding import DecodingConfig, SearchFeatures
from s2s_core.decoding import BeamSearch, Step
from s2s_core.decoding.start import Extras
from s2s_core.decoding.translate import Hypotheses, Translator
from s2s_core.model.checkpoint import TextModel
from s2s_core.model.ensemble import AnyModel
from s2s_core.text.vocabulary import PAD


class Trace(NamedTuple):
    """What a file kept in each step of a search.

    Attributes:
        tokens: The tokens, [T, N, K].
        parents: The beam before of each, [T, N, K].
    """

    tokens: NDArray[np.int64]
    parents: NDArray[np.int64]

    def of(self, row: int) -> "Trace":
        """Returns what was kept for one text alone."""
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
    """Whether a file's hypotheses [K, T] are the model's too, except for ties.

    Args:
        checkpoint: The model.
        text: The source.
        prefix: Of the answers.
        hypotheses: The file's hypotheses.
        trace: How the file came to them.
        decoding: How it searched.
        tolerance: The largest difference of what counts as equal.
    """
    replay = _Replay(checkpoint.model, trace, tolerance)
    translator = Translator(checkpoint, decoding, replay)
    said = Hypotheses(*(beams[0] for beams in translator.hypotheses([text], None if prefix is None else [prefix])))
    return replay.fair and _same(said, hypotheses, tolerance)


def same_ids(*hypotheses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Compares two arrays of hypotheses [N, K, T] that may differ in T."""
    size = max(ids.shape[2] for ids in hypotheses)
    padding = [((0, 0), (0, 0), (0, size - ids.shape[2])) for ids in hypotheses]
    left, right = (np.pad(ids, width, constant_values=PAD) for ids, width in zip(hypotheses, padding, strict=True))
    same: NDArray[np.bool_] = (left == right).all(2)
    return same


def _same(left: Hypotheses, right: Hypotheses, tolerance: float) -> bool:
    """Whether two sides' hypotheses [K, T] are the same ones, in any order of those that are equally good."""
    (ids, scores), (other_ids, other_scores) = map(_by_ids, (left, right))
    pairs = ((scores, other_scores), (left.scores, right.scores))
    return bool(same_ids(ids[None], other_ids[None]).all()) and all(
        np.allclose(one, other, rtol=0.0, atol=tolerance) for one, other in pairs
    )


def _by_ids(hypotheses: Hypotheses) -> Hypotheses:
    order = np.lexsort(hypotheses.ids.T[::-1])
    return Hypotheses(hypotheses.ids[order], hypotheses.scores[order])


class _Replay(BeamSearch):
    """A search that keeps in each step what another one kept, and notes whether that was fair.

    Args:
        model: In evaluation mode.
        trace: What the other search kept for the only text.
        tolerance: By how much what it left out may be better.

    Attributes:
        fair: Whether nothing that it left out is better by more.
    """

    def __init__(self, model: AnyModel, trace: Trace, tolerance: float) -> None:
        super().__init__(model)
        self.fair = True
        self._tokens, self._parents = (torch.from_numpy(picks[:, 0].copy()) for picks in trace)  # [T, K]
        self._tolerance = tolerance

    def make_step(self, features: SearchFeatures) -> Step:
        return _ReplayedStep(self._model, features, self)

    def kept(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the tokens [K] of a step, and the beams before; a search that goes on for longer isn't fair."""
        self.fair &= step < len(self._tokens)
        last = min(step, len(self._tokens) - 1)
        return self._tokens[last], self._parents[last]

    def judge(self, taken: Tensor, left: Tensor) -> None:
        """Compares the scores of what was taken with those of what was left out."""
        self.fair &= bool(taken.min() >= left.max() - self._tolerance)

    def lenient(self, log_probabilities: Tensor, tokens: Tensor) -> Tensor:
        """Returns log-probabilities [R, V] among which those of some tokens [R] win where it is close."""
        return log_probabilities + self._tolerance * one_hot(tokens, log_probabilities.shape[1])


class _ReplayedStep(Step):
    """A step that keeps what another search kept."""

    def __init__(self, model: AnyModel, features: SearchFeatures, replay: _Replay) -> None:
        super().__init__(model, features)
        self._replay = replay

    def forward(self, step: Tensor, *beams: Any) -> Any:
        self._kept = self._replay.kept(int(step))
        return super().forward(step, *beams)

    def _candidates(self, step: Tensor, token_scores: Tensor, extras: Extras, beams: int) -> tuple[Tensor, Tensor]:
        """Returns all tokens, as one that the file kept may be just beyond the best; in sampling, the one drawn."""
        if not self.features.sampling:
            return super()._candidates(step, token_scores, extras, token_scores.shape[1])
        _, picks = super()._candidates(step, self._replay.lenient(token_scores, self._kept[0]), extras, beams)
        return token_scores.gather(1, picks), picks

    def _choose(self, scores: Tensor, gains: Tensor, picks: Tensor, size: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
        tokens, parents = self._kept  # [K]
        if self.features.sampling:
            self._replay.fair &= torch.equal(picks[:, 0], tokens)
            return super()._choose(scores, gains, picks, size)
        every = scores.reshape(-1, 1) + gains  # [K, C]
        there, places = _places(picks[parents] == tokens[:, None], parents, tokens)  # [K]
        taken = every[parents, places].masked_fill(~there, float("-inf"))
        self._replay.judge(taken, every.index_put((parents, places), torch.tensor(float("-inf"))))
        return taken[None], parents[None], tokens[None]


def _places(same: Tensor, parents: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Returns whether each kept one is among the candidates of its parent [K], and where [K].

    Args:
        same: Whether a candidate of the parent is the token, [K, C].
        parents: The beam before, [K].
        tokens: The token, [K]; beams that have ended, or don't live, have many candidates that are PAD.
    """
    equal = (parents[:, None] == parents) & (tokens[:, None] == tokens)  # [K, K]
    earlier = equal.tril(-1).sum(1, keepdim=True)
    there, places = (same & (same.cumsum(1) == earlier + 1)).max(1)
    return there, places
