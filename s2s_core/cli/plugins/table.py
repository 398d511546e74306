"""Columns of text."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Returns rows as lines, with their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)
