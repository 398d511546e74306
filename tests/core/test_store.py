"""Encoded pairs on disk are those in memory, are made once, and are whole or not there."""

import contextlib
import errno
import itertools
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from s2s_core.cache import CACHE, cache_folder
from s2s_core.config.resolve import resolve
from s2s_core.config.training import TrainingConfig
from s2s_core.data import store
from s2s_core.data.batches import TrainingBatches
from s2s_core.data.splits import Splits
from s2s_core.data.task import Example, Task
from s2s_core.errors import DataError
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run
from s2s_core.text.characters import Characters
from s2s_core.text.tokenizer import TokenizerConfig
from s2s_core.text.words import Words
from s2s_core.version import __version__

TOKENIZER = Characters.train(TokenizerConfig(), ["abcdefgh0123456789"])
COUNT = 25_000
"""More than are encoded at once."""


class Keyed(Task):
    """Has a fingerprint, and counts how often its training examples are read."""

    def __init__(self, config="a", count=COUNT):
        super().__init__(config)
        self.count, self.readings = count, 0

    def examples(self, split, rng):
        if split != "train":
            return iter([Example("a", "b")])
        self.readings += 1
        return (Example("a" * (number % 7) + str(number), str(number)) for number in range(self.count))

    def training_size(self):
        return self.count

    def fingerprint(self):
        return self.config


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, in which the smallest task is kept."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(store, "FEWEST_PAIRS", 1)
    return tmp_path / "cache"


def encoded(task, tokenizers=(TOKENIZER, TOKENIZER), seed=0, name="test", version=""):
    return store.fixed_pairs(Splits(task, name, version), tokenizers, seed)


def arrays(pairs):
    return [array.tolist() for side in (pairs.sources, pairs.targets) for array in (side.ids, side.starts)]


def folders(cache):
    return sorted(path for path in cache.iterdir() if path.is_dir())


def in_memory(monkeypatch, task):
    monkeypatch.setattr(store, "FEWEST_PAIRS", task.count + 1)
    return encoded(task)


def test_what_is_on_disk_is_what_is_in_memory(cache, monkeypatch):
    """The same ids, and the same batches."""
    stored = encoded(Keyed())
    assert isinstance(stored.sources.ids.base, np.memmap)
    streams = []
    for fewest in (1, COUNT + 1):
        monkeypatch.setattr(store, "FEWEST_PAIRS", fewest)
        batches = TrainingBatches(Splits(Keyed(), "test"), (TOKENIZER, TOKENIZER), TrainingConfig(batch_tokens=900))
        streams.append(list(itertools.islice(batches.after(300), 50)))
    for one, other in zip(*streams, strict=True):
        assert np.array_equal(one.source, other.source)
        assert np.array_equal(one.target, other.target)
        assert one.source.dtype == other.source.dtype
    held = in_memory(monkeypatch, Keyed())
    assert arrays(held) == arrays(stored)
    assert 1 == len(folders(cache))


@pytest.mark.parametrize("size", [10, 70_000])
def test_ids_are_kept_whatever_the_size_of_the_vocabulary(size):
    """Those of a large one don't fit into two bytes."""
    words = Words.train(TokenizerConfig(), [" ".join(f"w{number}" for number in range(size))])

    class Large(Keyed):
        def examples(self, split, rng):
            return iter([Example(f"w0 w{size - 1}", "w1")])

    pairs = encoded(Large(), (words, words))
    assert pairs.sources.padded([0])[0].tolist() == [[*words.encode(f"w0 w{size - 1}"), 2]]


def test_a_store_is_built_once(cache):
    """A later run with the same key doesn't read the examples, whatever its seed."""
    first, again = Keyed(), Keyed()
    assert arrays(encoded(first)) == arrays(encoded(again, seed=5))
    assert (1, 0) == (first.readings, again.readings)


def test_other_data_or_tokenizers_have_another_store(cache):
    """Nothing is mistaken for something else."""
    other = Characters.train(TokenizerConfig(), ["abc0123456789"])
    words = Words(TOKENIZER.config, TOKENIZER.vocabulary)
    counted = Characters(TokenizerConfig(minimum_count=2), TOKENIZER.vocabulary)
    encoded(Keyed("a", 10))
    for task, tokenizers in [
        (Keyed("b", 10), (TOKENIZER, TOKENIZER)),
        (Keyed("a", 10), (other, TOKENIZER)),
        (Keyed("a", 10), (TOKENIZER, other)),
        (Keyed("a", 10), (words, TOKENIZER)),
        (Keyed("a", 10), (counted, TOKENIZER)),
    ]:
        encoded(task, tokenizers)
        assert 1 == task.readings
    for task in ({"name": "other"}, {"version": "s2s-test 1.1"}):
        again = Keyed("a", 10)
        encoded(again, **task)
        assert 1 == again.readings
    assert 8 == len(folders(cache))


def test_the_task_s_version_is_that_of_its_distribution(tmp_path):
    """A new release may read the same files in another way."""
    plugins = Plugins(environment={"S2S_PLUGINS": "s2s_core,s2s_synthetic,s2s_mlp_rnn"})
    splits = Run(tmp_path, resolve([{"task": "copy"}], plugins), plugins).splits
    assert ("copy", f"s2s-toolkit {__version__}") == (splits.name, splits.version)


def test_a_task_without_a_fingerprint_is_held_in_memory(cache):
    """So is one with few examples, whose fingerprint isn't asked for."""
    encoded(Keyed(None, 10))
    assert not cache.exists()


def test_few_examples_are_held_in_memory(cache, monkeypatch):
    """Their fingerprint isn't asked for."""
    monkeypatch.setattr(store, "FEWEST_PAIRS", 11)
    task = Keyed("a", 10)
    task.fingerprint = None
    assert 10 == len(encoded(task))
    assert not cache.exists()


@pytest.mark.parametrize("name", ["store.json", "sources.ids", "sources.starts", "targets.ids", "targets.starts"])
@pytest.mark.parametrize("damage", ["missing", "short", "changed", "empty"])
def test_a_damaged_store_is_built_again(cache, name, damage):
    """Be a file gone, cut off, or of other bytes."""
    expected = arrays(encoded(Keyed("a", 50)))
    path = folders(cache)[0] / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        changed = bytes([content[0] ^ 1]) + content[1:]
        path.write_bytes({"short": content[:-2], "changed": changed, "empty": b""}[damage])
    task = Keyed("a", 50)
    assert expected == arrays(encoded(task))
    assert 1 == task.readings


@pytest.mark.parametrize(
    "described", ["garbage", "[]", "null", '{"files": {}}', '{"files": []}', '{"files": {"sources.ids": 1}}']
)
def test_a_store_with_a_foreign_description_is_built_again(cache, described):
    """Though it may be JSON."""
    expected = arrays(encoded(Keyed("a", 50)))
    (folders(cache)[0] / "store.json").write_text(described)
    assert expected == arrays(encoded(Keyed("a", 50)))


def test_a_description_does_not_say_how_files_are_read(cache):
    """That follows from the tokenizers, so it can't be wrong."""
    expected = arrays(encoded(Keyed("a", 50)))
    path = folders(cache)[0] / "store.json"
    described = json.loads(path.read_text())
    for file in described["files"].values():
        file["dtype"] = "bogus"
    path.write_text(json.dumps(described))
    assert expected == arrays(encoded(Keyed("a", 50)))


def test_without_locks_two_processes_build_apart(cache, monkeypatch):
    """And the first one's store is kept."""
    monkeypatch.setattr(store, "fcntl", None)
    tokenizers = (TOKENIZER, TOKENIZER)

    class Overtaken(Keyed):
        def examples(self, split, rng):
            if split == "train":
                with monkeypatch.context() as other:
                    other.setattr(store.os, "getpid", lambda: 1)
                    encoded(Keyed("a", 50), tokenizers)
            return super().examples(split, rng)

    task = Overtaken("a", 50)
    assert arrays(encoded(task, tokenizers)) == arrays(encoded(Keyed("a", 50), tokenizers))
    assert 1 == len(folders(cache))


def test_examples_that_fail_leave_nothing(cache):
    """The error comes through as it is."""

    class Failing(Keyed):
        def examples(self, split, rng):
            yield from super().examples("test", rng)
            if split == "train":
                raise DataError("bad row")

    with pytest.raises(DataError, match=r"^bad row$"):
        encoded(Failing())
    assert [] == folders(cache)


def test_a_file_that_the_task_lacks_is_not_the_cache_s_fault(cache):
    """The error names it."""

    class Lacking(Keyed):
        def examples(self, split, rng):
            yield from super().examples("test", rng)
            if split == "train":
                Path("gone.txt").read_text()

    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        encoded(Lacking())
    assert [] == folders(cache)


@contextlib.contextmanager
def no_file_longer_than(size):
    """Makes writing fail, in this process, as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_and_nothing_is_left(cache):
    """The message says where, why and what to do."""
    with no_file_longer_than(10_000), pytest.raises(DataError) as refused:
        encoded(Keyed())
    assert str(refused.value) == (
        f"can't store the encoded examples in {cache} ({os.strerror(errno.EFBIG)}): make room there, or name another "
        "folder by S2S_CACHE"
    )
    assert [] == folders(cache)
    assert COUNT == len(encoded(Keyed()))


def test_a_cache_that_is_no_folder_is_told(cache):
    """In the same words."""
    cache.touch()
    with pytest.raises(DataError, match=r"^can't store the encoded examples in .*: make room there, or name another "):
        encoded(Keyed())


def test_the_cache_is_in_the_home_folder_unless_it_is_named(monkeypatch, tmp_path):
    """Where there is neither, the message says what to name."""
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "s2s"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DataError, match=r"^there is no home folder for the cache: name a folder by S2S_"):
        cache_folder()


BUILD = """
import sys, time
sys.path.insert(0, sys.argv[1])
import test_store as shared
from s2s_core.data import store

class Slow(shared.Keyed):
    def examples(self, split, rng):
        for number, example in enumerate(super().examples(split, rng)):
            if split == "train" and number == 20_000:
                print("building", flush=True)
                time.sleep(float(sys.argv[2]))
            yield example

store.FEWEST_PAIRS = 1
task = Slow()
print(len(shared.encoded(task)), task.readings, flush=True)
"""


def start(seconds):
    """Starts a process that builds the store and pauses in the midst of it."""
    folder = os.path.dirname(__file__)  # noqa: PTH120  # as sys.path has it
    return subprocess.Popen([sys.executable, "-c", BUILD, folder, str(seconds)], stdout=subprocess.PIPE, text=True)


def test_one_process_builds_and_the_others_wait(cache):
    """All get the same store, and only one has read the examples."""
    with start(0.5) as one, start(0.5) as other:
        told = [process.communicate(timeout=60)[0].split() for process in (one, other)]
    assert sorted(told, key=len) == [[str(COUNT), "0"], ["building", str(COUNT), "1"]]
    assert 1 == len(folders(cache))


def test_a_killed_builder_is_followed_by_the_next(cache):
    """What it left is removed, and its lock is gone."""
    with start(60) as process:
        assert "building\n" == process.stdout.readline()
        process.kill()
    assert 1 == len(folders(cache))  # what it has written so far
    task = Keyed()
    assert COUNT == len(encoded(task))
    assert 1 == task.readings
    (whole,) = folders(cache)
    assert not whole.name.startswith(".")


def test_a_link_in_the_place_of_the_lock_is_not_written_through(cache):
    """What it leads to stays as it is."""
    encoded(Keyed())
    (lock,) = cache.glob(".*.lock")
    lock.unlink()
    (cache / "precious").write_text("precious")
    lock.symlink_to(cache / "precious")
    encoded(Keyed())
    assert (cache / "precious").read_text() == "precious"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(
    ("mode", "owner", "trusted"), [(0o777, 4321, False), (0o1777, 4321, False), (0o775, 4321, True), (0o777, 0, True)]
)
def test_a_store_of_another_user_is_refused_where_everybody_may_write(cache, mode, owner, trusted):
    """A folder that its group shares, or that its owner alone writes to, is trusted."""
    encoded(Keyed())
    cache.chmod(mode)
    (folder,) = folders(cache)
    os.chown(folder, owner, -1)
    if trusted:
        encoded(Keyed())
    else:
        with pytest.raises(DataError) as refused:
            encoded(Keyed())
        assert str(refused.value) == (
            f"{folder} was made by another user (number {owner}) where everybody can write, so its examples may be "
            "anything: name a folder of your own by S2S_CACHE"
        )
