"""Attention maps: which source tokens a decoder attended to for each token of its answer."""

from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError, DataError
from s2s_core.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from s2s_core.model.checkpoint import TextModel

END = "⏎"
"""The label of EOS."""


@attrs.frozen(eq=False)
class AttentionMap:
    """The attention weights behind one answer.

    Attributes:
        source: The source tokens, EOS included.
        target: The tokens of the answer.
        weights: The weight of each source token for each target token, [T, S].
    """

    source: list[str]
    target: list[str]
    weights: NDArray[np.float64]


def attention_map(run: Run, text: str) -> AttentionMap:
    """Translates a text with a run's best model and returns the decoder's attention.

    Raises:
        ConfigError: The decoder has no attention.
        DataError: The text has no tokens.
        ModelError: There is no trained model, or it is damaged.
    """
    from s2s_core.model.checkpoint import load_checkpoint  # noqa: PLC0415  # needs PyTorch

    return attention_of(load_checkpoint(run), run.config, text)


def attention_of(checkpoint: "TextModel", config: RunConfig, text: str) -> AttentionMap:
    """Translates a text with a model that is loaded, as ``attention_map`` does."""
    import torch  # noqa: PLC0415  # takes a second to import

    from s2s_core.decoding.translate import Translator  # noqa: PLC0415
    from s2s_core.text.copies import encode_source, tokens_of  # noqa: PLC0415
    from s2s_core.text.vocabulary import BOS, EOS, PAD  # noqa: PLC0415

    model = checkpoint.trained
    tokenizers = checkpoint.source_tokenizer, checkpoint.target_tokenizer
    source_tokens = tokens_of(checkpoint.source_tokenizer, text)
    if not source_tokens:
        raise DataError(f"there is nothing to attend to in {text!r}: give a text of at least one token")
    answer = Translator(checkpoint, config.decoding).hypotheses([text]).ids[0, 0].tolist()
    target = [token for token in answer if token != PAD]
    source = [*checkpoint.source_tokenizer.encode(text), EOS]
    copies = torch.tensor([[*encode_source(text, tokenizers)[1], EOS]]) if model.copies else None
    weights = []
    with torch.inference_mode():
        state = model.start(torch.tensor([source]), torch.tensor([len(source)]), copies)
        for token in [BOS, *target[:-1]]:
            _, attention, state = model.attentive_step(torch.tensor([token]), state)
            if attention is None:
                raise ConfigError(f"decoder {config.decoder.name!r} has no attention to draw")
            weights.append(attention[0].double().numpy())  # [S]
    surfaces = (*checkpoint.target_tokenizer.vocabulary.surfaces, *source_tokens)  # those of the source, if it copies
    return AttentionMap(
        [*source_tokens, END],
        [END if token == EOS else surfaces[token] for token in target],
        np.stack(weights),
    )


def draw_attention(attention: AttentionMap) -> "Figure":
    """Draws a square for each pair of tokens; the darker, the larger the weight."""
    from s2s_core.plotting import figure  # noqa: PLC0415  # needs Matplotlib

    with figure.style():
        rows, columns = attention.weights.shape
        size = 0.32
        longest = max(map(len, (*attention.source, *attention.target)))
        margin = 0.4 + 0.09 * longest
        drawn, (axes,) = figure.new_figure(columns * size + margin, rows * size + margin)
        axes.imshow(attention.weights, cmap="Blues", vmin=0, aspect="equal")
        axes.spines[:].set_visible(False)
        turned = 90 if max(map(len, attention.source)) > 2 else 0
        axes.set_xticks(range(columns), [_shown(token) for token in attention.source], rotation=turned)
        axes.set_yticks(range(rows), [_shown(token) for token in attention.target])
        axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        return drawn


def _shown(token: str) -> str:
    return token.replace(" ", "␣").replace("$", r"\$")
