"""Optimizers: each makes the steps of its formula."""

import numpy as np
import pytest
import torch

from s2s_core.config.optimizer import OPTIMIZERS
from s2s_core.config.training import TrainingConfig
from s2s_core.training.optimizer import make_optimizer

RATE, DECAY, BETAS = 0.1, 0.03, (0.8, 0.95)


def adam(weight, gradients):
    """Kingma and Ba 2015."""
    first = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        weight = weight - RATE * first / (1 - BETAS[0] ** step) / (np.sqrt(second / (1 - BETAS[1] ** step)) + 1e-8)
    return weight


def adamw(weight, gradients):
    """Loshchilov and Hutter 2019: every step first takes a share of the weight."""
    first = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        weight = weight * (1 - RATE * DECAY)
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        weight = weight - RATE * first / (1 - BETAS[0] ** step) / (np.sqrt(second / (1 - BETAS[1] ** step)) + 1e-8)
    return weight


def sgd(weight, gradients):
    """With momentum."""
    velocity = 0.0
    for gradient in gradients:
        velocity = 0.7 * velocity + gradient
        weight = weight - RATE * velocity
    return weight


def adafactor(weight, gradients):
    """Shazeer and Stern 2018: the second moment is an outer product, and a step is as large as the weights are."""
    rows, columns = np.zeros((3, 1)), np.zeros((1, 4))
    for step, gradient in enumerate(gradients, 1):
        fresh = step**-0.8
        size = max(1e-3, np.sqrt((weight**2).mean())) * min(RATE, step**-0.5)
        weight = weight * (1 - RATE * DECAY)
        rows += fresh * ((gradient**2).mean(1, keepdims=True) - rows)
        columns += fresh * ((gradient**2).mean(0, keepdims=True) - columns)
        update = gradient / np.sqrt(rows @ columns / rows.mean())
        weight = weight - size * update / max(1.0, np.sqrt((update**2).mean()))
    return weight


@pytest.mark.parametrize("formula", [adam, adamw, sgd, adafactor])
def test_an_optimizer_follows_its_formula(formula):
    """Three steps from the same weights with the same gradients lead to the same weights."""
    numbers = np.random.default_rng(0)
    weight, gradients = numbers.normal(size=(3, 4)), numbers.normal(size=(3, 3, 4))
    parameter = torch.nn.Parameter(torch.tensor(weight))
    config = TrainingConfig(
        optimizer=formula.__name__,
        learning_rate=RATE,
        weight_decay=DECAY,
        beta1=BETAS[0],
        beta2=BETAS[1],
        momentum=0.7,
    )
    optimizer = make_optimizer(config, [parameter])
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(parameter.detach().numpy(), formula(weight, gradients), rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_name_is_the_optimizer_that_it_declares(name):
    """A name is declared once, with its class of PyTorch, and so none can stand for another optimizer."""
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = make_optimizer(TrainingConfig(optimizer=name), [parameter])
    assert OPTIMIZERS[name].kind == type(optimizer).__name__
    parameter.grad = torch.ones(2, 2)
    optimizer.step()
    assert not torch.equal(torch.ones(2, 2), parameter.detach())


def test_the_allowed_names_are_the_declared_ones():
    """No other can be set."""
    with pytest.raises(ValueError, match=r"^optimizer must be one of " + ", ".join(map(repr, OPTIMIZERS))):
        TrainingConfig(optimizer="lion")
