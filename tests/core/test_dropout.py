"""Dropout, against PyTorch's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from s2s_core import Dropout

SIZE = 200_000


def dropped(rate: float, inputs: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    result: torch.Tensor = Dropout(rate)(inputs)
    return result


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.3, 0.5, 0.9])
def test_it_zeroes_at_its_rate_and_keeps_the_mean(rate: float) -> None:
    outputs = dropped(rate, torch.ones(SIZE))
    deviation = (rate * (1 - rate) / SIZE) ** 0.5
    assert abs(float((outputs == 0).float().mean()) - rate) < 5 * deviation
    kept = outputs[outputs != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=2e-4, atol=0)


def test_neighbours_are_independent() -> None:
    zeroed = (dropped(0.5, torch.ones(SIZE)) == 0).float() - 0.5
    for distance in range(1, 9):
        correlation = float((zeroed[:-distance] * zeroed[distance:]).mean()) * 4
        assert abs(correlation) < 5 * SIZE**-0.5, distance


@given(st.lists(st.integers(0, 5), max_size=4), st.floats(0, 0.99))
def test_any_shape_has_its_gradient(shape: list[int], rate: float) -> None:
    inputs = torch.ones(shape, requires_grad=True)
    outputs = dropped(rate, inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, outputs.detach())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_type_stays(dtype: torch.dtype) -> None:
    assert dropped(0.3, torch.ones(10, dtype=dtype)).dtype == dtype


def test_nothing_is_dropped_in_evaluation_or_at_rate_0() -> None:
    inputs = torch.randn(100)
    assert torch.equal(Dropout(0.5).eval()(inputs), inputs)
    assert torch.equal(Dropout(0.0)(inputs), inputs)


def test_a_seed_gives_the_same_elements() -> None:
    assert torch.equal(dropped(0.5, torch.ones(100)), dropped(0.5, torch.ones(100)))


def test_rates_are_checked_as_pytorch_checks_them() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Dropout(1.5)
    assert isinstance(Dropout(0.1), nn.Dropout)


@pytest.mark.parametrize("rate", [1.0, 1 - 1e-9])
def test_a_rate_of_1_leaves_nothing(rate: float) -> None:
    assert not dropped(rate, torch.ones(100)).any()
