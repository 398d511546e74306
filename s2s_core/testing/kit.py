"""Examines components promise by promise, for a report or as items of pytest."""

import contextlib
import pkgutil
import random
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, Literal

import attrs

from s2s_core.errors import PluginError, S2SError, closest, listing
from s2s_core.plugins.registry import KINDS, Kind
from s2s_core.testing.promise import BrokenPromiseError, Promise
from s2s_core.testing.subject import Subject

Outcome = Literal["kept", "exempt", "broken"]


@attrs.frozen
class Finding:
    """The result of examining one promise of a component.

    Attributes:
        promise: The promise.
        outcome: ``"kept"``, ``"broken"``, or ``"exempt"`` if it is broken and the component declares that it is.
        message: Why the promise is broken or exempt; empty if it is kept.
        error: The exception that showed it, if any.
    """

    promise: Promise
    outcome: Outcome
    message: str = ""
    error: BaseException | None = None


def promises(kind: Kind) -> list[Promise]:
    """Returns the promises of every component of a kind, in the order of examination.

    Raises:
        PluginError: There is no such kind.
    """
    if kind not in KINDS:
        raise PluginError(f"there is no kind {kind!r}{closest(kind, KINDS)}; there are: {listing(KINDS)}")
    checks: tuple[Callable[[Subject], None], ...] = pkgutil.resolve_name(f"s2s_core.testing.{kind}:PROMISES")
    return [Promise.of(kind, check) for check in checks]


def examine(subject: Subject, names: Container[str] | None = None) -> Iterator[Finding]:
    """Examines a component, one promise after another.

    Args:
        subject: The component.
        names: The names of the promises to examine; by default all.

    Raises:
        PluginError: The component is exempt from a promise that doesn't exist.
    """
    every = promises(subject.kind)
    _require_exemptions(subject, every)
    return (examine_promise(subject, promise) for promise in every if names is None or promise.name in names)


def examine_promise(subject: Subject, promise: Promise) -> Finding:
    """Examines whether a component keeps a promise, with freshly seeded random generators."""
    reason = subject.exempt.get(promise.name)
    error = _failure(subject, promise)
    if error is None and reason is None:
        return Finding(promise, "kept")
    if error is None:
        return Finding(promise, "broken", f"{subject} keeps {promise.name}: take it out of its exempt promises")
    if reason is not None:
        return Finding(promise, "exempt", reason, error)
    return Finding(promise, "broken", _message(subject, promise, error), error)


def conformance(kind: Kind, name: str, settings: Mapping[str, Any] | None = None) -> Callable[..., None]:
    """Makes a pytest test of an installed component, with one item for each promise.

    ::

        test_average = conformance("encoder", "average")

    Args:
        kind: ``"task"``, ``"tokenizer"``, ``"encoder"``, ``"decoder"`` or ``"metric"``.
        name: The name that users type.
        settings: Settings that replace those of the component's ``small``, or the defaults.
    """
    import pytest  # noqa: PLC0415  # s2s plugins check does without

    every = promises(kind)

    @pytest.mark.parametrize("promise", every, ids=[promise.name for promise in every])
    def test(promise: Promise) -> None:
        __tracebackhide__ = True
        subject = Subject.installed(kind, name, settings)
        _require_exemptions(subject, every)
        finding = examine_promise(subject, promise)
        if finding.outcome == "exempt":
            pytest.xfail(finding.message)
        if finding.outcome == "broken":
            error = finding.error
            cause = error.__cause__ if isinstance(error, BrokenPromiseError) else error
            raise BrokenPromiseError(finding.message) from cause

    return test


def _require_exemptions(subject: Subject, every: list[Promise]) -> None:
    """Refuses a component that is exempt from a promise that doesn't exist, such as a misspelt one."""
    names = [promise.name for promise in every]
    for name in subject.exempt:
        if name not in names:
            remedy = f"{closest(name, names)}; there are: {listing(names)}"
            raise PluginError(f"{subject} is exempt from {name!r}, which is not a promise{remedy}")


def _failure(subject: Subject, promise: Promise) -> BaseException | None:
    with _fresh_chance(), _same_settings():
        try:
            promise.check(subject)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a component can fail in any way
            return error
    return None


@contextlib.contextmanager
def _fresh_chance() -> Iterator[None]:
    """Seeds the random generators with 0, and restores their states afterwards."""
    before = random.getstate()
    random.seed(0)
    torch: Any = sys.modules.get("torch")
    try:
        if torch is None:
            yield
        else:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                yield
    finally:
        random.setstate(before)


@contextlib.contextmanager
def _same_settings() -> Iterator[None]:
    """Restores PyTorch's global settings, so that a component that changes them doesn't affect the next promise."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    with torch.set_grad_enabled(torch.is_grad_enabled()):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


def _message(subject: Subject, promise: Promise, error: BaseException) -> str:
    told = isinstance(error, BrokenPromiseError | S2SError)
    problem = str(error) if told else f"it raises {type(error).__name__}: {error}"
    advice = " ".join(promise.details.split())
    lines = (
        f"{subject} breaks {promise.name}: {promise.statement}",
        f"found: {problem}",
        advice,
        f"see {promise.place}",
    )
    return "\n  ".join(filter(None, lines))
