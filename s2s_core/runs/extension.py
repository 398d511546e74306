"""Training a run for longer or shorter than it was meant to, where the updates so far would be the same."""

import attrs

from s2s_core.config.schedule import ENDING
from s2s_core.config.tables import RunConfig


def is_extension(config: RunConfig, saved: RunConfig) -> bool:
    """Whether the updates that a run has made so far would be the same with other settings.

    They may differ in ``training.patience`` and, where the schedule doesn't depend on it, in ``training.steps``.

    Args:
        config: The settings that are wanted.
        saved: The settings that the run has.
    """
    same = attrs.evolve(config.training, patience=saved.training.patience)
    if config.training.schedule not in ENDING:
        same = attrs.evolve(same, steps=saved.training.steps)
    return attrs.evolve(config, training=same) == saved


def obstacle(config: RunConfig, saved: RunConfig) -> str:
    """Returns why a run can't have another number of steps, or nothing if that isn't what is wanted."""
    before = saved.training
    same = attrs.evolve(config.training, steps=before.steps, patience=before.patience)
    if config.training.steps == before.steps or attrs.evolve(config, training=same) != saved:
        return ""
    return f", on which the learning rate of its {config.training.schedule} schedule depends"
