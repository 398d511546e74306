"""Proves that a file with a lexicon answers from it, and otherwise exactly as the same file without it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s_core.data.lexicon import Entries
from s2s_core.errors import REPORT, ExportError
from s2s_core.exporting.lexicon import CERTAIN, NEVER
from s2s_core.exporting.session import open_session
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.runtime.inputs import required_inputs
from s2s_core.text import sentences

BEAMS = (1, 3)

MOST_HITS = 64
"""How many entries are looked up, the first and the last ones."""


def prove_lexicon(
    model: bytes,
    plain: bytes,
    entries: Entries,
    normalize: Callable[[str], str],
    held_out: Sequence[str],
    decoding: Mapping[str, Any],
    *,
    answerable: str = "",
    of_words: bool = False,
) -> None:
    """Compares a file that has a lexicon with one that has none.

    Args:
        model: The file's content.
        plain: The same without the lexicon.
        entries: The lexicon.
        normalize: Normalises a source, as the lexicon's are.
        held_out: Sources, whether they are in the lexicon or not.
        decoding: The settings of the file's search.
        answerable: A regular expression of the normalised sources that the model is asked for; others are their own
            answers.
        of_words: Whether both files answer each word of a text by itself. Then only single words are compared.

    Raises:
        ExportError: An answer differs.
    """
    session, other = open_session(model), open_session(plain)
    defaults = required_inputs(session.get_inputs(), decoding)
    for batch in _batches(entries, held_out):
        texts = list(filter(sentences.is_single_word, batch)) if of_words else batch
        keys = [normalize(text) for text in texts]
        answers = [
            entries.get(key) or (None if sentences.matches(key, answerable) else (text,))
            for text, key in zip(texts, keys, strict=True)
        ]
        asked = [text for text, answer in zip(texts, answers, strict=True) if answer is None]
        for beams in BEAMS[: 1 if of_words else None]:
            given = {**defaults, "beam_size": np.array(beams)}
            found = session.run(["hypotheses", "scores"], {"source": np.array(texts, object), **given})
            own = other.run(["hypotheses", "scores"], {"source": np.array(asked, object), **given})
            for actual, expected in zip(found, _expected(answers, own, beams), strict=True):
                if actual.tolist() != expected.tolist():
                    raise ExportError(
                        f"the file with the lexicon answers otherwise than the lexicon and the model, {REPORT}"
                    )


def _batches(entries: Entries, held_out: Sequence[str]) -> Iterator[list[str]]:
    """Yields batches of entries alone, of other texts alone, of both in turn, and an empty one."""
    hits = [*entries][: MOST_HITS // 2] + [*entries][-MOST_HITS // 2 :]
    others = [*held_out, *STRANGE_TEXTS]  # some of which may have entries
    mixed = [text for pair in zip(hits, others, strict=False) for text in pair]
    yield from (hits, others, mixed, [], hits[:1], others[:1])


def _expected(
    answers: Sequence[Sequence[str] | None], own: Sequence[NDArray[np.generic]], beams: int
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """Returns the hypotheses and scores that a batch must have, [N, K] each.

    Args:
        answers: What is known of each source; nothing of those that the model is asked for.
        own: The hypotheses and scores of the model for these, in order.
        beams: K.
    """
    texts, scores = np.full((len(answers), beams), "", object), np.full((len(answers), beams), NEVER, np.float32)
    asked = zip(*own, strict=True)
    for row, known in enumerate(answers):
        if known is None:
            texts[row], scores[row] = next(asked)
        else:
            texts[row, : len(known)], scores[row, : len(known)] = known[:beams], CERTAIN
    return texts, scores
