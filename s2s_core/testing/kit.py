"""Examines components: each promise by itself, in a report or as an item of pytest."""

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
    """How a component does with one promise.

    Attributes:
        promise: Which one.
        outcome: ``"exempt"`` where the component says that it doesn't keep the promise, and doesn't.
        message: Why it is broken or exempt; empty where it is kept.
        error: What broke it.
    """

    promise: Promise
    outcome: Outcome
    message: str = ""
    error: BaseException | None = None


def promises(kind: Kind) -> list[Promise]:
    """Returns what every component of a kind promises, in the order of examination.

    Raises:
        PluginError: There is no such kind.
    """
    if kind not in KINDS:
        raise PluginError(f"there is no kind {kind!r}{closest(kind, KINDS)}; there are: {listing(KINDS)}")
    checks: tuple[Callable[[Subject], None], ...] = pkgutil.resolve_name(f"s2s_core.testing.{kind}:PROMISES")
    return [Promise.of(kind, check) for check in checks]


def examine(subject: Subject, chosen: Container[str] | None = None) -> Iterator[Finding]:
    """Examines a component, one promise after the other.

    Args:
        subject: The component.
        chosen: The names of the promises to examine; by default all.

    Raises:
        PluginError: The component is exempt from a promise that doesn't exist.
    """
    every = promises(subject.kind)
    _require_exemptions(subject, every)
    return (examine_promise(subject, promise) for promise in every if chosen is None or promise.name in chosen)


def examine_promise(subject: Subject, promise: Promise) -> Finding:
    """Examines whether a component keeps a promise. Chance starts anew for each."""
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
    """Makes a test of an installed component, with one item for each promise; it needs pytest.

    ::

        test_average = conformance("encoder", "average")

    Args:
        kind: What it is: ``"task"``, ``"tokenizer"``, ``"encoder"``, ``"decoder"`` or ``"metric"``.
        name: How users call it.
        settings: Those that aren't to be as the component's ``small`` says, or else as by default.
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
    """Refuses a component that is exempt from what nobody promises, as by a slip of the pen."""
    names = [promise.name for promise in every]
    for name in subject.exempt:
        if name not in names:
            known = f"{closest(name, names)}; there are: {listing(names)}"
            raise PluginError(f"{subject} is exempt from {name!r}, which is no promise{known}")


def _failure(subject: Subject, promise: Promise) -> BaseException | None:
    with _fresh_chance(), _same_settings():
        try:
            promise.check(subject)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a component can fail in any way
            return error
    return None


@contextlib.contextmanager
def _fresh_chance() -> Iterator[None]:
    """Starts from seed 0, and gives the generators back as they were."""
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
    """Gives PyTorch its settings back, so that a component which changes them doesn't break the next promise."""
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
    found = str(error) if told else f"it raises {type(error).__name__}: {error}"
    advice = " ".join(promise.details.split())
    lines = (f"{subject} breaks {promise.name}: {promise.statement}", f"found: {found}", advice, f"see {promise.place}")
    return "\n  ".join(filter(None, lines))
