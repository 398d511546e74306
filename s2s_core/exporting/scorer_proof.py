"""Proves that a file scores given answers as the model does."""

from collections.abc import Sequence

import attrs
import numpy as np
import onnx

from s2s_core.data.task import Example
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.errors import REPORT, ExportError
from s2s_core.exporting.session import open_session
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.model.checkpoint import TextModel
from s2s_core.runtime.inputs import required_inputs


def prove_scorer(model: onnx.ModelProto, checkpoint: TextModel, held_out: Sequence[str], tolerance: float) -> None:
    """Compares the scores of answers: each source's own, another's, an empty one and strange ones.

    Args:
        model: The file.
        checkpoint: The model, on the CPU.
        held_out: Sources.
        tolerance: The largest difference of a score that is allowed, or of a hundredth of it for scores beyond -100.

    Raises:
        ExportError: They differ.
    """
    session = open_session(model.SerializeToString())
    defaults = required_inputs(session.get_inputs(), attrs.asdict(checkpoint.config.decoding))
    texts = [*held_out, *STRANGE_TEXTS]
    (own,) = session.run(["target"], {**defaults, "source": np.array(texts, object)})
    for answers in (own.tolist(), [*own[1:].tolist(), ""], texts):
        given = {"source": np.array(texts, object), "answer": np.array(answers, object)}
        (actual,) = session.run(["answer_scores"], {**defaults, **given})
        likelihoods = Likelihoods(checkpoint)(list(map(Example, texts, answers)))
        expected = np.array([likelihood.log_probability for likelihood in likelihoods])
        if not np.allclose(actual, expected, rtol=tolerance / 100, atol=tolerance):
            raise ExportError(f"the file scores given answers otherwise than the model, {REPORT}")
