"""Calls a function in another process, where strings hash differently and sets therefore have another order."""

import json
import os
import pkgutil
import subprocess
import sys
from typing import Any

from s2s_core.config.structure import structure_table
from s2s_core.plugins.registry import Plugins
from s2s_core.testing.promise import broken
from s2s_core.testing.subject import Subject

SECONDS = 600
"""The time limit of the other process."""

_PROGRAM = "from s2s_core.testing.elsewhere import answer; answer()"


def ask_elsewhere(subject: Subject, question: str) -> Any:
    """Returns what a function returns in another process.

    Args:
        subject: The component.
        question: The function, as ``"module:function"``. It takes the component's class and configuration, and returns
            what JSON can hold.

    Raises:
        BrokenPromiseError: The component can't be imported there, or the function raises.
    """
    component = subject.component
    if "<locals>" in component.__qualname__:
        broken(
            f"another process can't import {component.__qualname__}: define the class at the top level of its module"
        )
    asked = {
        "component": f"{component.__module__}:{component.__qualname__}",
        "kind": subject.kind,
        "settings": subject.settings,
        "question": question,
    }
    ended = subprocess.run(  # noqa: S603  # the program is ours
        [sys.executable, "-c", _PROGRAM, json.dumps(asked)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": _other_seed()},
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
    )
    if ended.returncode:
        broken(f"another process fails with: {(ended.stderr.strip().splitlines() or ['nothing'])[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])


def answer() -> None:
    """Runs in the other process: prints the function's result as the last line."""
    asked = json.loads(sys.argv[1])
    component: Any = pkgutil.resolve_name(asked["component"])
    config = structure_table(asked["settings"], component.Config, asked["kind"], Plugins([], {}))
    print("\n" + json.dumps(pkgutil.resolve_name(asked["question"])(component, config)))  # noqa: T201


def _other_seed() -> str:
    return "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
