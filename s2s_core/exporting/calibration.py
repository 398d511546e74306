"""Calibrates the confidence of a file on examples that its model wasn't trained on, and proves it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from s2s_core.data.task import Example, References
from s2s_core.errors import REPORT, ExportError
from s2s_core.evaluation.answers import answer
from s2s_core.evaluation.calibration import Calibration
from s2s_core.exporting.session import open_probed
from s2s_core.exporting.stitch import HYPOTHESIS_IDS, LOG_PROBABILITIES, ORDER
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.runtime.inputs import required_inputs
from s2s_core.text.vocabulary import PAD

MOST_EXAMPLES = 10_000
"""How many examples a calibration is fitted on, at most: the first ones."""

BATCH_SIZE = 256

TOLERANCE = 1e-3
"""The largest difference between a confidence of the file and the same in numpy."""


class Certainties:
    """Answers sources with a file, and notes what it knows of how sure they are.

    Args:
        model: The file, as the stitching made it.
        decoding: The settings of its search.

    Attributes:
        log_probabilities: That of each source's best answer.
        lengths: The number of its tokens, its end included.
        confidences: What the file says of each, if it says it.
    """

    def __init__(self, model: onnx.ModelProto, decoding: Mapping[str, Any]) -> None:
        kinds = onnx.TensorProto
        inside = {LOG_PROBABILITIES: (kinds.FLOAT, 2), ORDER: (kinds.INT64, 2), HYPOTHESIS_IDS: (kinds.INT64, 3)}
        self._session = open_probed(model, inside)
        self._given = required_inputs(self._session.get_inputs(), decoding)
        self._told = [value.name for value in self._session.get_outputs() if value.name == "confidence"]
        self.log_probabilities: dict[str, float] = {}
        self.lengths: dict[str, int] = {}
        self.confidences: dict[str, float] = {}

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Returns the best answer to each text."""
        starts = range(0, len(texts), BATCH_SIZE)
        return [text for start in starts for text in self._batch(texts[start : start + BATCH_SIZE])]

    def of(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the log-probabilities and lengths of the answers to texts that were answered, [N] each."""
        pairs = [(self.log_probabilities[text], self.lengths[text]) for text in texts]
        log_probabilities, lengths = np.array(pairs, np.float64).reshape(-1, 2).T
        return log_probabilities, lengths

    def _batch(self, texts: Sequence[str]) -> Iterator[str]:
        names = ["target", LOG_PROBABILITIES, ORDER, HYPOTHESIS_IDS, *self._told]
        target, scores, order, ids, *told = self._session.run(names, {**self._given, "source": np.array(texts, object)})
        best = scores[np.arange(len(scores)), order[:, 0]]
        self.log_probabilities.update(zip(texts, best.tolist(), strict=False))
        self.lengths.update(zip(texts, (ids[:, 0] != PAD).sum(1).tolist(), strict=False))
        for confidences in told:
            self.confidences.update(zip(texts, confidences.tolist(), strict=True))
        yield from target


def calibrate(
    model: onnx.ModelProto, examples: Sequence[Example], rule: References, decoding: Mapping[str, Any]
) -> Calibration:
    """Fits a calibration to a file's answers.

    Args:
        model: The file.
        examples: Those of the validation set.
        rule: Whether any target of examples with the same source is right.
        decoding: The settings of the file's search.

    Raises:
        DataError: There are too few examples.
    """
    certainties = Certainties(model, decoding)
    answered = answer(certainties, examples[:MOST_EXAMPLES], {}, rule=rule)
    return Calibration.fit(*certainties.of(answered.sources), np.array(answered.is_right()))


def prove_confidence(
    model: onnx.ModelProto, calibration: Calibration, held_out: Sequence[str], decoding: Mapping[str, Any]
) -> None:
    """Compares a file's confidences with those of its calibration.

    Raises:
        ExportError: They differ.
    """
    certainties = Certainties(model, decoding)
    texts = list(dict.fromkeys([*held_out, *STRANGE_TEXTS]))
    certainties(texts)
    expected = calibration(*certainties.of(texts))
    actual = np.array([certainties.confidences[text] for text in texts])
    if not np.allclose(actual, expected, rtol=0, atol=TOLERANCE):
        raise ExportError(f"the file's confidences aren't those of its calibration, {REPORT}")
