"""Whether a file's hypotheses that differ from the model's are as good.

Where two hypotheses are equally good, rounding may let the file prefer the other one. A tie early in a search, or in a
draw, may then lead anywhere. So the model is asked to search again with what the file says a little more likely: if it
then says the same, nothing but ties has kept it from that before.
"""

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from s2s_core.checkpoint import Checkpoint
from s2s_core.config import DecodingConfig
from s2s_core.ensemble import AnyModel
from s2s_core.interfaces import State
from s2s_core.translate import Hypotheses, Translator
from s2s_core.vocabulary import EOS, PAD

BONUSES = (1e-3, 1e-2, 1e-1)
"""How much more likely each token is made, in tolerances."""


def is_tie(
    checkpoint: Checkpoint, text: str, prefix: str | None, found: Hypotheses, decoding: DecodingConfig, tolerance: float
) -> bool:
    """Whether the model gives a source the file's hypotheses [K, T] when their tokens are a little more likely."""
    for bonus in BONUSES:
        guided: Any = _Guided(checkpoint.model, found.ids, bonus * tolerance)
        translator = Translator(attrs.evolve(checkpoint, model=guided), decoding)
        said = Hypotheses(*(beams[0] for beams in translator.hypotheses([text], None if prefix is None else [prefix])))
        if _same(said, found, tolerance * (1 + bonus * said.ids.shape[1])):
            return True
    return False


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


def same_ids(*hypotheses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Compares two arrays of hypotheses [N, K, T] that may differ in T."""
    size = max(ids.shape[2] for ids in hypotheses)
    padding = [((0, 0), (0, 0), (0, size - ids.shape[2])) for ids in hypotheses]
    left, right = (np.pad(ids, width, constant_values=PAD) for ids, width in zip(hypotheses, padding, strict=True))
    same: NDArray[np.bool_] = (left == right).all(2)
    return same


class _Guided(nn.Module):
    """A model that finds each token of some hypotheses a little more likely, after the tokens before it.

    And any other end a little less, as an answer that has ended stays among the best where it would have been cut. The
    state has beside the model's own, for each row, which hypotheses begin with its tokens [R, K] and their number [R].

    Args:
        model: The model.
        ids: The hypotheses, padded past EOS, [K, T].
        bonus: What is added to a logit.
    """

    def __init__(self, model: AnyModel, ids: NDArray[np.int64], bonus: float) -> None:
        super().__init__()
        self.device = model.device
        self._model, self._bonus = model, bonus
        self._ids = torch.from_numpy(np.pad(ids, ((0, 0), (0, 1)), constant_values=PAD))

    def start(self, source: Tensor, lengths: Tensor) -> State:
        rows = (source.shape[0], len(self._ids))
        return self._model.start(source, lengths), torch.ones(rows, dtype=torch.bool), torch.zeros_like(lengths)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        logits, _, state = self.attentive_step(tokens, state)
        return logits, state

    def attentive_step(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        inner, begun, number = state
        logits, attention, inner = self._model.attentive_step(tokens, inner)
        place = number.clamp(max=self._ids.shape[1] - 1)
        last, following = self._ids.T[place - 1], self._ids.T[place]  # [R, K]
        begun = begun & ((number == 0)[:, None] | (last == tokens[:, None]))
        said = (one_hot(following, logits.shape[1]) * begun[:, :, None]).amax(1)  # [R, V]
        other_end = one_hot(torch.full_like(tokens, EOS), logits.shape[1]) * (1 - said)
        return logits + self._bonus * (said - other_end), attention, (inner, begun, number + 1)
