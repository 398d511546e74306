"""What the README promises of ``s2s run --task reverse --encoder mlp-rnn``: one full run, with every default."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import attrs
import pytest

from s2s_core.decoding.translate import Translator
from s2s_core.model.checkpoint import load_checkpoint
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.run import Run

ROOT = Path(__file__).parents[2]

ALONE = """
import json, sys
import numpy, onnxruntime
onnxruntime.set_default_logger_severity(3)
words = numpy.array(json.load(sys.stdin), dtype=object)
session = onnxruntime.InferenceSession(sys.argv[1])
greedy, = session.run(["target"], {"source": words})
beams, = session.run(["hypotheses"], {"source": words, "beam_size": numpy.array(5)})
assert not {"torch", "onnx", "s2s_core"} & set(sys.modules)
json.dump([greedy.tolist(), beams.tolist()], sys.stdout)
"""


@pytest.fixture(scope="module")
def default_run(tmp_path_factory):
    """The run that the README shows."""
    folder = tmp_path_factory.mktemp("default") / "run"
    command = [sys.executable, "-m", "s2s_core", "run", "--task", "reverse", "--encoder", "mlp-rnn"]
    subprocess.run([*command, "--output", folder], check=True, capture_output=True)
    return Run.open(folder, Plugins())


@pytest.fixture(scope="module")
def test_set(default_run):
    """The 1,000 test words and their targets."""
    examples = default_run.splits.test
    return [example.source for example in examples], [example.target for example in examples]


@pytest.fixture(scope="module")
def answers_alone(default_run, test_set, tmp_path_factory):
    """What the file answers in an environment of onnxruntime and numpy alone: greedy, and five beams."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "onnxruntime", "numpy"]
    subprocess.run(install, check=True, env={**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")})
    command = [python, "-c", ALONE, default_run.onnx_path]
    done = subprocess.run(
        command, input=json.dumps(test_set[0]), text=True, check=True, capture_output=True, cwd=folder
    )
    return json.loads(done.stdout)


def test_default_run_reaches_99_percent(default_run):
    """At least 99 % of the test words are answered exactly, by the model in PyTorch."""
    last = json.loads(default_run.metrics_path.read_text().splitlines()[-1])
    assert last["test"]["exact_match"] >= 0.99


def test_file_alone_reaches_99_percent(answers_alone, test_set):
    """The file reaches the same where nothing but onnxruntime and numpy is installed."""
    right = sum(answer == target for answer, target in zip(answers_alone[0], test_set[1], strict=True))
    assert len(test_set[1]) == 1000
    assert right >= 990


def test_file_alone_answers_as_pytorch_does_greedily(default_run, answers_alone, test_set):
    """Greedy answers are the same strings as PyTorch's."""
    translate = Translator(load_checkpoint(default_run), default_run.config.decoding)
    assert translate(test_set[0]) == answers_alone[0]


def test_file_alone_answers_as_pytorch_does_with_five_beams(default_run, answers_alone, test_set):
    """The best of five beams is the same string as PyTorch's, and of all beams nearly every one.

    Hypotheses whose scores are equal but for rounding may change places.
    """
    decoding = attrs.evolve(default_run.config.decoding, beam_size=5)
    translator = Translator(load_checkpoint(default_run), decoding)
    expected = translator.answers(test_set[0]).texts
    found = answers_alone[1]
    assert [beams[0] for beams in found] == [beams[0] for beams in expected]
    same = sum(
        left == right
        for one, other in zip(found, expected, strict=True)
        for left, right in zip(one, other, strict=True)
    )
    assert same >= 0.99 * 5000
