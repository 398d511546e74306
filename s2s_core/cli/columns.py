"""What ``s2s predict`` prints about each source: answers, scores, confidence and origin."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from s2s_core.runtime.file import ExportedModel


@attrs.frozen
class Columns:
    """What is printed about each source, tab-separated.

    Attributes:
        n_best: How many answers.
        scores: Whether each has its score after it.
        confidence: Whether it is told how probable it is that the best one is right.
        origin: Whether it is told where the best one is from.
    """

    n_best: int
    scores: bool = attrs.field(kw_only=True)
    confidence: bool = attrs.field(kw_only=True)
    origin: bool = attrs.field(kw_only=True)

    def require(self, model: "ExportedModel") -> None:
        """Checks that a file tells what is printed.

        Raises:
            ConfigError: It doesn't.
            UsageError: Several answers are asked for, and the file has one to each text.
        """
        if self.n_best > 1 and model.unit == "word":
            raise click.UsageError("--n-best must be 1 for a file that answers each word of a text by itself")
        for name in ("confidence", "origin"):
            if getattr(self, name):
                model.require_output(name)

    def lines(self, model: "ExportedModel", batch: list[str], search: Mapping[str, Any]) -> Iterator[str]:
        """Yields a line for each source."""
        if self == Columns(1, scores=False, confidence=False, origin=False):
            yield from map(_one_line, model(batch, **search))
            return
        answers = model.answers(batch, **search)
        for row, texts in enumerate(answers.hypotheses):
            columns: Iterable[str] = (_one_line(text).replace("\t", " ") for text in texts[: self.n_best])
            if self.scores:
                columns = (f"{text}\t{value:.4f}" for text, value in zip(columns, answers.scores[row], strict=False))
            last = [f"{answers.confidence[row]:.4f}"] if self.confidence and answers.confidence is not None else []
            last += [answers.origin[row]] if self.origin and answers.origin is not None else []
            yield "\t".join([*columns, *last])


def _one_line(text: str) -> str:
    """Keeps an answer on its line."""
    return text.replace("\n", " ").replace("\r", " ")
