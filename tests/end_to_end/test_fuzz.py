"""The fuzzer works, and a few of its tries find no fault; ``make fuzz`` runs more."""

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from fuzz.attempt import Attempt
from fuzz.kinds import KINDS, command_line
from fuzz.process import Ending
from fuzz.verdict import fault

from s2s_core.cli.main import cli

TESTS = Path(__file__).parents[1]

FINE = Ending(code=0, out=b"a\nb\n", err=b"", seconds=0.1, interrupted=False, hung=False)

REFUSED = (
    b"Usage: s2s\n\nerror: training.steps must be at least 0 (got -1)\ntraining.seed must be at least 0 (got -1)\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
def test_a_few_tries_of_each_kind_find_no_fault(tmp_path):
    """In a process of its own, which has no threads when it forks."""
    command = [sys.executable, "-m", "fuzz", "--tries", "24", "--output", tmp_path / "fuzz"]
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    ended = subprocess.run(command, capture_output=True, check=False, text=True, env={**os.environ, "PYTHONPATH": path})
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert [line.partition(":")[0] for line in ended.stdout.splitlines()] == list(KINDS)


def test_every_command_is_tried_with_what_it_takes():
    """Those in groups too, though all are imported only when they are called; but for two that take their time."""
    tried = dict(command_line.commands(cli))
    assert {("run",), ("predict",), ("report",), ("plugins", "list"), ("plot", "learning")} <= tried.keys()
    assert not {("serve",), ("plugins", "check"), ("plugins",)} & tried.keys()
    assert all(command.params for path, command in tried.items() if path != ("plugins", "list"))


@pytest.mark.parametrize(
    "ending",
    [
        {},
        {"code": 1, "err": REFUSED, "out": b"a\n"},
        {"code": 2, "err": b"Usage: s2s\n\nError: No such command 'a'.\n", "out": b""},
        {"code": 2, "err": b"Usage: s2s\n\nOptions:\n  --help\n", "out": b""},
        {"err": b"warning: line 1 has a tab; a line is one source\n"},
        {"code": 130, "interrupted": True, "err": b"error: stopped after 2 of 9 steps; go on with --resume\n"},
    ],
)
def test_what_is_as_it_should_be_is_no_fault(ending):
    """An answer to each line, one message, or training that was stopped."""
    assert fault(Attempt([], answers=2), _ended(**ending)) is None


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ({"code": -11}, "crash: SIGSEGV"),
        ({"code": -9, "hung": True, "seconds": 10.2}, "hang: no end after 10 s"),
        (
            {"code": 1, "err": b"Traceback (most recent call last):\n  File\nKeyError: 'a'\n"},
            "traceback: KeyError: 'a'",
        ),
        ({"err": b"/x/torch/a.py:1: UserWarning: old\n"}, "a library's warning: /x/torch/a.py:1: UserWarning: old"),
        ({"code": 3, "err": b"error: a\n"}, "exit code 3"),
        ({"code": 1, "err": b""}, "message: 0 errors"),
        ({"code": 1, "err": b"error: a\n, b\n"}, "message: 'error: a' is followed by ', b'"),
        ({"code": 1, "err": b"error: " + 1400 * b"a"}, "long: a line of 1,407 characters"),
        ({"code": 1, "err": b"error: \x1b[31m"}, r"unprintable: 'error: \x1b[31m'"),
        ({"err": b"error: a\n"}, "an error, but exit code 0: error: a"),
        ({"out": b"a\n"}, "count: 1 answers to 2 lines"),
        ({"out": b"a\n\nb\n", "code": 1, "err": b"error: a\n"}, "count: 3 answers to 2 lines"),
    ],
)
def test_a_fault_is_told(ending, expected):
    """Whatever a user should never see."""
    assert fault(Attempt([], answers=2), _ended(**ending)) == expected


def _ended(**changes):
    return attrs.evolve(FINE, **changes)
