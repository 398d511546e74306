"""Flips: the sources that one model answers rightly and another wrongly."""

from collections.abc import Sequence

import attrs

from s2s_core.evaluation.answers import Answered


@attrs.frozen
class Flip:
    """A source that one model answers rightly and the other wrongly.

    Attributes:
        source: The source.
        references: The correct answers.
        before: The first model's answer.
        after: The other's.
    """

    source: str
    references: Sequence[str]
    before: str
    after: str


@attrs.frozen
class Flips:
    """All flips from the first model to another. An answer is right if it is one of the references.

    Attributes:
        worse: What only the first answers rightly.
        better: What only the other answers rightly.
    """

    worse: Sequence[Flip]
    better: Sequence[Flip]

    @classmethod
    def between(cls, first: Answered, other: Answered) -> "Flips":
        """Finds the flips between two models' answers to the same sources, in the order of the sources."""
        worse: list[Flip] = []
        better: list[Flip] = []
        rows = zip(first.sources, first.references, first.hypotheses, other.hypotheses, strict=True)
        for source, references, before, after in rows:
            if (before in references) != (after in references):
                (worse if before in references else better).append(Flip(source, references, before, after))
        return cls(worse, better)
