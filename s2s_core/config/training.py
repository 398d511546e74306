"""How a model is trained: batches, loss, optimizer, schedule, averaging, and when training validates and stops."""

import attrs

from s2s_core.config.fields import MOST_ROWS, all_different, at_least, between, one_of, setting
from s2s_core.config.optimizer import OptimizerConfig
from s2s_core.config.schedule import ScheduleConfig

AVERAGES = ("none", "last", "best", "ema")
PRECISIONS = ("full", "bf16", "fp16")


@attrs.frozen(slots=False)
class BatchConfig:
    """How training pairs are grouped into batches."""

    batch_size: int = setting(128, "pairs in an update, over all processes", between(1, MOST_ROWS))
    batch_tokens: int = setting(
        0,
        "maximum number of ids in an update, both sides and padding included, instead of batch_size; 0 disables it",
        between(0, 100_000_000),
    )
    bucket_batches: int = setting(
        32, "batches whose pairs are sorted by length together; 1 sorts only within a batch", between(1, 10_000)
    )
    accumulation: int = setting(1, "parts that an update's batch is split into, to save memory", between(1, MOST_ROWS))
    seed: int = setting(0, "seed of all random numbers", between(0, 2**32 - 1))


@attrs.frozen(slots=False)
class LossConfig:
    """The loss that an update minimises."""

    label_smoothing: float = setting(
        0.0, "label smoothing: weight of the uniform distribution in the loss", between(0, 0.9999)
    )
    average_over: str = setting(
        "tokens", "whether the loss of an update is averaged over tokens or pairs", one_of("tokens", "pairs")
    )


@attrs.frozen(slots=False)
class AveragingConfig:
    """Which weights are averaged, validated and kept."""

    average: str = setting("none", "which weights are averaged for the model that is kept", one_of(*AVERAGES))
    average_count: int = setting(5, "for last and best: validations whose weights are averaged", at_least(1))
    ema_decay: float = setting(
        0.999, "for ema: share of the running average that is kept at each update", between(0, 0.999999)
    )


@attrs.frozen(slots=False)
class TrainingConfig(AveragingConfig, OptimizerConfig, LossConfig, BatchConfig, ScheduleConfig):
    """How the model is trained."""

    validate_every: int = setting(500, "updates between two validations; 0 validates 20 times", at_least(0))
    patience: int = setting(0, "validations without a better score before training stops; 0 disables it", at_least(0))
    initial_run: str = setting("", "folder of an earlier run whose weights and vocabularies to start from")
    initial_range: float = setting(
        0.0, "new weights are drawn uniformly between minus and plus this; 0 leaves them to each component", at_least(0)
    )
    device: str = setting("auto", "auto takes a GPU if there is one", one_of("auto", "cpu"))
    precision: str = setting(
        "full", "floating-point format that the model computes with in training", one_of(*PRECISIONS)
    )
    trackers: tuple[str, ...] = setting((), "trackers that also log the scores; plugins provide them", all_different())
