"""Byte-pair encoding: the tokenizer that merges characters into subwords, pair by pair."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import attrs

from s2s_core.config.fields import at_least, setting
from s2s_core.text.nodes import Op, Value
from s2s_core.text.subwords import UNKNOWN, Subwords, SubwordsConfig, frequent_tags, learn
from s2s_core.text.vocabulary import PAD, Vocabulary

Pair = tuple[str, str]


@attrs.frozen
class BPEConfig(SubwordsConfig):
    """The settings of byte-pair encoding."""

    minimum_pair_count: int = setting(
        2, "minimum number of times that two tokens must be adjacent in the training texts to be merged", at_least(1)
    )


class BPE(Subwords):
    """Byte-pair encoding, of characters (Sennrich et al. 2016, arXiv 1508.07909).

    A word starts out as its characters. The adjacent pair that was learnt first is merged, the leftmost if it occurs
    several times, and so on until no adjacent pair is one that was learnt.

    Args:
        config: The settings that it was trained with.
        vocabulary: The characters and the merged tokens, then the tags.
        merges: The pairs, in the order in which they were learnt.
    """

    Config = BPEConfig

    def __init__(self, config: Any, vocabulary: Vocabulary, merges: Sequence[Pair]) -> None:
        super().__init__(config, vocabulary)
        tokens = {*vocabulary.tokens}
        if lacking := [pair for pair in merges if not tokens.issuperset((*pair, "".join(pair)))]:
            raise ValueError(f"the vocabulary lacks a token of the pair {lacking[0]}, or the token that it merges into")
        self.merges = merges

    @classmethod
    def train(cls, config: BPEConfig, texts: Iterable[str]) -> Self:
        """Learns the most frequent pair, merges it everywhere, and repeats.

        Raises:
            BadValueError: The vocabulary is too small for the characters and tags.
        """
        import tokenizers  # noqa: PLC0415  # s2s starts without it

        tag_tokens = frequent_tags(config, texts)
        room = config.vocabulary_size - len(tag_tokens)
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=max(room, 0), min_frequency=config.minimum_pair_count, show_progress=False
        )
        alphabet, learnt = learn(config, texts, tokenizers.models.BPE(), trainer, room)
        merges = [(left, right) for left, right in learnt.get("merges", ())]
        return cls(config, Vocabulary(dict.fromkeys([*alphabet, *map("".join, merges), *tag_tokens])), merges)

    def save(self) -> Mapping[str, Any]:
        """Returns the tokens, and each pair as one string with a space between; its right token contains no space."""
        return {**super().save(), "merges": [f"{left} {right}" for left, right in self.merges]}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Restores a tokenizer from what ``save`` returned."""
        pairs = [text.rpartition(" ") for text in saved["merges"]]
        return cls(config, Vocabulary(saved["tokens"]), [(left, right) for left, _, right in pairs])

    def make_model(self) -> Any:
        """Returns the library's model; see ``Subwords.make_model``."""
        import tokenizers  # noqa: PLC0415

        numbers = {token: number for number, token in enumerate([UNKNOWN, *self.subwords])}
        return tokenizers.models.BPE(numbers, list(self.merges), unk_token=UNKNOWN)

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that merge pairs; see ``Tokenizer.onnx_ids``.

        Each iteration of a loop merges one pair of each word::

            l o w  n e w ─► lo w  ne w ─► low  new

        Words don't influence each other, as a space only begins a token and so no pair spans two words. All words
        can therefore advance at once, and the loop runs as often as the word with the most merges needs.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        characters = onnx_text.characters(op, texts)
        ids = onnx_text.lookup(op, characters, self.vocabulary.table())
        if not self.merges:
            return ids
        begins = op.Cast(op.Equal(characters, onnx_text.strings(op, [" "])), to=onnx_text.INT64)
        # Two extra columns, so that every row has a pair and there is padding to shift in.
        rows = [onnx_text.column(op, onnx_text.column(op, rows, 0), 0) for rows in (ids, op.CumSum(begins, 1))]
        carried = [(values, onnx_text.INT64, 2) for values in rows]
        return onnx_text.loop(op, "merge", self._onnx_join(op), steps=None, going=True, carried=carried)[0]

    def _onnx_join(self, op: Op) -> Callable[..., tuple[Value, ...]]:
        """Returns the body of the loop, which maps the ids and the number of each id's word, both [N, S], to new ones.

        A pair is looked up as one number, ``left * count + right``. Its rank is its place in the order of learning.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        number_of, count, none = self.vocabulary.id_of, len(self.vocabulary), len(self.merges)
        ranks = {number_of(left) * count + number_of(right): rank for rank, (left, right) in enumerate(self.merges)}
        joined = onnx_text.numbers(op, [*(number_of(left + right) for left, right in self.merges), PAD])

        def join(op: Op, _step: Value, ids: Value, words: Value) -> tuple[Value, ...]:
            left, right = op.Slice(ids, [0], [-1], [1]), op.Slice(ids, [1], [2**62], [1])
            rank = onnx_text.lookup(op, op.Add(op.Mul(left, count), right), ranks, none)  # [N, S - 1]
            word = op.Slice(words, [0], [-1], [1])
            best = op.And(op.Less(rank, none), op.Equal(rank, _least(op, rank, word, none)))
            place = op.Where(best, op.Range(0, onnx_text.width(op, rank), 1), 2**62)
            leftmost = op.And(best, op.Equal(place, _least(op, place, word, 2**62)))
            joins = op.Cast(leftmost, to=onnx_text.INT64)
            going = op.Cast(op.ReduceMax(joins, keepdims=0), to=onnx_text.BOOL)
            new = op.Gather(joined, op.Pad(rank, [0, 0, 0, 1]))
            ids = op.Where(op.Cast(op.Pad(joins, [0, 0, 0, 1]), to=onnx_text.BOOL), new, ids)
            stays = op.Sub(1, op.Pad(joins, [0, 1, 0, 0]))  # the pair takes its left token's place
            return going, _compacted(op, ids, stays), _compacted(op, words, stays)

        return join


def _least(op: Op, values: Value, groups: Value, most: int) -> Value:
    """Adds the nodes that replace each value of a row by the minimum of its group; no value exceeds ``most``."""
    start = op.Expand(most, op.Shape(values))
    return op.GatherElements(op.ScatterElements(start, groups, values, axis=1, reduction="min"), groups, axis=1)


def _compacted(op: Op, values: Value, stays: Value) -> Value:
    """Adds the nodes that move the values of each row whose ``stays`` is 1 to the left; zeros follow them."""
    last = op.Sub(op.Shape(values, start=1, end=2), 1)
    place = op.Where(op.Equal(stays, 1), op.Sub(op.CumSum(stays, 1), 1), last)
    return op.ScatterElements(op.Mul(values, 0), place, op.Mul(values, stays), axis=1)
