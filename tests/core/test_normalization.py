"""Texts are normalised as Unicode says, in Python and in a graph alike."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2s_core.text import normalization, unicode
from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.normalization import NormalizationConfig, Normalizer
from s2s_core.text.tokenizer import Tokenizer
from s2s_core.text.unigram import Unigram
from s2s_core.text.vocabulary import UNK, Vocabulary
from s2s_core.text.words import Words


def form(name):
    return lambda text: unicodedata.normalize(name, text)


def folded(decomposition, name):
    return lambda text: unicodedata.normalize(name, unicodedata.normalize(decomposition, text).casefold())


NORMALIZERS = {
    "nfkc": (Normalizer(NormalizationConfig("nfkc")), form("NFKC")),
    "nfd": (Normalizer(NormalizationConfig("nfd")), form("NFD")),
    "nfkd": (Normalizer(NormalizationConfig("nfkd")), form("NFKD")),
    "fold": (Normalizer(NormalizationConfig("none", fold_case=True)), str.casefold),
    "both": (Normalizer(NormalizationConfig("nfkc", fold_case=True)), folded("NFKD", "NFKC")),
    "both nfd": (Normalizer(NormalizationConfig("nfd", fold_case=True)), folded("NFD", "NFD")),
    "both nfkd": (Normalizer(NormalizationConfig("nfkd", fold_case=True)), folded("NFKD", "NFKD")),
}
DECOMPOSING = NORMALIZERS["nfd"][0]

deterministic = settings(max_examples=300, derandomize=True, database=None, deadline=None)
later = "".join(unicode.newcomers())
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=later), max_size=10)
marks = st.sampled_from([chr(n) for n in range(0x300, 0x370)] + list("\u0345\u05b0\u0651\u093c\u0e38\u302a\U0001d165"))
letters = st.sampled_from(
    "aAeo\u00fc\u01d5\u1e9b\u03b1\u0391\u0928\u30ab\u1100\u1161\u11a8\uac00\u1112\ufb01\u2167\u0130\u00df"
)
hangul = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=3)
jamo = st.text(st.characters(min_codepoint=0x1100, max_codepoint=0x11FF), max_size=4)
hard_text = st.lists(marks | letters | hangul | jamo, max_size=10).map("".join)
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


def awkward_characters(change):
    """Returns the characters that a function changes, marks, and some others, alone and after letters."""
    characters = [*unicode.assigned(), "\U000e0fff", "\u0378"]
    marks = list(filter(unicodedata.combining, characters))
    some = [character for character in characters if change(character) != character]
    some += [*characters[::500], *marks, *(first + mark for mark in marks for first in "a\u03b9\u304b")]
    return some + [first + second for first in "\u1100\uac00\uac01" for second in map(chr, range(0x1160, 0x1200))]


@each
def test_every_character_is_normalised(graphs, name):
    """By Python all of them; by the graph those that change, marks, and some others, alone and after letters."""
    normalize, reference = NORMALIZERS[name]
    characters = [*unicode.assigned(), "\U000e0fff", "\u0378"]
    assert list(map(reference, characters)) == list(map(normalize, characters))
    some = awkward_characters(reference)
    assert list(map(reference, some)) == graphs[name](some)[0].tolist()


@pytest.fixture(scope="module")
def composing(graph):
    return graph(lambda op, texts: [DECOMPOSING.onnx_compose(op, texts)])


@deterministic
@given(texts=st.lists(any_text | hard_text, min_size=1, max_size=4))
@example(texts=["", "\u0301a", "a\u0301\u0323", "\u0958", "\uac00\u11a8\u11a8", "\u212b"])
def test_answers_are_composed_as_unicode_says(composing, texts):
    """Whatever a model writes becomes NFC, in Python and in the graph."""
    expected = list(map(form("NFC"), texts))
    assert expected == list(map(DECOMPOSING.compose, texts))
    assert expected == composing(texts)[0].tolist()


def test_every_character_is_composed(composing):
    """All of them, decomposed before, and every pair of a letter and a mark."""
    texts = [form("NFD")(character) for character in unicode.assigned() if form("NFD")(character) != character]
    texts += awkward_characters(form("NFC"))
    expected = list(map(form("NFC"), texts))
    assert expected == list(map(DECOMPOSING.compose, texts))
    assert expected == composing(texts)[0].tolist()


@pytest.mark.parametrize("kind", [BPE, Bytes, Characters, Unigram, Words], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("normalization", "expected"), [("nfd", "\u00e9 \uac01 \ufb01"), ("nfkd", "\u00e9 \uac01 fi")])
def test_answers_come_back_composed(tokenizer_graph, kind, normalization, expected):
    """Tokens are decomposed, answers are as users write them; what isn't NFC itself comes back as NFC."""
    texts = ["\u00e9 \uac01 \ufb01", "e\u0301 \u1100\u1161\u11a8 \ufb01", "\u00e9 \u1100\u1161\u11a8 \ufb01"]
    tokenizer = kind.train(kind.Config(normalization=normalization), texts)
    ids = list(map(tokenizer.encode, texts))
    assert [ids[0]] * 3 == ids
    graph = tokenizer_graph(tokenizer)
    assert [ids[0]] * 3 == graph.encode(texts)[0][:, :-1].tolist()
    assert [expected] * 3 == list(map(tokenizer.decode, ids)) == graph.decode(ids)


def test_marks_and_jamo_are_tokens_of_decomposed_targets():
    """So a model can write a letter with a mark that no training text had together."""
    tokenizer = Characters.train(Characters.Config(normalization="nfd"), ["\u00e1e \uac00\u1112\u1161\u11ab"])
    assert (" ", "a", "e", "\u0301", "\u1100", "\u1112", "\u1161", "\u11ab") == tokenizer.vocabulary.tokens
    assert "\u00e9\ud558\uac04" == tokenizer.decode(tokenizer.encode("\u00e9\ud558\uac04"))


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
        text = "É\u3000E\u0301E\u0300"
        forms = {"nfkc": "É E\u0301\u00c8", "both": "É e\u0301\u00e8", "nfd": text, "nfkd": "É E\u0301E\u0300"}
        for name, expected in forms.items():
            normalize, _ = NORMALIZERS[name]
            assert expected == normalize(text)
            assert [expected] == graph(nodes(normalize))([text])[0].tolist()
        composed = "É\u3000E\u0301\u00c8"
        assert composed == DECOMPOSING.compose(text)
        assert [composed] == graph(lambda op, texts: [DECOMPOSING.onnx_compose(op, texts)])([text])[0].tolist()
    finally:
        for cache in caches:
            cache.cache_clear()


def test_nothing_is_emitted_where_nothing_is_asked():
    """The default leaves texts, and the graph, as they are."""
    normalize = Normalizer(NormalizationConfig())
    assert "E\u0301" == normalize("E\u0301") == normalize.compose("E\u0301")
    assert normalize.onnx(None, "texts") == normalize.onnx_compose(None, "texts") == "texts"
    assert "E\u0301" == Normalizer(NormalizationConfig("nfkc")).compose("E\u0301")


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
