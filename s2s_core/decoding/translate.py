"""Answers texts with a model in PyTorch."""

from collections.abc import Sequence
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from s2s_core.config.decoding import DecodingConfig
from s2s_core.data.pairs import Sequences
from s2s_core.decoding import BeamSearch
from s2s_core.decoding.distinct import DistinctTexts, distinct
from s2s_core.errors import DataError
from s2s_core.model.checkpoint import TextModel
from s2s_core.model.device import ids_to_device
from s2s_core.text.copies import encode_source, encode_target
from s2s_core.text.vocabulary import EOS, PAD


class Hypotheses(NamedTuple):
    """The hypotheses for some sources, best first.

    Attributes:
        ids: Padded past EOS, [N, K, T].
        scores: Of each hypothesis, [N, K].
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class Sources(NamedTuple):
    """Encoded sources.

    Attributes:
        ids: Of the sources' tokens.
        copies: What these are as tokens of the target; ``None`` if the model doesn't copy.
    """

    ids: Sequences
    copies: Sequences | None = None


class Translator:
    """Answers texts with a model in PyTorch, as its exported file does.

    Args:
        checkpoint: The model, in evaluation mode.
        decoding: The settings of the search.
        search: Replaces the usual search.
    """

    def __init__(self, checkpoint: TextModel, decoding: DecodingConfig, search: BeamSearch | None = None) -> None:
        self._checkpoint, self._decoding = checkpoint, decoding
        self._tokenizers = checkpoint.source_tokenizer, checkpoint.target_tokenizer
        self._search = search or BeamSearch(checkpoint.model)

    def __call__(self, texts: Sequence[str], prefixes: Sequence[str] | None = None) -> list[str]:
        """Returns one answer for each text. It begins with the tokens of the text's prefix, if there are prefixes.

        Raises:
            DataError: The numbers of prefixes and texts differ.
        """
        sources, begins = self._encode(texts), self._encode_prefixes(texts, prefixes)
        answers = [""] * len(texts)
        by_length = np.argsort(sources.ids.lengths, kind="stable")
        for start in range(0, len(texts), self._decoding.batch_size):
            rows = by_length[start : start + self._decoding.batch_size]
            for row, ids in zip(rows, self._search_rows(sources, begins, rows).ids[:, 0], strict=True):
                answers[row] = self._checkpoint.decode(ids.tolist(), texts[row])
        return answers

    def hypotheses(self, texts: Sequence[str], prefixes: Sequence[str] | None = None) -> Hypotheses:
        """Decodes texts as one batch, and returns the ids and scores of all beams; see ``__call__``."""
        begins = self._encode_prefixes(texts, prefixes)
        return self._search_rows(self._encode(texts), begins, np.arange(len(texts)))

    def answers(self, texts: Sequence[str], prefixes: Sequence[str] | None = None) -> DistinctTexts:
        """Returns the texts of all beams, without repetitions, and their scores; see ``__call__``."""
        return self.answers_of(self.hypotheses(texts, prefixes), texts)

    def answers_of(self, hypotheses: Hypotheses, sources: Sequence[str]) -> DistinctTexts:
        """Returns the texts of hypotheses, for the texts that they answer; of equal samples each counts."""
        texts = self.texts(hypotheses, sources)
        if self._decoding.sampling:
            return DistinctTexts(texts, hypotheses.scores)
        return distinct(texts, hypotheses.scores)

    def texts(self, hypotheses: Hypotheses, sources: Sequence[str]) -> list[list[str]]:
        """Returns the texts of all beams, [N][K], for the texts that they answer, [N]."""
        decode, rows = self._checkpoint.decode, zip(hypotheses.ids.tolist(), sources, strict=True)
        return [[decode(ids, source) for ids in beams] for beams, source in rows]

    def _encode(self, texts: Sequence[str]) -> Sources:
        if not self._checkpoint.copies:
            return Sources(Sequences(map(self._checkpoint.source_tokenizer.encode, texts)))
        pairs = [encode_source(text, self._tokenizers) for text in texts]
        return Sources(Sequences(ids for ids, _ in pairs), Sequences(copies for _, copies in pairs))

    def _encode_prefixes(self, texts: Sequence[str], prefixes: Sequence[str] | None) -> Sequences | None:
        if prefixes is None:
            return None
        if isinstance(prefixes, str) or len(prefixes) != len(texts):
            raise DataError(f"give prefixes as a list, one for each text: {len(texts)} (got {prefixes!r})")
        if not self._checkpoint.copies:
            return Sequences(map(self._checkpoint.target_tokenizer.encode, prefixes))
        begins = zip(prefixes, texts, strict=True)
        return Sequences(encode_target(prefix, text, self._tokenizers) for prefix, text in begins)

    def _search_rows(self, sources: Sources, prefixes: Sequences | None, rows: NDArray[np.int64]) -> Hypotheses:
        device = self._checkpoint.model.device
        ids, lengths = sources.ids.padded(rows)
        prefix = copies = None
        if prefixes is not None:
            begins, _ = prefixes.padded(rows)
            prefix = ids_to_device(np.where(begins == EOS, PAD, begins), device)
        if sources.copies is not None:
            copies = ids_to_device(sources.copies.padded(rows)[0], device)
        hypotheses, scores = self._search(
            ids_to_device(ids, device), ids_to_device(lengths, device), prefix, copies, **attrs.asdict(self._decoding)
        )
        return Hypotheses(hypotheses.cpu().numpy(), scores.cpu().numpy())
