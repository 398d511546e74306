"""Draws figures of runs: each call computes a figure's numbers and, if it is given a path, writes the figure too."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s_core.errors import ConfigError
from s2s_core.files import require_writable
from s2s_core.pipeline.models import Trained, opened
from s2s_core.plugins.registry import Plugins

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from s2s_core.plotting.attention import AttentionMap
    from s2s_core.plotting.learning import LearningCurve
    from s2s_core.plotting.length import LengthCurve
    from s2s_core.plotting.reliability import ReliabilityCurve
    from s2s_core.plotting.states import Projection

Location = str | PathLike[str]


def plot_length(
    paths: Sequence[Location],
    output: Location | None = None,
    *,
    metric: str | None = None,
    plugins: Plugins | None = None,
) -> "list[LengthCurve]":
    """Draws the test score by the length of the source, a curve for each run.

    Args:
        paths: Folders of evaluated runs, or files that ``s2s evaluate --json`` wrote.
        output: The figure, a ``.png``, ``.svg`` or ``.pdf``; without it only the numbers are computed.
        metric: What to draw, by default the first metric of the first run.
        plugins: Where the metric comes from, by default the installed plugins.

    Raises:
        ConfigError: The metric isn't there, or the figure has another suffix.
        ModelError: A run isn't evaluated, or its log is damaged.
        OSError: The figure can't be written.
    """
    from s2s_core.plotting.length import draw_lengths, length_curves  # noqa: PLC0415  # needs NumPy or Matplotlib

    _require_drawable(output)
    curves = length_curves(_paths(paths), metric)
    _write(output, lambda: draw_lengths(curves, percent=_is_percent(curves[0].metric, plugins)))
    return curves


def plot_reliability(paths: Sequence[Location], output: Location | None = None) -> "list[ReliabilityCurve]":
    """Draws how often answers are right against how sure their file is, a curve for each run.

    It takes and raises what ``plot_length`` does; the runs' files tell their confidence.
    """
    from s2s_core.plotting.reliability import draw_reliability, reliability_curves  # noqa: PLC0415

    _require_drawable(output)
    curves = reliability_curves(_paths(paths))
    _write(output, lambda: draw_reliability(curves))
    return curves


def plot_learning(
    folders: Sequence[Location],
    output: Location | None = None,
    *,
    metric: str | None = None,
    plugins: Plugins | None = None,
) -> "list[LearningCurve]":
    """Draws the training loss and a validation score over the updates, a curve for each run.

    It takes and raises what ``plot_length`` does, for the folders of trained runs.
    """
    from s2s_core.plotting.learning import draw_learning, learning_curves  # noqa: PLC0415

    _require_drawable(output)
    curves = learning_curves(_paths(folders), metric)
    _write(output, lambda: draw_learning(curves, percent=_is_percent(curves[0].metric, plugins)))
    return curves


def plot_states(
    run: Trained,
    texts: Sequence[str] | None = None,
    output: Location | None = None,
    *,
    count: int = 12,
    plugins: Plugins | None = None,
) -> "Projection":
    """Draws the encoder's summaries of sources, projected onto their two principal components.

    Args:
        run: A trained run, or its folder.
        texts: The sources, by default the first ones of the test set.
        output: The figure; without it only the numbers are computed.
        count: The most test sources to draw.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        DataError: There are too few texts.
        ModelError: There is no trained model, or it is damaged.
        OSError: The figure can't be written.
    """
    from s2s_core.plotting.states import draw_states, project_texts  # noqa: PLC0415

    _require_drawable(output)
    [model] = opened(run, plugins)
    sources = [example.source for example in model.splits.test[:count]] if texts is None else texts
    projection = project_texts(model, sources)
    _write(output, lambda: draw_states(projection))
    return projection


def plot_attention(
    run: Trained, text: str, output: Location | None = None, *, plugins: Plugins | None = None
) -> "AttentionMap":
    """Draws which tokens of a text the decoder looked at while it wrote each token of its answer.

    Args:
        run: A trained run whose decoder has attention, or its folder.
        text: The source.
        output: The figure; without it only the numbers are computed.
        plugins: Where components come from, by default the installed plugins.

    Raises:
        ConfigError: The decoder has no attention.
        ModelError: There is no trained model, or it is damaged.
        OSError: The figure can't be written.
    """
    from s2s_core.plotting.attention import attention_map, draw_attention  # noqa: PLC0415

    _require_drawable(output)
    [model] = opened(run, plugins)
    attention = attention_map(model, text)
    _write(output, lambda: draw_attention(attention))
    return attention


def _paths(runs: Sequence[Location]) -> list[Path]:
    """Returns the paths of some runs, of which there must be one."""
    if not runs:
        raise ConfigError("give at least one run")
    return [Path(run) for run in runs]


def _require_drawable(output: Location | None) -> None:
    """Checks that a figure can be written, before its numbers are computed."""
    if output is not None:
        from s2s_core.plotting.figure import check_suffix  # noqa: PLC0415  # needs Matplotlib

        check_suffix(Path(output))
        require_writable(Path(output))


def _write(output: Location | None, draw: "Callable[[], Figure]") -> None:
    if output is not None:
        from s2s_core.plotting.figure import save  # noqa: PLC0415  # needs Matplotlib

        save(draw(), Path(output))


def _is_percent(metric: str, plugins: Plugins | None) -> bool:
    kind: Any = (plugins or Plugins()).component("metric", metric)
    return bool(kind.percent)
