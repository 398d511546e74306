"""How a process gets on with others, and with its own objects."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from s2s_core.runs.processes import OBJECTS, SPINS

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
"""The variables of a user who decided nothing about threads."""


def spins(**environment):
    """What GOMP_SPINCOUNT is when a training imports PyTorch, given variables of a user."""
    program = """
        import os
        import sys

        import s2s_core as s2s
        from s2s_core.pipeline import train

        def open_run(*_, **__):
            assert "torch" not in sys.modules
            print(os.environ.get("GOMP_SPINCOUNT"))
            raise SystemExit

        sys.modules["s2s_core.pipeline.train"].open_run = open_run
        s2s.train(settings={"task": "reverse"})
    """
    return printed(program, **environment)


def printed(program, **environment):
    command = [sys.executable, "-c", dedent(program)]
    done = subprocess.run(command, env=CLEAN | environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_that_wait_sleep_soon(environment, expected):
    """It is settled before PyTorch is imported, and what the user set stays."""
    assert expected == spins(**environment)


def test_a_command_settles_it_before_it_imports_much():
    """Threads sleep soon and unused objects are looked for rarely; a program that only imports s2s is left alone."""
    assert f"700 {OBJECTS} {SPINS}" == printed("""
        import gc
        import os
        import sys
        from types import SimpleNamespace

        from s2s_core.__main__ import main

        before = gc.get_threshold()[0]
        sys.modules["s2s_core.cli.main"] = SimpleNamespace(
            main=lambda: print(before, gc.get_threshold()[0], os.environ["GOMP_SPINCOUNT"])
        )
        main()
    """)
