"""The interface of tasks, which provide pairs of texts."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from s2s_core.config.fields import NoConfig
from s2s_core.version import API_VERSION

Split = Literal["train", "validation", "test"]

References = Literal["each", "all"]
"""How examples with the same source are scored; see ``Task.references``."""


class Example(NamedTuple):
    """One pair of texts."""

    source: str
    target: str


class Task:
    """Provides the pairs of texts that a model is trained and evaluated on.

    Args:
        config: An instance of the class's ``Config``.

    Attributes:
        metrics: The metrics to report if a run names none; the first one chooses the best checkpoint.
        defaults: Settings of a run that suit this task, in the tables of a run's TOML, such as
            ``{"training": {"steps": 3000}}``. A user's settings override them.
        endless: Whether ``examples("train", …)`` never ends. The core then starts a new stream, with a new generator,
            every few batches, and skips the examples that are held out for validation and test.
        references: How validation and test examples with the same source are scored. With ``"each"`` every example
            counts, against its own target. With ``"all"`` their targets are the references of one answer, any of which
            is right. A task whose settings decide it sets it in ``__init__``.
        small: Settings for the conformance kit, such as small sizes that make it fast.
        exempt: The promises of the conformance kit that the task doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = NoConfig
    api_version: ClassVar[int] = API_VERSION
    metrics: ClassVar[tuple[str, ...]] = ("exact_match", "token_accuracy", "edit_distance")
    defaults: ClassVar[Mapping[str, Any]] = {}
    endless: ClassVar[bool] = False
    references: References = "each"
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def defaults_for(cls, tables: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG003
        """Returns further settings that suit this task, given what a run is to be.

        Both ``defaults`` and a user's settings override them. By default there are none.

        Args:
            tables: The tables of the run, as ``defaults`` and the user have it; ``tables["task"]`` is the task's.
        """
        return {}

    def examples(self, split: Split, rng: random.Random) -> Iterator[Example]:
        """Yields the pairs of a split.

        Args:
            split: ``"train"``, ``"validation"`` or ``"test"``.
            rng: The only source of randomness. For validation and test it is the same in every run, whatever the seed,
                and the same for both.
        """
        raise NotImplementedError

    def training_size(self) -> int | None:
        """Returns how many examples ``examples("train", …)`` yields, or ``None`` if that isn't known."""
        return None

    def remarks(self) -> Sequence[str]:
        """Returns remarks about the data, such as how many rows were skipped, each one line."""
        return ()

    def fingerprint(self) -> str | None:
        """Returns a string that changes whenever the training examples or their order change.

        With it, the core may store a large task's encoded examples on disk and reuse them in later runs, so the
        examples must not depend on ``rng``. By default there is none, and the examples are held in memory.
        """
        return None
