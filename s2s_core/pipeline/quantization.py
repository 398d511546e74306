"""What a file with smaller weights loses and gains against the same with whole ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from s2s_core.config.tables import ExportConfig
from s2s_core.data.splits import Splits
from s2s_core.data.task import Example, References
from s2s_core.errors import ExportError
from s2s_core.evaluation.answers import Scores, answer, score
from s2s_core.evaluation.loss import lost_points
from s2s_core.evaluation.metric import BaseMetric
from s2s_core.pipeline.evaluate import Answering
from s2s_core.pipeline.speed import milliseconds_per_text

TOGETHER = 64
"""How many texts are answered at once where batches are timed."""


@attrs.frozen
class Measured:
    """What was measured of a file.

    Attributes:
        size: Its bytes.
        alone: The median time in milliseconds in which it answers one text alone, on one thread.
        together: The same for each text of a batch of ``TOGETHER``.
        validation: Its scores on the validation set, by metric.
        test: Those on the test set.
    """

    size: int
    alone: float
    together: float
    validation: Scores
    test: Scores


@attrs.frozen
class Quantization:
    """A file with smaller weights, beside the same with weights of 32 bits.

    Attributes:
        kind: How the weights are stored.
        metrics: The metrics by name; they format the scores.
        plain: What was measured of the file with weights of 32 bits.
        quantized: What was measured of the other one.
    """

    kind: str
    metrics: Mapping[str, BaseMetric] = attrs.field(repr=False)
    plain: Measured
    quantized: Measured

    def to_json(self) -> dict[str, Any]:
        """Returns what was measured of both files, as JSON can hold it."""
        return {"plain": attrs.asdict(self.plain), "quantized": attrs.asdict(self.quantized)}


def measured(
    plain: bytes,
    quantized: bytes,
    settings: ExportConfig,
    splits: Splits,
    metrics: Mapping[str, BaseMetric],
    rule: References,
) -> Quantization:
    """Measures both files.

    Args:
        plain: The content of the file with weights of 32 bits.
        quantized: That of the other one.
        settings: Say how the weights are stored, and how much may be lost.
        splits: Whose validation and test sets are answered.
        metrics: The run's that a file can be scored by; the first one decides.
        rule: Whether any target of examples with the same source is right.

    Raises:
        ExportError: The other one loses too much of the first metric on the validation set.
    """
    files = plain, quantized
    validation = [_scores(file, splits.validation, metrics, rule) for file in files]
    _require_little_lost(settings, metrics, *validation)
    test = [_scores(file, splits.test, metrics, rule) for file in files]
    texts = list(dict.fromkeys(example.source for example in splits.test))
    times = milliseconds_per_text(files, texts), milliseconds_per_text(files, texts, TOGETHER)
    return Quantization(settings.quantize, metrics, *map(Measured, map(len, files), *times, validation, test))


def _scores(file: bytes, examples: Sequence[Example], metrics: Mapping[str, BaseMetric], rule: References) -> Scores:
    from s2s_core.runtime.file import ExportedModel  # noqa: PLC0415  # s2s starts without ONNX Runtime

    return score(answer(Answering(ExportedModel(file)), examples, metrics, rule=rule), metrics)


def _require_little_lost(
    settings: ExportConfig, metrics: Mapping[str, BaseMetric], before: Scores, after: Scores
) -> None:
    name, metric = next(iter(metrics.items()))
    lost = lost_points(metric, before[name], after[name])
    if not lost <= settings.maximum_loss:  # nor if a score is no number
        raise ExportError(
            f"nothing is written: with export.quantize = {settings.quantize!r}, {name.replace('_', ' ')} on the "
            f"validation set is {metric.display(after[name])} instead of {metric.display(before[name])}, which loses "
            f"more than export.maximum_loss = {settings.maximum_loss:g} points; "
            "raise that, or store the weights in more bits"
        )
