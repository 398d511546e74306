"""Tokenizers cut texts into tokens that have ids, and join them again; that graphs do the same is a promise."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.unigram import Unigram
from s2s_core.text.vocabulary import EOS, PAD, SPECIALS, UNK, UNKNOWN_TEXT, Vocabulary
from s2s_core.text.words import Words

SPECIAL_LOOKING = ["<pad>", "<s>", "</s>", "<unk>", "<eos>", "[PAD]", "[UNK]", "0", "1", "2", "3", UNKNOWN_TEXT]
SMILE = "\N{SLIGHTLY SMILING FACE}"

CONTROL = ["\x00\n\r\t\x0b\u00a0\u2028\u3000", "e\u0301\u0308", SMILE, "\u200d\ufe0f", "\U0010ffff\ufeff\ufffe"]
TEXTS = {
    Characters: ["ab c-", *CONTROL, *SPECIAL_LOOKING],
    Bytes: [],
    BPE: ["ab c- abc abc <pad>", "a\nb\nb", *CONTROL, *SPECIAL_LOOKING],
    Unigram: ["ab c- abc abc <pad>", "a\nb\nb", *CONTROL, *SPECIAL_LOOKING],
    Words: ["a ab - abc", "\x00 \n \r \t x\x00y a\nb", " ".join(CONTROL), " ".join(SPECIAL_LOOKING)],
}

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
known_text = st.lists(st.sampled_from([*"ab c-\x00\n\t", "e\u0301", "abc ", "<pad>", " "]), max_size=8).map("".join)

each_kind = pytest.mark.parametrize("kind", [Characters, Words])
each = pytest.mark.parametrize(
    "name",
    ["characters", "words", "bytes", "bpe", "unigram", "folded", "no characters", "no words", "no bpe", "no unigram"],
)


def train(kind, *texts, **settings):
    return kind.train(kind.Config(**settings), texts)


TOKENIZERS = {
    "characters": train(Characters, *TEXTS[Characters]),
    "words": train(Words, *TEXTS[Words]),
    "bytes": train(Bytes),
    "bpe": train(BPE, *TEXTS[BPE]),
    "unigram": train(Unigram, *TEXTS[Unigram]),
    "folded": train(BPE, *TEXTS[BPE], normalization="nfkc", fold_case=True),
    "no characters": train(Characters),
    "no words": train(Words),
    "no bpe": train(BPE),
    "no unigram": train(Unigram),
}


@given(text=any_text | known_text)
def test_characters_round_trip(text):
    """A text of known characters comes back as it was, one id for each code point."""
    tokenizer = train(Characters, text)
    ids = tokenizer.encode(text)
    assert len(text) == len(ids)
    assert UNK not in ids
    assert text == tokenizer.decode(ids)


@given(text=any_text | known_text)
def test_words_round_trip(text):
    """A text of known words comes back with one space between them; nothing but U+0020 separates."""
    tokenizer = train(Words, text)
    words = [word for word in text.split(" ") if word]
    ids = tokenizer.encode(text)
    assert len(words) == len(ids)
    assert UNK not in ids
    assert " ".join(words) == tokenizer.decode(ids)


@each
@pytest.mark.parametrize("text", SPECIAL_LOOKING)
def test_no_text_is_a_special_token(name, text):
    """A text that looks like padding or an end is text, known or not."""
    ids = TOKENIZERS[name].encode(text)
    assert ids
    assert min(ids) >= UNK
    if not name.startswith("no "):
        assert min(ids) >= SPECIALS
        assert TOKENIZERS[name].normalize(text) == TOKENIZERS[name].decode(ids)


@each
def test_an_unknown_token_reads_as_a_replacement_character(name):
    """One for each token, whatever was read."""
    text = "\u4e00 \u4e01"
    expected = dict.fromkeys(["no characters", "no bpe", "no unigram"], UNKNOWN_TEXT * 3) | {"bytes": text}
    assert expected.get(name, "\ufffd \ufffd") == TOKENIZERS[name].decode(TOKENIZERS[name].encode(text))


@each_kind
def test_decoding_ends_at_the_first_end(kind):
    """What comes after EOS isn't read, and padding reads as nothing."""
    tokenizer = train(kind, "a b")
    (first,), (second,) = tokenizer.encode("a"), tokenizer.encode("b")
    assert tokenizer.separator.join("aba") == tokenizer.decode([first, second, first])
    assert "a" == tokenizer.decode([first, EOS, second, PAD, second])
    assert "" == tokenizer.decode([EOS, first])
    assert "" == tokenizer.decode([])


def test_ids_are_in_alphabetical_order():
    """The order of the training texts leaves no trace."""
    assert ("a", "b", "c") == train(Characters, "cab", "b").vocabulary.tokens
    assert ("a", "b", "c") == train(Characters, "b", "bca").vocabulary.tokens
    assert ["a", "ab", "b"] == list(train(Words, "b ab", "a").vocabulary.tokens)


def test_rare_tokens_are_unknown():
    """A token must occur ``minimum_count`` times over all texts."""
    tokenizer = train(Characters, "aab", "bc", minimum_count=2)
    assert ("a", "b") == tokenizer.vocabulary.tokens
    assert [UNK, SPECIALS] == tokenizer.encode("ca")


def test_a_vocabulary_can_be_small():
    """The most frequent tokens stay, and of equally frequent ones the first in the alphabet."""
    assert ("b", "d") == train(Characters, "ddd", "cc", "bb", maximum_size=2).vocabulary.tokens
    assert ("b", "c", "d") == train(Characters, "ddd", "cc", "bb", maximum_size=3).vocabulary.tokens
    assert ("b", "c", "d") == train(Characters, "ddd", "cc", "bb", maximum_size=9).vocabulary.tokens
    assert ("d",) == train(Characters, "ddd", "c", "bb", maximum_size=2, minimum_count=3).vocabulary.tokens


@each_kind
def test_an_empty_vocabulary_knows_nothing(kind):
    """A tokenizer trained on nothing has the special ids alone, and every token is unknown."""
    tokenizer = train(kind)
    assert SPECIALS == len(tokenizer.vocabulary)
    assert [UNK] == tokenizer.encode("a")


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", ""]])
def test_a_vocabulary_has_distinct_tokens(tokens):
    """Two equal tokens or an empty one are refused."""
    with pytest.raises(ValueError, match="distinct and not empty"):
        Vocabulary(tokens)


@pytest.mark.parametrize("token", [5, None, ["a"]])
def test_a_token_is_a_text(token):
    """Whatever a damaged file says."""
    with pytest.raises(TypeError):
        Vocabulary(["a", token])


@pytest.mark.parametrize("wrong", [{"minimum_count": 0}, {"maximum_size": -1}])
def test_its_settings_are_checked(wrong):
    """A token occurs at least once, and no vocabulary has fewer tokens than none."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
        attrs.evolve(TokenizerConfig(), **wrong)
