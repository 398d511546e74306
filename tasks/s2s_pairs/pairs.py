"""The task ``pairs``: training, validation and test pairs from files."""

import functools
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from s2s_core import DataError, Example, Task
from s2s_pairs.config import FILES, PairsConfig
from s2s_pairs.held import HeldPairs
from s2s_pairs.lengths import LengthLimits
from s2s_pairs.reader import BadRows, PairReader
from s2s_pairs.survey import HeldOut, Survey

MOST_SHARED = 0.1
"""The share of the sources of validation or test that may occur in training without a warning."""

_EVALUATED = ("validation", "test")


class Pairs(Task):
    """Your own pairs of texts, from files.

    Training pairs that are few are read once and held in memory. More are read from the file whenever they are needed.
    """

    Config: ClassVar[type] = PairsConfig
    defaults: ClassVar[Mapping[str, Any]] = {
        "source": {"tokenizer": "auto", "embedding_size": 128},
        "target": {"tokenizer": "auto", "embedding_size": 128},
        "encoder": {"name": "lstm", "hidden_size": 256, "layers": 2, "dropout": 0.3},
        "decoder": {"name": "attention-lstm", "hidden_size": 256, "dropout": 0.3},
        "training": {
            "steps": 0,
            "validate_every": 0,
            "patience": 8,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "label_smoothing": 0.1,
            "clip_norm": 1.0,
        },
        "decoding": {"beam_size": 5},
    }
    config: PairsConfig

    def __init__(self, config: PairsConfig) -> None:
        super().__init__(config)
        self.references = "all" if config.references == "all" else "each"
        self._readers = {split: PairReader(config, split) for split in ("train", *_EVALUATED) if config.path(split)}
        self._split_off = [split for split in _EVALUATED if split not in self._readers]
        self._bad, self._lengths = self._bad_rows(), Counter[str]()
        self._held = HeldPairs()

    @classmethod
    def defaults_for(cls, tables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns that the source's features are tokens, if it has any; see ``Task.defaults_for``."""
        if not tables["task"].get("feature_columns"):
            return {}
        tagged = {"tokenizer": {"tags": True}}
        target = tables.get("target")
        shared = isinstance(target, Mapping) and target.get("share_vocabulary")
        return {"source": tagged, "target": tagged} if shared else {"source": tagged}

    def examples(self, split: str, rng: random.Random) -> Iterator[Example]:
        """Yields the pairs of a split; see ``Task.examples``.

        Raises:
            DataError: A file can't be read or has a bad row, or there are too few pairs.
        """
        del rng  # nothing here is random
        if split in self._pairs_of_files:
            return iter(self._pairs_of_files[split])
        if split in self._split_off:
            return (example for example in self._held_out if self._partition.split_of(example.source) == split)
        pairs = self._read_again()
        if not self._split_off:
            return pairs
        partition = self._partition
        return (example for example in pairs if partition.split_of(example.source) == "train")

    def training_size(self) -> int:
        """Returns the number of training pairs."""
        return self._survey.pairs - len(self._held_out)

    def remarks(self) -> Sequence[str]:
        """Returns lines on skipped, dropped and repeated pairs, and on sources that evaluation shares with training."""
        repeated, shared = self._repeated(), self._shared()  # first, as they read all pairs and count for the others
        return [*self._unused(), *repeated, *self._skipped(), *self._dropped(), *self._headers(), *shared]

    def fingerprint(self) -> str | None:
        """Returns the settings and a hash of the training files' content, whatever the files are called."""
        digest = self._readers["train"].digest()
        if digest is None:
            return None
        others = {*FILES, "references"}  # these don't decide which pairs are trained on
        settings = {name: value for name, value in attrs.asdict(self.config).items() if name not in others}
        return json.dumps([self._readers["train"].format, digest, self._split_off, settings])

    @functools.cached_property
    def _survey(self) -> Survey:
        """The survey of all training pairs, held-out ones included, which takes one reading of the file."""
        survey = Survey.of(self._held.passing(self._allowed(self._bad, self._lengths)))
        if not survey.pairs:
            raise self._no_pairs("train", *self._skipped(), *self._dropped())
        return survey

    @functools.cached_property
    def _partition(self) -> HeldOut:
        sources = self._survey.sources
        if len(sources) <= len(self._split_off):
            problem = (
                f"{self._readers['train'].name} has {_count(len(sources), 'different source')}, too few to split off "
                f"{' and '.join(self._split_off)}: give a file for each, as with task.{self._split_off[0]}"
            )
            raise DataError("; ".join([problem, *self._skipped(), *self._dropped()]))
        return HeldOut.of(
            sources, self.config.held_out, validation="validation" in self._split_off, test="test" in self._split_off
        )

    @functools.cached_property
    def _held_out(self) -> list[Example]:
        """The pairs that are split off the training file."""
        if not self._split_off:
            return []
        partition = self._partition
        return [example for example in self._read_again() if partition.split_of(example.source) != "train"]

    @functools.cached_property
    def _pairs_of_files(self) -> dict[str, list[Example]]:
        """The pairs of validation and test if they have files of their own, without limits of length."""
        pairs = {}
        for split in _EVALUATED:
            if split in self._readers:
                pairs[split] = list(self._readers[split].pairs(self._bad))
                if not pairs[split]:
                    raise self._no_pairs(split)
        return pairs

    def _read_again(self) -> Iterator[Example]:
        """Yields the pairs of the training file once more, from memory if they are few."""
        if self._survey.pairs and self._held.examples is not None:
            return iter(self._held.examples)
        return self._allowed(self._bad_rows(), Counter())

    def _allowed(self, bad: BadRows, dropped: Counter[str]) -> Iterator[Example]:
        """Yields the pairs of the training file within the limits."""
        return LengthLimits(self.config).within(self._readers["train"].pairs(bad), dropped)

    def _bad_rows(self) -> BadRows:
        return BadRows(stop=self.config.on_error == "stop")

    def _no_pairs(self, split: str, *reasons: str) -> DataError:
        return DataError("; ".join([f"{self._readers[split].name} has no pairs", *reasons]))

    def _skipped(self) -> Iterator[str]:
        if self._bad.count:
            lines = f" of {self._bad.lines:,} lines" if self._bad.lines > self._bad.count else ""
            yield f"{_count(self._bad.count, 'bad row')}{lines} skipped; the first: {self._bad.first}"

    def _dropped(self) -> Iterator[str]:
        if self._lengths:
            reasons = ", ".join(f"{count:,} with {reason}" for reason, count in sorted(self._lengths.items()))
            yield f"{_count(self._lengths.total(), 'pair')} dropped: {reasons}"

    def _unused(self) -> Iterator[str]:
        reader = self._readers["train"]
        if reader.unused:
            column = "column" if len(reader.unused) == 1 else "columns"
            yield f"{column} {', '.join(map(str, reader.unused))} of {reader.name} not used"

    def _repeated(self) -> list[str]:
        count = self._survey.repeated
        verb = "repeats" if count == 1 else "repeat"
        return [f"{_count(count, 'pair')} of {self._readers['train'].name} {verb} an earlier one"] if count else []

    def _headers(self) -> Iterator[str]:
        for reader in self._readers.values():
            if first := reader.header():
                yield (
                    f"warning: the first row of {reader.name}, {first.source!r} → {first.target!r}, is read as a pair; "
                    "task.header=true makes it the header"
                )

    def _shared(self) -> list[str]:
        shares = {
            self._readers[split].name: self._survey.share(example.source for example in examples)
            for split, examples in self._pairs_of_files.items()
        }
        return [
            f"warning: {share:.0%} of the sources in {name} are training sources too, so scores on them say little "
            "about new ones"
            for name, share in shares.items()
            if share > MOST_SHARED
        ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
