"""What every tokenizer promises."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from s2s_core.data.pairs import Sequences, generator
from s2s_core.testing.elsewhere import ask_elsewhere
from s2s_core.testing.graph import TokenizerGraph
from s2s_core.testing.promise import broken, naming, require
from s2s_core.testing.subject import Subject
from s2s_core.testing.texts import AWKWARD, SENTENCES, SPECIAL_LOOKING, is_unicode, random_texts, shown
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import BOS, EOS, PAD, SPECIALS, UNK

TRAINING = ("a", "ab c-", "ab abc abc", *SENTENCES, *AWKWARD) * 3
"""What examined tokenizers are trained on; each token comes three times, so that a rare one may be left out."""

KNOWN = ("a", "b", "c", " ", "ab", "abc", "she ", "shells", "-", "\n", "e\u0301", "<pad>", "\ufffd")
"""What random texts often have."""

RANDOM_TEXTS = 300

RANDOM_ROWS = 100

BATCH = 10


def training(subject: Subject) -> None:
    """Training on the same texts gives the same tokenizer, here and in another process.

    The texts can be gone through more than once, but have no length. What ``save`` returns is compared. Python hashes
    strings anew in each process, and so orders sets of them: sort tokens before you number them.
    """
    with naming("training"):
        here = learnt(subject.component, subject.config)
    again = learnt(subject.component, subject.config)
    require(here == again, f"training anew, {_difference(here, again, 'save()')}")
    there = ask_elsewhere(subject, "s2s_core.testing.tokenizer:learnt")
    require(here == there, f"training in another process, {_difference(here, there, 'save()')}")


def round_trip(subject: Subject) -> None:
    """What it was trained on comes back as it was, but for normalisation and separators, and so does what comes back.

    A text of which every token is known is encoded, decoded and compared with what ``normalize`` makes of it. Without a
    ``separator`` every character counts. With one, only the characters that aren't separators do, where it is white
    space only those that aren't white space: words may stand apart by two spaces and come back with one. What was
    decoded, encoded and decoded again, must be the same text. A tokenizer that drops more, such as accents, is exempt.
    """
    tokenizer = _trained(subject)
    known = [text for text in dict.fromkeys(TRAINING) if text and UNK not in _encoded(tokenizer, text)]
    require(known, f"every text that it was trained on has unknown tokens, such as {TRAINING[0]!r}")
    for text in known:
        back = _decoded(tokenizer, _encoded(tokenizer, text))
        wanted, found = (_without_separators(tokenizer, one) for one in (tokenizer.normalize(text), back))
        require(wanted == found, f"{shown(text)} comes back as {shown(back)}")
        again = _decoded(tokenizer, _encoded(tokenizer, back))
        require(back == again, f"{shown(text)} comes back as {shown(back)}, and that comes back as {shown(again)}")


def any_text(subject: Subject) -> None:
    """Every text can be encoded, into ids of the vocabulary, and these can be decoded into valid Unicode.

    Hundreds of texts are tried: empty ones and long ones, spaces, controls, NUL, marks without letters, emoji, text
    from right to left, code points that nobody assigned, and random ones. A tokenizer that was trained on nothing is
    tried too. What the vocabulary lacks is ``UNK``.
    """
    for name, tokenizer in _trained_and_not(subject):
        size = len(tokenizer.vocabulary)
        for text in _texts():
            ids = _encoded(tokenizer, text)
            wrong = [number for number in ids if not isinstance(number, int) or not 0 <= number < size]
            require(not wrong, f"{name} encodes {shown(text)} as {shown(ids)}, but has the ids from 0 to {size - 1}")
            _require_unicode(_decoded(tokenizer, ids), f"{name} decodes what {shown(text)} is encoded as")


def special_ids(subject: Subject) -> None:
    """No text is encoded as padding, begin or end, whatever it looks like.

    Among all other texts, ``<pad>``, ``</s>``, ``[UNK]`` and what else toolkits call their special tokens are encoded.
    The ids ``PAD``, ``BOS`` and ``EOS`` have no text, and the core adds them itself. One of them in a text would cut it
    there.
    """
    for name, tokenizer in _trained_and_not(subject):
        for text in (*SPECIAL_LOOKING, *_texts()):
            found = {PAD, BOS, EOS}.intersection(_encoded(tokenizer, text))
            require(not found, f"{name} encodes {shown(text)} with the special id {min(found, default=PAD)}")


def any_ids(subject: Subject) -> None:
    """Any ids of the vocabulary can be decoded, up to the first end; padding reads as nothing.

    A model may answer any ids, in any order, unknown ones too. What stands after ``EOS`` isn't read.
    """
    for name, tokenizer in _trained_and_not(subject):
        for row in _rows(tokenizer):
            ids = [number for number in row if number not in {EOS, PAD}]
            text = _decoded(tokenizer, ids)
            _require_unicode(text, f"{name} decodes the ids {shown(ids)}")
            for more, what in (([EOS, *ids], "an end and more"), ([PAD, PAD], "padding")):
                found = _decoded(tokenizer, [*ids, *more])
                require(found == text, f"{name} decodes {shown(ids)} as {shown(text)}, with {what} as {shown(found)}")


def split(subject: Subject) -> None:
    """``split`` cuts a normalised text into the tokens whose ids ``encode`` gives, none of them empty.

    Metrics compare tokens of ``split``, so they must be those that the model writes. An unknown token is one, too.
    """
    tokenizer = _trained(subject)
    for text in _texts():
        with naming(f"splitting {shown(text)}"):
            tokens = tokenizer.split(tokenizer.normalize(text))
        require(all(tokens), f"{shown(text)} is split into {shown(tokens)}, of which one is empty")
        ids, expected = tokenizer.vocabulary.ids_of(tokens), _encoded(tokenizer, text)
        require(
            ids == expected, f"{shown(text)} is split into {shown(tokens)}, of the ids {ids}, but encoded as {expected}"
        )


def save_load(subject: Subject) -> None:
    """What ``save`` returns goes through JSON, and ``load`` makes the same tokenizer of it.

    Vocabularies, ids and texts are compared. A mapping's keys come back as strings, a tuple as a list.
    """
    for name, tokenizer in _trained_and_not(subject):
        saved = tokenizer.save()
        try:
            written = json.dumps(saved, allow_nan=False)
        except (TypeError, ValueError) as error:
            broken(f"what {name} saves is no JSON: {error}")
        with naming(f"loading {shown(written)}"):
            loaded: Tokenizer = subject.component.load(subject.config, json.loads(written))
        tokens, others = (list(one.vocabulary.tokens) for one in (tokenizer, loaded))
        require(tokens == others, f"of {name}, loaded again, {_difference(tokens, others, 'tokens')}")
        for text in _texts():
            ids, found = _encoded(tokenizer, text), _encoded(loaded, text)
            require(ids == found, f"{name} encodes {shown(text)} as {shown(ids)}, loaded again as {shown(found)}")
        for row in _rows(tokenizer):
            back, again = _decoded(tokenizer, row), _decoded(loaded, row)
            require(back == again, f"{name} decodes {shown(row)} as {shown(back)}, loaded again as {shown(again)}")


def onnx_encode(subject: Subject) -> None:
    """The graph encodes every text as Python does, with its end, its padding and its length.

    ``onnx_encode`` is built, cleaned as an export does it, and run by ONNX Runtime on texts one by one and in batches:
    the same texts as in ``any_text``. Operators often differ from ``str.split``, ``str.lower`` or a regular expression
    of Python: look at white space, line ends, the dot of a pattern, and letters beyond ASCII.
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
                found = ids[number, : lengths[number]].tolist()
                where = f"{shown(text)}, text {number + 1} of {len(texts)}," if len(texts) > 1 else shown(text)
                require(
                    row == found,
                    f"of {name}, Python encodes {where} as {shown(row)}, the graph as {shown(found)}; "
                    f"{_difference(row, found, 'ids')}",
                )
            expected, _ = Sequences(map(tokenizer.encode, texts)).padded(range(len(texts)))
            require(
                expected.tolist() == ids.tolist(),
                f"of {name}, the graph encodes {shown(texts)} as rows of {ids.shape[1]} ids, {shown(ids.tolist())}; "
                f"they should be padded to {expected.shape[1]}, the longest one's length",
            )


def onnx_decode(subject: Subject) -> None:
    """The graph decodes all ids as Python does.

    ``onnx_decode`` is built, cleaned as an export does it, and run by ONNX Runtime on random rows: short and long ones,
    some with an end and padding, some without, some empty, with unknown ids among them.
    """
    for name, tokenizer in _trained_and_not(subject):
        graph = _graph(tokenizer, name)
        for rows in _batches(_rows(tokenizer)):
            width = max(1, *map(len, rows))
            padded = [row + [PAD] * (width - len(row)) for row in rows]
            with naming(f"the graph of {name}, decoding {shown(padded)},"):
                found = graph.decode(padded)
            expected = [_decoded(tokenizer, row) for row in padded]
            for row, text, other in itertools.zip_longest(padded, expected, found):
                require(
                    text == other,
                    f"of {name}, Python decodes {shown(row)} as {shown(text)}, the graph as {shown(other)}",
                )


PROMISES = (training, round_trip, any_text, special_ids, any_ids, split, save_load, onnx_encode, onnx_decode)


def learnt(component: type[Any], config: Any) -> Any:
    """Returns what a tokenizer learns, as JSON has it."""
    return json.loads(json.dumps(component.train(config, _Texts(TRAINING)).save()))


class _Texts:
    """Texts that can be gone through more than once, but have no length and no places, as a task's may be."""

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
    """Returns rows of ids, some of them with an end and padding."""
    rng = generator(0, "conformance")
    rows = [[], [EOS], [UNK], [PAD, PAD], [EOS, PAD], [UNK, UNK, EOS, PAD, PAD]]
    return rows + list(map(tokenizer.encode, SENTENCES)) + [_row(tokenizer, rng) for _ in range(RANDOM_ROWS)]


def _row(tokenizer: Tokenizer, rng: random.Random) -> list[int]:
    first = rng.choice([UNK, SPECIALS]) if len(tokenizer.vocabulary) > SPECIALS else UNK
    ids = [rng.randrange(first, len(tokenizer.vocabulary)) for _ in range(rng.randrange(9))]
    return ids + [EOS] * rng.randrange(2) + [PAD] * rng.randrange(3)


def _batches(items: Sequence[Any]) -> Iterator[Any]:
    """Yields a few items alone, and all in batches."""
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
    require(isinstance(text, str), f"{what} as {shown(text)}, which is no str")
    require(is_unicode(str(text)), f"{what} as {shown(text)}, which has half a surrogate pair")


def _difference(one: Any, other: Any, path: str) -> str:
    """Says where two values of JSON differ first, if they do."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(key, one.get(key), other.get(key)) for key in dict.fromkeys((*one, *other))]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [(number, *pair) for number, pair in enumerate(itertools.zip_longest(one, other))]
    else:
        return f"{path} is {shown(other)} instead of {shown(one)}"
    different = (_difference(left, right, f"{path}[{key!r}]") for key, left, right in pairs if left != right)
    return next(different, "")
