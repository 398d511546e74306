"""The unigram tokenizer, which splits a word into its most probable tokens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from s2s_core.text.nodes import Op, Value
from s2s_core.text.subwords import UNKNOWN, Subwords, SubwordsConfig, frequent_tags, learn
from s2s_core.text.vocabulary import PAD, UNK, Vocabulary

UNIT = 1e-6
"""The unit of scores, in nats. Scores are integers: their sums are exact, so Python and graph agree on every tie."""

UNKNOWN_PENALTY = 10
"""How far below all other scores an unknown character's score is, as in the library ``tokenizers``."""

IMPOSSIBLE = -(10**15)
"""The score of a substring that is not a token: low enough that a cut with it is never the best."""

UNREACHED = -(2**62)
"""The sum of scores of a place that no token has reached yet: below every sum, and adding to it can't overflow."""


class Unigram(Subwords):
    """A unigram language model of tokens (Kudo 2018, arXiv 1804.10959).

    A word is split into the tokens with the highest sum of scores; of equally good splits, the one whose last token is
    longer.

    Args:
        config: The settings that it was trained with.
        vocabulary: The tokens, then the tags.
        scores: The log-probability of each token but the tags, in multiples of ``UNIT``.
    """

    def __init__(self, config: Any, vocabulary: Vocabulary, scores: Sequence[int]) -> None:
        super().__init__(config, vocabulary)
        if len(scores) != len(self.subwords) or not all(isinstance(score, int) for score in scores):
            raise ValueError("each token needs a score, an integer")
        self.scores = scores

    @classmethod
    def train(cls, config: SubwordsConfig, texts: Iterable[str]) -> Self:
        """Learns tokens and their probabilities by expectation maximisation.

        Raises:
            BadValueError: The vocabulary is too small for the characters and tags.
        """
        import tokenizers  # noqa: PLC0415  # s2s starts without it

        tag_tokens = frequent_tags(config, texts)
        room = config.vocabulary_size - len(tag_tokens)
        trainer = tokenizers.trainers.UnigramTrainer(
            vocab_size=max(room, 0) + 1, special_tokens=[UNKNOWN], unk_token=UNKNOWN, show_progress=False
        )
        alphabet, learnt = learn(config, texts, tokenizers.models.Unigram(), trainer, room)
        if not alphabet:
            return cls(config, Vocabulary(tag_tokens), ())
        scores = _settled({token: score for token, score in learnt["vocab"] if token != UNKNOWN}, alphabet)
        longer = sorted(scores.keys() - set(alphabet), key=lambda token: (-scores[token], token))
        tokens = [*alphabet, *longer[: room - len(alphabet)]]
        return cls(config, Vocabulary([*tokens, *tag_tokens]), [scores[token] for token in tokens])

    def save(self) -> Mapping[str, Any]:
        """Returns the tokens and their scores."""
        return {**super().save(), "scores": list(self.scores)}

    @classmethod
    def load(cls, config: Any, saved: Mapping[str, Any]) -> Self:
        """Restores a tokenizer from what ``save`` returned."""
        return cls(config, Vocabulary(saved["tokens"]), saved["scores"])

    def make_model(self) -> Any:
        """Returns the library's model; see ``Subwords.make_model``."""
        import tokenizers  # noqa: PLC0415

        scores = map(float, self.scores)
        return tokenizers.models.Unigram([(UNKNOWN, 0.0), *zip(self.subwords, scores, strict=True)], unk_id=0)

    def onnx_ids(self, op: Op, texts: Value) -> Value:
        """Adds the nodes of the Viterbi algorithm; see ``Tokenizer.onnx_ids``.

        One loop goes over the characters and finds the best last token of each prefix of the text; another one goes
        back from the end and puts each token where it begins. Splitting the whole text gives the same tokens as
        splitting it word by word, since no token spans two words.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        characters = onnx_text.column(op, onnx_text.characters(op, texts), onnx_text.strings(op, [""]))
        lengths = op.ReduceSum(
            op.Cast(op.Not(op.Equal(characters, onnx_text.strings(op, [""]))), to=onnx_text.INT64), [1]
        )  # [N, 1]
        ids, scores = self._onnx_tokens(op, characters, lengths)  # [N, S, L]
        longest = self._onnx_forward(op, scores)
        return onnx_text.pack(op, self._onnx_back(op, ids, longest, lengths), PAD)

    def _onnx_tokens(self, op: Op, characters: Value, lengths: Value) -> tuple[Value, Value]:
        """Adds the nodes that return the id and the score of the token of each length from each character on.

        Args:
            op: Adds the nodes.
            characters: string[N, S].
            lengths: The number of characters of each text, int64[N, 1].

        Returns:
            Ids and scores, both int64[N, S, L], where L is the length of the longest token.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        most = max(map(len, self.subwords), default=1)
        size = onnx_text.width(op, characters)
        ids = onnx_text.lookup(op, _substrings(op, characters, most), self.vocabulary.table())
        unknown = min(self.scores, default=0) - UNKNOWN_PENALTY
        scores = op.Gather(onnx_text.numbers(op, [*[IMPOSSIBLE] * (UNK + 1), *self.scores]), ids)
        scores = op.Max(scores, onnx_text.numbers(op, [unknown, *[IMPOSSIBLE] * (most - 1)]))
        end = op.Add(op.Unsqueeze(op.Range(0, size, 1), [1]), onnx_text.numbers(op, range(1, most + 1)))  # [S, L]
        inside = op.LessOrEqual(end, op.Unsqueeze(lengths, [2]))
        return ids, op.Where(inside, scores, IMPOSSIBLE)

    @staticmethod
    def _onnx_forward(op: Op, scores: Value) -> Value:
        """Adds the loop that returns the length of the best last token of each prefix of the text, int64[N, S].

        Two rows look L places ahead of the current one, [N, L + 1]: the best sums of scores up to each place, and the
        lengths of the last tokens that gave them.
        """
        from s2s_core.text import onnx_text  # noqa: PLC0415

        most = op.Shape(scores, start=2, end=3)
        shape = op.Concat(op.Shape(scores, start=0, end=1), most, axis=0)
        unreached = op.Expand(UNREACHED, shape)  # [N, L]
        sums = op.Concat(op.Slice(op.Mul(unreached, 0), [0], [1], [1]), unreached, axis=1)
        lengths = onnx_text.column(op, op.Expand(1, shape), 1)
        *_, last_lengths = onnx_text.loop(
            op,
            "forward",
            _extend(op, scores),
            steps=op.Squeeze(op.Shape(scores, start=1, end=2), [0]),
            going=True,
            carried=[(sums, onnx_text.INT64, 2), (lengths, onnx_text.INT64, 2)],
            gathered=[(onnx_text.INT64, 1)],
        )
        return op.Transpose(last_lengths, perm=[1, 0])

    @staticmethod
    def _onnx_back(op: Op, ids: Value, longest: Value, lengths: Value) -> Value:
        """Adds the loop that puts each token of the best cut where it begins, int64[N, S] with padding in between."""
        from s2s_core.text import onnx_text  # noqa: PLC0415

        most = op.Shape(ids, start=2, end=3)
        flat = op.Reshape(ids, op.Concat(op.Shape(ids, start=0, end=1), [-1], axis=0))  # [N, S · L]

        def go_back(op: Op, _step: Value, end: Value, tokens: Value) -> tuple[Value, Value, Value]:
            length = op.GatherElements(longest, op.Max(op.Sub(end, 1), 0), axis=1)
            begin = op.Max(op.Sub(end, length), 0)  # [N, 1]
            token = op.GatherElements(flat, op.Sub(op.Add(op.Mul(begin, most), length), 1), axis=1)
            token = op.Where(op.Greater(end, 0), token, op.GatherElements(tokens, begin, axis=1))
            tokens = op.ScatterElements(tokens, begin, token, axis=1)
            return op.Greater(op.ReduceMax(begin, keepdims=0), 0), begin, tokens

        carried = [(lengths, onnx_text.INT64, 2), (op.Mul(longest, PAD), onnx_text.INT64, 2)]
        return onnx_text.loop(op, "back", go_back, steps=None, going=True, carried=carried)[1]


def _substrings(op: Op, characters: Value, most: int) -> Value:
    """Adds the nodes that return the substrings of lengths 1 to L from each character on, string[N, S, L].

    Args:
        op: Adds the nodes.
        characters: string[N, S].
        most: L.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    size = onnx_text.width(op, characters)
    wide = characters
    for _ in range(most - 1):
        wide = onnx_text.column(op, wide, onnx_text.strings(op, [""]))  # [N, S + L - 1] in the end
    text, texts = characters, [op.Unsqueeze(characters, [2])]
    for shift in range(1, most):
        text = op.StringConcat(text, op.Slice(wide, [shift], op.Unsqueeze(op.Add(size, shift), [0]), [1]))  # [N, S]
        texts.append(op.Unsqueeze(text, [2]))
    return op.Concat(*texts, axis=2)


def _extend(op: Op, scores: Value) -> Callable[..., tuple[Value, ...]]:
    """Returns the body of the forward loop, which extends the best cut up to a place by each token that begins there.

    When the loop comes to a place, every token that ends there has been tried, so its best sum is final. A later
    token replaces an earlier one only if its sum is higher: of equally good ones the one that began first stays, which
    is the longest.
    """
    from s2s_core.text import onnx_text  # noqa: PLC0415

    by_place = op.Transpose(scores, perm=[1, 0, 2])  # [S, N, L]
    every_length = op.Range(1, op.Add(op.Squeeze(op.Shape(scores, start=2, end=3), [0]), 1), 1)  # [L]

    def extend(op: Op, step: Value, sums: Value, lengths: Value) -> tuple[Value, ...]:
        here, ahead = op.Slice(sums, [0], [1], [1]), op.Slice(sums, [1], [2**62], [1])  # [N, 1], [N, L]
        reached = op.Add(here, op.Gather(by_place, step, axis=0))  # [N, L]
        better = op.Greater(reached, ahead)
        sums = onnx_text.column(op, op.Where(better, reached, ahead), UNREACHED)  # [N, L + 1]
        lengths = op.Where(better, every_length, op.Slice(lengths, [1], [2**62], [1]))  # [N, L]
        last_length = op.Squeeze(op.Slice(lengths, [0], [1], [1]), [1])  # [N]
        return op.GreaterOrEqual(step, 0), sums, onnx_text.column(op, lengths, 1), last_length

    return extend


def _settled(learnt: Mapping[str, float], alphabet: Sequence[str]) -> dict[str, int]:
    """Returns the scores of the alphabet and of all other tokens, in multiples of ``UNIT``.

    The library gives the characters that it doesn't need the lowest scores, 0.0001 apart and in an order that changes
    from process to process. Here they all get the lowest score.
    """
    lowest = min(learnt.values(), default=0.0)
    doubtful = lowest + 0.0001 * (len(alphabet) + 1)
    scores = dict.fromkeys(alphabet, lowest)
    scores |= {token: score for token, score in learnt.items() if token not in scores or score > doubtful}
    return {token: round(score / UNIT) for token, score in scores.items()}
