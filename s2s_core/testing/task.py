"""The promises of every task."""

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import attrs

from s2s_core.config.fields import NoConfig
from s2s_core.config.resolve import resolve
from s2s_core.config.tables import RunConfig
from s2s_core.data.splits import HELD_OUT, MOST_EVALUATED, MOST_HELD_OUT, Splits, generator
from s2s_core.data.task import Example, References, Split, Task
from s2s_core.errors import ConfigError, PluginError, is_utf8
from s2s_core.plugins.registry import Kind, Plugins
from s2s_core.runs.components import choose_metrics
from s2s_core.testing.elsewhere import ask_elsewhere
from s2s_core.testing.promise import broken, naming, require
from s2s_core.testing.subject import Subject
from s2s_core.testing.texts import shown

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

FEW, MANY = 200, 5000
"""The number of examples of a split to compare, and of a stream to examine."""

MOST = MOST_EVALUATED
"""The maximum number of examples of a finite task to count."""

SECONDS = 2.0
"""The time limit for computing the first example."""


def texts(subject: Subject) -> None:
    """Each example is an ``Example`` of two strings, which are valid Unicode.

    The kit examines the first few thousand of every split. A lone surrogate, U+D800 to U+DFFF, isn't valid: no encoding
    can write it to a file. It comes from JSON, or from reading with ``errors="surrogateescape"``. Texts may be empty
    and may contain line breaks, but not all sources and not all targets may be empty.
    """
    task = _make(subject)
    for split in SPLITS:
        examples = _some(task, split, MANY)
        for number, example in enumerate(examples, 1):
            where = f"example {number} of {split}"
            require(isinstance(example, Example), f"{where} should be an Example, not {shown(example)}")
            for side, text in zip(Example._fields, example, strict=True):
                require(isinstance(text, str), f"the {side} of {where} should be a str, not {shown(text)}")
                require(is_utf8(text), f"the {side} of {where} has half a surrogate pair: {shown(text)}")
        for side, column in zip(Example._fields, zip(*examples, strict=True), strict=False):
            require(any(column), f"every {side} of {split} is empty")


def deterministic(subject: Subject) -> None:
    """The same generator leads to the same examples, whatever was called before and whatever else is random.

    ``examples`` is called twice on one instance and once on another, for every split, with Python's own random
    generator in different states; two streams are also read alternately. Draw only from ``rng``, not from ``random``,
    ``numpy.random`` or the time, and keep no position or generator on the instance: each call starts anew.
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
    """Another process yields the same examples, and has the same fingerprint.

    Python hashes strings differently in each process, which changes the order of sets. Sort a set before you iterate
    over it or draw from it; a ``dict`` keeps its order. Resumed runs and runs of several processes depend on this.
    """
    here = sample(subject.component, subject.config)
    there = ask_elsewhere(subject, "s2s_core.testing.task:sample")
    for split in SPLITS:
        expected, actual = ([Example(*pair) for pair in sampled[split]] for sampled in (here, there))
        _require_same(expected, actual, f"{split}, asked of another process,")
    fingerprints = here["fingerprint"], there["fingerprint"]
    require(
        fingerprints[0] == fingerprints[1],
        f"the fingerprint is {shown(fingerprints[0])}, in another process {shown(fingerprints[1])}",
    )


def splits(subject: Subject) -> None:
    """Training, validation and test, as a run sees them, share no source, and none of the three is empty.

    For an ``endless`` task, the core itself keeps the sources of validation and test, at most a thousand distinct ones
    each, out of training. There must be enough other sources: at most a tenth of the training draws may be held out.
    Any other task must split its sources itself, by the source and not by the pair, as a source may have several
    targets.
    """
    task = _make(subject)
    validation, test, training = _split_sources(task, subject.name)
    for name, sources in (("validation", validation), ("test", test)):
        require(sources, f"{name} has no examples")
    shared = validation & test
    require(not shared, f"validation and test share the source {shown(min(shared, default=None))}")
    count = 0
    for count, source in enumerate(training, 1):  # noqa: B007  # used after the loop
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
    """An ``endless`` task doesn't run out of training examples, and any other task ends.

    Thousands of training examples of an endless task are drawn; its ``training_size`` is None. The validation and test
    sets of any other task may have a million examples each, as they are held in memory; its training set may be larger.
    """
    task = _make(subject)
    if task.endless:
        count = len(_some(task, "train", MANY))
        require(count == MANY, f"the task says that it's endless, but train ends after {count} examples")
        require(
            task.training_size() is None,
            f"the task says that it's endless, but its training_size is {task.training_size()}",
        )
        return
    for split in SPLITS[1:]:
        more = next(itertools.islice(task.examples(split, _rng()), MOST, None), None)
        require(more is None, f"{split} has more than {MOST:,} examples: is the task endless = True?")


def training_size(subject: Subject) -> None:
    """``training_size`` is the number of training examples, or None.

    Up to a million are counted. Examples that are held out or skipped don't count. Progress and the store on disk
    depend on it; return None if the number isn't known.
    """
    size = _make(subject).training_size()
    if size is None:
        return
    require(isinstance(size, int) and not isinstance(size, bool), f"training_size should be an int, not {shown(size)}")
    count = sum(1 for _ in itertools.islice(_make(subject).examples("train", _rng()), MOST + 1))
    true = count == size if count <= MOST else size > MOST
    require(true, f"training_size is {size:,}, but train has {count:,} examples{' or more' * (count > MOST)}")


def fingerprint(subject: Subject) -> None:
    """A ``fingerprint`` is a string, the same for the same examples; a task that has one doesn't depend on ``rng``.

    The fingerprints of two instances are compared, and the training examples of two generators. A later run uses the
    fingerprint to find encoded examples on disk, so the examples must not be random.
    """
    task = _make(subject)
    first, again = task.fingerprint(), _make(subject).fingerprint()
    if first is None and again is None:
        return
    require(isinstance(first, str), f"the fingerprint should be a str or None, not {shown(first)}")
    require(first == again, f"the fingerprint is {shown(first)}, of another instance {shown(again)}")
    one, other = (list(itertools.islice(task.examples("train", _rng(seed)), FEW)) for seed in (0, 1))
    _require_same(one, other, "train, with another generator,")


def first_example(subject: Subject) -> None:
    """The first example of each split takes at most two seconds to compute, including the creation of the task.

    What counts is CPU time, not the delay of a busy machine or a disk. Yield examples lazily instead of building a list
    of all, and read a file line by line.
    """
    for split in SPLITS:
        began = time.process_time()
        next(_make(subject).examples(split, _rng()), None)
        seconds = time.process_time() - began
        require(seconds <= SECONDS, f"the first example of {split} takes {seconds:.1f} s, more than {SECONDS:g} s")


def metrics(subject: Subject) -> None:
    """The task names at least one metric, and all of its metrics are installed.

    If a metric comes from another distribution, the task's distribution must depend on that one.
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


def references(subject: Subject) -> None:
    """``references`` is ``"each"`` or ``"all"``.

    It decides whether each validation and test example counts, or whether the targets of examples with the same source
    are references of one answer.
    """
    rule = _make(subject).references
    require(rule in get_args(References), f"references should be 'each' or 'all', not {shown(rule)}")


def defaults(subject: Subject) -> None:
    """The ``defaults`` are tables of a run, with existing settings and valid values.

    They are resolved as in a run, together with the settings with which the task is examined. An encoder or decoder
    needs to be installed only if ``defaults`` names it.
    """
    settings = {"task": {"name": subject.name} | subject.settings}
    tables = [field.name for field in attrs.fields(RunConfig)]
    unknown = [name for name in subject.component.defaults if name not in tables]
    require(not unknown, f"defaults has the tables {unknown}, but a run has {tables}")
    models = {kind: _STAND_IN for kind in ("encoder", "decoder") if kind not in subject.component.defaults}
    try:
        config = resolve([models, settings], _WithStandIns(subject))
        choose_metrics(config.evaluation, subject.component, subject.plugins)
    except (ConfigError, PluginError) as error:
        broken(f"with defaults {shown(subject.component.defaults)}: {error}")


def remarks(subject: Subject) -> None:
    """``remarks`` returns strings of one line each."""
    lines = _make(subject).remarks()
    require(not isinstance(lines, str), f"remarks should be a list of lines, not the text {shown(lines)}")
    for line in lines:
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
    references,
    defaults,
    remarks,
)
"""The promises in the order of examination."""


def sample(component: type[Any], config: Any) -> dict[str, Any]:
    """Returns the first examples of each split and the fingerprint, as JSON can hold them."""
    task: Task = component(config)
    examples: dict[str, Any] = {split: [list(example) for example in _some(task, split, FEW)] for split in SPLITS}
    return examples | {"fingerprint": task.fingerprint()}


_STAND_IN = "any"


class _WithStandIns(Plugins):
    """The installed plugins, and a stand-in encoder and decoder that have no settings and don't need PyTorch."""

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


def _require_same(expected: Sequence[Example], actual: Sequence[Example], what: str) -> None:
    for number, (one, other) in enumerate(itertools.zip_longest(expected, actual), 1):
        require(one == other, f"{what} has {shown(other)} as example {number}, not {shown(one)}")


def _split_sources(task: Task, name: str) -> tuple[set[str], set[str], Iterator[str]]:
    """Returns the sources of validation and test, and an iterator over those of training, as a run sees them."""
    if task.endless:
        splits = Splits(task, name)
        held_out = [splits.validation, splits.test]
        training = itertools.islice(splits.train(_rng()), MANY)
    else:
        held_out = [_some(task, split, MOST) for split in SPLITS[1:]]
        training = itertools.islice(task.examples("train", _rng()), MOST)
    validation, test = ({example.source for example in examples} for examples in held_out)
    return validation, test, (example.source for example in training)
