"""An exported file answers in Node as it does in Python."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from s2s_core import load

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "node"

LINES = ["abc", "a", "", "ccab b", " a  b ", "b\u00e4c", "\u65e5\u672c\u8a9e", "\N{SLIGHTLY SMILING FACE}a", "cab" * 12]

UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT")


def node(folder: Path, *arguments: object, lines: list[str]) -> list[str]:
    """Returns what the example prints."""
    command = ["node", "predict.mjs", *map(str, arguments)]
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run(
        command, check=False, cwd=folder, input=text, capture_output=True, encoding="utf-8", timeout=120
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example, installed as its README says."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}")
    folder = tmp_path_factory.mktemp("node") / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    environment = os.environ | {"NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    if any(reason in done.stderr for reason in UNREACHABLE):
        pytest.skip("npm can't reach its registry")
    assert done.returncode == 0, done.stderr
    yield folder
    shutil.rmtree(folder)  # hundreds of megabytes


@pytest.mark.parametrize("beam_size", [1, 5])
def test_node_gives_the_answers_of_python(example, exported, beam_size, tmp_path):
    """Greedily and with beams, the file's default, as Node can't set it."""
    model = onnx.load(exported.path)
    (default,) = (value for value in model.graph.initializer if value.name == "beam_size")
    default.CopyFrom(onnx.numpy_helper.from_array(np.array(beam_size), "beam_size"))
    onnx.save(model, tmp_path / "model.onnx")
    expected = load(exported.path)(LINES, beam_size=beam_size)
    one_line = [answer.replace("\r", " ").replace("\n", " ") for answer in expected]
    assert one_line == node(example, tmp_path / "model.onnx", lines=LINES)
    assert len(set(one_line)) > 1  # or nothing is compared


def test_node_gives_no_line_for_no_line(example, exported_characters):
    """An empty batch answers nothing."""
    assert [] == node(example, exported_characters.path, lines=[])


def test_node_answers_sentences(example, sentences_file):
    """Word by word, with the lexicon, whatever stands between them, and words that the model can't read."""
    lines = ["abc, cab  ab!", "it's 12 \u65e5\u672c \N{SLIGHTLY SMILING FACE}", "", "\u2026 abc", "\u00e9t\u00e9"]
    expected = [answer.replace("\r", " ").replace("\n", " ") for answer in load(sentences_file)(lines)]
    assert node(example, sentences_file, lines=lines) == expected
    assert expected[1].endswith(" | 12 | Japan | \N{SLIGHTLY SMILING FACE}")


REQUIRED = """
import { InferenceSession, Tensor } from "onnxruntime-node";
const session = await InferenceSession.create(process.argv[2], { logSeverityLevel: 3 });
const { hypotheses, confidence, answer_scores } = await session.run({
  source: new Tensor("string", ["cab", "abc"], [2]),
  beam_size: new Tensor("int64", BigInt64Array.of(BigInt(process.argv[3])), []),
  answer: new Tensor("string", ["x"], [1]),
});
console.log(JSON.stringify([hypotheses.data, [...confidence.data], [...answer_scores.data].map(String)]));
"""


@pytest.mark.parametrize("beam_size", [1, 3])
def test_node_sets_required_inputs(example, telling_file, beam_size):
    """What has no default is a plain input, which this binding can set."""
    (example / "required.mjs").write_text(REQUIRED, encoding="utf-8")
    command = ["node", "required.mjs", str(telling_file), str(beam_size)]
    done = subprocess.run(command, check=False, cwd=example, capture_output=True, encoding="utf-8", timeout=120)
    assert ("", 0) == (done.stderr, done.returncode)
    texts, confidence, scores = json.loads(done.stdout)
    model = load(telling_file)
    expected = model.answers(["cab", "abc"], beam_size=beam_size)
    assert texts == expected.hypotheses.flatten().tolist()
    assert confidence == pytest.approx(expected.confidence.tolist(), abs=1e-6)
    assert float(scores[0]) == pytest.approx(model.score(["cab"], ["x"])[0], abs=1e-4)
    assert scores[1] == "-Infinity"
