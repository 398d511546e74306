"""Optimizers: the ``torch.optim`` class of each, and its settings."""

from typing import TYPE_CHECKING, Any

import attrs

from s2s_core.config.fields import at_least, between, one_of, setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@attrs.frozen
class Optimizer:
    """An optimizer of PyTorch.

    Attributes:
        kind: Its class in ``torch.optim``.
        options: Returns its arguments besides the parameters and the learning rate, from the run's settings.
    """

    kind: str
    options: "Callable[[OptimizerConfig], Mapping[str, Any]]"


OPTIMIZERS = {
    "adamw": Optimizer(
        "AdamW", lambda config: {"betas": config.betas, "weight_decay": config.weight_decay, "fused": True}
    ),
    "adam": Optimizer("Adam", lambda config: {"betas": config.betas, "fused": True}),
    "sgd": Optimizer("SGD", lambda config: {"momentum": config.momentum, "fused": True}),
    "adafactor": Optimizer("Adafactor", lambda config: {"weight_decay": config.weight_decay}),
}
"""The optimizers by name. ``fused`` updates all parameters in one pass. To add an optimizer, add an entry."""


@attrs.frozen(slots=False)  # ``TrainingConfig`` has several such bases, which slots forbid
class OptimizerConfig:
    """The algorithm that turns gradients into updates."""

    optimizer: str = setting("adamw", "algorithm that turns gradients into updates", one_of(*OPTIMIZERS))
    weight_decay: float = setting(0.01, "for adamw and adafactor: decay of the weights", at_least(0))
    beta1: float = setting(0.9, "for adamw and adam: decay of the first moment", between(0, 0.9999))
    beta2: float = setting(0.98, "for adamw and adam: decay of the second moment", between(0, 0.9999))
    momentum: float = setting(
        0.0, "for sgd: share of the previous update that is added to the next", between(0, 0.9999)
    )
    clip_norm: float = setting(5.0, "maximum norm of the whole gradient; 0 disables clipping", at_least(0))

    @property
    def betas(self) -> tuple[float, float]:
        """The decays of both moments."""
        return self.beta1, self.beta2
