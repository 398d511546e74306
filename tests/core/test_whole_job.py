"""What a file can do besides answering: words in sentences, how sure it is, scores of given answers, plain inputs."""

import attrs
import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

import s2s_core as s2s
from s2s_core.config.tables import ExportConfig
from s2s_core.data.task import Example
from s2s_core.decoding.likelihood import Likelihoods
from s2s_core.errors import ConfigError, DataError
from s2s_core.evaluation.calibration import Calibration
from s2s_core.exporting.exporter import export
from s2s_core.runtime.file import load
from s2s_core.text import sentences

HELD_OUT = ["abc", "cab", "bbbb", "a", "ccab b", "b\u00e4c"]

EXAMPLES = [Example(text, text[::-1]) for text in map("".join, __import__("itertools").product("abc", repeat=4))]


@pytest.fixture(scope="module")
def exporting(checkpoints, tmp_path_factory):
    """Exports a model with settings of ``export`` and opens the file, each kind once."""
    done = {}

    def exported(name, **settings):
        key = name, *sorted(settings.items())
        if key not in done:
            plain = checkpoints[name]
            checkpoint = attrs.evolve(plain, config=attrs.evolve(plain.config, export=ExportConfig(**settings)))
            path = tmp_path_factory.mktemp("job") / "model.onnx"
            export(checkpoint, HELD_OUT, path, lambda: (EXAMPLES, "each"))
            done[key] = load(path)
        return done[key]

    return exported


def everything(tmp_path):
    """Returns the settings of a file that has all at once."""
    words = tmp_path / "words.tsv"
    words.write_text("abc\tknown\nabc\tother\n\u65e5\u672c\tJapan\n", encoding="utf-8")
    return {"lexicon": str(words), "confidence": True, "origin": True}


def test_play(exporting, tmp_path):
    import time

    t = time.process_time()
    f = exporting("characters", scorer=True, required_inputs=("beam_size", "answer"), **everything(tmp_path))
    print(time.process_time() - t)
    t = time.process_time()
    print(f.answers(["abc", "ab", ""], beam_size=2))
    print(f.score(["abc", "abc", "cab"], ["known", "x", "bac"]))
    f = exporting("characters", unit="word", **everything(tmp_path))
    print(time.process_time() - t)
    for r in zip(*f.answers(["abc, ab  'tis 12 é😀\t日本", "", "abc abc", "..."], beam_size=2)):
        print(r)
