"""The tokenizer that joins characters pair by pair."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import attrs

from s2s_core.config.fields import at_least, setting
from s2s_core.text.nodes import Op, Value
from s2s_core.text.subwords import UNKNOWN, Subwords, SubwordsConfig, characters, learn, normalized
from s2s_core.text.vocabulary import PAD, Vocabulary

Pair = tuple[str, str]


@attrs.frozen
class BPEConfig(SubwordsConfig):
    """What can be set of byte-pair encoding."""

    minimum_pair_count: int = setting(
        2, "how often two tokens must meet in the training texts to be joined", at_least(1)
    )


class BPE(Subwords):
    """Byte-pair encoding, of characters (Sennrich et al. 2016, arXiv 1508.07909).

    A word begins as its characters. Of its pairs of neighbours the one that was learnt first is joined, the leftmost of
    several, until none was learnt.

    Args:
        config: How it was trained.
        vocabulary: The characters and the joined tokens.
        merges: The pairs, in the order in which they were learnt.
    """

    Config = BPEConfig

    def __init__(self, config: Any, vocabulary: Vocabulary, merges: Sequence[Pair]) -> None:
        super().__init__(config, vocabulary)
        tokens = {*vocabulary.tokens}
        if lacking := [pair for pair in merges if not tokens.issuperset((*pair, "".join(pair)))]:
            raise ValueError(f"the vocabulary lacks what the pair {lacking[0]} is joined of or to")
        self.merges = merges

    @classmethod
    def train(cls, config: BPEConfig, texts: Iterable[str]) -> Self:
        """Learns the pairs that are most frequent, each after those before it are joined.

        Raises:
            BadValueError: The vocabulary is too small for the characters.
        """
        import tokenizers  # noqa: PLC0415  # s2s starts without it

        known, unknown = characters(config, normalized(config, texts))
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=config.vocabulary_size, min_frequency=config.minimum_pair_count, show_progress=False
        )
        learnt = learn(tokenizers.models.BPE(), trainer, normalized(config, texts), unknown)
        merges = [(left, right) for left, right in learnt["merges"]]
        return cls(config, Vocabulary(dict.fromkeys([*known, *map("".join, merges)])), merges)

    def save(self) -> Mapping[str, Any]:
        """Returns the tokens, and each pair with a space in between; the right one has none."""
        return {**super().save(), "merges": [f"{left} {right}" for left, right in self.merges]}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Makes the tokenizer that ``save`` described."""
        pairs = [text.rpartition(" ") for text in saved["merges"]]
        return cls(config, Vocabulary(saved["tokens"]), [(left, right) for left, _, right in pairs])

    def make_model(self) -> Any:
        """Makes the library's model; see ``Subwords.make_model``."""
        import tokenizers  # noqa: PLC0415

        numbers = {token: number for number, token in enumerate([UNKNOWN, *self.vocabulary.tokens])}
        return tokenizers.models.BPE(numbers, list(self.merges), unk_token=UNKNOWN)

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes that join pairs; see ``Tokenizer.onnx_ids``.

        A loop joins one pair of each word at a time::

            l o w  n e w ─► lo w  ne w ─► low  new
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        characters = onnx_text.characters(op, texts)
        ids = onnx_text.lookup(op, characters, self._ids())
        if not self.merges:
            return ids
        begins = op.Cast(op.Equal(characters, onnx_text.strings(op, [" "])), to=onnx_text.INT64)
        # Two columns more, so that there is always a pair, and padding to move in.
        rows = [onnx_text.column(op, onnx_text.column(op, rows, 0), 0) for rows in (ids, op.CumSum(begins, 1))]
        carried = [(values, onnx_text.INT64, 2) for values in rows]
        return onnx_text.loop(op, "merge", self._onnx_join(op), steps=None, going=True, carried=carried)[0]

    def _onnx_join(self, op: Op) -> Callable[..., tuple[Value, ...]]:
        """Returns the body of the loop. It takes and gives the ids and the number of each one's word, both [N, S]."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        number_of, count, none = self.vocabulary.id_of, len(self.vocabulary), len(self.merges)
        ranks = {number_of(left) * count + number_of(right): rank for rank, (left, right) in enumerate(self.merges)}
        joined = onnx_text.numbers(op, [*(number_of(left + right) for left, right in self.merges), PAD])

        def join(op: Op, _step: Value, ids: Value, words: Value) -> tuple[Value, ...]:
            left, right = op.Slice(ids, [0], [-1], [1]), op.Slice(ids, [1], [2**62], [1])
            rank = onnx_text.replace(op, op.Add(op.Mul(left, count), right), ranks, none)  # [N, S - 1]
            word = op.Slice(words, [0], [-1], [1])
            best = op.And(op.Less(rank, none), op.Equal(rank, _least(op, rank, word, none)))
            place = op.Where(best, op.Range(0, onnx_text.width(op, rank), 1), 2**62)
            leftmost = op.And(best, op.Equal(place, _least(op, place, word, 2**62)))
            joins = op.Cast(leftmost, to=onnx_text.INT64)
            going = op.Cast(op.ReduceMax(joins, keepdims=0), to=onnx_text.BOOL)
            new = op.Gather(joined, op.Pad(rank, [0, 0, 0, 1]))
            ids = op.Where(op.Cast(op.Pad(joins, [0, 0, 0, 1]), to=onnx_text.BOOL), new, ids)
            kept = op.Sub(1, op.Pad(joins, [0, 1, 0, 0]))  # the right one of a pair goes
            return going, _compacted(op, ids, kept), _compacted(op, words, kept)

        return join


def _least(op: Op, values: Value, groups: Value, most: int) -> Value:
    """Adds the nodes that replace each value of a row by the least one of its group; none is above ``most``."""
    start = op.Expand(most, op.Shape(values))
    return op.GatherElements(op.ScatterElements(start, groups, values, axis=1, reduction="min"), groups, axis=1)


def _compacted(op: Op, values: Value, kept: Value) -> Value:
    """Adds the nodes that move the kept values of rows, of which ``kept`` is 1, together; zeros follow them."""
    last = op.Sub(op.Shape(values, start=1, end=2), 1)
    place = op.Where(op.Equal(kept, 1), op.Sub(op.CumSum(kept, 1), 1), last)
    return op.ScatterElements(op.Mul(values, 0), place, op.Mul(values, kept), axis=1)
