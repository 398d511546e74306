"""The kit examines components that misbehave, and says what is wrong with how they are declared."""

import sys

import pytest
import torch

from s2s_core import Metric
from s2s_core.config.fields import NoConfig
from s2s_core.errors import PluginError
from s2s_core.evaluation.metrics.exact_match import ExactMatch
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import Subject, conformance, examine, promises


class Exiting(Metric):
    """Ends the process, as a script does that finds its data missing."""

    def score(self, hypotheses, references):
        sys.exit(0)


class Resetting(ExactMatch):
    """Changes all of PyTorch's settings that others depend on."""

    def score(self, hypotheses, references):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(mode=False)
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.use_deterministic_algorithms(mode=True)
        return super().score(hypotheses, references)


class Offering(Plugins):
    """Offers one metric."""

    def __init__(self, metric):
        self.metric = metric

    def component(self, kind, name):
        return self.metric


def subject(metric):
    """Returns a metric as what is examined."""
    return Subject("metric", "mine", metric, NoConfig(), Plugins([], {}))


def test_a_component_that_ends_the_process_breaks_its_promises():
    """The others are examined as well, and nothing looks like success."""
    (finding,) = examine(subject(Exiting), {"bounds"})
    assert "broken" == finding.outcome
    assert "it raises SystemExit: 0" in finding.message


def test_settings_of_pytorch_are_given_back():
    """What one component changes for all breaks no other's promises."""

    def settings():
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
        )

    before = settings()
    assert ["kept"] == [finding.outcome for finding in examine(subject(Resetting), {"bounds"})]
    assert before == settings()


@pytest.mark.parametrize("given", [None, "bounds", ["bounds"], {3: "why"}])
@pytest.mark.parametrize("attribute", ["small", "exempt"])
def test_small_and_exempt_must_be_mappings(attribute, given):
    """The message names the attribute, the component and what came."""
    metric = type("Mine", (ExactMatch,), {attribute: given})
    with pytest.raises(PluginError) as refused:
        examine(Subject.installed("metric", "mine", plugins=Offering(metric)))
    expected = f"{attribute} of metric 'mine' must be a mapping whose keys are names (got {given!r})"
    assert expected == str(refused.value)


def test_a_kind_that_does_not_exist_is_refused():
    """By its test when that is collected, with the closest one."""
    for refuse in (lambda: promises("metrics"), lambda: conformance("metrics", "exact_match")):
        with pytest.raises(
            PluginError, match=r"there is no kind 'metrics' \(did you mean 'metric'\?\); there are: dec"
        ):
            refuse()
