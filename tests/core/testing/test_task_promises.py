"""Every promise of tasks is kept by good tasks, and a task that breaks it is caught, with the example."""

import itertools
import random
import time

import pytest
from examining import require_caught, require_kept

from s2s_core import DataError, Example, Task
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import promises
from s2s_core.testing import task as examined_task

PROMISES = {promise.name: promise for promise in promises("task")}
PLUGINS = Plugins(environment={"S2S_PLUGINS": "s2s_core"})


def task(examples, **attributes):
    return type("Examined", (Task,), {"examples": examples, "api_version": 1, **attributes})


def numbers(self, split, rng):
    for number in range({"train": 50}.get(split, 5)):
        yield Example(f"{split} {number}", str(number))


def words(self, split, rng):
    while True:
        word = "".join(rng.choices("abcdefgh", k=6))
        yield Example(word, word * 2)


def constant(*example):
    def examples(self, split, rng):
        yield from itertools.repeat(Example(*example), 5)

    return examples


def tuples(self, split, rng):
    yield "a", "b"


def other_chance(self, split, rng):
    yield Example(str(random.random()), "x")


def remembers_its_chance(self, split, rng):
    self.rng = getattr(self, "rng", rng)
    return words(self, split, self.rng)


def remembers_its_place(self, split, rng):
    self.number = 0
    while self.number < 50:
        self.number += 1
        yield Example(str(self.number), "x")


def differs_by_instance(self, split, rng):
    yield Example(str(id(self)), "x")


def ignores_the_split(self, split, rng):
    return numbers(self, "train", rng)


def evaluates_on_training(self, split, rng):
    return numbers(self, "train" if split == "test" else split, rng)


def few_words(self, split, rng):
    while True:
        yield Example(str(rng.randrange(3000)), "x")


def very_few_words(self, split, rng):
    while True:
        yield Example(str(rng.randrange(1500)), "x")


def without(missing):
    def examples(self, split, rng):
        return iter(()) if split == missing else numbers(self, split, rng)

    return examples


def builds_everything(self, split, rng):
    began = time.process_time()
    while time.process_time() - began < 0.3:
        pass
    return words(self, split, rng)


def raises(self, split, rng):
    yield Example("a", "b")
    raise KeyError("missing")


def says_why(self, split, rng):
    raise DataError("can't read pairs.tsv: it isn't there")


GOOD = {
    "finite": task(numbers, training_size=lambda self: 50, fingerprint=lambda self: "50 numbers"),
    "endless": task(words, endless=True, remarks=lambda self: ["drawn by chance"]),
}

SET = """
from s2s_core import Example, Task

class Examined(Task):
    words = {str(number) for number in range(99)}

    def examples(self, split, rng):
        yield from (Example(word, split) for word in self.words)
"""

SORTED = SET.replace("{", "sorted({").replace("}", "})")

HASH = """
from s2s_core import Example, Task

class Examined(Task):
    def examples(self, split, rng):
        yield Example("a", "b")

    def fingerprint(self):
        return str(hash("a"))
"""

BROKEN = [
    ("texts", task(tuples), "example 1 of train should be an Example, not ('a', 'b')"),
    ("texts", task(constant("a", None)), "the target of example 1 of train should be a str, not None"),
    ("texts", task(constant("\ud83d", "x")), r"the source of example 1 of train has half a surrogate pair: '\ud83d'"),
    ("texts", task(constant("a", "")), "every target of train is empty"),
    ("texts", task(raises), "drawing examples of train raises KeyError: 'missing'"),
    ("texts", task(says_why), "found: can't read pairs.tsv: it isn't there"),
    ("deterministic", task(other_chance), "train, asked for a second time, has Example(source='0."),
    ("deterministic", task(remembers_its_chance), "train, asked for a second time, has Example(source="),
    ("deterministic", task(differs_by_instance), "train, asked of another instance, has Example(source="),
    (
        "deterministic",
        task(remembers_its_place),
        "differ: Example(source='2', target='x') and Example(source='3', target='x')",
    ),
    (
        "processes",
        SET,
        "train, asked of another process, has Example(source='",
    ),
    (
        "processes",
        HASH,
        "the fingerprint is '",
    ),
    ("processes", task(numbers), "another process fails with: AttributeError: "),
    ("splits", task(ignores_the_split), "validation and test share the source 'train 0'"),
    ("splits", task(evaluates_on_training), "test and training share the source 'train 0'"),
    ("splits", task(without("validation")), "validation has no examples"),
    ("splits", task(without("train")), "training has no examples"),
    ("splits", task(few_words, endless=True), " of 1000 examples drawn for training are held out for validation and "),
    ("splits", task(very_few_words, endless=True), "task 'examined' gives no training examples but the held-out ones"),
    ("endless", task(numbers, endless=True), "the task says that it's endless, but train ends after 50 examples"),
    ("endless", task(words, endless=True, training_size=lambda self: 9), "endless, but its training_size is 9"),
    ("endless", task(words), "validation has more than 2,000 examples: is the task endless = True?"),
    ("training_size", task(numbers, training_size=lambda self: 51), "is 51, but train has 50 examples"),
    ("training_size", task(words, training_size=lambda self: 51), "is 51, but train has 2,001 examples or more"),
    ("training_size", task(numbers, training_size=lambda self: 50.0), "should be an int, not 50.0"),
    ("fingerprint", task(numbers, fingerprint=lambda self: 5), "the fingerprint should be a str or None, not 5"),
    ("fingerprint", task(numbers, fingerprint=lambda self: str(id(self))), "', of another instance '"),
    ("fingerprint", task(words, fingerprint=lambda self: "words"), "train, with another generator, has Example("),
    ("first_example", task(builds_everything), "the first example of train takes 0.3 s, more than 0.2 s"),
    ("metrics", task(numbers, metrics=()), "metrics is empty"),
    ("metrics", task(numbers, metrics="bleu"), "metrics should be a list of names, not the text 'bleu'"),
    ("metrics", task(numbers, metrics=("exact_mach",)), "unknown metric 'exact_mach' (did you mean 'exact_match'?)"),
    ("metrics", task(numbers, metrics=("bleu", "bleu")), "metrics names one twice: ('bleu', 'bleu')"),
    ("references", task(numbers, references="any"), "references should be 'each' or 'all', not 'any'"),
    ("defaults", task(numbers, defaults={"trainig": {}}), "defaults has the tables ['trainig'], but a run has ['task'"),
    ("defaults", task(numbers, defaults={"training": {"step": 9}}), "training.step (did you mean 'steps'?)"),
    ("defaults", task(numbers, defaults={"training": {"steps": -1}}), "training.steps must be at least 0 (got -1)"),
    ("defaults", task(numbers, defaults={"source": {"tokenizer": "word"}}), "'word' (did you mean 'words'?)"),
    ("defaults", task(numbers, defaults={"encoder": "lstn"}), "unknown encoder 'lstn'"),
    ("defaults", task(numbers, defaults={"evaluation": {"select": "bleu"}}), "must be one of the metrics, edit_dist"),
    ("remarks", task(numbers, remarks=lambda self: "one"), "should be a list of lines, not the text 'one'"),
    ("remarks", task(numbers, remarks=lambda self: ["one\ntwo"]), r"should be a line, not 'one\ntwo'"),
]


@pytest.fixture(autouse=True)
def less(monkeypatch):
    """Waits and counts less."""
    monkeypatch.setattr(examined_task, "SECONDS", 0.2)
    monkeypatch.setattr(examined_task, "MOST", 2000)


@pytest.mark.parametrize("promise", sorted(PROMISES.keys() - {"processes"}))
@pytest.mark.parametrize("component", GOOD.values(), ids=GOOD)
def test_a_good_task_keeps_it(component, promise):
    """Whether it ends or not."""
    require_kept("task", component, PROMISES[promise], PLUGINS)


def test_a_good_task_is_the_same_in_every_process(importable):
    """A set that is sorted has the same order everywhere."""
    component = importable("sorted_task", SORTED).Examined
    require_kept("task", component, PROMISES["processes"], PLUGINS)


@pytest.mark.parametrize(("promise", "component", "found"), BROKEN, ids=[promise for promise, *_ in BROKEN])
def test_a_task_that_breaks_it_is_caught(promise, component, found, importable):
    """The message says what was found, in which example."""
    if isinstance(component, str):
        component = importable("broken_task", component).Examined
    require_caught("task", component, PROMISES[promise], PLUGINS, found)


def test_a_class_that_no_other_process_can_import_is_caught():
    """The message says where it must stand instead."""

    class Local(GOOD["finite"]):
        pass

    found = f"another process can't import {Local.__qualname__}: define the class at the top level"
    require_caught("task", Local, PROMISES["processes"], PLUGINS, found)


def test_a_broken_task_proves_every_promise():
    """None goes unproved."""
    assert PROMISES.keys() == {promise for promise, *_ in BROKEN}
