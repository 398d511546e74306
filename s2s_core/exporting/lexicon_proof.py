"""Proves that a file with a lexicon answers from it, and otherwise exactly as the same file without it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from s2s_core.data.lexicon import Entries
from s2s_core.errors import ExportError
from s2s_core.exporting.lexicon import CERTAIN, NEVER
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.runtime.file import threads_for

BEAMS = (1, 3)

MOST_HITS = 64
"""How many entries are looked up, the first and the last ones."""


def prove_lexicon(
    model: bytes,
    plain: bytes,
    entries: Entries,
    normalize: Callable[[str], str],
    held_out: Sequence[str],
) -> None:
    """Compares a file that has a lexicon with one that has none.

    Args:
        model: The file's content.
        plain: The same without the lexicon.
        entries: The lexicon.
        normalize: Normalises a source, as the lexicon's are.
        held_out: Sources, whether they are in the lexicon or not.

    Raises:
        ExportError: An answer differs.
    """
    session, other = _session(model), _session(plain)
    for texts in _batches(entries, held_out):
        keys = [normalize(text) for text in texts]
        asked = [text for text, key in zip(texts, keys, strict=True) if key not in entries]
        for beams in BEAMS:
            given = {"beam_size": np.array(beams)}
            found = session.run(["hypotheses", "scores"], {"source": np.array(texts, object), **given})
            own = other.run(["hypotheses", "scores"], {"source": np.array(asked, object), **given})
            for actual, expected in zip(found, _expected(keys, entries, own, beams), strict=True):
                if actual.tolist() != expected.tolist():
                    raise ExportError(
                        "the file with the lexicon answers otherwise than the lexicon and the model, which is a bug: "
                        "please report it. No file is written"
                    )


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; each input with a default would be a warning
    options.intra_op_num_threads = threads_for(len(content))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _batches(entries: Entries, held_out: Sequence[str]) -> Iterator[list[str]]:
    """Yields batches of entries alone, of other texts alone, of both in turn, and an empty one."""
    hits = [*entries][: MOST_HITS // 2] + [*entries][-MOST_HITS // 2 :]
    others = [*held_out, *STRANGE_TEXTS]  # some of which may have entries
    mixed = [text for pair in zip(hits, others, strict=False) for text in pair]
    yield from (hits, others, mixed, [], hits[:1], others[:1])


def _expected(
    keys: Sequence[str], entries: Entries, own: Sequence[NDArray[np.generic]], beams: int
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """Returns the hypotheses and scores that a batch must have, [N, K] each.

    Args:
        keys: The normalised sources.
        entries: The lexicon.
        own: The hypotheses and scores of the model for sources that aren't in the lexicon, in order.
        beams: K.
    """
    texts, scores = np.full((len(keys), beams), "", object), np.full((len(keys), beams), NEVER, np.float32)
    asked = zip(*own, strict=True)
    for row, key in enumerate(keys):
        if key in entries:
            answers = entries[key][:beams]
            texts[row, : len(answers)], scores[row, : len(answers)] = answers, CERTAIN
        else:
            texts[row], scores[row] = next(asked)
    return texts, scores
