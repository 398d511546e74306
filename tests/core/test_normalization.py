"""Texts are normalised as Unicode says, in Python and in a graph alike."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2s_core.text import normalization, unicode
from s2s_core.text.characters import Characters
from s2s_core.text.normalization import NormalizationConfig, Normalizer
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.vocabulary import UNK, Vocabulary
from s2s_core.text.words import Words


def nfkc(text):
    return unicodedata.normalize("NFKC", text)


def both(text):
    return nfkc(unicodedata.normalize("NFKD", text).casefold())


NORMALIZERS = {
    "nfkc": (Normalizer(NormalizationConfig("nfkc")), nfkc),
    "fold": (Normalizer(NormalizationConfig("none", fold_case=True)), str.casefold),
    "both": (Normalizer(NormalizationConfig("nfkc", fold_case=True)), both),
}

deterministic = settings(max_examples=300, derandomize=True, database=None, deadline=None)
later = "".join(unicode.newcomers())
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=later), max_size=10)
marks = st.sampled_from([chr(n) for n in range(0x300, 0x370)] + list("\u0345\u05b0\u0651\u093c\u0e38\u302a\U0001d165"))
letters = st.sampled_from(
    "aAeo\u00fc\u01d5\u1e9b\u03b1\u0391\u0928\u30ab\u1100\u1161\u11a8\uac00\u1112\ufb01\u2167\u0130\u00df"
)
hard_text = st.lists(marks | letters, max_size=10).map("".join)
each = pytest.mark.parametrize("name", list(NORMALIZERS))


def nodes(normalize):
    return lambda op, texts: [normalize.onnx(op, texts)]


@pytest.fixture(scope="module")
def graphs(graph):
    return {name: graph(nodes(normalize)) for name, (normalize, _) in NORMALIZERS.items()}


@each
@deterministic
@given(texts=st.lists(any_text | hard_text, min_size=1, max_size=4))
@example(texts=["", ""])
@example(texts=["e\u0301\u0308\u0323", "\u0301a", "\u1100\u1161\u11a8\u11a8", "\uac00\u11a8"])
@example(texts=["\u03b1\u0345\u0301", "\u03b1\u0301\u0345", "\u0390"])
@example(texts=["ſt \ufb03 \u212b \u2460 \u3392", "Straße İI ΑΣ ǅ", "👩\u200d👩🏽 🇪🇺"])
@example(texts=["a" + "\u0301\u0323" * 40 + "b"])
def test_normalised_as_unicode_says(graphs, name, texts):
    """By Python's own functions, by ours, and by the graph."""
    normalize, reference = NORMALIZERS[name]
    expected = [reference(text) for text in texts]
    assert expected == [normalize(text) for text in texts]
    assert expected == graphs[name](texts)[0].tolist()


@each
def test_every_character_is_normalised(graphs, name):
    """By Python all of them; by the graph those that change, marks, and some others, alone and after letters."""
    normalize, reference = NORMALIZERS[name]
    characters = [*unicode.assigned(), "\U000e0fff", "\u0378"]
    assert list(map(reference, characters)) == list(map(normalize, characters))
    marks = list(filter(unicodedata.combining, characters))
    some = [character for character in characters if reference(character) != character]
    some += [*characters[::500], *marks, *(first + mark for mark in marks for first in "a\u03b9\u304b")]
    some += [first + second for first in "\u1100\uac00\uac01" for second in map(chr, range(0x1160, 0x1200))]
    assert list(map(reference, some)) == graphs[name](some)[0].tolist()


@pytest.mark.skipif(unicodedata.unidata_version != unicode.VERSION, reason="Python has another version of Unicode")
def test_the_table_is_that_of_the_version():
    """It lists what is not assigned; Python then has nothing later."""
    assert set(unicode.assigned()) == {
        chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) not in {"Cn", "Cs"}
    }
    assert not unicode.newcomers()


def test_later_characters_stay_as_they_are(graph, monkeypatch):
    """Under a later version of Unicode than ours, no text is read otherwise."""
    new = "Éé\u0301"
    monkeypatch.setattr(unicode, "newcomers", lambda: frozenset(new))
    known = tuple(character for character in unicode.assigned() if character not in new)
    monkeypatch.setattr(unicode, "assigned", lambda: known)
    caches = (normalization._later, normalization._table, normalization._classes, normalization._pairs)
    try:
        for cache in caches:
            cache.cache_clear()
        for name, expected in {"nfkc": "É E\u0301\u00c8", "both": "É e\u0301\u00e8"}.items():
            normalize, _ = NORMALIZERS[name]
            assert expected == normalize("É\u3000E\u0301E\u0300")
            assert [expected] == graph(nodes(normalize))(["É\u3000E\u0301E\u0300"])[0].tolist()
    finally:
        for cache in caches:
            cache.cache_clear()


def test_nothing_is_emitted_where_nothing_is_asked():
    """The default leaves texts, and the graph, as they are."""
    normalize = Normalizer(NormalizationConfig())
    assert "E\u0301" == normalize("E\u0301")
    assert normalize.onnx(None, "texts") == "texts"


def test_tokenizers_normalise_what_they_learn_and_read():
    """But not what they are given to split, such as a reference that is scored."""
    tokenizer = Words.train(Words.Config(normalization="nfkc", fold_case=True), ["Ａb\u3000E\u0301"])
    assert ("ab", "\u00e9") == tokenizer.vocabulary.tokens
    assert "ab \u00e9" == tokenizer.decode(tokenizer.encode("aB É"))
    assert ["aB", "É"] == tokenizer.split("aB É")


def test_a_configuration_of_ones_own_need_not_normalise():
    """A third party's tokenizer with other settings gets texts as they are."""
    tokenizer = Characters(object(), Vocabulary("a"))
    assert isinstance(tokenizer, Tokenizer)
    assert [UNK, 4] == tokenizer.encode("Aa")
