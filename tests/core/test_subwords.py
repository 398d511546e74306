"""Tokenizers of bytes and of subwords do what their definitions say, and always learn the same."""

import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2s_core import BadValueError
from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.unigram import UNIT, UNKNOWN_PENALTY, Unigram
from s2s_core.text.vocabulary import EOS, SPECIALS, UNK, UNKNOWN_TEXT
from s2s_core.text.words import Words

TEXTS = [
    "she sells sea shells on the sea shore",
    "the shells she sells are sea shells, I'm sure",
    "so if she sells sea shells on the sea shore",
    "then I'm sure she sells sea-shore shells  (aaa aaaa aaaaa)",
]

deterministic = settings(max_examples=200, derandomize=True, database=None, deadline=None)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
near_text = st.text("aesh lore\u2603", max_size=14)
each_kind = pytest.mark.parametrize("kind", [BPE, Unigram])


def train(kind, *texts, **settings):
    return kind.train(kind.Config(**settings), texts or TEXTS)


def words(text):
    """Cuts a text before each space."""
    found = [" " + part for part in text.split(" ")]
    return [word for word in [found[0][1:], *found[1:]] if word]


def joined_pairs(merges, word):
    """The definition of byte-pair encoding: the pair learnt first, the leftmost first, until there is none."""
    tokens = list(word)
    while True:
        pairs = [pair for pair in itertools.pairwise(tokens) if pair in merges]
        if not pairs:
            return tokens
        first = min(pairs, key=merges.index)
        place = next(n for n in range(len(tokens)) if tuple(tokens[n : n + 2]) == first)
        tokens[place : place + 2] = ["".join(first)]


def best_cut(scores, word):
    """The definition of unigram tokens: the cut with the highest sum, and of equal ones the longer last tokens."""
    unknown = min(scores.values()) - UNKNOWN_PENALTY
    cuts = []
    for ends in itertools.product([False, True], repeat=len(word) - 1):
        places = [0, *(n for n, end in enumerate(ends, 1) if end), len(word)]
        tokens = [word[begin:end] for begin, end in itertools.pairwise(places)]
        if all(len(token) == 1 or token in scores for token in tokens):
            cuts.append((sum(scores.get(token, unknown) for token in tokens), [len(t) for t in tokens[::-1]], tokens))
    return max(cuts)[2]


BYTE_PAIRS = train(BPE, minimum_pair_count=1)
UNIGRAMS = train(Unigram, vocabulary_size=60)
TIED = Unigram.load(UNIGRAMS.config, {"tokens": ["a", "aa", "aaa", "e", "ea", "ae", " a", " "], "scores": [-5] * 8})


@deterministic
@given(text=near_text)
@example(text="aaaa aaaaa aaaaaaa")
def test_bpe_joins_pairs_in_the_order_in_which_they_were_learnt(text):
    """Word by word, as the definition says."""
    expected = [token for word in words(text) for token in joined_pairs(BYTE_PAIRS.merges, word)]
    assert expected == BYTE_PAIRS.split(text)
    assert [BYTE_PAIRS.vocabulary.id_of(token) for token in expected] == BYTE_PAIRS.encode(text)


@pytest.mark.parametrize("tokenizer", [UNIGRAMS, TIED], ids=["learnt", "tied"])
@deterministic
@given(text=st.text("aesh \u2603", max_size=9))
@example(text="aaaaaaaa")
def test_unigram_takes_the_best_cut(tokenizer, text):
    """Of all cuts of a word, as the definition says, ties included."""
    scores = dict(zip(tokenizer.vocabulary.tokens, tokenizer.scores, strict=True))
    assert [token for word in words(text) for token in best_cut(scores, word)] == tokenizer.split(text)


def test_the_graph_breaks_ties_as_python_does(tokenizer_graph):
    """Where all scores are equal, the longer last token wins in both."""
    texts = ["".join(letters) for letters in itertools.product("ae ", repeat=5)]
    ids, lengths = tokenizer_graph(TIED).encode(texts)
    assert [[*TIED.encode(text), EOS] for text in texts] == [
        row[:length] for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)
    ]


@each_kind
@given(text=any_text)
def test_subwords_round_trip(kind, text):
    """A text of known characters comes back as it was, spaces included; no token has a space but as its first."""
    tokenizer = train(kind, text, "ab ab  b")
    ids = tokenizer.encode(text)
    assert UNK not in ids
    assert text == tokenizer.decode(ids) == "".join(tokenizer.split(text))
    assert not any(" " in token[1:] for token in tokenizer.vocabulary.tokens)


@given(text=any_text)
def test_bytes_round_trip(text):
    """Every text comes back as it was, and is as long as its UTF-8."""
    tokenizer = train(Bytes)
    assert [byte + SPECIALS for byte in text.encode()] == tokenizer.encode(text)
    assert text == tokenizer.decode(tokenizer.encode(text))


INVALID = [
    (b"\x80", "\ufffd"),
    (b"a\xe2\x98b", "a\ufffdb"),
    (b"\xe2\x98\xe2\x98\x83", "\ufffd\u2603"),
    (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    (b"\xf0\x9f\x98", "\ufffd"),
    (b"\xf4\x90\x80\x80", "\ufffd" * 4),
    (b"\xc0\xaf\xfe", "\ufffd" * 3),
]


@pytest.mark.parametrize(("content", "expected"), INVALID)
def test_bytes_that_are_no_text_are_replaced(tokenizer_graph, content, expected):
    """As Unicode recommends: one replacement character for each longest beginning of a character."""
    ids = [byte + SPECIALS for byte in content]
    assert expected == train(Bytes).decode(ids)


def test_bytes_are_replaced_in_the_graph_alike(tokenizer_graph):
    """Every two bytes at the borders of UTF-8's ranges, before and after others, read as Python reads them."""
    borders = [
        0x00,
        0x7F,
        0x80,
        0x8F,
        0x90,
        0x9F,
        0xA0,
        0xBF,
        0xC0,
        0xC1,
        0xC2,
        0xDF,
        0xE0,
        0xEC,
        0xED,
        0xEF,
        0xF0,
        0xF3,
    ]
    borders += [0xF4, 0xF5, 0xFF]
    found = [bytes([one, two, *rest]) for one in borders for two in borders for rest in (b"", b"\x80", b"\x80\x80a")]
    rows = [[byte + SPECIALS for byte in content] + [EOS] * (6 - len(content)) for content in found]
    assert [content.decode(errors="replace") for content in found] == tokenizer_graph(train(Bytes)).decode(rows)
    unknown = [[0xE2 + SPECIALS, UNK, 0x83 + SPECIALS, EOS]]
    assert [UNKNOWN_TEXT * 3] == tokenizer_graph(train(Bytes)).decode(unknown) == [train(Bytes).decode(unknown[0])]


@each_kind
def test_a_vocabulary_has_at_most_its_size(kind):
    """With every character in it; of few texts ``unigram`` finds fewer tokens."""
    tokenizer = train(kind, vocabulary_size=40)
    assert {BPE: 40, Unigram: 32}[kind] == len(tokenizer.vocabulary.tokens)
    assert set().union(*TEXTS) <= set(tokenizer.vocabulary.tokens)
    assert len(tokenizer.encode(TEXTS[0])) < len(TEXTS[0])


@each_kind
def test_a_vocabulary_too_small_for_its_characters_is_refused(kind):
    """The message says how many are needed."""
    count = len(set().union(*TEXTS))
    with pytest.raises(BadValueError, match=f"vocabulary_size must be at least {count}, the number of characters"):
        train(kind, vocabulary_size=count - 1)
    assert count == len(train(kind, vocabulary_size=count).vocabulary.tokens)


@pytest.mark.parametrize(
    ("kind", "most"),
    [(Characters, 5), (Words, 3), (BPE, 3), (Unigram, 3)],
    ids=["characters", "words", "bpe", "unigram"],
)
def test_a_vocabulary_without_tokens_is_refused(kind, most):
    """The message says how low the setting must be. A space alone tells nothing, unless it is a token like others."""
    texts = "a b a", "b a c c"
    assert kind.train(kind.Config(minimum_count=most), texts).vocabulary.tokens
    with pytest.raises(BadValueError) as refused:
        kind.train(kind.Config(minimum_count=most + 1), texts)
    assert str(refused.value) == (
        f"minimum_count must be at most {most}, as no token of the training texts occurs more often (got {most + 1})"
    )


@each_kind
def test_rare_characters_are_unknown(kind):
    """One id for each; no token has them, and what stands on either side isn't joined. A space is never rare."""
    tokenizer = train(kind, "ab\u2603ab\u2603ab \u2604", *["ab"] * 9, minimum_count=3)
    assert {"a", "b", " "} <= set(tokenizer.vocabulary.tokens) <= {"a", "b", " ", "ab"}
    known = tokenizer.encode("ab")
    assert [*known, UNK, UNK, *known] == tokenizer.encode("ab\u2603\u2604ab")
    assert [*tokenizer.split("ab"), "\u2603", "\u2604", "a", " "] == tokenizer.split("ab\u2603\u2604a ")


def test_a_pair_must_meet_often_enough():
    """``minimum_pair_count`` says how often."""
    assert [("a", "b")] == train(BPE, "ab ab cd", minimum_pair_count=2).merges
    assert [] == train(BPE, "ab ab cd", minimum_pair_count=3).merges


@each_kind
def test_what_is_saved_holds_all(kind):
    """A tokenizer that is loaded cuts as before, however the tokens look."""
    tokenizer = train(kind, "  a  b  ab ab \u2603\u2603 <unk> <unk>")
    loaded = kind.load(tokenizer.config, json.loads(json.dumps(tokenizer.save())))
    assert tokenizer.save() == loaded.save()
    for text in ("  a  b ab", "\u2603\u2603\u2603 <unk>", *TEXTS):
        assert tokenizer.encode(text) == loaded.encode(text)


LEARN = """
import json, sys
from s2s_core.text.bpe import BPE
from s2s_core.text.unigram import Unigram
texts = json.load(sys.stdin)
print([kind.train(kind.Config(vocabulary_size=size), texts).save() for kind in (BPE, Unigram) for size in (30, 50, 99)])
"""


def test_the_same_is_learnt_in_every_process():
    """Whatever order the library's tables have there, and however many threads it uses."""
    learnt = {
        subprocess.run(
            [sys.executable, "-c", LEARN],
            input=json.dumps(TEXTS),
            env={"RAYON_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in "1124"
    }
    assert 1 == len(learnt)


def test_scores_are_log_probabilities():
    """In whole multiples of a unit, so that every sum is exact."""
    assert all(isinstance(score, int) and -30 < score * UNIT < 0 for score in UNIGRAMS.scores)
