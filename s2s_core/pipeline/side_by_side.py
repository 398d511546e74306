"""Runs commands side by side, each in a process of its own with its own log."""

import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from s2s_core.runs.interruption import Interruption

_PATIENCE = 0.2
"""Seconds after which Ctrl-C is looked for, while no process says anything."""


@attrs.frozen
class Job:
    """A command to run.

    Attributes:
        seed: The seed of the run that it trains.
        command: The program and its arguments.
        log: The file that its output is appended to.
    """

    seed: int
    command: Sequence[str]
    log: Path


class JobFailedError(Exception):
    """A command has failed; the others were interrupted.

    Attributes:
        job: The command.
        code: Its exit code, or minus the number of the signal that ended it.
    """

    def __init__(self, job: Job, code: int) -> None:
        super().__init__(job, code)
        self.job, self.code = job, code


class JobsInterruptedError(Exception):
    """Ctrl-C, SIGTERM or SIGHUP arrived; all commands were interrupted and have ended.

    Attributes:
        number: The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class SideBySide:
    """Runs commands, a few at a time.

    Args:
        jobs: The commands, in the order in which they start.
        limit: How many run at the same time.
        environment: Their environment variables.
        said: Receives each line that a command prints, while it runs.
    """

    def __init__(
        self, jobs: Sequence[Job], limit: int, environment: Mapping[str, str], said: Callable[[Job, str], None]
    ) -> None:
        self._waiting, self._limit = deque(jobs), limit
        self._environment, self._said = environment, said
        self._running: dict[Job, subprocess.Popen[bytes]] = {}
        self._heard: queue.SimpleQueue[tuple[Job, str | None]] = queue.SimpleQueue()

    def run(self) -> None:
        """Runs all commands to their end.

        Raises:
            JobFailedError: A command failed.
            JobsInterruptedError: Ctrl-C, SIGTERM or SIGHUP arrived.
        """
        with Interruption() as interruption:
            try:
                while self._waiting or self._running:
                    self._start()
                    self._listen()
                    if interruption.signal is not None:
                        raise JobsInterruptedError(interruption.signal)
            finally:
                self._stop()

    def _start(self) -> None:
        """Starts as many commands as may run."""
        while self._waiting and len(self._running) < self._limit:
            job = self._waiting.popleft()
            job.log.parent.mkdir(parents=True, exist_ok=True)
            # In a session of its own, Ctrl-C reaches it only through this process, and so only once.
            process = subprocess.Popen(  # noqa: S603  # the command is our own
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
            self._running[job] = process
            threading.Thread(target=self._read, args=(job, process), daemon=True).start()

    def _read(self, job: Job, process: "subprocess.Popen[bytes]") -> None:
        """Logs what a process prints and passes it on, until its end."""
        assert process.stdout is not None  # noqa: S101  # for the type checker
        with job.log.open("ab") as log, process.stdout as printed:
            for line in printed:
                log.write(line)
                log.flush()
                self._heard.put((job, line.decode(errors="replace").rstrip("\r\n")))
        self._heard.put((job, None))

    def _listen(self) -> None:
        """Passes on the next line, or notes that a process has ended."""
        try:
            job, line = self._heard.get(timeout=_PATIENCE)
        except queue.Empty:
            return
        if line is not None:
            self._said(job, line)
            return
        code = self._running.pop(job).wait()
        if code:
            raise JobFailedError(job, code)

    def _stop(self) -> None:
        """Ends what still runs, and waits for it: a training writes its state first.

        By SIGTERM, as a process that was started in the background may ignore SIGINT.
        """
        for process in self._running.values():
            process.terminate()
        try:
            for process in self._running.values():
                process.wait()
        except BaseException:  # a second Ctrl-C
            for process in self._running.values():
                process.kill()
            raise


def usable_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
