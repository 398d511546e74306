"""The synthetic tasks."""

# chance here is no secret; the expected value stands first, a constant too

import itertools
import pkgutil
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s2s_synthetic import s2s_tasks
from s2s_synthetic.addition import Add, AddConfig
from s2s_synthetic.words import Copy, Reverse, Sort, WordConfig

from s2s_core import BadValueError, ConfigError, Task

WORD_TASKS = [Reverse, Copy, Sort]

alphabets = st.lists(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=40, unique=True).map("".join)
seeds = st.integers(0, 2**32)


@st.composite
def word_configs(draw):
    shortest = draw(st.integers(1, 4))
    return WordConfig(
        alphabet=draw(alphabets),
        minimum_length=shortest,
        maximum_length=shortest + draw(st.integers(0, 5)),
        held_out=draw(st.integers(1, 60)),
    )


word_tasks = st.builds(lambda task, config: task(config), st.sampled_from(WORD_TASKS), word_configs())
additions = st.builds(AddConfig, maximum_digits=st.integers(1, 6), held_out=st.integers(1, 60)).map(Add)


@pytest.fixture(params=[*WORD_TASKS, Add])
def default_task(request):
    return request.param(request.param.Config())


def train(task, count, seed=0):
    return list(itertools.islice(task.examples("train", random.Random(seed)), count))


def held_out(task, seed=0):
    """Returns validation and test examples as the core draws them: both from the same state."""
    return tuple(list(task.examples(split, random.Random(seed))) for split in ("validation", "test"))


def kind(task, source):
    """Returns the length of a word, or of both numbers."""
    return tuple(map(len, source.split("+"))) if isinstance(task, Add) else len(source)


class Counting(Copy):
    """Counts its draws."""

    draws = 0

    def draw(self, shape, rng):
        self.draws += 1
        return super().draw(shape, rng)


@pytest.mark.parametrize(
    ("task", "source", "target"),
    [
        (Reverse(WordConfig()), "hello", "olleh"),
        (Copy(WordConfig()), "hello", "hello"),
        (Sort(WordConfig()), "hello", "ehllo"),
        (Sort(WordConfig(alphabet="aäoöz")), "zöoäa", "aäoöz"),
        (Reverse(WordConfig(alphabet="日本語👍")), "日本👍", "👍本日"),
        (Add(AddConfig()), "12+345", "357"),
        (Add(AddConfig()), "0+0", "0"),
        (Add(AddConfig()), "999+1", "1000"),
    ],
)
def test_answer(task, source, target):
    """Each task answers as its name says."""
    assert target == task.answer(source)


@given(config=word_configs(), seed=seeds)
def test_reverse(config, seed):
    """Position i of a reversed word holds the letter at position i from the end."""
    for source, target in train(Reverse(config), 20, seed):
        assert [source[-1 - i] for i in range(len(source))] == list(target)


@given(config=word_configs(), seed=seeds)
def test_copy(config, seed):
    """A copy is the word."""
    for source, target in train(Copy(config), 20, seed):
        assert source == target


@given(config=word_configs(), seed=seeds)
def test_sort(config, seed):
    """A sorted word has each letter of the alphabet in its turn, as often as the word has it."""
    for source, target in train(Sort(config), 20, seed):
        assert "".join(letter * source.count(letter) for letter in config.alphabet) == target


@given(task=additions, seed=seeds)
def test_add(task, seed):
    """A sum less one of the numbers is the other, and is written without leading zeros."""
    for source, target in train(task, 20, seed):
        first, _, second = source.partition("+")
        assert str(int(target) - int(second)) == first
        assert str(int(target)) == target


@given(task=word_tasks, seed=seeds)
def test_words_keep_to_the_settings(task, seed):
    """Words have the letters of the alphabet and a length within the bounds, in every split."""
    examples = train(task, 50, seed)
    if sum(quotas(task).values()) >= 2:
        examples += [example for split in held_out(task, seed) for example in split]
    for source, _ in examples:
        assert task.config.minimum_length <= len(source) <= task.config.maximum_length
        assert set(source) <= set(task.config.alphabet)


@given(task=additions, seed=seeds)
def test_numbers_keep_to_the_settings(task, seed):
    """Numbers have at most so many digits and no leading zeros."""
    for source, _ in itertools.chain(train(task, 50, seed), *held_out(task, seed)):
        for number in source.split("+"):
            assert str(int(number)) == number
            assert len(number) <= task.config.maximum_digits


@pytest.mark.parametrize("task", WORD_TASKS)
def test_training_lengths_are_equally_likely(task):
    """Of 8,000 training words, about a thousand have each of the eight lengths."""
    counts = Counter(len(source) for source, _ in train(task(WordConfig()), 8000))
    assert set(range(1, 9)) == set(counts)
    assert all(900 < count < 1100 for count in counts.values())


def test_training_digit_counts_are_equally_likely():
    """Of 9,000 training sums, about a thousand have each of the nine pairs of digit counts."""
    task = Add(AddConfig())
    counts = Counter(kind(task, source) for source, _ in train(task, 9000))
    assert set(itertools.product((1, 2, 3), repeat=2)) == set(counts)
    assert all(900 < count < 1100 for count in counts.values())


def test_training_words_of_a_length_are_equally_likely():
    """Of 8,000 training words of three letters a or b, about a thousand are each of the eight words."""
    config = WordConfig(alphabet="ab", minimum_length=3, maximum_length=3)
    counts = Counter(source for source, _ in train(Copy(config), 8000))
    assert set(map("".join, itertools.product("ab", repeat=3))) == set(counts)
    assert all(900 < count < 1100 for count in counts.values())


def test_training_covers_all_sums():
    """Every sum of two digits occurs, those with 0 too."""
    counts = Counter(source for source, _ in train(Add(AddConfig(maximum_digits=1)), 10_000))
    assert {f"{first}+{second}" for first in range(10) for second in range(10)} == set(counts)
    assert all(50 < count < 150 for count in counts.values())


def test_training_is_lazy():
    """The stream has no end, and a source is drawn when it is asked for."""
    task = Counting(WordConfig())
    stream = task.examples("train", random.Random(0))
    draws = [task.draws for _ in itertools.islice(stream, 3)]
    assert [1, 2, 3] == draws
    assert 10_000 == sum(1 for _ in itertools.islice(stream, 10_000))


def test_another_generator_other_examples(default_task):
    """Another generator gives other examples."""
    assert train(default_task, 100, seed=0) != train(default_task, 100, seed=1)
    assert held_out(default_task, seed=0) != held_out(default_task, seed=1)


def quotas(task):
    """Returns how many sources of each kind may be held out, counted anew."""
    if isinstance(task, Add):
        digits = range(1, task.config.maximum_digits + 1)
        numbers = {1: 10} | {count: 9 * 10 ** (count - 1) for count in digits[1:]}
        return {(a, b): numbers[a] * numbers[b] // 10 for a in digits for b in digits}
    lengths = range(task.config.minimum_length, task.config.maximum_length + 1)
    return {length: len(task.config.alphabet) ** length // 10 for length in lengths}


def check_held_out(task, seed):
    quota = quotas(task)
    each = min(task.config.held_out, sum(quota.values()) // 2)
    if not each:
        for split in ("validation", "test"):
            with pytest.raises(ConfigError, match=r"increase task\.alphabet or task\.maximum_length$"):
                task.examples(split, random.Random(seed))
        return
    validation, test = held_out(task, seed)
    assert (each, each) == (len(validation), len(test))
    sources = [source for source, _ in validation + test]
    assert len(sources) == len(set(sources))
    counts = Counter(kind(task, source) for source in sources)
    assert all(count <= quota[shape] for shape, count in counts.items())
    assert all(task.answer(source) == target for source, target in validation + test)


@given(task=word_tasks, seed=seeds)
def test_held_out_words(task, seed):
    """Held-out words are distinct, equally many in both splits, and at most a tenth of a length's words."""
    check_held_out(task, seed)


@given(task=additions, seed=seeds)
def test_held_out_sums(task, seed):
    """Held-out sums are distinct, equally many in both splits, and at most a tenth of a shape's sums."""
    check_held_out(task, seed)


def test_a_thousand_each_by_default(default_task):
    """By default a thousand examples are held out for each split."""
    assert [1000, 1000] == [len(split) for split in held_out(default_task)]


def test_held_out_lengths_follow_training():
    """Lengths with room share what the short ones can't give, the same in both splits."""
    validation, test = (Counter(len(source) for source, _ in split) for split in held_out(Reverse(WordConfig())))
    assert 26 // 10 == validation[1] + test[1]
    assert 26**2 // 10 == validation[2] + test[2]
    assert min(validation[2], test[2]) > 20
    for length in range(3, 9):
        assert 120 < validation[length] < 200
        assert 120 < test[length] < 200


@pytest.mark.parametrize(("maximum_length", "each"), [(5, 2), (6, 5), (7, 11)])
def test_small_spaces_are_used_up(maximum_length, each):
    """Where there are fewer sources than asked for, both splits share a tenth of each length."""
    task = Reverse(WordConfig(alphabet="ab", maximum_length=maximum_length))
    assert [each, each] == [len(split) for split in held_out(task)]


@pytest.mark.parametrize(
    ("maximum_length", "numbers"), [(1, "the 2 possible ones only 0"), (4, "the 30 possible ones only 1")]
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_too_small_spaces_are_refused(maximum_length, numbers, split):
    """Where not one source can be held out for each split, the error says what to enlarge."""
    task = Reverse(WordConfig(alphabet="ab", maximum_length=maximum_length))
    with pytest.raises(ConfigError) as caught:
        task.examples(split, random.Random(0))
    expected = (
        f"validation and test need one source each, but of {numbers} may be held out, a tenth of each kind: "
        "increase task.alphabet or task.maximum_length"
    )
    assert expected == str(caught.value)


def test_too_small_spaces_still_train():
    """A space from which nothing can be held out can still be learnt."""
    task = Copy(WordConfig(alphabet="ab", maximum_length=2))
    assert {"a", "b", "aa", "ab", "ba", "bb"} == {source for source, _ in train(task, 200)}


def test_few_draws_are_in_vain():
    """Even where a tenth of all words is held out, hardly a draw is repeated."""
    task = Counting(WordConfig(alphabet="ab", maximum_length=13))
    found = list(task.examples("validation", random.Random(0)))
    assert len(found) < 1000  # all that may be held out is
    assert 2 * len(found) <= task.draws < 1.1 * 2 * len(found)


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (WordConfig, {"alphabet": ""}, "alphabet must be two or more distinct characters (got '')"),
        (
            WordConfig,
            {"alphabet": "a"},
            "alphabet must be two or more distinct characters (got 'a')",
        ),
        (
            WordConfig,
            {"alphabet": "éeé"},
            "alphabet must be two or more distinct characters (got 'éeé')",
        ),
        (WordConfig, {"minimum_length": 0}, "minimum_length must be at least 1 (got 0)"),
        (
            WordConfig,
            {"minimum_length": 5, "maximum_length": 4},
            "maximum_length must be at least minimum_length, which is 5 (got 4)",
        ),
        (
            WordConfig,
            {"maximum_length": 0},
            "maximum_length must be at least minimum_length, which is 1 (got 0)",
        ),
        (WordConfig, {"held_out": 0}, "held_out must be from 1 to 1000 (got 0)"),
        (AddConfig, {"maximum_digits": 0}, "maximum_digits must be from 1 to 100 (got 0)"),
        (AddConfig, {"maximum_digits": 101}, "maximum_digits must be from 1 to 100 (got 101)"),
        (AddConfig, {"held_out": 0}, "held_out must be from 1 to 1000 (got 0)"),
    ],
)
def test_bad_settings_are_refused(config, settings, message):
    """A setting that can't be used is refused with its name, what it must be and what came."""
    with pytest.raises(BadValueError) as caught:
        config(**settings)
    assert message == str(caught.value)


def test_longest_numbers():
    """Numbers of the most digits that can be set are added and held out like any others."""
    task = Add(AddConfig(maximum_digits=100))
    validation, test = held_out(task)
    assert 2000 == len(set(validation) | set(test))
    assert 90 < max(len(example.target) for example in train(task, 1000)) <= 101


def test_one_length():
    """All words have the same length where the least and the largest length are the same."""
    task = Reverse(WordConfig(minimum_length=4, maximum_length=4))
    validation, test = held_out(task)
    assert {4} == {len(source) for source, _ in [*train(task, 100), *validation, *test]}


def test_registered_tasks():
    """The plugin gives four endless tasks, whose tokens are characters on both sides."""
    tasks = {name: pkgutil.resolve_name(target) for name, target in s2s_tasks().items()}
    assert {"reverse": Reverse, "copy": Copy, "sort": Sort, "add": Add} == tasks
    for task in tasks.values():
        assert issubclass(task, Task)
        assert task.endless
        assert ("characters", "characters") == tuple(task.defaults[side]["tokenizer"] for side in ("source", "target"))


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("s2s_synthetic", "s2s_synthetic.synthetic"),
        ("s2s_synthetic.words", "torch"),
        ("s2s_synthetic.addition", "torch"),
    ],
)
def test_imports_little(module, unwanted):
    """Registering imports no task, and no task imports PyTorch."""
    program = f"import sys, {module}; print('{unwanted}' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert "False\n" == finished.stdout
