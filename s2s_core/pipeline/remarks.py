"""Remarks on what a model is about to learn: symbols that it can't know, and tokenizers that don't suit its texts."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from s2s_core.data.splits import generator
from s2s_core.data.task import Example
from s2s_core.runs.run import Run
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
