"""Before training, a run tells what its model can't know and which tokenizer doesn't suit its texts."""

import itertools

import pytest

from s2s_core import Example
from s2s_core.config.resolve import resolve
from s2s_core.pipeline.printing import PrintedProgress
from s2s_core.pipeline.remarks import long_targets, remarks, unknown_symbols, unwritable_targets
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.text.bpe import BPE
from s2s_core.text.bytes import Bytes
from s2s_core.text.characters import Characters
from s2s_core.text.words import Words
from s2s_core.training.preparation import prepare


def trained(kind, *texts, **settings):
    return kind.train(kind.Config(**settings), texts)


def told(tokenizer, *sources):
    return list(unknown_symbols("validation", [Example(source, "x") for source in sources], tokenizer))


def test_sources_with_symbols_that_training_lacks_are_counted():
    """Each distinct source once, and each symbol by the sources that have it, the commonest first."""
    sources = ["abba", "quiz", "quiz", "aqq", "zab", ""]
    assert told(trained(Characters, "ab"), *sources) == [
        "3 of 5 validation sources have symbols unknown to the model: 'q' 2, 'z' 2, 'i' 1, 'u' 1"
    ]


def test_nothing_is_said_where_all_symbols_are_known():
    """Of characters, of bytes, and of characters that are folded to known ones."""
    assert told(trained(Characters, "ab"), "ab", "ba") == []
    assert told(trained(Bytes), "\N{SNOWMAN}") == []
    assert told(trained(Characters, "ab", fold_case=True), "AB") == []


def test_symbols_are_the_tokens_of_the_tokenizer():
    """Words of words; of subwords the characters that none of them has."""
    assert told(trained(Words, "a cat"), "a cat", "a dog") == [
        "1 of 2 validation sources have symbols unknown to the model: 'dog' 1"
    ]
    assert told(trained(BPE, "a cat"), "a cat", "a cut") == [
        "1 of 2 validation sources have symbols unknown to the model: 'u' 1"
    ]


def test_only_the_commonest_symbols_are_listed():
    """Five of them."""
    (line,) = told(trained(Characters, "a"), "bcdefg", "bcd")
    assert line.endswith("unknown to the model: 'b' 2, 'c' 2, 'd' 2, 'e' 1, 'f' 1, …")


def targets(*texts):
    return [Example("x", text) for text in texts]


def unwritable(tokenizer, *texts):
    def write(example):
        return tokenizer.decode(tokenizer.encode(example.target))

    return list(unwritable_targets("test", targets(*texts), write))


def test_targets_that_no_answer_equals_are_counted():
    """Each distinct one once: of spaces that aren't the tokenizer's, letters that it folds, and unknown tokens."""
    words = trained(Words, "AA BB")
    assert unwritable(words, "AA BB ", "AA BB ", "AA", "AA  BB") == [
        "2 of 3 test targets can't be written by the model: 'AA BB ' would be 'AA BB'"
    ]
    folding = trained(Characters, "ab", fold_case=True)
    assert unwritable(folding, "ab", "aB") == ["1 of 2 test targets can't be written by the model: 'aB' would be 'ab'"]
    assert unwritable(trained(Characters, "ab"), "ac") == [
        "1 of 1 test targets can't be written by the model: 'ac' would be 'a\N{REPLACEMENT CHARACTER}'"
    ]
    assert unwritable(words, "AA BB", "BB") == []


def test_texts_that_look_the_same_are_told_apart():
    """As when only the normal form differs."""
    (line,) = unwritable(trained(Characters, "\N{LATIN SMALL LETTER E WITH ACUTE}", normalization="nfd"), "e\u0301")
    assert line.endswith(r"can't be written by the model: 'e\u0301' would be '\xe9'")


def test_targets_longer_than_answers_are_counted():
    """In tokens, of which an answer has at most decoding.max_length."""
    letters = trained(Characters, "ab")
    (line,) = long_targets("validation", targets("abab", "ababa", "ab"), letters, 3)
    assert line.startswith("warning: 2 of 3 validation targets have more tokens than answers, whose most is decoding.")
    assert line.endswith("max_length=3; the longest has 5")
    assert not list(long_targets("validation", targets("abab", ""), letters, 4))


@pytest.fixture
def make_run(tmp_path):
    """Makes runs of the task ``pairs`` on files of this test."""
    numbers = itertools.count()

    def make(train, held_out, **tables):
        paths = {}
        number = next(numbers)
        for name, rows in (("train", train), ("validation", held_out), ("test", held_out[:1])):
            path = tmp_path / f"{name}-{number}.tsv"
            path.write_text("".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
            paths[name] = str(path)
        sizes = {"encoder": {"name": "lstm", "hidden_size": 4}, "decoder": {"hidden_size": 4}}
        plugins = Plugins()
        config = resolve([{"task": {"name": "pairs", **paths}, **sizes, **tables}], plugins)
        return Run(tmp_path / f"run-{number}", config, plugins)

    return make


PHONES = [(f"{one}{two}", f"{one.upper()} {two.upper()}") for one in "abcde" for two in "abcde"] * 8


def test_a_run_tells_both(make_run, capsys):
    """Unknown symbols of either split, and a warning for each side, under the line about the model."""
    tokenizers = {"source": {"tokenizer": "words"}, "target": {"tokenizer": "characters"}}
    run = make_run(
        [(f"{source}{number}", target) for number, (source, target) in enumerate(PHONES)],
        [("xx", "A"), ("aa0", "A")],
        **tokenizers,
    )
    prepare(run, PrintedProgress())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    place = next(number for number, line in enumerate(lines) if line.startswith("model "))
    first, second, source, target = lines[place + 1 :]
    assert first == "1 of 2 validation sources have symbols unknown to the model: 'xx' 1"
    assert second == "1 of 1 test sources have symbols unknown to the model: 'xx' 1"
    assert source == (
        "warning: source.tokenizer=words suits the sources badly: 100% of their words are seen once, and so most words "
        "of new ones are unknown; --set source.tokenizer=characters suits them better"
    )
    assert target == (
        "warning: target.tokenizer=characters suits the targets badly: they consist of 5 symbols separated by spaces, "
        "and each space is a token too; --set target.tokenizer=words suits them better"
    )


def test_a_run_that_is_well_tells_nothing(make_run):
    """With the tokenizers that the warnings name."""
    run = make_run(PHONES, [("ab", "A B")], source={"tokenizer": "characters"}, target={"tokenizer": "words"})
    assert list(remarks(run, prepare(run).checkpoint)) == []


def test_a_shared_tokenizer_is_named_by_its_one_setting(make_run):
    """Both sides use the source's."""
    shared = {side: {"tokenizer": "characters"} for side in ("source", "target")}
    shared["target"]["share_vocabulary"] = True
    run = make_run(PHONES, [("ab", "A B")], **shared)
    (line,) = remarks(run, prepare(run).checkpoint)
    assert line.startswith("warning: source.tokenizer=characters suits the targets badly: they consist of 5 symbols")
