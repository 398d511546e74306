"""A tag such as ``<PST>`` is one token of every tokenizer that is told so, in Python and in the graph alike."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2s_core import BadValueError, with_features
from s2s_core.text import tags
from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.unigram import Unigram
from s2s_core.text.vocabulary import SPECIALS, UNK
from s2s_core.text.words import Words

TEXTS = ["<V><PST>walk", "<V>walk<PL> sea", "a walk <N> by <\u00c9\u212b> the sea", "a<b> c< d >", "<|><<V>><"]
KINDS = [BPE, Bytes, Characters, Unigram, Words]

deterministic = settings(max_examples=150, derandomize=True, database=None, deadline=None)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
each = pytest.mark.parametrize(
    "name", ["BPE", "Bytes", "Characters", "Unigram", "Words", "nfkc", "nfd", "folded words"]
)
parts = st.sampled_from(
    [
        "<",
        ">",
        "<>",
        "<V>",
        "<PST>",
        "<new>",
        "<a b>",
        "<\u3000>",
        "<\x0b>",
        "<|>",
        "\uff1c",
        "\uff1e",
        "\u226e",
        "\u0338",
    ]
)
any_text = st.lists(parts | st.text("walkse \u00c9\u0301\uac00\x00\n", max_size=4), max_size=8).map("".join)


def train(kind, *texts, **settings):
    return kind.train(kind.Config(tags=True, **settings), texts or TEXTS)


TOKENIZERS = {kind.__name__: train(kind) for kind in KINDS} | {
    "nfkc": train(Characters, normalization="nfkc", fold_case=True),
    "nfd": train(BPE, normalization="nfd"),
    "folded words": train(Words, fold_case=True),
}


def cut(text):
    """Cuts a text at its tags by looking at one character after another, without a regular expression."""
    pieces, begin = [""], None
    for character in text:
        pieces[-1] += character
        if character == "<":
            begin = len(pieces[-1]) - 1
        elif character.isspace():
            begin = None
        elif character == ">":
            if begin is not None and begin < len(pieces[-1]) - 2:
                pieces[-1:] = [pieces[-1][:begin], pieces[-1][begin:], ""]
            begin = None
    return pieces


@given(text=any_text | st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
@example(text="<\x1c><\x85><\u200b>")
def test_a_tag_has_no_brackets_and_no_white_space(text):
    """Nothing else is a tag, and every tag is found."""
    assert cut(text) == tags.pieces(text)
    assert text == "".join(tags.pieces(text))
    assert all(map(tags.is_tag, tags.pieces(text)[1::2]))
    assert not any(map(tags.is_tag, tags.pieces(text)[::2]))


def test_white_space_is_pythons():
    """The characters that can't be in a tag are those of ``str.isspace``, and the brackets."""
    kept_out = {character for character in map(chr, range(0x110000)) if not tags.is_tag(f"<a{character}>")}
    assert {"<", ">", *(character for character in map(chr, range(0x110000)) if character.isspace())} == kept_out


@pytest.fixture(scope="module")
def graphs(tokenizer_graph):
    return {name: tokenizer_graph(tokenizer) for name, tokenizer in TOKENIZERS.items()}


@each
@deterministic
@given(texts=st.lists(any_text, min_size=1, max_size=4))
@example(texts=["", "<V>"])
@example(texts=["<V>" * 40, "x"])
def test_a_graph_has_the_same_tags(graphs, name, texts):
    """Whatever is around them: the same ids, and the same texts of them."""
    tokenizer, graph = TOKENIZERS[name], graphs[name]
    ids, lengths = graph.encode(texts)
    rows = [row[: length - 1].tolist() for row, length in zip(ids, lengths, strict=True)]
    assert list(map(tokenizer.encode, texts)) == rows
    assert list(map(tokenizer.decode, rows)) == graph.decode(ids)


@each_kind
def test_a_tag_is_one_token(kind):
    """What stands around it is split as it would be alone."""
    tokenizer = train(kind)
    (verb,), (past,) = tokenizer.encode("<V>"), tokenizer.encode("<PST>")
    assert verb != past
    assert min(verb, past) >= SPECIALS
    assert [verb, past, *tokenizer.encode("walk"), verb, *tokenizer.encode(" sea")] == tokenizer.encode(
        "<V><PST>walk<V> sea"
    )
    separator = tokenizer.separator
    assert f"<V>{separator}<PST>{separator}walk" == tokenizer.decode(tokenizer.encode("<V><PST>walk"))
    assert ["<V>", "<PST>", *tokenizer.split("walk")] == tokenizer.tokens("<V><PST>walk")


@each_kind
def test_an_unseen_tag_is_unknown(kind):
    """It is never spelt out, although every character of it is known."""
    tokenizer = train(kind)
    assert [UNK, *tokenizer.encode("walk"), UNK] == tokenizer.encode("<SP>walk<VV>")


@each_kind
def test_tags_are_text_unless_they_are_wanted(kind):
    """The default reads them like any other text."""
    text = "a<b>c"
    tokenizer = kind.train(kind.Config(), [text, "<b>"])
    assert kind.Config().tags is False
    assert text == tokenizer.decode(tokenizer.encode(text))
    assert tokenizer.tokens(text) == tokenizer.split(text)
    if kind is not Words:
        assert "<ca>" == tokenizer.decode(tokenizer.encode("<ca>"))


@each_kind
def test_tags_are_not_normalised(kind):
    """Only what stands between them is: a mark behind a tag doesn't join it, and case is kept."""
    tokenizer = train(kind, normalization="nfkc", fold_case=True)
    assert "<\u00c9\u212b>\u00e9\u00e5<V>\u0338v" == tokenizer.normalize("<\u00c9\u212b>\u00c9\u212b<V>\u0338V")
    (angstrom,) = tokenizer.encode("<\u00c9\u212b>")
    assert angstrom >= SPECIALS
    assert [UNK] == tokenizer.encode("<\u00e9\u00e5>") == tokenizer.encode("<v>")


@each_kind
def test_a_saved_tokenizer_has_its_tags(kind):
    """After it has been through JSON."""
    tokenizer = train(kind)
    loaded = kind.load(tokenizer.config, json.loads(json.dumps(tokenizer.save())))
    for text in TEXTS:
        assert tokenizer.encode(text) == loaded.encode(text)


@pytest.mark.parametrize("kind", [BPE, Unigram])
def test_tags_count_as_tokens_of_a_vocabulary(kind):
    """Those that are frequent enough, beside the characters."""
    texts = ["<V>abab<N>", "<V>abc"]
    assert {"<N>", "<V>"} < set(train(kind, *texts, vocabulary_size=6).vocabulary.tokens)
    assert len(train(kind, *texts, vocabulary_size=6).vocabulary.tokens) <= 6
    assert "<N>" not in train(kind, *texts, minimum_count=2).vocabulary.tokens
    with pytest.raises(BadValueError, match="vocabulary_size must be at least 5, the number of characters and tags"):
        train(kind, *texts, vocabulary_size=4)


def test_features_stand_before_the_source():
    """Each as a tag, in the order in which they are given; empty ones and white space around them are left out."""
    assert "<V><PST><3><SG>walk" == with_features("walk", ["V;PST;3;SG"])
    assert "<deu><V><PST>gehen" == with_features("gehen", ["deu", "V|PST"], "|")
    assert "<V><PST>walk" == with_features("walk", ["", " V ;; PST;", ";"])
    assert "walk" == with_features("walk", [])


@pytest.mark.parametrize("feature", ["3 SG", "<V", "V>", "a\u00a0b"])
def test_a_feature_that_is_no_tag_is_refused(feature):
    """Rather than read as something else."""
    with pytest.raises(ValueError, match=re.escape(f"{feature!r} contains white space, < or >")):
        with_features("walk", [f"N;{feature}"])
