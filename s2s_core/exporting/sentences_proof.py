"""Proves that a file answers sentences as their words' answers, joined, do."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s_core.errors import REPORT, ExportError
from s2s_core.exporting.lexicon import LEXICON, MODEL, SOURCE
from s2s_core.exporting.session import open_session
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.runtime.inputs import required_inputs
from s2s_core.text import sentences

TOLERANCE = 1e-4
"""The largest difference of a score or confidence for each word, as a word's own depends in the last digits on the
others of its batch."""

MOST_SHOWN = 60
"""How many characters of a text an error message shows."""

WORDS_OF_A_SENTENCE = 5
"""How many held-out sources make a sentence."""


def prove_sentences(
    model: bytes,
    plain: bytes,
    punctuation: sentences.Punctuation,
    separator: str,
    held_out: Sequence[str],
    decoding: Mapping[str, Any],
) -> None:
    """Compares a file that answers sentences with one that answers words.

    Args:
        model: The file's content.
        plain: The same, which takes its texts as words.
        punctuation: What becomes of what is neither a word nor white space.
        separator: Stands between words.
        held_out: Sources.
        decoding: The settings of the file's search.

    Raises:
        ExportError: An answer differs.
    """
    session, other = open_session(model), open_session(plain)
    given = required_inputs(session.get_inputs(), decoding)
    names = [value.name for value in session.get_outputs()]
    for texts in _batches(held_out):
        pieces = [sentences.split(text) for text in texts]
        words = list(dict.fromkeys(piece for row in pieces for piece in row if sentences.is_word(piece)))
        of_words = dict(zip(names, other.run(names, {**given, "source": np.array(words, object)}), strict=True))
        found = dict(zip(names, session.run(names, {**given, "source": np.array(texts, object)}), strict=True))
        join = functools.partial(sentences.join, punctuation=punctuation, separator=separator)
        for row, expected in enumerate(map(functools.partial(_expected, words, of_words, join), pieces)):
            actual = {name: values[row] for name, values in found.items()}
            if not _alike(actual, expected, len(pieces[row])):
                raise ExportError(
                    f"the file doesn't answer {texts[row][:MOST_SHOWN]!r} as its words' answers, joined, {REPORT}"
                )


def _batches(held_out: Sequence[str]) -> list[list[str]]:
    """Returns batches of held-out sources alone, strange texts, both as sentences, and an empty one."""
    size = WORDS_OF_A_SENTENCE
    rows = [held_out[start : start + size] for start in range(0, len(held_out), size)]
    joined = [between.join(row) for between in (" ", ", ", "'", " 12 \u2014 \U0001f600\t") for row in rows]
    return [list(held_out), list(STRANGE_TEXTS), [*joined, *STRANGE_TEXTS], joined[:1], []]


def _expected(
    words: Sequence[str], of_words: Mapping[str, NDArray[Any]], join: Any, pieces: Sequence[str]
) -> dict[str, Any]:
    """Returns what the file must say of a sentence, by the names of its outputs."""
    rows = [words.index(piece) for piece in pieces if sentences.is_word(piece)]
    text = join(pieces, [of_words["target"][row] for row in rows])
    told: dict[str, Any] = {
        "target": text,
        "hypotheses": text,
        "scores": math.fsum(of_words["scores"][row, 0] for row in rows),
    }
    if "confidence" in of_words:
        told["confidence"] = math.prod(of_words["confidence"][row] for row in rows)
    if "origin" in of_words:
        origins = {of_words["origin"][row] for row in rows}
        told["origin"] = next((name for name in (MODEL, LEXICON) if name in origins), SOURCE)
    return told


def _alike(actual: Mapping[str, Any], expected: Mapping[str, Any], words: int) -> bool:
    """Returns whether what a file says of a sentence is what it must say."""
    for name, value in expected.items():
        found = actual[name].item() if isinstance(actual[name], np.ndarray) else actual[name]
        if isinstance(value, str):
            if found != value:
                return False
        elif not (found == value or abs(found - value) <= TOLERANCE * max(words, 1)):
            return False
    return True
