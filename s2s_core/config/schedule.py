"""Learning-rate schedules: their settings, and the rate at each update."""

import math
from collections.abc import Callable, Mapping

import attrs

from s2s_core.config.fields import at_least, between, more_than, one_of, setting

SCHEDULES: Mapping[str, Callable[["ScheduleConfig", int], float]] = {
    "cosine": lambda config, step: 0.5 * (1 + math.cos(math.pi * step / config.steps)),
    "linear": lambda config, step: 1 - step / config.steps,
    "constant": lambda _, __: 1.0,
    "inverse-square-root": lambda config, step: math.sqrt(config.warmed / max(step + 1, config.warmed)),
    "plateau": lambda _, __: 1.0,  # ``learning_rate`` takes the reductions, which depend on scores
    "halving": lambda config, step: math.ldexp(1.0, -max(config.halvings(step), 0)),
}
"""The factor of the highest rate, by the number of updates so far. A new schedule is a new line here."""

ENDING = ("cosine", "linear")
"""The schedules that fall to 0 at the last update, so that every rate depends on their number."""


@attrs.frozen(slots=False)  # ``TrainingConfig`` has several such bases, which slots forbid
class ScheduleConfig:
    """How the learning rate changes over a run: a linear warm-up, then the schedule."""

    steps: int = setting(3000, "number of updates; 0 follows the number of training pairs", at_least(0))
    epochs: float = setting(
        0.0, "how often to train on each pair, which sets the number of updates; 0 leaves it to steps", at_least(0)
    )
    learning_rate: float = setting(5e-4, "highest learning rate", more_than(0))
    schedule: str = setting("cosine", "how the learning rate falls", one_of(*SCHEDULES))
    warmup_steps: int = setting(100, "updates in which the learning rate rises to its highest", at_least(0))
    halving_start: int = setting(1000, "for halving: updates before the rate is first halved", at_least(1))
    halving_interval: int = setting(500, "for halving: updates between two halvings", at_least(1))
    plateau_patience: int = setting(
        2, "for plateau: validations without a better score before the rate is reduced", at_least(1)
    )
    plateau_factor: float = setting(0.5, "for plateau: the rate is multiplied by this", between(0, 1))

    @property
    def warmed(self) -> int:
        """The number of warm-up updates, at least one."""
        return max(self.warmup_steps, 1)

    def halvings(self, step: int) -> int:
        """Returns how often the rate was halved in ``step`` updates; zero or less before ``halving_start``."""
        return 1 + (step - self.halving_start) // self.halving_interval


def learning_rate(config: ScheduleConfig, step: int, reductions: int = 0) -> float:
    """Returns the learning rate of an update.

    Args:
        config: The schedule and its settings.
        step: The number of updates before this one.
        reductions: How often the rate was reduced on a plateau.
    """
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    reduced = config.plateau_factor**reductions
    return config.learning_rate * warmup * SCHEDULES[config.schedule](config, step) * reduced


def is_plateau(config: ScheduleConfig, stale: int) -> bool:
    """Whether the rate is to be reduced after ``stale`` validations without a better score."""
    return config.schedule == "plateau" and stale > 0 and stale % config.plateau_patience == 0
