"""What turns gradients into updates."""

from collections.abc import Iterable

import torch
from torch import nn

from s2s_core.config.tables import TrainingConfig


def make_optimizer(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Makes the optimizer that a run chose. Where PyTorch has one, it takes the form that updates in one pass."""
    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, betas, fused=True)
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, config.momentum, fused=True)
    if config.optimizer == "adafactor":
        return torch.optim.Adafactor(parameters, rate, weight_decay=config.weight_decay)
    return torch.optim.AdamW(parameters, rate, betas, weight_decay=config.weight_decay, fused=True)
