"""Each word of running text is answered by itself, in Python and in the graph alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.testing.graph import Graph
from s2s_core.text import sentences
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.onnx_text import strings
from s2s_core.text.tokenizer import TokenizerConfig

TEXT = st.lists(
    st.sampled_from(["can't", "'tis", "rock'", "a", "B2", "é", "e\u0301", "日本", " ", "  ", "\t", "\u3000", ", ", "…"])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
    max_size=8,
).map("".join)

POLICIES = [(policy, separator) for policy in ("keep", "drop", "separate") for separator in ("", " | ")]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, world!", ["Hello", ", ", "world", "!"]),
        ("can't 'tis rock'n'roll", ["can't", " ", "'", "tis", " ", "rock'n'roll"]),
        ("it\u2019s ''ok''", ["it\u2019s", " ", "''", "ok", "''"]),
        ("well-known 3.5 B2", ["well", "-", "known", " ", "3", ".", "5", " ", "B2"]),
        ("cafe\u0301 नमस्ते 日本語", ["cafe\u0301", " ", "नमस्ते", " ", "日本語"]),
        ("a\t\u3000b\N{SLIGHTLY SMILING FACE}c", ["a", "\t\u3000", "b", "\N{SLIGHTLY SMILING FACE}", "c"]),
        ("", []),
    ],
)
def test_where_words_end(text, pieces):
    """As the documentation says; a comma and the space after it are two pieces."""
    split = [part for piece in pieces for part in ([",", " "] if piece == ", " else [piece])]
    assert sentences.split(text) == split


@given(TEXT)
def test_pieces_by_another_way(text):
    """Nothing is lost, and words are runs of letters, marks and numbers, by their categories."""
    pieces = sentences.split(text)
    assert "".join(pieces) == text
    for piece in pieces:
        letters = [unicodedata.category(character)[0] in "LMN" for character in piece]
        if sentences.is_word(piece):
            assert letters[0]
            assert letters[-1]
            assert all(is_letter or c in "'\u2019" for is_letter, c in zip(letters, piece, strict=True))
        else:
            assert piece.isspace() or not any(letters) or unicodedata.unidata_version != "14.0.0"
            assert piece.isspace() or not any(character.isspace() for character in piece)


@pytest.mark.parametrize(
    ("punctuation", "separator", "expected"),
    [
        ("keep", "", "[Well], [can't]  [go]!"),
        ("keep", " | ", "[Well], | [can't] | [go]!"),
        ("drop", "", "[Well] [can't] [go]"),
        ("drop", "/", "[Well]/[can't]/[go]"),
        ("separate", "", "[Well] , [can't] [go] !"),
        ("separate", "_", "[Well]_,_[can't]_[go]_!"),
    ],
)
def test_what_stands_between(punctuation, separator, expected):
    """With each policy, and a separator of one's own or none."""
    pieces = sentences.split("Well, can't  go!")
    answers = [f"[{piece}]" for piece in pieces if sentences.is_word(piece)]
    assert sentences.join(pieces, answers, punctuation, separator) == expected


@pytest.fixture(scope="module", params=POLICIES, ids=str)
def joining(request):
    """A policy, and a graph that splits texts and joins them with each word in brackets."""

    def build(op, texts):
        pieces, is_word, is_space = sentences.onnx_split(op, texts)
        marked = op.StringConcat(op.StringConcat(strings(op, ["["]), pieces), strings(op, ["]"]))
        return (sentences.onnx_join(op, op.Where(is_word, marked, pieces), is_word, is_space, *request.param),)

    return request.param, Graph(build)


@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_the_graph_does_what_python_does(joining, texts):
    """On any text, with each policy."""
    policy, graph = joining
    (found,) = graph(texts)
    for text, actual in zip(texts, found.tolist(), strict=True):
        pieces = sentences.split(text)
        answers = [f"[{piece}]" for piece in pieces if sentences.is_word(piece)]
        assert actual == sentences.join(pieces, answers, *policy)


def test_what_a_tokenizer_can_read():
    """Only texts of the characters of its tokens; brackets and hyphens among them are characters like others."""
    tokenizer = Characters.train(TokenizerConfig(), ["ab-]^\\ é"])
    expression = sentences.readable(tokenizer)
    assert all(sentences.matches(text, expression) for text in ("", "a-b", "]^\\", "é b"))
    assert not any(sentences.matches(text, expression) for text in ("c", "a1", "\u65e5", "[", "ab\n"))
    assert sentences.readable(Bytes.train(Bytes.Config(), ["a"])) == ""
    assert sentences.matches("\u65e5", "")
