"""Charts as SVG: lines over a number, and squares whose darkness is a number. Colours come from the page's style."""

import html
import math
from collections.abc import Callable, Sequence

import attrs

from s2s_core.reporting.markup import plain, shown

WIDTH, HEIGHT = 350, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 12, 38
"""The margins of a chart of lines, where its labels are."""

COLORS = 6
"""How many colours of lines the style has."""

_TICKS = 5
"""About how many marks an axis has."""

MOST_DOTS = 200
"""The most points of a line that have a dot each."""

_LARGEST = 1e100
"""The largest number that is drawn, so that no difference of two is infinite; only damaged logs have larger ones."""

CELL, FONT = 22, 6.8
"""The side of a square of a map, and about how wide a character of its labels is."""

MOST_LABEL = 14
"""The most characters of a label."""


@attrs.frozen
class Line:
    """A line of a chart.

    Attributes:
        name: What it shows.
        xs: Where its points are.
        ys: How high each is.
        color: The number of its colour.
        dashed: Whether it is dashed.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    color: int = 0
    dashed: bool = False


def line_chart(
    heading: str,
    lines: Sequence[Line],
    *,
    across: str,
    display: Callable[[float], str],
    limits: tuple[float | None, float | None] = (None, None),
    from_zero: bool = True,
    best: float | None = None,
) -> str:
    """Draws lines, each point with what it stands for as a tooltip.

    Args:
        heading: What is drawn.
        lines: One or more, with at least a point each.
        across: What the x axis is.
        display: Formats a y for people.
        limits: A y from which the axis begins, and one where it ends, unless points are beyond; ``None`` leaves that
            to the points.
        from_zero: Whether the x axis begins at 0 wherever the points do.
        best: An x to mark, if a point is there.
    """
    lines = [attrs.evolve(line, xs=[*map(_bounded, line.xs)], ys=[*map(_bounded, line.ys)]) for line in lines]
    xs = [x for line in lines for x in line.xs]
    ys = [y for line in lines for y in line.ys]
    best = best if best in xs else None
    across_ticks = ticks(min(0, *xs) if from_zero else min(xs), max(0, *xs))
    low, high = min(ys if limits[0] is None else (limits[0], *ys)), max(ys)
    up_ticks = ticks(low, high)
    low, high = min(low, up_ticks[0]), max(high, up_ticks[-1])
    if limits[1] is not None and max(ys) <= limits[1]:
        high = min(high, limits[1])
    span = (high - low) or 1.0
    begin, wide = across_ticks[0], across_ticks[-1] - across_ticks[0]

    def place(x: float, y: float) -> tuple[str, str]:
        return _at(LEFT + (x - begin) / wide * _WIDE), _at(HEIGHT - BOTTOM - (y - low) / span * _TALL)

    parts = [_grid(place, [tick for tick in up_ticks if low <= tick <= high], across_ticks, display)]
    if best is not None:
        x, _ = place(best, low)
        parts.append(f'<line class="best" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    parts += [_line(line, place, across, display, best) for line in lines]
    parts.append(f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}">{shown(across)}</text>')
    legend = "".join(_legend(line) for line in lines) if len(lines) > 1 else ""
    marked = '<span class="key"><i class="mark"></i>best</span>' if best is not None else ""
    keys = f'<p class="keys">{legend}{marked}</p>' if legend or marked else ""
    return (
        f'<figure class="chart"><figcaption>{shown(heading)}</figcaption>{keys}'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{shown(heading)}">{"".join(parts)}</svg></figure>'
    )


def _bounded(number: float) -> float:
    return min(max(number, -_LARGEST), _LARGEST)


_WIDE, _TALL = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

Place = Callable[[float, float], tuple[str, str]]


def _grid(
    place: Place, up_ticks: Sequence[float], across_ticks: Sequence[float], display: Callable[[float], str]
) -> str:
    parts = []
    for tick in up_ticks:
        _, y = place(across_ticks[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="up" x="{LEFT - 8}" y="{y}" dy=".32em">{shown(display(tick))}</text>')
    for tick in across_ticks:
        x, _ = place(tick, up_ticks[0])
        parts.append(f'<text class="axis" x="{x}" y="{HEIGHT - BOTTOM + 16}">{tick:,g}</text>')
    return "".join(parts)


def _line(line: Line, place: Place, across: str, display: Callable[[float], str], best: float | None) -> str:
    points = [place(x, y) for x, y in zip(line.xs, line.ys, strict=True)]
    dashed = " dashed" if line.dashed else ""
    path = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="{5 if value == best else 3}">'
        f"<title>{shown(line.name)}: {shown(display(level))}; {shown(across)}: {value:,.6g}</title></circle>"
        for (x, y), value, level in zip(points, line.xs, line.ys, strict=True)
        if value == best or len(points) <= MOST_DOTS
    )
    return f'<g class="c{line.color % COLORS}{dashed}"><polyline points="{path}"/>{dots}</g>'


def _legend(line: Line) -> str:
    dashed = " dashed" if line.dashed else ""
    return f'<span class="key c{line.color % COLORS}{dashed}"><i></i>{shown(line.name, 40)}</span>'


def ticks(low: float, high: float) -> list[float]:
    """Returns about ``_TICKS`` round numbers from just below ``low`` to just above ``high``, which isn't less."""
    span = high - low or abs(low) or 1.0
    high = low + span
    size = 10 ** math.floor(math.log10(span / _TICKS))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if span / (size * factor) <= _TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, max(last, first + 1) + 1)]


def heat_map(
    heading: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    display: Callable[[float], str],
) -> str:
    """Draws a square for each row and column; the larger its value, from 0 to 1, the darker.

    Args:
        heading: What is drawn.
        rows: The label of each row.
        columns: The label of each column.
        values: The values of each row.
        display: Formats a value for people.
    """
    labels = [_label(row) for row in rows]
    tops = [_label(column) for column in columns]
    left = 10 + FONT * max(map(len, labels))
    turned = max(map(len, tops)) > 2
    top = 10 + (FONT * max(map(len, tops)) if turned else 14)
    width, height = left + CELL * len(columns) + 4, top + CELL * len(rows) + 4
    parts = []
    for number, label in enumerate(tops):
        x = _at(left + CELL * (number + 0.5))
        turn = f' class="turned" transform="rotate(-90 {x} {_at(top - 6)})"' if turned else ' class="axis"'
        parts.append(f'<text x="{x}" y="{_at(top - 6)}"{turn}>{html.escape(label)}</text>')
    for number, label in enumerate(labels):
        y = top + CELL * number
        parts.append(
            f'<text class="up" x="{_at(left - 6)}" y="{_at(y + CELL / 2)}" dy=".32em">{html.escape(label)}</text>'
        )
        parts += [
            f'<rect x="{_at(left + CELL * column)}" y="{_at(y)}" width="{CELL - 1}" height="{CELL - 1}" '
            f'fill-opacity="{min(max(value, 0.0), 1.0):.3f}"><title>{html.escape(label)} · '
            f"{html.escape(tops[column])}: {shown(display(value))}</title></rect>"
            for column, value in enumerate(values[number])
        ]
    return (
        f'<figure class="map"><svg viewBox="0 0 {_at(width)} {_at(height)}" style="width:{_at(width)}px" role="img" '
        f'aria-label="{shown(heading)}">{"".join(parts)}</svg></figure>'
    )


def _label(text: str) -> str:
    """Returns a label of a map, not yet escaped for HTML; a space becomes visible."""
    return plain(text.replace(" ", "␣"), MOST_LABEL)


def _at(number: float) -> str:
    """Returns a coordinate in few digits."""
    return f"{number:.1f}".removesuffix(".0")
