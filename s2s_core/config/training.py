"""How a model is trained: batches, loss, optimizer, schedule, averaging, and when training validates and stops."""

import attrs

from s2s_core.config.fields import all_different, at_least, between, one_of, setting
from s2s_core.config.optimizer import OptimizerConfig
from s2s_core.config.schedule import ScheduleConfig

AVERAGES = ("none", "last", "best", "ema")
PRECISIONS = ("full", "bf16", "fp16")

MOST_ROWS = 100_000
"""The most rows of a batch."""


@attrs.frozen(slots=False)
class BatchConfig:
    """Which pairs an update is made from."""

    batch_size: int = setting(128, "pairs in an update, over all processes", between(1, MOST_ROWS))
    batch_tokens: int = setting(
        0,
        "maximum number of ids in an update, padding and both sides included, instead of batch_size pairs; 0 sets none",
        between(0, 100_000_000),
    )
    bucket_batches: int = setting(
        32, "batches whose pairs are sorted by length together; 1 sorts none", between(1, 10_000)
    )
    accumulation: int = setting(
        1, "parts in which an update's batch is computed, to save memory", between(1, MOST_ROWS)
    )
    seed: int = setting(0, "seed of all random numbers", between(0, 2**32 - 1))


@attrs.frozen(slots=False)
class LossConfig:
    """What an update minimises."""

    label_smoothing: float = setting(
        0.0, "label smoothing: weight of the uniform distribution in the loss", between(0, 0.9999)
    )
    average_over: str = setting("tokens", "what the loss of an update is the mean over", one_of("tokens", "pairs"))


@attrs.frozen(slots=False)
class AveragingConfig:
    """Which weights are validated and kept."""

    average: str = setting("none", "which weights are averaged for the model that is kept", one_of(*AVERAGES))
    average_count: int = setting(5, "for last and best: validations whose weights are averaged", at_least(1))
    ema_decay: float = setting(
        0.999, "for ema: share of the running average that is kept at each update", between(0, 0.999999)
    )


@attrs.frozen(slots=False)
class TrainingConfig(AveragingConfig, OptimizerConfig, LossConfig, BatchConfig, ScheduleConfig):
    """How the model is trained."""

    validate_every: int = setting(500, "updates between two validations", at_least(1))
    patience: int = setting(0, "validations without a better score before training stops; 0 never stops", at_least(0))
    initial_run: str = setting("", "folder of an earlier run whose weights and vocabularies to start from")
    initial_range: float = setting(
        0.0, "new weights are uniform from -this to this; 0 leaves them to each component", at_least(0)
    )
    device: str = setting("auto", "auto takes a GPU where there is one", one_of("auto", "cpu"))
    precision: str = setting("full", "numbers that the model computes with in training", one_of(*PRECISIONS))
    trackers: tuple[str, ...] = setting((), "where training also logs its scores, as plugins offer", all_different())
