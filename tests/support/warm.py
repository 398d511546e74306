"""A process that has imported PyTorch and waits: each command of ``s2s`` is a fork of it, and so starts at once.

The documentation shows dozens of commands, which would spend most of their time on importing. ``warm`` starts that
process. ``CLIENT`` is the program called ``s2s``: it hands its arguments, streams, folder and variables over.
"""

import contextlib
import json
import os
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
order = dict(arguments=sys.argv, folder=os.getcwd(), variables=dict(os.environ), packages={packages!r})
socket.send_fds(server, [b"."], [0, 1, 2])
server.sendall(json.dumps(order).encode())
server.shutdown(socket.SHUT_WR)
sys.exit(int(server.makefile().read()))
"""


@contextlib.contextmanager
def warm() -> Iterator[str]:
    """Starts such a process, and gives its address."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/s2s"
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads don't survive a fork
        process = subprocess.Popen([sys.executable, "-u", __file__, address], start_new_session=True, env=one_thread)
        try:
            while not Path(address).exists() and process.poll() is None:
                time.sleep(0.05)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # what is still running too
            process.wait()


def serve(address: str) -> None:
    """Answers each order with a process that ends with the order's exit code, until it is terminated."""
    import s2s_core.cli.main
    import s2s_core.exporting.exporter
    import s2s_core.training.trainer  # noqa: F401

    _export_something()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address + ".new")
    listener.listen()
    Path(address + ".new").rename(address)
    while True:
        client, _ = listener.accept()
        if os.fork():
            client.close()
            _reap()
        else:
            listener.close()
            _answer(client)


def _export_something() -> None:
    """Exports a module, as half of the time of a first export is spent on imports and tables."""
    import torch

    from s2s_core.exporting.pieces import trace

    trace(torch.nn.Linear(1, 1), (torch.zeros(2, 1),), (None,))


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _answer(client: socket.socket) -> None:
    """Is the command, and ends this process."""
    code: object = 1
    try:
        _, streams, _, _ = socket.recv_fds(client, 1, 3)
        order = json.loads(client.makefile().read())
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["variables"])
        sys.argv = order["arguments"]
        site.addsitedir(order["packages"])
        code = _run()
    except BaseException:  # noqa: BLE001  # whatever it is, the command has failed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        client.sendall(str(code if isinstance(code, int) else 0).encode())
        os._exit(0)


def _run() -> object:
    from s2s_core.cli.main import main

    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
