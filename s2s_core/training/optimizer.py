"""Creates the optimizer that a run names."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from s2s_core.config.optimizer import OPTIMIZERS
from s2s_core.config.training import TrainingConfig


def make_optimizer(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Creates the optimizer of a run from its entry in ``OPTIMIZERS``."""
    declared = OPTIMIZERS[config.optimizer]
    kind = getattr(torch.optim, declared.kind)
    return cast("torch.optim.Optimizer", kind(parameters, lr=config.learning_rate, **declared.options(config)))
