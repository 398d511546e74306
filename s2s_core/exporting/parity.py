"""Proves that an exported file answers as the model does.

For every batch, the scores must be close, the ids equal or just as good, and the texts equal.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import onnx
from numpy.typing import NDArray

from s2s_core.config.decoding import DecodingConfig, SearchFeatures, features_of, graph_inputs
from s2s_core.decoding.distinct import DistinctTexts
from s2s_core.decoding.translate import Hypotheses, Translator
from s2s_core.errors import ExportError
from s2s_core.exporting.replay import Trace, is_tie, same_ids
from s2s_core.exporting.session import open_probed
from s2s_core.exporting.stitch import HYPOTHESIS_IDS, HYPOTHESIS_SCORES, TRACE
from s2s_core.exporting.strange_texts import STRANGE_TEXTS
from s2s_core.model.checkpoint import TextModel
from s2s_core.runtime.inputs import required_inputs
from s2s_core.text.vocabulary import SPECIALS

SINGLE_TEXTS = 8
"""How many held-out texts are also answered one at a time."""

MOST_SHOWN = 60
"""How many characters of a text an error message shows."""

ADVICE = (
    "No file is written and the run is kept. File and model differ, which is a bug of a component: please report it "
    "there; docs/file-format.md says what the proof compares"
)

PREFIXES = 4
"""Prefixes in the proof have fewer characters than this."""


@attrs.frozen
class Parity:
    """How much was compared, and how well it agrees.

    Attributes:
        texts: The number of different texts.
        batches: The number of batches.
        hypotheses: The number of hypotheses.
        ties: How many of these differ from the model's, but are just as good.
        score_difference: The largest difference of a score.
    """

    texts: int
    batches: int
    hypotheses: int
    ties: int
    score_difference: float


def prove(
    model: onnx.ModelProto,
    checkpoint: TextModel,
    texts: Sequence[str],
    tolerance: float,
    heard: Callable[[str], None] = lambda _: None,
) -> Parity:
    """Compares a file with the model that it was made of, on held-out and strange texts.

    Args:
        model: The file.
        checkpoint: The model, on the CPU.
        texts: Held-out sources.
        tolerance: The largest difference of a score that is allowed.
        heard: Called with what is being done, each time that changes.

    Raises:
        ExportError: They differ; the message says on which text.
    """
    heard("opening it in ONNX Runtime")
    file = ProbedFile(model, checkpoint)
    together = [*texts, *STRANGE_TEXTS]
    own = checkpoint.config.decoding
    comparisons = [(batch, decoding) for decoding in _searches(own) for batch in _batches(texts)]
    comparisons += [(together, decoding) for decoding in _other_searches(own, file.features)]
    records = []
    for number, (batch, decoding) in enumerate(comparisons, 1):
        heard(f"comparing it with the model, batch {number} of {len(comparisons)}")
        records.append(compare(file, checkpoint, batch, decoding, tolerance))
    return Parity(
        texts=len({*texts, *STRANGE_TEXTS}),
        batches=len(records),
        hypotheses=sum(record.hypotheses for record in records),
        ties=sum(record.ties for record in records),
        score_difference=max(record.score_difference for record in records),
    )


def _searches(own: DecodingConfig) -> list[DecodingConfig]:
    """Returns the run's own search, a greedy one and one with beams."""
    settings = {(own.beam_size, own.length_penalty), (1, 0.0), (5, 0.6)}
    return [attrs.evolve(own, beam_size=beams, length_penalty=penalty) for beams, penalty in sorted(settings)]


def _other_searches(own: DecodingConfig, features: SearchFeatures) -> Iterator[DecodingConfig]:
    """Yields searches with other limits, and with other settings of each of the file's features."""
    yield attrs.evolve(own, min_length=3, min_length_ratio=0.5, max_length=4, max_length_ratio=0.25, beam_size=3)
    if features.coverage:
        yield attrs.evolve(own, coverage_penalty=2 * own.coverage_penalty, beam_size=4)
    if features.no_repeat:
        yield attrs.evolve(own, no_repeat_ngram=1, beam_size=3)
    if features.sampling:
        yield attrs.evolve(own, temperature=0.5 * own.temperature, top_k=3, top_p=0.8, seed=own.seed ^ 1, beam_size=3)


class ProbedFile:
    """A file in ONNX Runtime, with more outputs: the ids of the hypotheses, and what each step of the search kept.

    Args:
        model: The file.
        checkpoint: The model that it was made of.

    Attributes:
        features: The optional parts of the file's search.
    """

    def __init__(self, model: onnx.ModelProto, checkpoint: TextModel) -> None:
        self.features = features_of(checkpoint.config.decoding, prefix=checkpoint.config.export.prefix)
        inside = {HYPOTHESIS_SCORES: (onnx.TensorProto.FLOAT, 2)}
        inside |= dict.fromkeys((HYPOTHESIS_IDS, *TRACE), (onnx.TensorProto.INT64, 3))
        self._session = open_probed(model, inside)
        self._given = required_inputs(self._session.get_inputs(), attrs.asdict(checkpoint.config.decoding))

    def answer(
        self, texts: list[str], prefixes: list[str] | None, decoding: DecodingConfig
    ) -> tuple[DistinctTexts, Hypotheses, Trace]:
        """Returns the answers, the hypotheses that they are made of, and what each step of the search kept."""
        inputs: dict[str, Any] = self._given | {
            name: np.array(value, kind) for name, kind, value in graph_inputs(decoding, self.features)
        }
        inputs["source"] = np.array(texts, object)
        if prefixes is not None:
            inputs["prefix"] = np.array(prefixes, object)
        target, hypotheses, scores, ids, raw_scores, tokens, parents = self._session.run(
            ["target", "hypotheses", "scores", HYPOTHESIS_IDS, HYPOTHESIS_SCORES, *TRACE], inputs
        )
        if target.tolist() != hypotheses[:, 0].tolist():
            raise _refusal("the file's target is not its first hypothesis")
        found = Hypotheses(ids[: len(texts)], raw_scores[: len(texts)])
        return DistinctTexts(hypotheses.tolist(), scores), found, Trace(tokens, parents)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    yield [*texts, *STRANGE_TEXTS]
    yield list(STRANGE_TEXTS)
    for text in (*texts[:SINGLE_TEXTS], *STRANGE_TEXTS):
        yield [text]


def compare(
    file: ProbedFile, checkpoint: TextModel, texts: list[str], decoding: DecodingConfig, tolerance: float
) -> Parity:
    """Compares a file's answers with the model's, of texts decoded as one batch.

    Args:
        file: The file.
        checkpoint: The model, on the CPU.
        texts: The sources.
        decoding: The settings of the search.
        tolerance: The largest difference of a score that is allowed.

    Raises:
        ExportError: They differ; the message says on which text.
    """
    translator = Translator(checkpoint, decoding)
    prefixes = _prefixes(checkpoint, texts) if file.features.prefix else None
    expected = translator.hypotheses(texts, prefixes)
    answers, actual, trace = file.answer(texts, prefixes, decoding)
    same = same_ids(expected.ids, actual.ids)  # [N, K]
    difference = _score_difference(expected.scores, actual.scores, same, decoding)
    if difference > tolerance:
        raise _refusal(
            f"the file's scores differ from the model's by {difference:.2g} {_in_words(decoding)}, more than "
            f"export.tolerance, {tolerance:.2g}"
        )
    for row in map(int, np.flatnonzero(~same.all(1))):
        prefix = None if prefixes is None else prefixes[row]
        hypotheses = Hypotheses(actual.ids[row], actual.scores[row])
        if not is_tie(checkpoint, texts[row], prefix, hypotheses, trace.of(row), decoding, tolerance):
            place = row, int(np.argmin(same[row]))
            file_says, model_says = (_answer(translator, each, texts, place) for each in (actual, expected))
            raise _refusal(
                f"the file answers {_shown(texts[row])} {_in_words(decoding)} with {file_says}, "
                f"the model with {model_says}"
            )
    same_texts = translator.answers_of(actual, texts)
    if answers.texts != same_texts.texts or not np.array_equal(answers.scores, same_texts.scores):
        raise _refusal("the file turns ids into other texts than the target's tokenizer")
    return Parity(len(texts), 1, same.size, int((~same).sum()), difference)


def _score_difference(
    expected: NDArray[np.float32], actual: NDArray[np.float32], same: NDArray[np.bool_], decoding: DecodingConfig
) -> float:
    """Returns the largest difference between scores [N, K] of hypotheses that are the same."""
    exist = np.isfinite(expected)
    if (exist != np.isfinite(actual)).any():
        raise _refusal(f"the file doesn't find as many answers as the model {_in_words(decoding)}")
    return float(np.abs(expected[exist & same] - actual[exist & same]).max(initial=0.0))


def _answer(translator: Translator, found: Hypotheses, sources: list[str], place: tuple[int, int]) -> str:
    """Returns what an error shows of the hypothesis at a place: its row and rank."""
    row, rank = place
    text = translator.texts(Hypotheses(found.ids[row : row + 1], found.scores), sources[row : row + 1])[0][rank]
    return f"{_shown(text)} (score {found.scores[place]:.4f})"


def _refusal(difference: str) -> ExportError:
    return ExportError(f"{difference}. {ADVICE}")


def _in_words(decoding: DecodingConfig) -> str:
    """Returns the kind of a search in words."""
    count = decoding.beam_size
    if decoding.sampling:
        return f"with {count} samples" if count > 1 else "with a sample"
    return f"with {count} beams" if count > 1 else "greedily"


def _shown(text: str) -> str:
    """Returns what an error shows of a text."""
    return repr(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…")


def _prefixes(checkpoint: TextModel, texts: list[str]) -> list[str]:
    """Returns prefixes of different lengths, some of them empty or unknown to the target."""
    vocabulary = checkpoint.target_tokenizer.decode(range(SPECIALS, len(checkpoint.target_tokenizer.vocabulary)))
    return [(text if row % 3 == 1 else vocabulary)[: row % PREFIXES] for row, text in enumerate(texts)]
