"""The loss: label smoothing, and what is reported."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch.nn import functional

from s2s_core.training.loss import token_loss


@settings(deadline=None, max_examples=30, derandomize=True)
@given(smoothing=some.floats(0, 0.99), tokens=some.lists(some.integers(0, 4), min_size=1, max_size=6))
def test_smoothing_spreads_a_share_over_all_tokens(smoothing, tokens):
    """The objective is the cross-entropy with a distribution that gives each token its part of the share."""
    logits = torch.randn(len(tokens), 5, dtype=torch.float64, requires_grad=True)
    wanted = (1 - smoothing) * functional.one_hot(torch.tensor(tokens), 5) + smoothing / 5
    expected = -(wanted * logits.double().float().log_softmax(1)).sum()
    objective, _ = token_loss(logits, torch.tensor(tokens), smoothing)
    torch.testing.assert_close(objective, expected.float())
    torch.testing.assert_close(torch.autograd.grad(objective, logits), torch.autograd.grad(expected, logits))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_what_is_reported_is_not_smoothed(smoothing):
    """It is the plain cross-entropy, and carries no gradient."""
    logits, tokens = torch.randn(4, 5, requires_grad=True), torch.tensor([0, 3, 3, 1])
    _, cross_entropy = token_loss(logits, tokens, smoothing)
    assert cross_entropy == functional.cross_entropy(logits, tokens, reduction="sum")
    assert not cross_entropy.requires_grad


def test_a_smoothed_run_learns_other_weights_but_reports_the_same_kind_of_loss(make_run, train, latest, records):
    """The first report is of the same weights, so it is the same; then the gradients differ."""
    settings = {"steps": 2, "validate_every": 1}
    plain, smoothed = make_run("plain", **settings), make_run("smoothed", label_smoothing=0.2, **settings)
    train(plain)
    train(smoothed)
    assert records(plain)[0]["loss"] == records(smoothed)[0]["loss"]
    assert records(plain)[1]["loss"] != records(smoothed)[1]["loss"]
    assert any((latest(plain)[name] != latest(smoothed)[name]).any() for name in latest(plain))
