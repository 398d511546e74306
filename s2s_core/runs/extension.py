"""Training a run for longer, or for less long, than it was meant to, where the updates so far would be the same."""

import attrs

from s2s_core.config.schedule import ENDING
from s2s_core.config.tables import RunConfig


def is_extension(config: RunConfig, saved: RunConfig) -> bool:
    """Whether a run can go on as if its settings had been these from the start.

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
    steps = attrs.evolve(config.training, steps=saved.training.steps)
    if config == saved or attrs.evolve(config, training=steps) != saved:
        return ""
    return f", on which the learning rate of its {config.training.schedule} schedule depends"
