"""The program that a card and the end of a run show."""

import contextlib
import io

import attrs

from s2s_core.config.tables import ExportConfig
from s2s_core.pipeline.usage import usage
from s2s_core.runtime.file import load


def printed(program):
    """Returns what a program prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, {})  # noqa: S102  # a program of ours
    return out.getvalue()


def test_the_program_runs(exported, tmp_path):
    """Whatever the file's name and the example hold."""
    path = tmp_path / 'it\'s \\new "{0}".onnx'
    path.write_bytes(exported.path.read_bytes())
    answer = load(path)(["a 'b'"])
    assert printed(usage(str(path), "a 'b'", exported.checkpoint.config)) == f"[array({answer!r}, dtype=object)]\n"


def test_the_program_gives_what_the_file_requires(telling_file, checkpoints):
    """With the values that inputs without defaults would have."""
    plain = checkpoints["characters"].config
    config = attrs.evolve(plain, export=ExportConfig(scorer=True, required_inputs=("beam_size", "answer")))
    answer = load(telling_file)(["ab"])
    assert printed(usage(str(telling_file), "ab", config)) == f"[array({answer!r}, dtype=object)]\n"
