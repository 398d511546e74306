"""What every task promises."""

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from s2s_core.config.fields import NoConfig
from s2s_core.config.resolve import resolve
from s2s_core.config.tables import RunConfig
from s2s_core.data.pairs import HELD_OUT, MOST_HELD_OUT, Splits, generator
from s2s_core.data.task import Example, Split, Task
from s2s_core.errors import ConfigError, PluginError
from s2s_core.plugins.registry import Kind, Plugins
from s2s_core.runs.components import choose_metrics
from s2s_core.testing.elsewhere import ask_elsewhere
from s2s_core.testing.promise import broken, naming, require
from s2s_core.testing.subject import Subject
from s2s_core.testing.texts import is_unicode, shown

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

FEW, MANY = 200, 5000
"""How many examples of a split are compared, and how many of a stream are looked at."""

MOST = 1_000_000
"""How many examples of a finite task are counted."""

SECONDS = 2.0
"""How long the first example may take to compute."""


def texts(subject: Subject) -> None:
    """Each example is an ``Example`` of two strings, which are valid Unicode.

    The first thousands of every split are looked at. Half of a surrogate pair, U+D800 to U+DFFF alone, is no Unicode:
    nothing can write it to a file. It comes from JSON, or from reading with ``errors="surrogateescape"``. Texts may be
    empty and may have line ends, but not all sources and not all targets may be empty.
    """
    task = _make(subject)
    for split in SPLITS:
        examples = _some(task, split, MANY)
        for number, example in enumerate(examples, 1):
            where = f"example {number} of {split}"
            require(isinstance(example, Example), f"{where} should be an Example, not {shown(example)}")
            for side, text in zip(Example._fields, example, strict=True):
                require(isinstance(text, str), f"the {side} of {where} should be a str, not {shown(text)}")
                require(is_unicode(text), f"the {side} of {where} has half a surrogate pair: {shown(text)}")
        for side, column in zip(Example._fields, zip(*examples, strict=True), strict=False):
            require(any(column), f"every {side} of {split} is empty")


def deterministic(subject: Subject) -> None:
    """The same generator gives the same examples, whatever was asked before and whatever other chance there is.

    ``examples`` is called twice on one instance and once on another, for every split, with Python's own generator in
    different states; two streams are also read in turn. Draw from ``rng`` alone, not from ``random``, ``numpy.random``
    or the time, and keep no position or generator on the instance: each call starts anew.
    """
    task, other = _make(subject), _make(subject)
    for split in SPLITS:
        random.seed(1)
        first = _some(task, split, FEW)
        random.seed(2)
        _require_same(first, _some(task, split, FEW), f"{split}, asked for a second time,")
        _require_same(first, _some(other, split, FEW), f"{split}, asked of another instance,")
    streams = [task.examples("train", _rng()) for _ in range(2)]
    turns = list(itertools.islice(zip(*streams, strict=False), FEW))
    for one, two in turns:
        require(one == two, f"two streams that are read in turn differ: {shown(one)} and {shown(two)}")


def processes(subject: Subject) -> None:
    """Another process gives the same examples, and the same fingerprint.

    Python hashes strings anew in each process, and so orders sets of them. Sort a set before you choose from it or go
    through it; a ``dict`` keeps its order. A run that is resumed, and one of several processes, depend on this.
    """
    here = sample(subject.component, subject.config)
    there = ask_elsewhere(subject, "s2s_core.testing.task:sample")
    for split in SPLITS:
        expected, found = ([Example(*pair) for pair in sampled[split]] for sampled in (here, there))
        _require_same(expected, found, f"{split}, asked of another process,")
    fingerprints = here["fingerprint"], there["fingerprint"]
    require(
        fingerprints[0] == fingerprints[1],
        f"the fingerprint is {shown(fingerprints[0])}, in another process {shown(fingerprints[1])}",
    )


def splits(subject: Subject) -> None:
    """No source is in two of training, validation and test, as a run sees them, and none of the three is empty.

    Of a task that is ``endless`` the core keeps what it holds for validation and test out of training itself. It takes
    at most a thousand each, none twice. Then there must be enough other sources: at most a tenth of what is drawn for
    training may be held out. Any other task must part its sources itself, by the source and not by the pair, as one
    source may have several targets.
    """
    task = _make(subject)
    validation, test, training = _split_sources(task, subject.name)
    for name, sources in (("validation", validation), ("test", test)):
        require(sources, f"{name} has no examples")
    shared = validation & test
    require(not shared, f"validation and test share the source {shown(min(shared, default=None))}")
    count = 0
    for count, source in enumerate(training, 1):  # noqa: B007  # it is read below
        for name, sources in (("validation", validation), ("test", test)):
            require(source not in sources, f"{name} and training share the source {shown(source)}")
    require(count, "training has no examples")
    if task.endless:
        drawn = [example.source for example in _some(task, "train", HELD_OUT)]
        held_out = sum(source in validation or source in test for source in drawn)
        require(
            held_out <= MOST_HELD_OUT * len(drawn),
            f"{held_out} of {len(drawn)} examples drawn for training are held out for validation and test: "
            "there are too few different sources",
        )


def endless(subject: Subject) -> None:
    """A task that is ``endless`` goes on, and one that isn't ends.

    Thousands of training examples of an endless task are drawn. It says no ``training_size``. Of another task,
    validation and test may have a million examples each, as they are held in memory; its training examples may be any
    number.
    """
    task = _make(subject)
    if task.endless:
        count = len(_some(task, "train", MANY))
        require(count == MANY, f"the task says that it's endless, but train ends after {count} examples")
        require(
            task.training_size() is None,
            f"the task says that it's endless, and that its training_size is {task.training_size()}",
        )
        return
    for split in SPLITS[1:]:
        more = next(itertools.islice(task.examples(split, _rng()), MOST, None), None)
        require(more is None, f"{split} has more than {MOST:,} examples: is the task endless = True?")


def training_size(subject: Subject) -> None:
    """``training_size`` is the number of training examples, where it is a number.

    Up to a million are counted. What is held out or left out doesn't count. Progress and the store on disk depend on
    it; return nothing where the number isn't known.
    """
    size = _make(subject).training_size()
    if size is None:
        return
    require(isinstance(size, int) and not isinstance(size, bool), f"training_size should be an int, not {shown(size)}")
    count = sum(1 for _ in itertools.islice(_make(subject).examples("train", _rng()), MOST + 1))
    true = count == size if count <= MOST else size > MOST
    require(true, f"training_size is {size:,}, but train has {count:,} examples{' or more' * (count > MOST)}")


def fingerprint(subject: Subject) -> None:
    """A ``fingerprint`` is a text, the same for the same examples, and then they don't depend on ``rng``.

    Two instances are asked, and training examples for two generators compared. By the fingerprint a later run finds
    encoded examples on disk, so chance must have no part in them.
    """
    task = _make(subject)
    found, again = task.fingerprint(), _make(subject).fingerprint()
    if found is None and again is None:
        return
    require(isinstance(found, str), f"the fingerprint should be a str or None, not {shown(found)}")
    require(found == again, f"the fingerprint is {shown(found)}, of another instance {shown(again)}")
    one, other = (list(itertools.islice(task.examples("train", _rng(seed)), FEW)) for seed in (0, 1))
    _require_same(one, other, "train, with another generator,")


def first_example(subject: Subject) -> None:
    """The first example of each split is there within two seconds of computing, the making of the task included.

    What counts is the time of the processor, not what a busy machine or a disk adds. Yield examples as they are asked
    for, instead of building a list of all, and read a file line by line.
    """
    for split in SPLITS:
        began = time.process_time()
        next(_make(subject).examples(split, _rng()), None)
        seconds = time.process_time() - began
        require(seconds <= SECONDS, f"the first example of {split} takes {seconds:.1f} s, more than {SECONDS:g} s")


def metrics(subject: Subject) -> None:
    """The task names at least one metric, and all that it names are installed.

    A metric of another distribution must be among the dependencies of the task's own.
    """
    names: Sequence[str] = subject.component.metrics
    require(not isinstance(names, str), f"metrics should be a list of names, not the text {shown(names)}")
    require(names, "metrics is empty; the first one chooses the best checkpoint")
    require(len(set(names)) == len(names), f"metrics names one twice: {shown(names)}")
    for name in names:
        try:
            subject.plugins.component("metric", name)
        except PluginError as error:
            broken(str(error))


def defaults(subject: Subject) -> None:
    """The ``defaults`` are tables of a run, with settings that exist and values that can be used.

    They are resolved as a run does it, with the settings with which the task is examined. An encoder or decoder is only
    looked for where ``defaults`` names it.
    """
    settings = {"task": {"name": subject.name} | subject.settings}
    known = [field.name for field in attrs.fields(RunConfig)]
    unknown = [name for name in subject.component.defaults if name not in known]
    require(not unknown, f"defaults has the tables {unknown}, but a run has {known}")
    models = {kind: _STAND_IN for kind in ("encoder", "decoder") if kind not in subject.component.defaults}
    try:
        config = resolve([models, settings], _WithStandIns(subject))
        choose_metrics(config.evaluation, subject.component, subject.plugins)
    except (ConfigError, PluginError) as error:
        broken(f"with defaults {shown(subject.component.defaults)}: {error}")


def remarks(subject: Subject) -> None:
    """``remarks`` gives texts of one line each."""
    found = _make(subject).remarks()
    require(not isinstance(found, str), f"remarks should be a list of lines, not the text {shown(found)}")
    for line in found:
        require(isinstance(line, str) and len(line.splitlines()) == 1, f"a remark should be a line, not {shown(line)}")


PROMISES = (
    texts,
    deterministic,
    processes,
    splits,
    endless,
    training_size,
    fingerprint,
    first_example,
    metrics,
    defaults,
    remarks,
)


def sample(component: type[Any], config: Any) -> dict[str, Any]:
    """Returns the first examples of each split, and the fingerprint, as JSON can hold them."""
    task: Task = component(config)
    found: dict[str, Any] = {split: [list(example) for example in _some(task, split, FEW)] for split in SPLITS}
    return found | {"fingerprint": task.fingerprint()}


_STAND_IN = "any"


class _WithStandIns(Plugins):
    """What is installed, and an encoder and a decoder that have nothing to set and need no PyTorch."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def component(self, kind: Kind, name: str) -> type[Any]:
        if name == _STAND_IN and kind in {"encoder", "decoder"}:
            return _StandIn
        if (kind, name) == (self._subject.kind, self._subject.name):
            return self._subject.component
        return self._subject.plugins.component(kind, name)


class _StandIn:
    Config = NoConfig


def _make(subject: Subject) -> Task:
    task: Task = subject.component(subject.config)
    return task


def _rng(seed: int = 0) -> random.Random:
    return generator(seed, "conformance")


def _some(task: Task, split: Split, count: int) -> list[Example]:
    """Returns the first examples of a split."""
    with naming(f"drawing examples of {split}"):
        return list(itertools.islice(task.examples(split, _rng()), count))


def _require_same(expected: Sequence[Example], found: Sequence[Example], what: str) -> None:
    for number, (one, other) in enumerate(itertools.zip_longest(expected, found), 1):
        require(one == other, f"{what} has {shown(other)} as example {number}, not {shown(one)}")


def _split_sources(task: Task, name: str) -> tuple[set[str], set[str], Iterator[str]]:
    """Returns the sources of validation and test, and yields those of training, as a run sees them."""
    if task.endless:
        found = Splits(task, name)
        held_out = [found.validation, found.test]
        training = itertools.islice(found.train(_rng()), MANY)
    else:
        held_out = [_some(task, split, MOST) for split in SPLITS[1:]]
        training = itertools.islice(task.examples("train", _rng()), MOST)
    validation, test = ({example.source for example in examples} for examples in held_out)
    return validation, test, (example.source for example in training)
