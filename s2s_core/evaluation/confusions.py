"""Confusions: which symbols of targets a model takes for which, by aligning its answers with the references."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import attrs
from rapidfuzz.distance import Levenshtein

from s2s_core.evaluation.answers import Answered

MOST_ALIGNED = 10_000
"""The most wrong answers that are aligned, the first ones."""

Aligned = tuple[str | None, str | None]
"""A symbol of a reference, and what the answer has in its place; ``None`` where one of them has nothing."""


@attrs.frozen
class Confusion:
    """A symbol that answers have in another's place.

    Attributes:
        reference: The right symbol; ``None`` where the answer has one too many.
        hypothesis: What the answers have there; ``None`` where they left it out.
        count: How often.
        source: The source of the first such answer.
    """

    reference: str | None
    hypothesis: str | None
    count: int
    source: str


@attrs.frozen
class Confusions:
    """What a model confuses.

    Attributes:
        pairs: The confusions, the commonest first.
        occurrences: How often each symbol stands in the references of all answers, right or wrong.
        aligned: The number of wrong answers that were aligned.
        wrong: The number of all wrong answers.
    """

    pairs: Sequence[Confusion]
    occurrences: Counter[str]
    aligned: int
    wrong: int

    @property
    def total(self) -> int:
        """The number of edits that would make all aligned answers right."""
        return sum(pair.count for pair in self.pairs)

    @classmethod
    def of(cls, answered: Answered, split: Callable[[str], Sequence[str]]) -> "Confusions":
        """Counts confusions; a row with several references is aligned with the one that needs the fewest edits.

        Args:
            answered: The sources, their references and the answers.
            split: Splits a target into its symbols.
        """
        rows = zip(answered.sources, answered.references, answered.hypotheses, answered.is_right(), strict=True)
        counts, occurrences = Counter[Aligned](), Counter[str]()
        first: dict[Aligned, str] = {}
        aligned = 0
        for source, references, hypothesis, right in rows:
            written = split(hypothesis)
            reference = min(map(split, references), key=lambda one: Levenshtein.distance(one, written))
            occurrences.update(reference)
            if right or aligned == MOST_ALIGNED:
                continue
            aligned += 1
            for pair in align(reference, written):
                if pair[0] != pair[1]:
                    counts[pair] += 1
                    first.setdefault(pair, source)
        ordered = sorted(counts, key=lambda pair: (-counts[pair], [(symbol is None, symbol or "") for symbol in pair]))
        pairs = [Confusion(*pair, counts[pair], first[pair]) for pair in ordered]
        return cls(pairs, occurrences, aligned, answered.is_right().count(False))


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[Aligned]:
    """Yields the symbols of both in order, side by side where the fewest edits turn one into the other."""
    for step in Levenshtein.opcodes(reference, hypothesis):
        left = reference[step.src_start : step.src_end]
        right = hypothesis[step.dest_start : step.dest_end]
        for place in range(max(len(left), len(right))):
            yield (left[place] if place < len(left) else None, right[place] if place < len(right) else None)
