"""Copies: tokens of a source that its target may repeat, even if the target's vocabulary lacks them.

A model that copies has ids beyond the V ids of its target's vocabulary: ``V + p`` is the token at place p of the
source. A token that the vocabulary lacks has the id of the first place where the source has a token of the same text.
So equal tokens have equal ids, and every id stands for one text. Both tokenizers therefore split texts into tokens of
the same kind.
"""

from collections.abc import Iterable, Sequence

from s2s_core.text.nodes import Op, Value
from s2s_core.text.tokenizer import Tokenizer, ended, onnx_pieces, pieces
from s2s_core.text.vocabulary import UNK, Vocabulary

Tokenizers = tuple[Tokenizer, Tokenizer]
"""The tokenizers of the source and the target."""


def can_copy(tokenizer: type[Tokenizer]) -> bool:
    """Returns whether a tokenizer's tokens are texts, in Python and in the graph, that answers consist of."""
    splits = tokenizer.onnx_split is not Tokenizer.onnx_split
    return splits and (tokenizer.decode, tokenizer.onnx_decode) == (Tokenizer.decode, Tokenizer.onnx_decode)


def tokens_of(tokenizer: Tokenizer, text: str) -> list[str]:
    """Returns the tokens of a text, normalised."""
    return tokenizer.tokens(tokenizer.normalize(text))


def extended_ids(tokens: Iterable[str], source: Sequence[str], vocabulary: Vocabulary) -> list[int]:
    """Returns the ids of tokens of the target, or of the source itself, in a model that copies.

    Args:
        tokens: Some tokens.
        source: The tokens of the source.
        vocabulary: The target's.

    Returns:
        An id for each token: the vocabulary's, else that of the token in the source, else ``UNK``.
    """
    places: dict[str, int] = {}
    for place, token in enumerate(source, len(vocabulary)):
        places.setdefault(token, place)
    numbered = ((token, vocabulary.id_of(token)) for token in tokens)
    return [places.get(token, UNK) if number == UNK else number for token, number in numbered]


def encode_source(text: str, tokenizers: Tokenizers) -> tuple[list[int], list[int]]:
    """Returns the ids of a source, and the extended id that each of its tokens has as a token of the target."""
    source, target = tokenizers
    tokens = tokens_of(source, text)
    return source.vocabulary.ids_of(tokens), extended_ids(tokens, tokens, target.vocabulary)


def encode_target(text: str, source: str, tokenizers: Tokenizers) -> list[int]:
    """Returns the extended ids of a target, or of its beginning, for a source."""
    return extended_ids(tokens_of(tokenizers[1], text), tokens_of(tokenizers[0], source), tokenizers[1].vocabulary)


def decode(ids: Iterable[int], source: str, tokenizers: Tokenizers) -> str:
    """Returns the text of extended ids, up to the first EOS, for a source."""
    target = tokenizers[1]
    surfaces = (*target.vocabulary.surfaces, *tokens_of(tokenizers[0], source))
    return target.normalize.compose(target.separator.join(pieces(ids, surfaces)))


def onnx_tokens(op: Op, texts: Value, tokenizer: Tokenizer) -> Value:
    """Adds the nodes that split texts, string[N], into tokens, string[N, S], padded so that S is at least 1."""
    from s2s_core.text import onnx_text  # noqa: PLC0415  # tokenizers work without ONNX until they are exported

    tokens = tokenizer.onnx_tokens(op, tokenizer.normalize.onnx(op, texts))
    return onnx_text.column(op, tokens, onnx_text.strings(op, [""]))


def onnx_encode_source(op: Op, tokens: Value, tokenizers: Tokenizers) -> tuple[Value, Value, Value]:
    """Adds the nodes that encode sources.

    Args:
        op: Adds the nodes.
        tokens: The sources' tokens, string[N, S].
        tokenizers: Of source and target.

    Returns:
        The padded ids with EOS, int64[N, S]; the lengths with EOS, int64[N]; the extended ids with EOS, int64[N, S].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    source, target = tokenizers
    ids, lengths = ended(op, onnx_text.lookup(op, tokens, source.vocabulary.table()))
    extended, _ = ended(op, _onnx_extended_ids(op, tokens, tokens, target))
    return ids, lengths, extended


def onnx_encode_target(op: Op, texts: Value, tokens: Value, target: Tokenizer) -> Value:
    """Adds the nodes that encode targets, or their beginnings, string[N], for sources of tokens string[N, S].

    Returns:
        The extended ids with EOS, padded, int64[N, P].
    """
    ids, _ = ended(op, _onnx_extended_ids(op, onnx_tokens(op, texts, target), tokens, target))
    return ids


def onnx_decode(op: Op, ids: Value, tokens: Value, target: Tokenizer) -> Value:
    """Adds the nodes that convert extended ids to texts.

    Args:
        op: Adds the nodes.
        ids: int64[N, T], padded past EOS, T at least 1.
        tokens: The tokens of each row's source, string[N, S], S at least 1.
        target: The target's tokenizer.

    Returns:
        The texts, string[N].
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    size = len(target.vocabulary)
    generated = onnx_pieces(op, op.Min(ids, size - 1), target)  # [N, T]
    copied = op.GatherElements(tokens, op.Max(op.Sub(ids, size), 0), axis=1)  # [N, T]
    if target.separator:
        is_first = op.Equal(op.Range(0, onnx_text.width(op, ids), 1), 0)
        copied = op.Where(is_first, copied, op.StringConcat(onnx_text.strings(op, [target.separator]), copied))
    texts = onnx_text.join(op, op.Where(op.GreaterOrEqual(ids, size), copied, generated))
    return target.normalize.onnx_compose(op, texts)


def _onnx_extended_ids(op: Op, tokens: Value, source: Value, target: Tokenizer) -> Value:
    """Adds the nodes that do what ``extended_ids`` does, to tokens, string[N, T], for sources, string[N, S].

    ``Unique`` numbers the different tokens of the batch, so that places are looked up by number instead of comparing
    every token with every other::

        number   of each token of target and source    [N, T], [N, S]
        first    the first place of each number         [N, U]
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    vocabulary_ids = onnx_text.lookup(op, tokens, target.vocabulary.table())  # [N, T]
    every = op.Concat(tokens, source, axis=1)
    _, _, flat, _ = op.Unique(op.Reshape(every, [-1]), _outputs=4)
    numbers, count = op.Reshape(flat, op.Shape(every)), op.Shape(tokens, start=1, end=2)
    of_tokens, of_source = op.Slice(numbers, [0], count, [1]), op.Slice(numbers, count, [2**62], [1])
    nowhere = op.Expand(2**62, op.Concat(op.Shape(every, start=0, end=1), op.Add(op.ReduceMax(flat), 1), axis=0))
    place = op.Expand(op.Range(0, onnx_text.width(op, source), 1), op.Shape(source))
    first = op.ScatterElements(nowhere, of_source, place, axis=1, reduction="min")  # [N, U]
    place = op.GatherElements(first, of_tokens, axis=1)  # [N, T]
    is_copy = op.And(op.Equal(vocabulary_ids, UNK), op.Less(place, 2**62))
    return op.Where(is_copy, op.Add(place, len(target.vocabulary)), vocabulary_ids)
