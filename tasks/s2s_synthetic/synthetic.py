"""The base class of synthetic tasks, which draws sources for training and holds some out for evaluation."""

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import attrs

from s2s_core import ConfigError, Example, Task, between, setting

Shape = TypeVar("Shape", bound=Hashable)
"""A kind of source, such as a word's length."""


@attrs.frozen
class SyntheticConfig:
    """The settings of every synthetic task."""

    held_out: int = setting(1000, "number of validation examples, and as many test examples", between(1, 1000))


class SyntheticTask(Task, Generic[Shape]):
    """Draws an endless stream of sources and computes their targets.

    A subclass implements ``shapes``, ``size``, ``draw`` and ``answer``. In training, all shapes are equally likely, and
    so are all sources of a shape. Validation and test follow the same distribution, but together they hold at most a
    tenth of a shape's possible sources, so that a shape with few sources can still be learnt. If this leaves fewer than
    ``held_out`` sources for each of the two, each gets half of what there is.

    Attributes:
        room: The settings that increase the number of possible sources.
    """

    Config: ClassVar[type] = SyntheticConfig
    defaults: ClassVar[Mapping[str, Any]] = {
        "source": {"tokenizer": "characters"},
        "target": {"tokenizer": "characters"},
        "training": {"bucket_batches": 1},  # words of all lengths are learnt badly from batches of one length
    }
    endless = True
    room: ClassVar[tuple[str, ...]]

    def shapes(self) -> Sequence[Shape]:
        """Returns the shapes; every source has exactly one."""
        raise NotImplementedError

    def size(self, shape: Shape) -> int:
        """Returns the number of distinct sources of a shape."""
        raise NotImplementedError

    def draw(self, shape: Shape, rng: random.Random) -> str:
        """Returns a random source of a shape; all are equally likely."""
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
        """Returns the half for one split; validation and test must be called with the same state of ``rng``."""
        quotas = {shape: self.size(shape) // 10 for shape in self.shapes()}
        each = min(self.config.held_out, sum(quotas.values()) // 2)
        if not each:
            raise self._too_few_sources(sum(quotas.values()))
        sources = self._distinct_sources(2 * each, quotas, rng)
        rng.shuffle(sources)  # shapes with few sources are used up early, but both halves should have them
        return sources[:each] if split == "validation" else sources[each:]

    def _distinct_sources(self, count: int, quotas: Mapping[Shape, int], rng: random.Random) -> list[str]:
        left = {shape: quota for shape, quota in quotas.items() if quota}
        open_shapes = list(left)
        sources: dict[str, None] = {}  # ordered, while the order of a set of strings differs between processes
        while len(sources) < count:
            shape = rng.choice(open_shapes)
            source = self.draw(shape, rng)
            if source in sources:  # at most one draw in ten, as at most a tenth of the shape is held out
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
            f"may be held out, a tenth of each kind: increase {settings}"
        )
