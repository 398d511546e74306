"""Encoder states: the summaries of whole sources, projected onto a plane."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.errors import DataError
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OFFSETS = [(5, 5), (5, -12), (-5, 5), (-5, -12), (8, -3), (-8, -3), (0, 8), (0, -15), (5, 16), (5, -23)]
"""Candidate positions of a label relative to its point, in typographic points, best first."""

_LONGEST = 48
"""The most characters of a label; longer texts are cut."""


@attrs.frozen
class Projection:
    """Texts as points on a plane.

    Attributes:
        texts: The sources.
        points: The coordinates of each source.
        shares: The share of the total variance that each of the two axes explains.
    """

    texts: list[str]
    points: list[tuple[float, float]]
    shares: tuple[float, float]


def project_texts(run: Run, texts: Sequence[str]) -> Projection:
    """Encodes texts with a run's best model and projects their summaries.

    Raises:
        DataError: There are fewer than two distinct texts.
        ModelError: There is no trained model, or it is damaged.
    """
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < 2:
        raise DataError("the states of at least two different texts are needed")
    points, shares = project(summaries(run, distinct))
    return Projection(distinct, [(float(x), float(y)) for x, y in points], shares)


def summaries(run: Run, texts: Sequence[str]) -> NDArray[np.float64]:
    """Returns the encoder's summary of each text, [N, Z]."""
    import torch  # noqa: PLC0415  # takes a second to import

    from s2s_core.data.pairs import Sequences  # noqa: PLC0415
    from s2s_core.model.checkpoint import load_checkpoint  # noqa: PLC0415
    from s2s_core.model.device import ids_to_device  # noqa: PLC0415

    checkpoint = load_checkpoint(run)
    model = checkpoint.trained
    ids, lengths = Sequences(map(checkpoint.source_tokenizer.encode, texts)).padded(range(len(texts)))
    with torch.inference_mode():
        memory = model.encode(ids_to_device(ids, model.device), ids_to_device(lengths, model.device))
    return np.asarray(memory.summary.double().numpy())


def project(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Projects vectors onto their two principal components.

    A principal component is determined only up to its sign. Here its entry of largest magnitude is positive, so that
    the same vectors give the same points.

    Args:
        vectors: [N, Z], N at least 2.

    Returns:
        The points, [N, 2], and the share of the variance that each axis explains.
    """
    centred = vectors - vectors.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]  # [2, Z]
    largest = np.abs(directions).argmax(1)
    directions = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
    points = np.zeros((len(vectors), 2))
    points[:, : len(directions)] = centred @ directions.T
    variances = np.zeros(2)
    variances[: len(directions)] = (sizes**2)[:2] / max(float((sizes**2).sum()), np.finfo(np.float64).tiny)
    return points, (float(variances[0]), float(variances[1]))


def draw_states(projection: Projection) -> "Figure":
    """Draws a point for each text, with the text beside it."""
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        drawn, (axes,) = figure.new_figure(6.8, 5.2)
        xs, ys = zip(*projection.points, strict=True)
        axes.scatter(xs, ys, s=22, color=figure.COLORS[0], linewidths=0)
        axes.margins(0.18)
        for name, axis, share in zip(("first", "second"), (axes.xaxis, axes.yaxis), projection.shares, strict=True):
            axis.set_label_text(f"{name} principal component, {share:.0%} of the variance".replace("%", " %"))
        axes.tick_params(labelbottom=False, labelleft=False, length=0)
        _label(drawn, axes, projection)
        return drawn


def _label(drawn: "Figure", axes: Any, projection: Projection) -> None:
    """Puts each text at the candidate position where it covers points and other texts least."""
    drawn.draw_without_rendering()
    taken = [_around(axes.transData.transform(point)) for point in projection.points]
    for text, point in zip(projection.texts, projection.points, strict=True):
        label = axes.annotate(_shown(text), point, xytext=_OFFSETS[0], textcoords="offset points", fontsize=8.5)
        costs = [(_cover(_placed(label, offset), taken), number) for number, offset in enumerate(_OFFSETS)]
        taken.append(_placed(label, _OFFSETS[min(costs)[1]]))


def _placed(label: Any, offset: tuple[int, int]) -> NDArray[np.float64]:
    """Moves a label and returns the box of pixels that it covers: left, bottom, right, top."""
    label.set_position(offset)
    label.set_ha("left" if offset[0] > 0 else "right" if offset[0] < 0 else "center")
    return np.array(label.get_window_extent().extents)


def _around(pixel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([pixel - 3, pixel + 3])


def _cover(box: NDArray[np.float64], taken: Sequence[NDArray[np.float64]]) -> float:
    """Returns the area of a box that other boxes cover."""
    others = np.array(taken)
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(sides.clip(0).prod(1).sum())


def _shown(text: str) -> str:
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return short.replace("$", r"\$") or "(empty)"
