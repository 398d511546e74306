"""What a task is: where pairs of texts come from."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from s2s_core.config.fields import NoConfig
from s2s_core.version import API_VERSION

Split = Literal["train", "validation", "test"]


class Example(NamedTuple):
    """One pair of texts."""

    source: str
    target: str


class Task:
    """Gives the pairs of texts that a model learns from and is measured on.

    Args:
        config: The class's own ``Config``.

    Attributes:
        metrics: The names of the metrics to report where a run names none; the first one chooses the best checkpoint.
        defaults: Settings of a run that suit this task, in the tables of a run's TOML, such as
            ``{"training": {"steps": 3000}}``. What a user sets comes before them.
        endless: Whether ``examples("train", …)`` goes on for ever. The core then takes a new stream, with a new
            generator, every few batches, and leaves out what it holds for validation and test.
        small: Settings with which the conformance kit examines it, small sizes above all, which make it fast.
        exempt: The promises of the conformance kit that it doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    metrics: ClassVar[tuple[str, ...]] = ("exact_match", "token_accuracy", "edit_distance")
    defaults: ClassVar[Mapping[str, Any]] = {}
    endless: ClassVar[bool] = False
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: Any) -> None:
        self.config = config

    def examples(self, split: Split, rng: random.Random) -> Iterator[Example]:
        """Yields the pairs of a split.

        Args:
            split: ``"train"``, ``"validation"`` or ``"test"``.
            rng: The only source of chance. For validation and test it is the same in every run, whatever its seed, and
                the same for both.
        """
        raise NotImplementedError

    def training_size(self) -> int | None:
        """Returns how many examples ``examples("train", …)`` yields, or nothing if that isn't known."""
        return None

    def remarks(self) -> Sequence[str]:
        """Returns what a reader should know about the data, such as how many rows were left out: a line each."""
        return ()

    def fingerprint(self) -> str | None:
        """Returns a string that changes whenever the training examples or their order change.

        With it, the core may keep a large task's encoded examples on disk, and take them from there in later runs. The
        examples then don't depend on ``rng``. By default there is none, and they are held in memory.
        """
        return None
