"""Remarks on what a model is about to learn: unknown symbols, targets that it can't write, unsuitable tokenizers."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING
from unicodedata import normalize

from s2s_core.data.splits import generator
from s2s_core.data.task import Example
from s2s_core.runs.run import Run
from s2s_core.text import copies
from s2s_core.text.survey import MOST_TEXTS, TextSurvey
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import UNK

if TYPE_CHECKING:
    from s2s_core.model.checkpoint import TextModel

MOST_SYMBOLS = 5
"""The maximum number of unknown symbols to list, the commonest ones."""


def remarks(run: Run, checkpoint: "TextModel") -> Iterator[str]:
    """Yields remarks on a run whose tokenizers are trained, each one line."""
    splits = run.splits
    for name, examples in (("validation", splits.validation), ("test", splits.test)):
        yield from unknown_symbols(name, examples, checkpoint.source_tokenizer)
        yield from unwritable_targets(name, examples, partial(_written, run, checkpoint))
        if not run.config.decoding.max_length_ratio:  # else an answer's limit depends on its source
            yield from long_targets(name, examples, checkpoint.target_tokenizer, run.config.decoding.max_length)
    yield from _misfits(run, checkpoint)


def unknown_symbols(name: str, examples: Iterable[Example], tokenizer: Tokenizer) -> Iterator[str]:
    """Yields a line on the sources of a split that have tokens which the vocabulary lacks, if there are any.

    Args:
        name: The split's name.
        examples: Its examples.
        tokenizer: The tokenizer of the sources.
    """
    sources = dict.fromkeys(example.source for example in examples)
    affected, counts = 0, Counter[str]()
    for source in sources:
        tokens = tokenizer.tokens(tokenizer.normalize(source))
        unknown = {token for token in tokens if tokenizer.vocabulary.id_of(token) == UNK}
        affected += bool(unknown)
        counts.update(unknown)
    if affected:
        commonest = sorted(counts, key=lambda token: (-counts[token], token))
        listed = [f"{token!r} {counts[token]:,}" for token in commonest[:MOST_SYMBOLS]]
        listed += ["…"] if len(commonest) > MOST_SYMBOLS else []
        yield (
            f"{affected:,} of {len(sources):,} {name} sources have symbols unknown to the model: {', '.join(listed)}"
        )


def unwritable_targets(name: str, examples: Iterable[Example], write: Callable[[Example], str]) -> Iterator[str]:
    """Yields a line on the targets of a split that differ from what their tokens say, if there are any.

    No answer can equal them: their spaces are others than the tokenizer's, a normalization changes them, or they have
    tokens that the model lacks.

    Args:
        name: The split's name.
        examples: Its examples.
        write: Returns what the tokens of an example's target say.
    """
    pairs = dict.fromkeys(examples)
    others = [(example.target, text) for example in pairs if example.target != (text := write(example))]
    if others:
        target, text = others[0]
        show = ascii if normalize("NFC", target) == normalize("NFC", text) else repr  # or both would look the same
        yield (
            f"{len(others):,} of {len(pairs):,} {name} targets can't be written by the model: "
            f"{show(target)} would be {show(text)}"
        )


def _written(run: Run, checkpoint: "TextModel", example: Example) -> str:
    """Returns what the tokens of a target say; a model that copies has those of the source too."""
    source, target = checkpoint.source_tokenizer, checkpoint.target_tokenizer
    if not run.config.target.copy:
        return target.decode(target.encode(example.target))
    ids = copies.encode_target(example.target, example.source, (source, target))
    return copies.decode(ids, example.source, (source, target))


def long_targets(name: str, examples: Iterable[Example], tokenizer: Tokenizer, most: int) -> Iterator[str]:
    """Yields a warning if targets of a split have more tokens than the ``most`` that an answer has."""
    targets = dict.fromkeys(example.target for example in examples)
    lengths = [len(tokenizer.encode(target)) for target in targets]
    if too_long := sum(length > most for length in lengths):
        yield (
            f"warning: {too_long:,} of {len(targets):,} {name} targets have more tokens than answers, whose most is "
            f"decoding.max_length={most:,}; the longest has {max(lengths):,}"
        )


def _misfits(run: Run, checkpoint: "TextModel") -> Iterator[str]:
    """Yields a warning for each side whose first training texts don't suit its tokenizer."""
    rng = generator(run.config.training.seed, "vocabulary")
    examples = list(itertools.islice(run.splits.train(rng), MOST_TEXTS))
    sides = {
        "source": ("source", checkpoint.source_tokenizer),
        "target": ("source" if run.config.target.share_vocabulary else "target", checkpoint.target_tokenizer),
    }
    for side, (table, tokenizer) in sides.items():
        texts = (tokenizer.normalize(getattr(example, side)) for example in examples)
        if misfit := tokenizer.misfit(TextSurvey.of(texts)):
            name = getattr(run.config, table).tokenizer.name
            yield (
                f"warning: {table}.tokenizer={name} suits the {side}s badly: {misfit.reason}; "
                f"--set {table}.tokenizer={misfit.better} suits them better"
            )
