"""HTML as strings. Whatever comes from data or settings is escaped and bounded here, and nowhere else."""

import html
from collections.abc import Iterable, Sequence

from s2s_core.errors import one_line

MOST_SHOWN = 200
"""The most characters of a text that are shown."""


def plain(text: str, most: int = MOST_SHOWN) -> str:
    """Returns a text on one line, not too long, with what would be invisible or turn the direction of writing escaped.

    It isn't HTML yet.

    Args:
        text: Any text.
        most: The most characters that are returned.
    """
    line = one_line(text[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """Returns a text as ``plain`` does, as HTML."""
    return html.escape(plain(text, most))


def foreign(text: str, most: int = MOST_SHOWN) -> str:
    """Returns a text of the data as HTML, whose direction of writing leaves its surroundings alone."""
    return f"<bdi>{shown(text, most)}</bdi>" if text else '<i class="faint">nothing</i>'


def title(name: str) -> str:
    """Returns the name of a metric or a setting as HTML, with spaces for underscores."""
    return shown(name.replace("_", " "))


def section(heading: str, *parts: str, level: int = 2) -> str:
    """Returns a section of HTML parts; nothing without any.

    Args:
        heading: Its heading, as HTML.
        parts: Its parts, as HTML; empty ones are left out.
        level: Of the heading.
    """
    body = "\n".join(filter(None, parts))
    return f"<section>\n<h{level}>{heading}</h{level}>\n{body}\n</section>\n" if body else ""


def note(text: str) -> str:
    """Returns a remark, as HTML, as a paragraph."""
    return f'<p class="note">{text}</p>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """Returns a table of cells that are HTML; the first of each row names it.

    Args:
        head: The heads of the columns; none if they need none.
        rows: The rows.
        kind: The class of the table, for the style.
    """
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = [f"<thead><tr>{heads}</tr></thead>"] if head else []
    lines += ["<tbody>", *(_row(*row) for row in rows), "</tbody>"]
    opened = f'<table class="{kind}">' if kind else "<table>"
    return f'<div class="wide">{opened}\n' + "\n".join(lines) + "\n</table></div>"


def _row(first: str, *others: str) -> str:
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>"
