"""The promises of every tokenizer."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from s2s_core.data.pairs import Sequences
from s2s_core.data.splits import generator
from s2s_core.errors import is_utf8
from s2s_core.testing.elsewhere import ask_elsewhere
from s2s_core.testing.graph import TokenizerGraph
from s2s_core.testing.promise import broken, naming, require
from s2s_core.testing.subject import Subject
from s2s_core.testing.texts import AWKWARD, SENTENCES, SPECIAL_LOOKING, random_texts, shown
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import BOS, EOS, PAD, SPECIALS, UNK

TRAINING = ("a", "ab c-", "ab abc abc", *SENTENCES, *AWKWARD) * 3
"""The training texts, three times each, so that a tokenizer that leaves out rare tokens learns all of them."""

KNOWN = ("a", "b", "c", " ", "ab", "abc", "she ", "shells", "-", "\n", "e\u0301", "<pad>", "\ufffd")
"""Frequent pieces of the random texts, which occur in the training texts too."""

RANDOM_TEXTS = 300

RANDOM_ROWS = 100

BATCH = 10


def training(subject: Subject) -> None:
    """Training on the same texts leads to the same tokenizer, here and in another process.

    The texts can be iterated more than once, but have no length. The results of ``save`` are compared. Python hashes
    strings differently in each process, which changes the order of sets: sort tokens before you number them.
    """
    with naming("training"):
        here = learnt(subject.component, subject.config)
    again = learnt(subject.component, subject.config)
    require(here == again, f"training anew, {_difference(here, again, 'save()')}")
    there = ask_elsewhere(subject, "s2s_core.testing.tokenizer:learnt")
    require(here == there, f"training in another process, {_difference(here, there, 'save()')}")


def round_trip(subject: Subject) -> None:
    """Encoding and decoding a training text restores it, except for normalisation and separators.

    A text without unknown tokens is encoded, decoded and compared with its normalised form. Without a ``separator``,
    every character counts. With one, separators don't count, nor does any white space if the separator is white space:
    two spaces between words may come back as one. The decoded text must itself be restored exactly. A tokenizer that
    drops more, such as accents, should be exempt.
    """
    tokenizer = _trained(subject)
    whole = [text for text in dict.fromkeys(TRAINING) if text and UNK not in _encoded(tokenizer, text)]
    require(whole, f"every text that it was trained on has unknown tokens, such as {TRAINING[0]!r}")
    for text in whole:
        back = _decoded(tokenizer, _encoded(tokenizer, text))
        answer = tokenizer.normalize.compose(tokenizer.normalize(text))
        wanted, actual = (_without_separators(tokenizer, one) for one in (answer, back))
        require(wanted == actual, f"{shown(text)} comes back as {shown(back)}")
        again = _decoded(tokenizer, _encoded(tokenizer, back))
        require(back == again, f"{shown(text)} comes back as {shown(back)}, and that comes back as {shown(again)}")


def any_text(subject: Subject) -> None:
    """Every text can be encoded to ids of the vocabulary, and these can be decoded to valid Unicode.

    Hundreds of texts are tried: empty and long ones, spaces, control characters, NUL, marks without letters, emoji,
    right-to-left text, unassigned code points, and random ones. A tokenizer that was trained on nothing is tried too.
    Tokens that the vocabulary lacks are ``UNK``.
    """
    for name, tokenizer in _trained_and_not(subject):
        size = len(tokenizer.vocabulary)
        for text in _texts():
            ids = _encoded(tokenizer, text)
            wrong = [number for number in ids if not isinstance(number, int) or not 0 <= number < size]
            require(not wrong, f"{name} encodes {shown(text)} as {shown(ids)}, but has the ids from 0 to {size - 1}")
            _require_unicode(_decoded(tokenizer, ids), f"{name} decodes what {shown(text)} is encoded as")


def special_ids(subject: Subject) -> None:
    """No text is encoded as padding, BOS or EOS, whatever it looks like.

    The texts include ``<pad>``, ``</s>``, ``[UNK]`` and other names that toolkits use for special tokens. The ids
    ``PAD``, ``BOS`` and ``EOS`` have no text, and only the core adds them. Within a text, one of them would end it.
    """
    for name, tokenizer in _trained_and_not(subject):
        for text in (*SPECIAL_LOOKING, *_texts()):
            special = {PAD, BOS, EOS}.intersection(_encoded(tokenizer, text))
            require(not special, f"{name} encodes {shown(text)} with the special id {min(special, default=PAD)}")


def any_ids(subject: Subject) -> None:
    """Any ids of the vocabulary can be decoded, up to the first EOS; padding is ignored.

    A model may answer any ids in any order, ``UNK`` included. Ids after ``EOS`` are ignored.
    """
    for name, tokenizer in _trained_and_not(subject):
        for row in _rows(tokenizer):
            ids = [number for number in row if number not in {EOS, PAD}]
            text = _decoded(tokenizer, ids)
            _require_unicode(text, f"{name} decodes the ids {shown(ids)}")
            for more, what in (([EOS, *ids], "an end and more"), ([PAD, PAD], "padding")):
                actual = _decoded(tokenizer, [*ids, *more])
                require(actual == text, f"{name} decodes {shown(ids)} as {shown(text)}, with {what} as {shown(actual)}")


def split(subject: Subject) -> None:
    """``split`` returns the tokens whose ids ``encode`` returns, none of them empty.

    It takes a normalised text. Metrics compare the tokens of ``split``, so they must be those that the model writes. An
    unknown token is a token too.
    """
    tokenizer = _trained(subject)
    for text in _texts():
        with naming(f"splitting {shown(text)}"):
            tokens = tokenizer.tokens(tokenizer.normalize(text))
        require(all(tokens), f"{shown(text)} is split into {shown(tokens)}, of which one is empty")
        ids, expected = tokenizer.vocabulary.ids_of(tokens), _encoded(tokenizer, text)
        require(
            ids == expected, f"{shown(text)} is split into {shown(tokens)}, of the ids {ids}, but encoded as {expected}"
        )


def save_load(subject: Subject) -> None:
    """``load`` restores the same tokenizer from the result of ``save``, after it has been through JSON.

    Vocabularies, ids and texts are compared. JSON turns a mapping's keys into strings and a tuple into a list.
    """
    for name, tokenizer in _trained_and_not(subject):
        saved = tokenizer.save()
        try:
            written = json.dumps(saved, allow_nan=False)
        except (TypeError, ValueError) as error:
            broken(f"the result of save of {name} is not JSON: {error}")
        with naming(f"loading {shown(written)}"):
            loaded: Tokenizer = subject.component.load(subject.config, json.loads(written))
        tokens, loaded_tokens = (list(one.vocabulary.tokens) for one in (tokenizer, loaded))
        require(tokens == loaded_tokens, f"of {name}, loaded again, {_difference(tokens, loaded_tokens, 'tokens')}")
        for text in _texts():
            ids, others = _encoded(tokenizer, text), _encoded(loaded, text)
            require(ids == others, f"{name} encodes {shown(text)} as {shown(ids)}, loaded again as {shown(others)}")
        for row in _rows(tokenizer):
            back, again = _decoded(tokenizer, row), _decoded(loaded, row)
            require(back == again, f"{name} decodes {shown(row)} as {shown(back)}, loaded again as {shown(again)}")


def onnx_batch(subject: Subject) -> None:
    """The graph encodes every text as Python does, with EOS, padding and length.

    The graph of ``onnx_batch`` is cleaned as in an export, and ONNX Runtime runs it on the texts of ``any_text``, one
    by one and in batches. Operators often differ from ``str.split``, ``str.lower`` or Python's regular expressions:
    check white space, line breaks, the dot of a pattern, and letters beyond ASCII.
    """
    for name, tokenizer in _trained_and_not(subject):
        graph = _graph(tokenizer, name)
        for texts in _batches(_texts()):
            with naming(f"the graph of {name}, encoding {shown(texts)},"):
                ids, lengths = graph.encode(texts)
            require(
                len(ids) == len(lengths) == len(texts),
                f"of {name}, the graph gives {len(ids)} rows of ids and {len(lengths)} lengths for {len(texts)} texts",
            )
            for number, text in enumerate(texts):
                row = [*_encoded(tokenizer, text), EOS]
                actual = ids[number, : lengths[number]].tolist()
                where = f"{shown(text)}, text {number + 1} of {len(texts)}," if len(texts) > 1 else shown(text)
                require(
                    row == actual,
                    f"of {name}, Python encodes {where} as {shown(row)}, the graph as {shown(actual)}; "
                    f"{_difference(row, actual, 'ids')}",
                )
            expected, _ = Sequences(map(tokenizer.encode, texts)).padded(range(len(texts)))
            require(
                expected.tolist() == ids.tolist(),
                f"of {name}, the graph encodes {shown(texts)} as rows of {ids.shape[1]} ids, {shown(ids.tolist())}; "
                f"they should be padded to {expected.shape[1]}, the longest one's length",
            )


def onnx_decode(subject: Subject) -> None:
    """The graph decodes all ids as Python does.

    The graph of ``onnx_decode`` is cleaned as in an export, and ONNX Runtime runs it on random rows: short and long
    ones, with and without EOS and padding, some empty, some with ``UNK``.
    """
    for name, tokenizer in _trained_and_not(subject):
        graph = _graph(tokenizer, name)
        for rows in _batches(_rows(tokenizer)):
            width = max(1, *map(len, rows))
            padded = [row + [PAD] * (width - len(row)) for row in rows]
            with naming(f"the graph of {name}, decoding {shown(padded)},"):
                actual = graph.decode(padded)
            expected = [_decoded(tokenizer, row) for row in padded]
            for row, text, other in itertools.zip_longest(padded, expected, actual):
                require(
                    text == other,
                    f"of {name}, Python decodes {shown(row)} as {shown(text)}, the graph as {shown(other)}",
                )


PROMISES = (training, round_trip, any_text, special_ids, any_ids, split, save_load, onnx_batch, onnx_decode)


def learnt(component: type[Any], config: Any) -> Any:
    """Trains a tokenizer and returns the result of ``save``, after it has been through JSON."""
    return json.loads(json.dumps(component.train(config, _Texts(TRAINING)).save()))


class _Texts:
    """Texts that can be iterated more than once, but have no length and no indices, like those of some tasks."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)


def _trained(subject: Subject) -> Tokenizer:
    tokenizer: Tokenizer = subject.component.train(subject.config, _Texts(TRAINING))
    return tokenizer


def _trained_and_not(subject: Subject) -> Iterator[tuple[str, Tokenizer]]:
    yield "a tokenizer that was trained", _trained(subject)
    yield "a tokenizer that was trained on nothing", subject.component.train(subject.config, _Texts(()))


def _texts() -> list[str]:
    return [*SENTENCES, *AWKWARD, *random_texts(RANDOM_TEXTS, KNOWN, generator(0, "conformance"))]


def _rows(tokenizer: Tokenizer) -> list[list[int]]:
    """Returns rows of ids, some of them with EOS and padding."""
    rng = generator(0, "conformance")
    rows = [[], [EOS], [UNK], [PAD, PAD], [EOS, PAD], [UNK, UNK, EOS, PAD, PAD]]
    return rows + list(map(tokenizer.encode, SENTENCES)) + [_row(tokenizer, rng) for _ in range(RANDOM_ROWS)]


def _row(tokenizer: Tokenizer, rng: random.Random) -> list[int]:
    first = rng.choice([UNK, SPECIALS]) if len(tokenizer.vocabulary) > SPECIALS else UNK
    ids = [rng.randrange(first, len(tokenizer.vocabulary)) for _ in range(rng.randrange(9))]
    return ids + [EOS] * rng.randrange(2) + [PAD] * rng.randrange(3)


def _batches(items: Sequence[Any]) -> Iterator[Any]:
    """Yields a few items one by one, and then all in batches."""
    yield from ([item] for item in items[:BATCH])
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    with naming(f"encoding {shown(text)}"):
        return tokenizer.encode(text)


def _decoded(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    with naming(f"decoding {shown(ids)}"):
        return tokenizer.decode(ids)


def _graph(tokenizer: Tokenizer, name: str) -> TokenizerGraph:
    with naming(f"building the graph of {name}"):
        return TokenizerGraph(tokenizer)


def _without_separators(tokenizer: Tokenizer, text: str) -> str:
    if not tokenizer.separator:
        return text
    text = text.replace(tokenizer.separator, "")
    return "".join(text.split()) if tokenizer.separator.isspace() else text


def _require_unicode(text: object, what: str) -> None:
    require(isinstance(text, str), f"{what} as {shown(text)}, which is not a str")
    require(is_utf8(str(text)), f"{what} as {shown(text)}, which has half a surrogate pair")


def _difference(one: Any, other: Any, path: str) -> str:
    """Returns where two JSON values first differ; an empty string if they are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(key, one.get(key), other.get(key)) for key in dict.fromkeys((*one, *other))]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [(number, *pair) for number, pair in enumerate(itertools.zip_longest(one, other))]
    else:
        return f"{path} is {shown(other)} instead of {shown(one)}"
    different = (_difference(left, right, f"{path}[{key!r}]") for key, left, right in pairs if left != right)
    return next(different, "")
