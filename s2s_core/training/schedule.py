"""How the learning rate changes over a run: a rise, then the schedule that the run chose."""

import math
from collections.abc import Callable, Mapping

from s2s_core.config.tables import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, reductions: int = 0) -> float:
    """Returns the learning rate of an update.

    Args:
        config: Names the schedule.
        step: The updates before it.
        reductions: How often the rate was reduced on a plateau.
    """
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    reduced = config.plateau_factor**reductions
    return config.learning_rate * warmup * _SCHEDULES[config.schedule](config, step) * reduced


def is_plateau(config: TrainingConfig, stale: int) -> bool:
    """Whether the rate is to be reduced after so many validations that were not better."""
    return config.schedule == "plateau" and stale > 0 and stale % config.plateau_patience == 0


def _cosine(config: TrainingConfig, step: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * step / config.steps))


def _linear(config: TrainingConfig, step: int) -> float:
    return 1 - step / config.steps


def _inverse_square_root(config: TrainingConfig, step: int) -> float:
    warmed = max(config.warmup_steps, 1)
    return math.sqrt(warmed / max(step + 1, warmed))


def _halving(config: TrainingConfig, step: int) -> float:
    halvings = 1 + (step - config.halving_start) // config.halving_interval
    return math.ldexp(1.0, -max(halvings, 0))


def _constant(_: TrainingConfig, __: int) -> float:
    return 1.0


_SCHEDULES: Mapping[str, Callable[[TrainingConfig, int], float]] = {
    "cosine": _cosine,
    "linear": _linear,
    "inverse-square-root": _inverse_square_root,
    "halving": _halving,
    "constant": _constant,
    "plateau": _constant,
}
