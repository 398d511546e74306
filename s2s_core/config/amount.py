"""The amount of training, where a recipe leaves it to the data."""

import math

import attrs

from s2s_core.config.training import TrainingConfig
from s2s_core.errors import ConfigError

EPOCHS, FEWEST_EPOCHS = 20, 5
FEWEST_UPDATES, MOST_UPDATES = 4_000, 80_000
"""Training is for ``EPOCHS``, but for few pairs it is longer and for many pairs shorter."""

VALIDATIONS = 20


def with_amount(config: TrainingConfig, updates_per_epoch: float | None) -> TrainingConfig:
    """Returns training settings in which ``steps`` and ``validate_every`` are numbers of updates, and ``epochs`` is 0.

    Args:
        config: Where ``epochs`` is set, or ``steps`` is 0, the number of updates follows from the data.
        updates_per_epoch: The number of updates that train on every pair once; ``None`` if the examples never end.

    Raises:
        ConfigError: The number of updates would follow from examples that never end.
    """
    steps = _steps(config, updates_per_epoch)
    return attrs.evolve(
        config, epochs=0.0, steps=steps, validate_every=config.validate_every or max(1, steps // VALIDATIONS)
    )


def with_amount_of(config: TrainingConfig, settled: TrainingConfig) -> TrainingConfig:
    """Returns training settings in which what is left to the data is as in ``settled``."""
    if config.epochs or not config.steps:
        config = attrs.evolve(config, epochs=0.0, steps=settled.steps)
    return attrs.evolve(config, validate_every=config.validate_every or settled.validate_every)


def _steps(config: TrainingConfig, updates_per_epoch: float | None) -> int:
    if config.steps and not config.epochs:
        return config.steps
    if updates_per_epoch is None:
        raise ConfigError("the task's training examples never end: set training.steps, and leave training.epochs at 0")
    if config.epochs:
        return math.ceil(config.epochs * updates_per_epoch)
    steps = min(max(EPOCHS * updates_per_epoch, FEWEST_UPDATES), MOST_UPDATES)
    return math.ceil(max(steps, FEWEST_EPOCHS * updates_per_epoch))
