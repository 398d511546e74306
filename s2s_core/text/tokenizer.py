"""The base class of tokenizers, which map text to ids and back, in Python and in the exported graph."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import attrs

from s2s_core.config.fields import BadValueError, at_least, setting
from s2s_core.config.normalization import NormalizationConfig
from s2s_core.text import tags
from s2s_core.text.nodes import Op, Value
from s2s_core.text.normalization import Normalizer
from s2s_core.text.survey import TextSurvey
from s2s_core.text.vocabulary import EOS, PAD, UNK, Vocabulary
from s2s_core.version import API_VERSION

OnnxRows = Callable[[Op, Value], Value]
"""Adds the nodes that convert strings to rows of ids or of strings."""


@attrs.frozen
class TokenizerConfig(NormalizationConfig):
    """The settings of a tokenizer whose vocabulary lists the tokens of the training texts."""

    minimum_count: int = setting(
        1, "minimum count of a token in the training texts; rarer ones are unknown", at_least(1)
    )
    maximum_size: int = setting(0, "maximum number of tokens, the most frequent ones; 0 sets no limit", at_least(0))


def require_frequent(counts: Mapping[str, int], minimum: int) -> None:
    """Checks that at least one token occurs often enough, if there are any.

    Raises:
        BadValueError: No token does.
    """
    if counts and max(counts.values()) < minimum:
        expected = f"at most {max(counts.values())}, as no token of the training texts occurs more often"
        raise BadValueError("minimum_count", expected, minimum)


class Misfit(NamedTuple):
    """Why texts don't suit a tokenizer.

    Attributes:
        reason: What is wrong, in words that follow a colon.
        better: The name of a tokenizer that suits them better.
    """

    reason: str
    better: str


class Tokenizer:
    """Converts texts to ids and back, and emits the ONNX nodes that do the same.

    A subclass implements ``split`` and ``onnx_split``, which must agree on every text; the rest follows from them and
    from ``separator``. If its ``Config`` is a ``NormalizationConfig``, texts are normalised before they are split, and
    answers are composed if texts are decomposed. With ``tags``, a text is first split at its tags, each of which is a
    token, known or unknown; ``split`` and ``onnx_split`` get what stands between them.

    Args:
        config: An instance of the class's own ``Config``.
        vocabulary: The tokens and their ids.

    Attributes:
        separator: The text between two tokens when they are joined.
        normalize: Normalises a text as ``config`` asks, before it is encoded, and composes answers.
        has_tags: Whether a tag is a token.
        small: The settings with which the conformance kit examines the tokenizer; small sizes make it fast.
        exempt: The promises of the conformance kit that the tokenizer doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = TokenizerConfig
    api_version: ClassVar[int] = API_VERSION
    separator: ClassVar[str] = ""
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: Any, vocabulary: Vocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary
        settings = config if isinstance(config, NormalizationConfig) else NormalizationConfig()
        self.normalize, self.has_tags = Normalizer(settings), settings.tags

    def split(self, text: str) -> list[str]:
        """Splits a text into tokens, none of which is empty."""
        raise NotImplementedError

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that do what ``split`` does.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            The tokens, string[N, S], each row padded on the right with empty strings; S may be 0.
        """
        raise NotImplementedError

    @classmethod
    def train(cls, config: Any, texts: Iterable[str]) -> Self:
        """Makes a tokenizer whose vocabulary holds the tokens of some texts, in code point order.

        Args:
            config: An instance of the class's own ``Config``.
            texts: The training texts, which can be iterated more than once and need not fit into memory.

        Raises:
            BadValueError: No token occurs often enough.
        """
        untrained = cls(config, Vocabulary(()))
        counts = Counter(token for text in texts for token in untrained.tokens(untrained.normalize(text)))
        require_frequent(counts, config.minimum_count)
        tokens = [token for token, count in counts.items() if count >= config.minimum_count]
        if config.maximum_size:
            tokens = sorted(tokens, key=lambda token: (-counts[token], token))[: config.maximum_size]
        return cls(config, Vocabulary(sorted(tokens)))

    @classmethod
    def misfit(cls, survey: TextSurvey) -> Misfit | None:
        """Returns why training texts clearly don't suit this tokenizer, or None, as by default.

        A run warns of it before training.

        Args:
            survey: Counts of the first training texts of one side.
        """
        del survey
        return None

    def tokens(self, text: str) -> list[str]:
        """Splits a normalised text into tokens: its tags, and between them what ``split`` returns."""
        if not self.has_tags:
            return self.split(text)
        pieces = enumerate(tags.pieces(text))
        return [token for number, piece in pieces for token in ([piece] if number % 2 else self.split(piece))]

    def ids(self, text: str) -> list[int]:
        """Returns the ids of a normalised text without tags: by default those of the tokens of ``split``."""
        return self.vocabulary.ids_of(self.split(text))

    def encode(self, text: str) -> list[int]:
        """Returns a text's ids, without BOS and EOS."""
        text = self.normalize(text)
        if not self.has_tags:
            return self.ids(text)
        pieces = enumerate(tags.pieces(text))
        return [
            token_id
            for number, piece in pieces
            for token_id in ([self.vocabulary.id_of(piece)] if number % 2 else self.ids(piece))
        ]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids, up to the first EOS."""
        return self.normalize.compose(self.separator.join(pieces(ids, self.vocabulary.surfaces)))

    def save(self) -> Mapping[str, Any]:
        """Returns what ``load`` needs to restore the tokenizer, as JSON can hold it."""
        return {"tokens": list(self.vocabulary.tokens)}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Restores a tokenizer from what ``save`` returned."""
        return cls(config, Vocabulary(saved["tokens"]))

    def onnx_batch(self, op: Op, texts: Value) -> tuple[Value, Value]:
        """Adds the nodes that convert texts to ids.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            The padded ids with EOS, int64[N, S], and the lengths with EOS, int64[N].
        """
        normalized = self.normalize.onnx(op, texts)
        ids = self._onnx_ids_and_tags(op, normalized) if self.has_tags else self.onnx_ids(op, normalized)
        return ended(op, op.Concat(ids, op.Expand(PAD, op.Concat(op.Shape(texts), [1], axis=0)), axis=1))

    def onnx_tokens(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that do what ``tokens`` does.

        Args:
            op: Adds the nodes.
            texts: Normalised, string[N], N at least 1.

        Returns:
            The tokens, string[N, S], each row padded on the right with empty strings; S may be 0.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        if not self.has_tags:
            return self._onnx_strings(op, texts)
        empty = onnx_text.strings(op, [""])
        return _onnx_with_tags(op, texts, self._onnx_strings, lambda _, names: names, empty)

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that do what ``ids`` does: by default ``onnx_split`` and a table.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            The ids, int64[N, S], each row padded on the right; S may be 0.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        return onnx_text.lookup(op, self._onnx_strings(op, texts), self.vocabulary.table())

    def onnx_decode(self, op: Op, ids: Value) -> Value:
        """Adds the nodes that convert ids to texts.

        Args:
            op: Adds the nodes.
            ids: int64[N, T], padded past EOS, T at least 1.

        Returns:
            The texts, string[N].
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        return self.normalize.onnx_compose(op, onnx_text.join(op, onnx_pieces(op, ids, self)))

    def _onnx_ids_and_tags(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that convert normalised texts with tags to ids, int64[N, S], each row padded on the right."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        table = {token: number for token, number in self.vocabulary.table().items() if not token or tags.is_tag(token)}
        return _onnx_with_tags(op, texts, self.onnx_ids, lambda op, names: onnx_text.lookup(op, names, table), PAD)

    def _onnx_strings(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of ``onnx_split``, with the type and rank of its result."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        return onnx_text.declare(self.onnx_split(op, texts), rank=2)


def _onnx_with_tags(op: Op, texts: Value, convert: OnnxRows, convert_tags: OnnxRows, padding: Any) -> Value:
    """Adds the nodes that convert texts with tags, string[N], to rows, [N, S], each padded on the right.

    What stands between the tags is converted as if each piece were a text, and what becomes of each tag follows.

    Args:
        op: Adds the nodes.
        texts: Normalised.
        convert: Converts string[N · G], what stands between tags, to [N · G, S].
        convert_tags: Converts string[N · G, 1], the tags, some of which are empty, to [N · G, 1].
        padding: What pads the rows.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    between, names = tags.onnx_pieces(op, texts)  # [N, G]
    converted = convert(op, op.Reshape(between, [-1])), convert_tags(op, op.Reshape(names, [-1, 1]))
    rows = op.Reshape(op.Concat(*converted, axis=1), op.Concat(op.Shape(texts), [-1], axis=0))
    return onnx_text.pack(op, rows, padding)


def pieces(ids: Iterable[int], surfaces: Sequence[str]) -> list[str]:
    """Returns the texts of ids, up to the first EOS, by the text of each id."""
    texts = []
    for token_id in ids:
        if token_id == EOS:
            break
        if token_id >= UNK:
            texts.append(surfaces[token_id])
    return texts


def onnx_pieces(op: Op, ids: Value, tokenizer: Tokenizer) -> Value:
    """Adds the nodes that convert ids, int64[N, T], to the pieces of texts, string[N, T], separators included."""
    from s2s_core.text import onnx_text  # noqa: PLC0415

    surfaces = list(tokenizer.vocabulary.surfaces)
    surface = op.Gather(onnx_text.strings(op, surfaces), ids)
    if not tokenizer.separator:
        return surface
    separated = ["", "", "", *(tokenizer.separator + surface for surface in surfaces[UNK:])]
    is_first = op.Equal(op.Range(0, op.Squeeze(op.Shape(ids, start=1, end=2), [0]), 1), 0)
    return op.Where(is_first, surface, op.Gather(onnx_text.strings(op, separated), ids))


def ended(op: Op, ids: Value) -> tuple[Value, Value]:
    """Adds the nodes that put EOS behind ids.

    Args:
        op: Adds the nodes.
        ids: int64[N, S], each row padded on the right by at least one ``PAD``.

    Returns:
        The ids with EOS, int64[N, S], as wide as the longest row; the lengths with EOS, int64[N].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    count = op.ReduceSum(op.Cast(op.Not(op.Equal(ids, PAD)), to=onnx_text.INT64), [1], keepdims=1)  # [N, 1]
    lengths = op.Add(count, 1)
    ids = op.Slice(ids, [0], op.Unsqueeze(op.ReduceMax(lengths, keepdims=0), [0]), [1])
    position = op.Range(0, op.Squeeze(op.Shape(ids, start=1, end=2), [0]), 1)
    return op.Where(op.Equal(position, count), EOS, ids), op.Squeeze(lengths, [1])
