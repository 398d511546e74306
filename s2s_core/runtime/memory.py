"""How much memory a file may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import onnxruntime

SHARE = 0.8
"""The share of the free memory that answers may take; the rest is for the system and other programs."""

MEMORY, CONTROL_GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
"""Where Linux tells what is free, and what a container may use (control groups of version 2)."""

_SIGNS = ("Available memory of", "Failed to allocate memory", "bad_alloc", "bad allocation")
"""What messages of ONNX Runtime and of C++ say when memory runs out."""


def affordable_memory() -> int | None:
    """Returns how many bytes answers may take, at least 1, or None where nothing tells: on Windows."""
    free = [*_free(), *_free_in_control_group()]
    return max(int(SHARE * min(free)), 1) if free else None


def limit_memory(options: onnxruntime.SessionOptions, most: int) -> None:
    """Limits what a session takes for its computations; beyond it, ONNX Runtime raises an error.

    The arena is the process's: it belongs to all sessions with a limit, and the latest limit applies to later ones.
    Before ONNX Runtime 1.23, the first one applies to all.

    Args:
        options: Of the session, which isn't made yet.
        most: In bytes.
    """
    kind, memory = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    arena = onnxruntime.OrtArenaCfg({"max_mem": most})
    try:
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, memory), arena)
    except RuntimeError as error:
        if "already been registered" not in str(error):
            raise
    options.add_session_config_entry("session.use_env_allocators", "1")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of ONNX Runtime says that there isn't enough memory."""
    return any(sign in str(error) for sign in _SIGNS)


def _free() -> Iterator[int]:
    """Yields the free memory of the machine; nothing where nothing tells."""
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
        yield next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, LookupError, StopIteration):
        try:
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            return


def _free_in_control_group() -> Iterator[int]:
    """Yields what is left to a container; nothing where there is no limit."""
    try:
        most, used = (int((CONTROL_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        rows = (line.split() for line in (CONTROL_GROUP / "memory.stat").read_text().splitlines())
        cached = sum(int(size) for name, size in rows if name == "inactive_file")  # given up when memory is needed
    except (OSError, ValueError):  # "max" is no number
        return
    yield max(most - used + cached, 0)
