"""What the synthetic tasks have in common: how sources are drawn for training and held out from it."""

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import attrs

from s2s_core import ConfigError, Example, Task, between, setting

Shape = TypeVar("Shape", bound=Hashable)
"""A kind of source, such as a word's length."""


@attrs.frozen
class SyntheticConfig:
    """What can be set of every synthetic task."""

    held_out: int = setting(1000, "examples for validation, and as many for the test", between(1, 1000))


class SyntheticTask(Task, Generic[Shape]):
    """Draws sources without end and computes their targets.

    A subclass writes ``shapes``, ``size``, ``draw`` and ``answer``. In training all shapes are equally
    likely, and so are all sources of a shape. Validation and test follow the same distribution, but
    together they hold at most a tenth of a shape's possible sources, so that a shape with few of them can
    still be learnt. Where this leaves less than ``held_out`` sources for each of the two, they share what
    there is.

    Attributes:
        room: The settings that make more sources possible.
    """

    Config: ClassVar[type] = SyntheticConfig
    defaults: ClassVar[Mapping[str, Any]] = {
        "source": {"tokenizer": "characters"},
        "target": {"tokenizer": "characters"},
        "training": {"bucket_batches": 1},  # batches of a single length each teach words of all lengths badly
    }
    endless = True
    room: ClassVar[tuple[str, ...]]

    def shapes(self) -> Sequence[Shape]:
        """Returns the kinds of source; every source is of exactly one."""
        raise NotImplementedError

    def size(self, shape: Shape) -> int:
        """Returns how many different sources of a shape exist."""
        raise NotImplementedError

    def draw(self, shape: Shape, rng: random.Random) -> str:
        """Returns a source of a shape, each with the same probability."""
        raise NotImplementedError

    def answer(self, source: str) -> str:
        """Returns the target of a source."""
        raise NotImplementedError

    def examples(self, split: str, rng: random.Random) -> Iterator[Example]:
        """Yields the pairs of a split; see ``Task.examples``.

        Raises:
            ConfigError: There are too few sources for validation and test.
        """
        sources = self._training_sources(rng) if split == "train" else self._held_out_sources(split, rng)
        return (Example(source, self.answer(source)) for source in sources)

    def _training_sources(self, rng: random.Random) -> Iterator[str]:
        shapes = self.shapes()
        while True:
            yield self.draw(rng.choice(shapes), rng)

    def _held_out_sources(self, split: str, rng: random.Random) -> list[str]:
        """Returns one half of what the same ``rng`` gives for both splits."""
        quotas = {shape: self.size(shape) // 10 for shape in self.shapes()}
        each = min(self.config.held_out, sum(quotas.values()) // 2)
        if not each:
            raise self._too_few_sources(sum(quotas.values()))
        sources = self._distinct_sources(2 * each, quotas, rng)
        rng.shuffle(sources)  # the shapes with few sources are used up early, and belong to both halves
        return sources[:each] if split == "validation" else sources[each:]

    def _distinct_sources(self, count: int, quotas: Mapping[Shape, int], rng: random.Random) -> list[str]:
        left = {shape: quota for shape, quota in quotas.items() if quota}
        open_shapes = list(left)
        sources: dict[str, None] = {}  # keeps their order, which a set of strings has anew in every process
        while len(sources) < count:
            shape = rng.choice(open_shapes)
            source = self.draw(shape, rng)
            if source in sources:  # one draw in ten at most, as no more of the shape is held out
                continue
            sources[source] = None
            left[shape] -= 1
            if not left[shape]:
                open_shapes.remove(shape)
        return list(sources)

    def _too_few_sources(self, available: int) -> ConfigError:
        possible = sum(map(self.size, self.shapes()))
        settings = " or ".join(f"task.{name}" for name in self.room)
        return ConfigError(
            f"validation and test need one source each, but of the {possible} possible ones only {available} "
            f"may be held out, a tenth of each kind: enlarge {settings}"
        )
