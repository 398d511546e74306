"""The common parts of all figures: style, labels beside lines, and saving."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from s2s_core.errors import ConfigError
from s2s_core.files import write_atomically

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000")
"""The palette of Okabe and Ito, whose colours most people with colour blindness can tell apart."""

INK, FAINT = "#222222", "#bbbbbb"

_FONTS = (
    "DejaVu Sans",  # comes with Matplotlib
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Segoe UI",
)
"""The fonts to try for each character, in order, if they are installed."""

_STYLE: Any = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "font.size": 10.0,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text, which can be searched and edited
    "svg.hashsalt": "s2s",  # fixed, so that the same figure gives the same file
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}

_METADATA: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".png": {"Software": None},
    ".svg": {"Date": None},
}
"""The metadata to leave out of each format, as it would differ from one writing to the next."""

SUFFIXES = tuple(_METADATA)

_APART = 0.055
"""The minimum distance between two labels, as a share of the axes' height."""


def check_suffix(path: Path) -> None:
    """Checks that a figure can be written in the format of a file's suffix.

    Raises:
        ConfigError: The format isn't supported.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"a figure's name must end with {', '.join(SUFFIXES)} (got {path.name!r})")


@contextmanager
def style() -> Iterator[None]:
    """Applies the common style to whatever is drawn in the context; a character that no font has becomes a box."""
    installed = {font.name for font in fontManager.ttflist}
    fonts = [name for name in _FONTS if name in installed]
    with mpl.rc_context({**_STYLE, "font.family": fonts}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")  # some scripts' shaping
        yield


def new_figure(width: float, height: float, rows: int = 1) -> tuple[Figure, list[Any]]:
    """Returns an empty figure of a size in inches, and its axes from top to bottom, which share the x axis."""
    figure = Figure((width, height))
    axes = figure.subplots(rows, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def save(figure: Figure, path: Path) -> None:
    """Writes a figure in the format of the file's suffix; the same figure gives the same bytes."""
    check_suffix(path)
    content = io.BytesIO()
    suffix = path.suffix.lower()
    with style():
        figure.savefig(content, format=suffix[1:], metadata=_METADATA[suffix])
    write_atomically(path, content.getvalue())


def draw_line(axes: Any, number: int, xs: Sequence[float], ys: Sequence[float], *, dashed: bool = False) -> None:
    """Draws one of several lines, with a marker at each point."""
    axes.plot(xs, ys, "o--" if dashed else "o-", color=color(number), clip_on=False, zorder=3)


def label_lines(axes: Any, ends: Sequence[tuple[str, float, float]]) -> None:
    """Writes each line's name to the right of its end, in its colour, without overlaps.

    Args:
        axes: The axes with the lines and with their final limits.
        ends: The name and the last x and y of each line, in the order of ``COLORS``.
    """
    low, high = axes.get_ylim()
    heights = spread([(y - low) / (high - low) for _, _, y in ends], _APART)
    for number, ((name, x, _), height) in enumerate(zip(ends, heights, strict=True)):
        axes.annotate(
            name,
            (x, low + height * (high - low)),
            xytext=(7, 0),
            textcoords="offset points",
            color=color(number),
            va="center",
            annotation_clip=False,
        )


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Moves places up, from the lowest on, until each is at least ``apart`` above the one below it."""
    moved = list(places)
    below = float("-inf")
    for row in sorted(range(len(places)), key=lambda row: places[row]):
        moved[row] = below = max(places[row], below + apart)
    return moved


def color(number: int) -> str:
    """Returns the colour of a line by its number."""
    return COLORS[number % len(COLORS)]


def percent(axes: Any) -> None:
    """Formats the y axis as percentages, limited to 0 to 100 % unless something is drawn beyond."""
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415  # few figures have shares

    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0.0), high if axes.dataLim.ymax > 1 else min(high, 1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))


def title(name: str) -> str:
    """Returns a metric's name with spaces for underscores."""
    return name.replace("_", " ")
