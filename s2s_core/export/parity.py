"""Proves that an exported file answers as the model does.

The ladder, for every batch: scores are close, ids are equal, texts are equal. Where two hypotheses are equally good,
rounding may let the file prefer the other one. Its ids then count as a tie if the model, made to say them, gives them
the file's score, and that is no worse than the model's own.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s_core.checkpoint import Checkpoint
from s2s_core.config import DecodingConfig
from s2s_core.data import Sequences
from s2s_core.errors import ExportError
from s2s_core.export.stitch import HYPOTHESIS_IDS
from s2s_core.interfaces import padding_mask
from s2s_core.translate import Hypotheses, Translator
from s2s_core.vocabulary import BOS, PAD

STRANGE_TEXTS = (
    "",
    " ",
    "\N{SNOWMAN}",
    "h\u00e9llo w\u00f6rld",
    "\u65e5\u672c\u8a9e \U0001f642",
    "a\u0301\t\u00a0b",
    "0 " * 12,
)
"""Empty, unknown and non-ASCII texts."""

SINGLE_TEXTS = 8
"""How many held-out texts are also answered alone."""


@attrs.frozen
class Parity:
    """What was compared.

    Attributes:
        texts: The number of different texts.
        batches: How many batches they were answered in.
        hypotheses: How many hypotheses were compared.
        ties: How many of them differ, but are equally good.
        score_difference: The largest difference of a score.
    """

    texts: int
    batches: int
    hypotheses: int
    ties: int
    score_difference: float


class _Search(NamedTuple):
    beam_size: int
    length_penalty: float


def prove(model: onnx.ModelProto, checkpoint: Checkpoint, texts: Sequence[str], tolerance: float) -> Parity:
    """Compares a file with the model that it was made of, on held-out and on strange texts.

    Args:
        model: The file.
        checkpoint: The model, on the CPU.
        texts: Held-out sources.
        tolerance: The largest difference of a score.

    Raises:
        ExportError: They differ; the message says on which text.
    """
    session = _open(model)
    searches = {_Search(checkpoint.config.decoding.beam_size, checkpoint.config.decoding.length_penalty)}
    searches |= {_Search(1, 0.0), _Search(5, 0.6)}
    records = [
        _compare(session, checkpoint, batch, search, tolerance)
        for search in sorted(searches)
        for batch in _batches(texts)
    ]
    return Parity(
        texts=len({*texts, *STRANGE_TEXTS}),
        batches=len(records),
        hypotheses=sum(record.hypotheses for record in records),
        ties=sum(record.ties for record in records),
        score_difference=max(record.score_difference for record in records),
    )


def _open(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Opens the file with one output more, the ids of the hypotheses."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.append(onnx.helper.make_tensor_value_info(HYPOTHESIS_IDS, onnx.TensorProto.INT64, [None] * 3))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    yield [*texts, *STRANGE_TEXTS]
    yield list(STRANGE_TEXTS)
    for text in (*texts[:SINGLE_TEXTS], *STRANGE_TEXTS):
        yield [text]


def _compare(
    session: onnxruntime.InferenceSession,
    checkpoint: Checkpoint,
    texts: list[str],
    search: _Search,
    tolerance: float,
) -> Parity:
    decoding = attrs.evolve(checkpoint.config.decoding, **search._asdict())
    translator = Translator(checkpoint, decoding)
    expected = translator.hypotheses(texts)
    found_texts, found = _answer(session, texts, decoding)
    same = _same_ids(expected.ids, found.ids)  # [N, K]
    both = np.isfinite(expected.scores) & np.isfinite(found.scores)
    difference = float(np.abs(expected.scores - found.scores)[both & same].max(initial=0.0))
    if difference > tolerance or (np.isfinite(expected.scores) != np.isfinite(found.scores)).any():
        raise ExportError(f"the file's scores differ from the model's by {difference:.2g}, more than {tolerance:.2g}")
    for row in np.flatnonzero(~same.all(1)):
        if not _tied(
            checkpoint,
            texts[row],
            expected.scores[row],
            Hypotheses(found.ids[row], found.scores[row]),
            decoding,
            tolerance,
        ):
            raise ExportError(
                f"the file answers {texts[row]!r} with {found_texts[row]}, "
                f"the model with {translator.texts(expected)[row]} (beam size {search.beam_size})"
            )
    if found_texts != translator.texts(found):
        raise ExportError("the file turns ids into other texts than the target's tokenizer")
    return Parity(len(texts), 1, same.size, int((~same).sum()), difference)


def _answer(
    session: onnxruntime.InferenceSession, texts: list[str], decoding: DecodingConfig
) -> tuple[list[list[str]], Hypotheses]:
    inputs: dict[str, Any] = {
        "source": np.array(texts, object),
        "max_length": np.array(decoding.max_length, np.int64),
        "beam_size": np.array(decoding.beam_size, np.int64),
        "length_penalty": np.array(decoding.length_penalty, np.float32),
    }
    target, hypotheses, ids, scores = session.run(["target", "hypotheses", HYPOTHESIS_IDS, "scores"], inputs)
    if target.tolist() != hypotheses[:, 0].tolist():
        raise ExportError("the file's target is not its first hypothesis")
    return hypotheses.tolist(), Hypotheses(ids[: len(texts)], scores)


def _same_ids(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Compares hypotheses [N, K, T] that may differ in T."""
    size = max(left.shape[2], right.shape[2])
    padded = [np.pad(ids, ((0, 0), (0, 0), (0, size - ids.shape[2])), constant_values=PAD) for ids in (left, right)]
    same: NDArray[np.bool_] = (padded[0] == padded[1]).all(2)
    return same


def _tied(
    checkpoint: Checkpoint,
    text: str,
    expected: NDArray[np.float32],
    found: Hypotheses,
    decoding: DecodingConfig,
    tolerance: float,
) -> bool:
    """Whether a source's hypotheses in the file [K, T] are as good as they claim, and as the model's own."""
    real = np.isfinite(found.scores)
    claimed = found.scores[real]
    forced = _forced_scores(checkpoint, text, found.ids[real], decoding.length_penalty)
    return bool((np.abs(forced - claimed) <= tolerance).all() and (claimed >= expected[real] - tolerance).all())


@torch.no_grad()
def _forced_scores(
    checkpoint: Checkpoint, text: str, hypotheses: NDArray[np.int64], length_penalty: float
) -> NDArray[np.float32]:
    """Returns the scores [K] that the model gives to hypotheses [K, T] of one text."""
    target = torch.from_numpy(hypotheses)
    lengths = (target != PAD).sum(1)
    source, source_lengths = Sequences([checkpoint.source_tokenizer.encode(text)]).padded([0] * len(target))
    logits = checkpoint.model(torch.from_numpy(source), torch.from_numpy(source_lengths), target, lengths)
    logits[:, [PAD, BOS]] = float("-inf")
    mask = padding_mask(lengths, target.shape[1])
    picked = logits.log_softmax(-1).gather(1, target[mask][:, None])[:, 0]  # [N]
    log_probabilities = torch.zeros(target.shape).masked_scatter(mask, picked).sum(1)
    scores: Tensor = log_probabilities / ((5.0 + lengths) / 6.0) ** length_penalty
    return scores.numpy()
