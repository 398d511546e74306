"""Chance in training comes from the seed, the process and the update alone."""

import itertools

import pytest
import torch

from s2s_core.training.seeding import seed_update

DROPOUT = {"source": {"dropout": 0.5}, "target": {"dropout": 0.3}}


def test_each_update_of_each_process_has_chance_of_its_own():
    """The same one always draws the same, and no two of them do."""

    def drawn(*which):
        seed_update(torch.device("cpu"), *which)
        return tuple(torch.rand(3).tolist())

    updates = list(itertools.product((0, 1), (0, 1, 11), (1, 11, 100)))
    assert len(set(itertools.starmap(drawn, updates))) == len(updates)
    assert drawn(0, 1, 11) == drawn(0, 1, 11)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_an_interrupted_run_drops_what_an_undisturbed_one_drops(make_run, train, contents, accumulation):
    """Though something else draws numbers in between."""
    settings = {"steps": 34, "validate_every": 12, "accumulation": accumulation}
    whole, parts = (make_run(name, DROPOUT, **settings) for name in ("whole", "parts"))
    train(whole)
    train(parts, interrupted_at=10)
    torch.rand(7)
    train(parts, interrupted_at=24, resume=True)
    train(parts, resume=True)
    assert contents(parts) == contents(whole)


def test_dropout_makes_a_difference(make_run, train, latest):
    """Or the test before would say nothing."""
    plain, dropping = make_run("plain"), make_run("dropping", DROPOUT)
    train(plain)
    train(dropping)
    assert any((latest(plain)[name] != tensor).any() for name, tensor in latest(dropping).items())
