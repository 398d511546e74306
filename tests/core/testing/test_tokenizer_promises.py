"""Every promise of tokenizers is kept by good ones, and a tokenizer that breaks it is caught, with the text."""

import random

import pytest
from examining import require_caught, require_kept

from s2s_core import Tokenizer
from s2s_core.plugins.registry import Plugins
from s2s_core.testing import promises
from s2s_core.testing import tokenizer as examined_tokenizer
from s2s_core.text import onnx_text
from s2s_core.text.characters import Characters
from s2s_core.text.vocabulary import BOS, EOS, PAD, SPECIALS, Vocabulary
from s2s_core.text.words import Words

PROMISES = {promise.name: promise for promise in promises("tokenizer")}
PLUGINS = Plugins([], {})


class Commas(Tokenizer):
    """Tokens stand between commas, as in the documentation of hooks."""

    separator = ","

    def split(self, text):
        return [token for token in text.split(",") if token]

    def onnx_split(self, op, texts):
        return op.Tokenizer(texts, _domain="com.microsoft", tokenexp="[^,]+", mark=0, mincharnum=1, pad_value="")


class NumberedByChance(Characters):
    @classmethod
    def train(cls, config, texts):
        tokens = {character for text in texts for character in text}
        return cls(config, Vocabulary(random.sample(sorted(tokens), len(tokens))))


NUMBERED_BY_A_SET = """
from s2s_core.text.characters import Characters
from s2s_core.text.vocabulary import Vocabulary

class Examined(Characters):
    @classmethod
    def train(cls, config, texts):
        return cls(config, Vocabulary({character for text in texts for character in text}))
"""


class CountsTexts(Characters):
    @classmethod
    def train(cls, config, texts):
        return super().train(config, texts[: len(texts)])


class DropsSpaces(Characters):
    def split(self, text):
        return list(text.replace(" ", ""))


class JoinsWithoutSpaces(Words):
    def decode(self, ids):
        return super().decode(ids).replace(" ", "")


class KnowsNothing(Characters):
    @classmethod
    def train(cls, config, texts):
        return cls(config, Vocabulary(()))


class NeedsText(Characters):
    def encode(self, text):
        return [self.vocabulary.id_of(text[0]), *super().encode(text[1:])]


class NumbersFromOne(Characters):
    def encode(self, text):
        return [number + 1 for number in super().encode(text)]


class AnswersHalves(Characters):
    def decode(self, ids):
        return super().decode(ids).encode().decode("ascii", errors="surrogateescape")


class ReadsMarks(Characters):
    def encode(self, text):
        return [EOS] if text == "</s>" else super().encode(text)


class CannotAnswerUnknown(Characters):
    def decode(self, ids):
        tokens = dict(enumerate(self.vocabulary.tokens, SPECIALS))
        return "".join(tokens[number] for number in ids if number not in {PAD, BOS, EOS})


class ReadsOn(Characters):
    def decode(self, ids):
        return super().decode([number for number in ids if number != EOS])


class SplitsLowerCase(Characters):
    def split(self, text):
        return list(text.lower())

    def encode(self, text):
        return self.vocabulary.ids_of(text)


class SplitsEmpty(Words):
    @classmethod
    def train(cls, config, texts):
        return cls(config, Words.train(config, texts).vocabulary)

    def split(self, text):
        return text.split(" ")

    def encode(self, text):
        return self.vocabulary.ids_of(filter(None, self.split(text)))


class SavesBytes(Characters):
    def save(self):
        return {"tokens": "".join(self.vocabulary.tokens).encode()}


class SavesNumbers(Characters):
    def save(self):
        return {"tokens": dict(enumerate(self.vocabulary.tokens))}

    @classmethod
    def load(cls, config, saved):
        return cls(config, Vocabulary(saved["tokens"][number] for number in range(len(saved["tokens"]))))


class ForgetsItsOrder(Characters):
    @classmethod
    def load(cls, config, saved):
        return cls(config, Vocabulary(reversed(saved["tokens"])))


class ForgetsAnOption(Characters):
    upper = False

    @classmethod
    def train(cls, config, texts):
        made = super().train(config, texts)
        made.upper = True
        return made

    def decode(self, ids):
        text = super().decode(ids)
        return text.upper() if self.upper else text


class SplitsAtAnySpace(Words):
    def split(self, text):
        return text.split()


class ForgetsTheEnd(Characters):
    def onnx_batch(self, op, texts):
        ids, lengths = super().onnx_batch(op, texts)
        return ids, op.Sub(lengths, 1)


class PadsTooFar(Characters):
    def onnx_batch(self, op, texts):
        ids, lengths = super().onnx_batch(op, texts)
        return op.Pad(ids, [0, 0, 0, 1]), lengths


class LosesRows(Characters):
    def onnx_batch(self, op, texts):
        ids, lengths = super().onnx_batch(op, texts)
        return op.Slice(ids, [0], [1], [0]), lengths


class NeedsMore(Characters):
    def onnx_split(self, op, texts):
        raise ModuleNotFoundError(name="onnx_ir")


class HasNoNodes(Characters):
    def onnx_split(self, op, texts):
        raise NotImplementedError("to be written")


class JoinsWithDots(Words):
    def onnx_decode(self, op, ids):
        return onnx_text.join(op, op.Gather(onnx_text.strings(op, list(self.vocabulary.surfaces)), ids))


BROKEN = [
    ("training", NumberedByChance, "training anew, save()['tokens'][0] is '"),
    ("training", NUMBERED_BY_A_SET, "training in another process, save()['tokens'][0] is '"),
    ("training", CountsTexts, "training raises TypeError: object of type"),
    ("round_trip", DropsSpaces, "'ab c-' comes back as 'abc-'"),
    ("round_trip", JoinsWithoutSpaces, "'ab c-' comes back as 'abc-', and that comes back as '\ufffd'"),
    ("round_trip", KnowsNothing, "every text that it was trained on has unknown tokens, such as 'a'"),
    ("any_text", NeedsText, "encoding '' raises IndexError: string index out of range"),
    ("any_text", NumbersFromOne, "but has the ids from 0 to "),
    ("any_text", AnswersHalves, r"which has half a surrogate pair"),
    ("special_ids", ReadsMarks, "encodes '</s>' with the special id 2"),
    ("any_ids", CannotAnswerUnknown, "decoding [3] raises KeyError: 3"),
    ("any_ids", ReadsOn, "with an end and more as '"),
    ("split", SplitsLowerCase, "is split into ['"),
    ("split", SplitsEmpty, "'' is split into [''], of which one is empty"),
    ("save_load", SavesBytes, "is not JSON: Object of type bytes is not JSON serializable"),
    ("save_load", SavesNumbers, "raises KeyError: 0"),
    ("save_load", ForgetsItsOrder, "of a tokenizer that was trained, loaded again, tokens[0] is '"),
    ("save_load", ForgetsAnOption, "loaded again as '"),
    ("onnx_batch", SplitsAtAnySpace, r"Python encodes 'a\nb', text 1 of 10, as ["),
    ("onnx_batch", ForgetsTheEnd, "; ids[37] is None instead of 2"),
    ("onnx_batch", LosesRows, "the graph gives 1 rows of ids and 10 lengths for 10 texts"),
    ("onnx_batch", NeedsMore, 'was trained needs ONNX IR, which isn\'t installed: pip install "s2s-toolkit[patch]"'),
    ("onnx_batch", PadsTooFar, "as rows of 39 ids, [["),
    ("onnx_batch", HasNoNodes, "building the graph of a tokenizer that was trained raises NotImplementedError: to be"),
    ("onnx_decode", JoinsWithDots, "Python decodes [3, 3, 2, 0, 0] as '\ufffd \ufffd', the graph as '\ufffd\ufffd'"),
]


@pytest.mark.parametrize("promise", sorted(PROMISES.keys() - {"training"}))
def test_a_good_tokenizer_keeps_it(promise):
    """One that is shown in the documentation; the next tests examine those of the core."""
    require_kept("tokenizer", Commas, PROMISES[promise], PLUGINS)


@pytest.mark.parametrize(("promise", "component", "found"), BROKEN, ids=[promise for promise, *_ in BROKEN])
def test_a_tokenizer_that_breaks_it_is_caught(promise, component, found, importable, monkeypatch):
    """The message says what was found, for which text or which ids."""
    monkeypatch.setattr(examined_tokenizer, "RANDOM_TEXTS", 20)
    if isinstance(component, str):
        component = importable("broken_tokenizer", component).Examined
    require_caught("tokenizer", component, PROMISES[promise], PLUGINS, found)


def test_a_broken_tokenizer_proves_every_promise():
    """None goes unproved."""
    assert PROMISES.keys() == {promise for promise, *_ in BROKEN}
