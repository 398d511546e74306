"""The tokenizer that cuts a word into its most probable tokens."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from s2s_core.text.nodes import Op, Value
from s2s_core.text.subwords import UNKNOWN, Subwords, SubwordsConfig, characters, learn, normalized
from s2s_core.text.vocabulary import PAD, UNK, Vocabulary

UNIT = 1e-6
"""Scores are whole multiples of this many nats. Sums of them are exact, so Python and graph agree on every tie."""

UNKNOWN_PENALTY = 10
"""How far an unknown character's score is below all others, as the library has it."""

IMPOSSIBLE = -(10**15)
"""The score of what is no token."""

UNREACHED = -(2**62)
"""The score of a place to which no token led yet."""


class Unigram(Subwords):
    """A unigram language model of tokens (Kudo 2018, arXiv 1804.10959).

    Of all ways to cut a word into tokens the one with the highest sum of scores is taken; of equally good ones, that
    whose last token is longer.

    Args:
        config: How it was trained.
        vocabulary: The tokens.
        scores: Of each token, its log-probability in multiples of ``UNIT``.
    """

    def __init__(self, config: Any, vocabulary: Vocabulary, scores: Sequence[int]) -> None:
        super().__init__(config, vocabulary)
        if len(scores) != len(vocabulary.tokens) or not all(isinstance(score, int) for score in scores):
            raise ValueError("each token needs a score, a whole number")
        self.scores = scores

    @classmethod
    def train(cls, config: SubwordsConfig, texts: Iterable[str]) -> Self:
        """Learns tokens and their probabilities by expectation maximisation.

        Raises:
            BadValueError: The vocabulary is too small for the characters.
        """
        import tokenizers  # noqa: PLC0415  # s2s starts without it

        known, unknown = characters(config, normalized(config, texts))
        if not known:
            return cls(config, Vocabulary(()), ())
        trainer = tokenizers.trainers.UnigramTrainer(
            vocab_size=config.vocabulary_size + 1, special_tokens=[UNKNOWN], unk_token=UNKNOWN, show_progress=False
        )
        learnt = dict(learn(tokenizers.models.Unigram(), trainer, normalized(config, texts), unknown)["vocab"])
        del learnt[UNKNOWN]
        scores = _settled(learnt, known)
        longer = sorted(scores.keys() - set(known), key=lambda token: (-scores[token], token))
        tokens = [*known, *longer[: config.vocabulary_size - len(known)]]
        return cls(config, Vocabulary(tokens), [scores[token] for token in tokens])

    def save(self) -> Mapping[str, Any]:
        """Returns the tokens and their scores."""
        return {**super().save(), "scores": list(self.scores)}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Makes the tokenizer that ``save`` described."""
        return cls(config, Vocabulary(saved["tokens"]), saved["scores"])

    def make_model(self) -> Any:
        """Makes the library's model; see ``Subwords.make_model``."""
        import tokenizers  # noqa: PLC0415

        scores = map(float, self.scores)
        return tokenizers.models.Unigram([(UNKNOWN, 0.0), *zip(self.vocabulary.tokens, scores, strict=True)], unk_id=0)

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of the Viterbi algorithm; see ``Tokenizer.onnx_ids``.

        One loop goes over the characters and finds the best last token of each beginning of the text, another one goes
        back from its end and puts each token where it begins. A text is cut as its words are one by one, as each token
        ends with its word.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        characters = onnx_text.column(op, onnx_text.characters(op, texts), onnx_text.strings(op, [""]))
        lengths = op.ReduceSum(
            op.Cast(op.Not(op.Equal(characters, onnx_text.strings(op, [""]))), to=onnx_text.INT64), [1]
        )  # [N, 1]
        ids, scores = self._onnx_tokens(op, characters, lengths)  # [N, S, L]
        longest = self._onnx_forward(op, scores)
        return onnx_text.pack(op, self._onnx_back(op, ids, longest, lengths))

    def _onnx_tokens(self, op: Op, characters: Value, lengths: Value) -> tuple[Value, Value]:
        """Adds the nodes that give id and score of the tokens that begin at each character, one of each length."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        most = max(map(len, self.vocabulary.tokens), default=1)
        size = onnx_text.width(op, characters)
        wide = characters
        for _ in range(most - 1):
            wide = onnx_text.column(op, wide, onnx_text.strings(op, [""]))
        begun, texts = characters, [op.Unsqueeze(characters, [2])]
        for shift in range(1, most):
            begun = op.StringConcat(begun, op.Slice(wide, [shift], op.Unsqueeze(op.Add(size, shift), [0]), [1]))
            texts.append(op.Unsqueeze(begun, [2]))
        ids = onnx_text.lookup(op, op.Concat(*texts, axis=2), self._ids())
        unknown = min(self.scores, default=0) - UNKNOWN_PENALTY
        scores = op.Gather(onnx_text.numbers(op, [*[IMPOSSIBLE] * (UNK + 1), *self.scores]), ids)
        scores = op.Max(scores, onnx_text.numbers(op, [unknown, *[IMPOSSIBLE] * (most - 1)]))
        end = op.Add(op.Unsqueeze(op.Range(0, size, 1), [1]), onnx_text.numbers(op, range(1, most + 1)))  # [S, L]
        inside = op.LessOrEqual(end, op.Unsqueeze(lengths, [2]))
        return ids, op.Where(inside, scores, IMPOSSIBLE)

    @staticmethod
    def _onnx_forward(op: Op, scores: Value) -> Value:
        """Adds the loop that gives the length of the best last token of each beginning of the text, int64[N, S]."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        by_place = op.Transpose(scores, perm=[1, 0, 2])  # [S, N, L]
        most = op.Shape(scores, start=2, end=3)
        lengths = op.Range(1, op.Add(op.Squeeze(most, [0]), 1), 1)
        shape = op.Concat(op.Shape(scores, start=0, end=1), most, axis=0)

        def extend(op: Op, step: Value, best: Value, length: Value) -> tuple[Value, ...]:
            """Takes the best sums up to here and up to the next L places, and the last tokens that gave them."""
            here, ahead = op.Slice(best, [0], [1], [1]), op.Slice(best, [1], [2**62], [1])
            reached = op.Add(here, op.Gather(by_place, step, axis=0))  # [N, L]
            better = op.Greater(reached, ahead)
            best = onnx_text.column(op, op.Where(better, reached, ahead), UNREACHED)
            length = op.Where(better, lengths, op.Slice(length, [1], [2**62], [1]))
            return (
                op.GreaterOrEqual(step, 0),
                best,
                onnx_text.column(op, length, 1),
                op.Squeeze(op.Slice(length, [0], [1], [1]), [1]),
            )

        begin = op.Expand(UNREACHED, shape)
        carried = [
            (op.Concat(op.Slice(op.Mul(begin, 0), [0], [1], [1]), begin, axis=1), onnx_text.INT64, 2),
            (onnx_text.column(op, op.Expand(1, shape), 1), onnx_text.INT64, 2),
        ]
        steps = op.Squeeze(op.Shape(scores, start=1, end=2), [0])
        *_, found = onnx_text.loop(
            op, "forward", extend, steps=steps, going=True, carried=carried, gathered=[(onnx_text.INT64, 1)]
        )
        return op.Transpose(found, perm=[1, 0])

    @staticmethod
    def _onnx_back(op: Op, ids: Value, longest: Value, lengths: Value) -> Value:
        """Adds the loop that puts the best tokens where they begin, int64[N, S] with padding in between."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        most = op.Shape(ids, start=2, end=3)
        flat = op.Reshape(ids, op.Concat(op.Shape(ids, start=0, end=1), [-1], axis=0))

        def go_back(op: Op, _step: Value, end: Value, found: Value) -> tuple[Value, Value, Value]:
            length = op.GatherElements(longest, op.Max(op.Sub(end, 1), 0), axis=1)
            begin = op.Max(op.Sub(end, length), 0)  # [N, 1]
            token = op.GatherElements(flat, op.Sub(op.Add(op.Mul(begin, most), length), 1), axis=1)
            token = op.Where(op.Greater(end, 0), token, op.GatherElements(found, begin, axis=1))
            found = op.ScatterElements(found, begin, token, axis=1)
            return op.Greater(op.ReduceMax(begin, keepdims=0), 0), begin, found

        carried = [(lengths, onnx_text.INT64, 2), (op.Mul(longest, PAD), onnx_text.INT64, 2)]
        return onnx_text.loop(op, "back", go_back, steps=None, going=True, carried=carried)[1]


def _settled(learnt: Mapping[str, float], known: Sequence[str]) -> dict[str, int]:
    """Returns all known characters' and the other tokens' scores, in multiples of ``UNIT``.

    The library gives characters that it has no use for the lowest scores, 0.0001 apart and in an order that changes
    from process to process. Here they all have the lowest one.
    """
    lowest = min(learnt.values(), default=0.0)
    doubtful = lowest + 0.0001 * (len(known) + 1)
    scores = dict.fromkeys(known, lowest)
    scores |= {token: score for token, score in learnt.items() if token not in scores or score > doubtful}
    return {token: round(score / UNIT) for token, score in scores.items()}
