"""What a tokenizer is: text to ids and back, in Python and in the exported graph."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import attrs

from s2s_core.config.fields import BadValueError, at_least, setting
from s2s_core.text.nodes import Op, Value
from s2s_core.text.normalization import NormalizationConfig, Normalizer
from s2s_core.text.vocabulary import EOS, PAD, SPECIALS, UNK, Vocabulary
from s2s_core.version import API_VERSION

_INT64 = 7
"""The number of this type in ONNX."""


@attrs.frozen
class TokenizerConfig(NormalizationConfig):
    """What can be set of a tokenizer that knows each token by its text."""

    minimum_count: int = setting(1, "how often a token must occur in the training texts to be known", at_least(1))
    maximum_size: int = setting(0, "keep only so many tokens, the most frequent ones; 0 keeps all", at_least(0))


def require_frequent(counts: Mapping[str, int], minimum: int) -> None:
    """Checks that of all tokens, if there are any, one occurs often enough.

    Raises:
        BadValueError: None does.
    """
    if counts and max(counts.values()) < minimum:
        expected = f"at most {max(counts.values())}, as no token of the training texts occurs more often"
        raise BadValueError("minimum_count", expected, minimum)


class Tokenizer:
    """Turns texts into ids and back, and emits the ONNX nodes that do the same.

    A subclass writes ``split`` and ``onnx_split``, which must agree on every text; the rest follows from them and from
    ``separator``. If its ``Config`` is a ``NormalizationConfig``, texts are normalised before they are split.

    Args:
        config: The class's own ``Config``.
        vocabulary: Which token has which id.

    Attributes:
        separator: What stands between two tokens when they are joined into a text.
        normalize: Does to a text what ``config`` asks for, before it is encoded.
        small: Settings with which the conformance kit examines it, small sizes above all, which make it fast.
        exempt: The promises of the conformance kit that it doesn't keep, each with the reason.
    """

    Config: ClassVar[type] = TokenizerConfig
    api_version: ClassVar[int] = API_VERSION
    separator: ClassVar[str] = ""
    small: ClassVar[Mapping[str, Any]] = {}
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: Any, vocabulary: Vocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.normalize = Normalizer(config if isinstance(config, NormalizationConfig) else NormalizationConfig())

    def split(self, text: str) -> list[str]:
        """Cuts a text into tokens, none of them empty."""
        raise NotImplementedError

    def onnx_split(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of ``split``.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            string[N, S], each row's tokens from the left and then empty strings; S may be 0.
        """
        raise NotImplementedError

    @classmethod
    def train(cls, config: Any, texts: Iterable[str]) -> Self:
        """Makes a tokenizer that knows the tokens of some texts, in alphabetical order.

        Args:
            config: The class's own ``Config``.
            texts: They can be gone through more than once, and may be more than fit into memory.

        Raises:
            BadValueError: No token occurs often enough.
        """
        untrained = cls(config, Vocabulary(()))
        counts = Counter(token for text in texts for token in untrained.split(untrained.normalize(text)))
        require_frequent(counts, config.minimum_count)
        known = [token for token, count in counts.items() if count >= config.minimum_count]
        if config.maximum_size:
            known = sorted(known, key=lambda token: (-counts[token], token))[: config.maximum_size]
        return cls(config, Vocabulary(sorted(known)))

    def encode(self, text: str) -> list[int]:
        """Returns a text's ids, without BOS and EOS."""
        return self.vocabulary.ids_of(self.split(self.normalize(text)))

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids, up to the first EOS."""
        surfaces = self.vocabulary.surfaces
        tokens = []
        for token_id in ids:
            if token_id == EOS:
                break
            if token_id >= UNK:
                tokens.append(surfaces[token_id])
        return self.separator.join(tokens)

    def save(self) -> Mapping[str, Any]:
        """Returns what JSON can hold and ``load`` needs."""
        return {"tokens": list(self.vocabulary.tokens)}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Makes the tokenizer that ``save`` described."""
        return cls(config, Vocabulary(saved["tokens"]))

    def onnx_encode(self, op: Op, texts: Value) -> tuple[Value, Value]:
        """Adds the nodes that turn texts into ids.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            Ids with EOS, padded, int64[N, S], and lengths with EOS, int64[N].
        """
        ids = self.onnx_ids(op, self.normalize.onnx(op, texts))
        ids = op.Concat(ids, op.Expand(PAD, op.Concat(op.Shape(texts), [1], axis=0)), axis=1)  # room for EOS
        count = op.ReduceSum(op.Cast(op.Not(op.Equal(ids, PAD)), to=_INT64), [1], keepdims=1)  # [N, 1]
        lengths = op.Add(count, 1)
        ids = op.Slice(ids, [0], op.Unsqueeze(op.ReduceMax(lengths, keepdims=0), [0]), [1])
        position = op.Range(0, op.Squeeze(op.Shape(ids, start=1, end=2), [0]), 1)
        return op.Where(op.Equal(position, count), EOS, ids), op.Squeeze(lengths, [1])

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that turn normalised texts into ids, by default those of ``onnx_split`` and a table.

        Args:
            op: Adds the nodes.
            texts: string[N], N at least 1.

        Returns:
            int64[N, S], each row's ids from the left and then padding; S may be 0.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415  # tokenizers work without ONNX until they are exported

        return onnx_text.lookup(op, onnx_text.declare(self.onnx_split(op, texts), rank=2), self._ids())

    def onnx_decode(self, op: Op, ids: Value) -> Value:
        """Adds the nodes that turn ids into texts.

        Args:
            op: Adds the nodes.
            ids: Padded past EOS, int64[N, T], T at least 1.

        Returns:
            string[N].
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        surfaces = list(self.vocabulary.surfaces)
        pieces = op.Gather(onnx_text.strings(op, surfaces), ids)
        if self.separator:
            separated = ["", "", "", *(self.separator + surface for surface in surfaces[UNK:])]
            is_first = op.Equal(op.Range(0, op.Squeeze(op.Shape(ids, start=1, end=2), [0]), 1), 0)
            pieces = op.Where(is_first, pieces, op.Gather(onnx_text.strings(op, separated), ids))
        return onnx_text.join(op, pieces)

    def _ids(self) -> dict[str, int]:
        """Returns the id of every token, and of no token."""
        return {"": PAD} | {token: number for number, token in enumerate(self.vocabulary.tokens, SPECIALS)}
