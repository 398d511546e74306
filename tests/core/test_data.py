"""Pairs of texts become batches that depend on nothing but the seed and the step."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2s_core.config.training import TrainingConfig
from s2s_core.data import splits as data
from s2s_core.data.batches import TrainingBatches
from s2s_core.data.pairs import Pairs, Sequences
from s2s_core.data.splits import Splits
from s2s_core.data.task import Example, Task
from s2s_core.errors import DataError, PluginError
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.vocabulary import EOS, PAD

TOKENIZER = Characters.train(TokenizerConfig(), ["abcdefgh0123456789"])
TOKENIZERS = TOKENIZER, TOKENIZER

few = settings(max_examples=25, derandomize=True, database=None, deadline=None)


class Fixed(Task):
    """Has so many training examples, all different."""

    def __init__(self, count):
        super().__init__(None)
        self.count = count

    def examples(self, split, rng):
        numbers = range(self.count) if split == "train" else range(1000, 1003)
        for number in numbers:
            yield Example("a" * (number % 7) + str(number), str(number))


class Endless(Task):
    """Draws numbers below a limit."""

    endless = True

    def __init__(self, limit=10**6):
        super().__init__(None)
        self.limit = limit

    def examples(self, split, rng):
        while True:
            number = rng.randrange(self.limit)
            yield Example("a" * (number % 5) + str(number), str(number))


class Empty(Task):
    """Lacks the examples of some splits."""

    def __init__(self, *missing):
        super().__init__(None)
        self.missing = missing

    def examples(self, split, rng):
        yield from [] if split in self.missing else [Example("a", "b")]


def make(task, seed=0, *, batch_size=3, bucket_batches=4, batch_tokens=0):
    config = TrainingConfig(seed=seed, batch_size=batch_size, bucket_batches=bucket_batches, batch_tokens=batch_tokens)
    return TrainingBatches(Splits(task, "test"), TOKENIZERS, config)


def take(batches, count, step=0):
    return list(itertools.islice(batches.after(step), count))


def arrays(batches):
    """Returns what can be compared."""
    fields = ("source", "source_lengths", "target", "target_lengths")
    return [[getattr(batch, name).tolist() for name in fields] for batch in batches]


def pairs(batches):
    """Returns the texts of batches."""
    return [
        Example(TOKENIZER.decode(source), TOKENIZER.decode(target))
        for batch in batches
        for source, target in zip(batch.source.tolist(), batch.target.tolist(), strict=True)
    ]


@pytest.fixture(params=["finite", "endless"], scope="module")
def task(request):
    return Fixed(11) if request.param == "finite" else Endless()


def test_batches_are_the_same_for_the_same_seed(task):
    """Two streams of one seed are equal, and those of two seeds aren't."""
    assert arrays(take(make(task, 1), 20)) == arrays(take(make(task, 1), 20))
    assert arrays(take(make(task, 1), 20)) != arrays(take(make(task, 2), 20))


def test_other_chance_has_no_part_in_batches(task):
    """Neither Python's nor numpy's own generator is read or moved."""
    random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    first = arrays(take(make(task), 9))
    assert before == (random.getstate(), np.random.get_state()[1].tolist())
    random.seed(2)
    assert first == arrays(take(make(task), 9))


@few
@given(step=st.integers(0, 30), batch_size=st.integers(1, 5), bucket_batches=st.integers(1, 6))
@example(step=8, batch_size=3, bucket_batches=4)
def test_a_stream_can_start_anywhere(task, step, batch_size, bucket_batches):
    """``after(k)`` gives the batches that follow the first k, within a bucket and across."""
    batches = make(task, batch_size=batch_size, bucket_batches=bucket_batches)
    expected = arrays(take(batches, step + 12))[step:]
    assert expected == arrays(take(batches, 12, step))
    assert expected == arrays(take(make(task, batch_size=batch_size, bucket_batches=bucket_batches), 12, step))


@few
@given(batch_size=st.integers(1, 20))
def test_every_batch_is_full(task, batch_size):
    """Also where an epoch doesn't divide into batches, or is smaller than one."""
    assert {batch_size} == {len(batch.source) for batch in take(make(task, batch_size=batch_size), 10)}


@few
@given(count=st.integers(1, 15), batch_size=st.integers(1, 6), bucket_batches=st.integers(1, 4))
def test_each_epoch_has_every_example_once(count, batch_size, bucket_batches):
    """After as many rows as make whole buckets and whole epochs, all have been seen equally often."""
    task = Fixed(count)
    steps = count * bucket_batches
    seen = Counter(pairs(take(make(task, batch_size=batch_size, bucket_batches=bucket_batches), steps)))
    assert dict.fromkeys(task.examples("train", None), batch_size * bucket_batches) == seen


def test_epochs_differ():
    """The examples of each epoch come in another order, which is another one for each seed."""
    streams = [make(Fixed(12), seed, batch_size=1, bucket_batches=1) for seed in (0, 1)]
    epochs = [pairs(take(stream, 12, step)) for stream in streams for step in (0, 12)]
    assert all(set(epochs[0]) == set(epoch) for epoch in epochs)
    assert 4 == len(set(map(tuple, epochs)))


def test_the_pairs_of_a_batch_are_about_equally_long(task):
    """In a bucket no pair is longer than one of the batch with the next longer ones, but batches come in any order."""
    bucket = take(make(task, batch_size=3, bucket_batches=6), 6)
    spans = [(int(batch.source_lengths.min()), int(batch.source_lengths.max())) for batch in bucket]
    in_order = sorted(spans)
    assert all(longest <= shortest for (_, longest), (shortest, _) in itertools.pairwise(in_order))
    assert spans != in_order


@few
@given(batch_tokens=st.integers(1, 150), bucket_batches=st.integers(1, 4))
def test_batches_by_tokens_hold_as_many_pairs_as_fit(task, batch_tokens, bucket_batches):
    """They are the pairs of a bucket of batches by sentences, cut in order of length as late as is allowed."""
    by_sentences = make(task, batch_size=5, bucket_batches=bucket_batches)
    by_tokens = make(task, batch_size=5, bucket_batches=bucket_batches, batch_tokens=batch_tokens)
    step = 0
    for number in range(3):
        bucket = take(by_sentences, bucket_batches, number * bucket_batches)
        expected = cut(sorted(itertools.chain(*map(lengths, bucket))), batch_tokens)
        found = take(by_tokens, len(expected), step)
        assert sorted(expected) == sorted(map(lengths, found))
        assert Counter(pairs(bucket)) == Counter(pairs(found))
        step += len(expected)


def lengths(batch):
    """Returns the lengths of each pair of a batch."""
    return sorted(zip(batch.source_lengths.tolist(), batch.target_lengths.tolist(), strict=True))


def cut(in_order, batch_tokens):
    """Cuts lengths into lists, each with as many as make at most so many ids, padding included, and at least one."""
    parts = []
    for pair in in_order:
        longer = [*parts[-1], pair] if parts else []
        if longer and len(longer) * sum(map(max, zip(*longer, strict=True))) <= batch_tokens:
            parts[-1] = longer
        else:
            parts.append([pair])
    return parts


@pytest.mark.parametrize("step", [1, 7, 30])
def test_a_stream_of_batches_by_tokens_can_start_anywhere(task, step):
    """Though nobody knows how many batches a bucket has before its lengths are known."""
    batches = make(task, batch_size=5, batch_tokens=60)
    expected = arrays(take(batches, step + 20))[step:]
    assert expected == arrays(take(batches, 20, step))
    assert expected == arrays(take(make(task, batch_size=5, batch_tokens=60), 20, step))
    assert len({len(batch.source) for batch in take(batches, 20)}) > 1


def test_a_bucket_of_one_batch_sorts_none():
    """Then batches hold pairs as they come: examples one epoch after the other."""
    task = Fixed(6)
    for step in range(0, 12, 2):
        batches = take(make(task, batch_size=3, bucket_batches=1), 2, step)
        assert set(task.examples("train", None)) == set(pairs(batches))


def test_batches_hold_whole_texts(task):
    """Sources and targets stay together, and nothing is cut off."""
    drawn = pairs(take(make(task), 20))
    assert all(source.lstrip("a") == target for source, target in drawn)
    assert len(set(drawn)) >= 11


@few
@given(sequences=st.lists(st.lists(st.integers(4, 99), max_size=6), max_size=6), data=st.data())
@example(sequences=[[]], data=None)
def test_padding(sequences, data):
    """A row holds its ids, EOS and padding; rows are chosen in any order; lengths count EOS."""
    chosen = range(len(sequences))
    if data is not None and sequences:
        chosen = data.draw(st.lists(st.sampled_from(chosen), max_size=8))
    ids, lengths = Sequences(sequences).padded(chosen)
    ended = [[*sequences[number], EOS] for number in chosen]
    width = max(map(len, ended), default=1)
    assert [row + [PAD] * (width - len(row)) for row in ended] == ids.tolist()
    assert list(map(len, ended)) == lengths.tolist()
    assert (len(chosen), width) == ids.shape
    assert {np.dtype(np.int64)} == {ids.dtype, lengths.dtype}
    assert len(sequences) == len(Sequences(sequences))


@few
@given(count=st.integers(1, 9), processes=st.integers(1, 4))
def test_processes_share_a_batch_without_loss(count, processes):
    """Each row of a batch is in exactly one part, whole and with its lengths, and parts are about equally large."""
    examples = list(Fixed(count).examples("train", None))
    whole = Pairs.encode(examples, TOKENIZERS).batch(range(count))
    parts = [whole.part(number, processes) for number in range(processes)]
    assert Counter(examples) == Counter(pairs(parts))
    assert sorted(zip(*arrays([whole])[0], strict=True)) == sorted(
        row for part in arrays(parts) for row in zip(*part, strict=True)
    )
    sizes = [len(part.source) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_an_endless_task_is_split_into_distinct_parts():
    """Validation and test sets have no source twice and none in common, and are the same each time."""
    splits, again = Splits(Endless(), "test"), Splits(Endless(), "test")
    sources = [example.source for example in (*splits.validation, *splits.test)]
    assert [data.HELD_OUT] * 2 == [len(splits.validation), len(splits.test)]
    assert 2 * data.HELD_OUT == len(set(sources))
    assert (splits.validation, splits.test) == (again.validation, again.test)


def test_what_is_held_out_is_never_trained_on():
    """Neither batches nor the tokenizers see a source of the validation or test set, however few there are."""
    splits = Splits(Endless(2500), "test")
    held_out = {example.source for example in (*splits.validation, *splits.test)}
    assert 2 * data.HELD_OUT == len(held_out)
    drawn = pairs(take(make(Endless(2500), batch_size=100), 40))
    assert not held_out & {example.source for example in drawn}
    vocabulary = splits.vocabulary_examples(0)
    assert data.VOCABULARY_EXAMPLES == len(vocabulary)
    assert not held_out & {example.source for example in vocabulary}
    assert {"a" * (number % 5) + str(number) for number in range(2500)} == held_out | {
        example.source for example in vocabulary
    }


def test_tokenizers_see_all_of_a_finite_task():
    """Each training example once."""
    examples = Splits(Fixed(11), "test").vocabulary_examples(0)
    for _ in range(2):  # once for each tokenizer
        assert list(Fixed(11).examples("train", None)) == list(examples)


def test_an_endless_task_gives_new_examples_to_each_bucket():
    """Buckets and seeds draw from streams of their own, so that few examples repeat."""
    drawn = pairs([*take(make(Endless(), 1), 40), *take(make(Endless(), 2), 40)])
    assert len(set(drawn)) > 0.99 * len(drawn)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_task_without_examples_is_refused(split):
    """The message says which task, and what it lacks."""
    with pytest.raises(DataError, match=f"^task 'silent' gives no {split} examples$"):
        Splits(Empty(split), "silent")


@pytest.mark.parametrize("wrong", [("a", "b"), Example("a", None), Example(b"a", "b"), "ab"])
def test_a_task_yields_examples(wrong):
    """Of two texts each; whatever else it yields is shown, with what is expected."""

    class Wrong(Task):
        def examples(self, split, rng):
            return iter([Example("c", "d"), wrong] if split == "train" else [Example("e", "f")])

    splits = Splits(Wrong(None), "wrong")
    with pytest.raises(PluginError) as refused:
        list(splits.train(random.Random(0)))
    assert str(refused.value) == (
        f"task 'wrong' must yield s2s_core.Example(source, target) with two texts (got {wrong!r})"
    )


def test_a_task_that_hides_that_it_is_endless_is_refused(monkeypatch):
    """Rather than read until memory is full."""
    monkeypatch.setattr("s2s_core.data.splits.MOST_EVALUATED", 1000)
    task = Endless()
    task.endless = False
    with pytest.raises(DataError, match=r"^task 'test' gives more than 1,000 validation examples, .*endless = True$"):
        Splits(task, "test")


@pytest.mark.parametrize("endless", [False, True])
def test_a_task_without_training_examples_is_refused(endless):
    """Before the first step, by its name."""

    class Silent(Empty):
        def examples(self, split, rng):
            yield from [] if split == "train" else [Example(split, "b")]

    task = Silent("train")
    task.endless = endless
    with pytest.raises(DataError, match=r"^task 'test' .*gives no train examples$"):
        take(make(task), 1)


class Cycle(Task):
    """Gives the same few examples again and again."""

    endless = True

    def examples(self, split, rng):
        for number in itertools.count():
            yield Example(str(number % self.config), "b")


def test_a_task_that_is_mostly_held_out_is_told():
    """Where validation and test hold more than a tenth of what an endless task draws."""
    (remark,) = Splits(Endless(2500), "test").remarks()
    share = int(remark.removeprefix("warning: ").partition("%")[0])
    assert 75 <= share <= 85  # 2,000 of 2,500
    assert [] == Splits(Endless(), "test").remarks() == Splits(Fixed(11), "test").remarks()


@pytest.mark.parametrize(("count", "missing"), [(3, "test"), (1500, "training")])
def test_an_endless_task_with_few_examples_is_refused(count, missing):
    """One whose every example is held out is refused, rather than searched for others for ever."""
    with pytest.raises(DataError, match=f"^task 'small' gives no {missing} examples"):
        list(Splits(Cycle(count), "small").vocabulary_examples(0))
