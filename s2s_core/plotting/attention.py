"""Which source tokens a decoder looked at while it wrote each token of its answer."""

from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.errors import ConfigError, DataError
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

END = "⏎"
"""Stands for the end of a sequence."""


@attrs.frozen(eq=False)
class AttentionMap:
    """What an answer's tokens looked at.

    Attributes:
        source: The tokens that were read, the end included.
        target: The tokens that were written.
        weights: How much each source token counted for each target token, [T, S].
    """

    source: list[str]
    target: list[str]
    weights: NDArray[np.float64]


def attention_map(run: Run, text: str) -> AttentionMap:
    """Answers a text by a run's best model and returns what its decoder looked at.

    Raises:
        ConfigError: The decoder has no attention.
        DataError: The text has no tokens.
        ModelError: There is no trained model, or it is damaged.
    """
    import torch  # noqa: PLC0415  # takes a second to import

    from s2s_core.decoding.translate import Translator  # noqa: PLC0415
    from s2s_core.model.checkpoint import load_checkpoint  # noqa: PLC0415
    from s2s_core.model.interfaces import Decoder  # noqa: PLC0415
    from s2s_core.text.vocabulary import BOS, EOS, PAD  # noqa: PLC0415

    checkpoint = load_checkpoint(run)
    model = checkpoint.trained
    if not checkpoint.source_tokenizer.split(text):
        raise DataError(f"there is nothing to look at in {text!r}: give a text of at least one token")
    found = Translator(checkpoint, run.config.decoding).hypotheses([text]).ids[0, 0].tolist()
    target = [token for token in found if token != PAD]
    source = [*checkpoint.source_tokenizer.encode(text), EOS]
    with torch.inference_mode():
        memory = model.encode(torch.tensor([source]), torch.tensor([len(source)]))
        inputs = model.embed_target(torch.tensor([[BOS, *target[:-1]]]))  # [1, T, E]
        lengths = torch.tensor([len(target)])
        attention = model.decoder(inputs, lengths, memory).attention
        if attention is None:  # a whole-target forward may leave out what its steps tell
            attention = Decoder.forward(model.decoder, inputs, lengths, memory).attention
    if attention is None:
        raise ConfigError(f"decoder {run.config.decoder.name!r} has no attention to draw")
    surfaces = checkpoint.target_tokenizer.vocabulary.surfaces
    return AttentionMap(
        [*checkpoint.source_tokenizer.split(text), END],
        [END if token == EOS else surfaces[token] for token in target],
        np.asarray(attention[0].double().numpy()),
    )


def draw_attention(found: AttentionMap) -> "Figure":
    """Draws a square for each pair of tokens, the darker the more it counted."""
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        rows, columns = found.weights.shape
        size = 0.32
        longest = max(map(len, (*found.source, *found.target)))
        margin = 0.4 + 0.09 * longest
        drawn, (axes,) = figure.new_figure(columns * size + margin, rows * size + margin)
        axes.imshow(found.weights, cmap="Blues", vmin=0, aspect="equal")
        axes.spines[:].set_visible(False)
        turned = 90 if max(map(len, found.source)) > 2 else 0
        axes.set_xticks(range(columns), [_shown(token) for token in found.source], rotation=turned)
        axes.set_yticks(range(rows), [_shown(token) for token in found.target])
        axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        return drawn


def _shown(token: str) -> str:
    return token.replace(" ", "␣").replace("$", r"\$")
