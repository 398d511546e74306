"""Examines components that nobody installed, some of which break promises, for the tests of each kind's promises."""

import torch

from s2s_core.testing import Subject
from s2s_core.testing.kit import examine_promise


def require_kept(kind, component, promise, plugins):
    """Checks that a component keeps a promise."""
    finding = examine_promise(_subject(kind, component, plugins), promise)
    assert ("kept", "") == (finding.outcome, finding.message)


def require_caught(kind, component, promise, plugins, found):
    """Checks that the message names the promise, says what was found, and where the promise is documented."""
    subject = _subject(kind, component, plugins)
    finding = examine_promise(subject, promise)
    assert "broken" == finding.outcome
    assert finding.message.startswith(f"{subject} breaks {promise.name}: {promise.statement}\n  found: ")
    assert found in finding.message
    assert finding.message.endswith(f"\n  see docs/conformance.md#{kind}-{promise.name}")


def _subject(kind, component, plugins):
    return Subject(kind, "examined", component, component.Config(), plugins)


class Doubled(torch.autograd.Function):
    """Changes nothing, but doubles the gradient."""

    @staticmethod
    def forward(ctx, tensor):
        return tensor.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient
