"""Whether a file's hypotheses that differ from the model's are as good.

Where two hypotheses are equally good, rounding may let the file prefer the other one.
"""

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s_core.checkpoint import Checkpoint
from s2s_core.config import DecodingConfig
from s2s_core.data import Sequences
from s2s_core.ensemble import AnyModel
from s2s_core.interfaces import State
from s2s_core.search import BeamSearch
from s2s_core.translate import Hypotheses, Translator
from s2s_core.vocabulary import PAD

NUDGES = [scale for scale in (1e-3, 1e-2, 1e-1) for _ in range(16)]
"""How far logits are off, in tolerances, where a tie is looked for."""


def is_tie(
    checkpoint: Checkpoint,
    text: str,
    prefix: str | None,
    expected: Hypotheses,
    found: Hypotheses,
    decoding: DecodingConfig,
    tolerance: float,
) -> bool:
    """Whether the file's hypotheses of a source [K, T] are as good as the model's.

    They are if they have the scores of the model's, and the model, made to say them, gives them these. Or if the model
    answers so itself when its logits are a little off: a tie early in a search, or in a draw, may lead anywhere.
    """
    if not decoding.sampling and _equally_good(checkpoint, text, expected, found, decoding, tolerance):
        return True
    return _nearly_said(checkpoint, text, prefix, found, decoding, tolerance)


def same_ids(*hypotheses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Compares two arrays of hypotheses [N, K, T] that may differ in T."""
    size = max(ids.shape[2] for ids in hypotheses)
    padding = [((0, 0), (0, 0), (0, size - ids.shape[2])) for ids in hypotheses]
    left, right = (np.pad(ids, width, constant_values=PAD) for ids, width in zip(hypotheses, padding, strict=True))
    same: NDArray[np.bool_] = (left == right).all(2)
    return same


def _equally_good(
    checkpoint: Checkpoint,
    text: str,
    expected: Hypotheses,
    found: Hypotheses,
    decoding: DecodingConfig,
    tolerance: float,
) -> bool:
    """Whether a source's hypotheses [K, T] are different ones with the scores of the model's, which it gives them."""
    real = np.isfinite(found.scores)
    claimed, own = found.scores[real], expected.scores[real]
    forced = _forced(checkpoint, text, found.ids[real], attrs.evolve(decoding, beam_size=1)).scores[:, 0]
    different = len(np.unique(found.ids[real], axis=0)) == real.sum()
    return bool(different and (np.abs([own - claimed, forced - claimed]) <= tolerance).all())


def _nearly_said(
    checkpoint: Checkpoint, text: str, prefix: str | None, found: Hypotheses, decoding: DecodingConfig, tolerance: float
) -> bool:
    """Whether the model gives a source the file's hypotheses [K, T] when its logits are a little off."""
    for seed, scale in enumerate(NUDGES):
        nudged: Any = _Nudged(checkpoint.model, scale * tolerance, seed)
        translator = Translator(attrs.evolve(checkpoint, model=nudged), decoding)
        ids, scores = translator.hypotheses([text], None if prefix is None else [prefix])
        if same_ids(ids, found.ids[None]).all() and np.allclose(scores, found.scores, rtol=0.0, atol=tolerance):
            return True
    return False


class _Nudged(nn.Module):
    """A model whose logits are a little off, as those of another runtime are.

    Args:
        model: The model.
        scale: How far, as a standard deviation.
        seed: Chooses the differences.
    """

    def __init__(self, model: AnyModel, scale: float, seed: int) -> None:
        super().__init__()
        self.start, self.device = model.start, model.device
        self._model, self._scale = model, scale
        self._chance = torch.Generator().manual_seed(seed)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        logits, _, state = self.attentive_step(tokens, state)
        return logits, state

    def attentive_step(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        logits, attention, state = self._model.attentive_step(tokens, state)
        return logits + self._scale * torch.randn(logits.shape, generator=self._chance), attention, state


def _forced(checkpoint: Checkpoint, text: str, prefix: NDArray[np.int64], decoding: DecodingConfig) -> Hypotheses:
    """Returns what the model says to one text if it's made to begin with each of some rows of ids [N, P]."""
    source, lengths = Sequences([checkpoint.source_tokenizer.encode(text)]).padded([0] * len(prefix))
    free = np.pad(prefix, ((0, 0), (0, 1)), constant_values=PAD)
    ids, scores = BeamSearch(checkpoint.model)(
        *map(torch.from_numpy, (source, lengths, free)), **attrs.asdict(decoding)
    )
    return Hypotheses(ids.numpy(), scores.numpy())
