"""How much memory a file may use."""

import os
from pathlib import Path

import onnxruntime

SHARE = 0.8
"""The share of the free memory that answers may take; the rest is for the system and other programs."""

_FREE, _CONTROL_GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def affordable_memory() -> int:
    """Returns how many bytes answers may take, or 0 where nothing tells: on Windows."""
    free = [_free(), _free_in_control_group()]
    return int(SHARE * min((count for count in free if count), default=0))


def limit_memory(options: onnxruntime.SessionOptions, most: int) -> None:
    """Limits what a session takes for its computations; beyond it, ONNX Runtime raises an error.

    The arena is the process's: it belongs to all sessions with a limit, and the latest limit applies to later ones.

    Args:
        options: Of the session, which isn't made yet.
        most: In bytes.
    """
    kind, memory = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    arena = onnxruntime.OrtArenaCfg({"max_mem": most})
    onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, memory), arena)
    options.add_session_config_entry("session.use_env_allocators", "1")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of ONNX Runtime says that there isn't enough memory."""
    return any(sign in str(error) for sign in ("Available memory of", "Failed to allocate memory", "bad allocation"))


def _free() -> int:
    """Returns the free memory of the machine, 0 where nothing tells."""
    try:
        lines = _FREE.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def _free_in_control_group() -> int:
    """Returns what is left to the control group of a container, 0 where there is no limit."""
    try:
        most, used = (int((_CONTROL_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # "max" is no number
        return 0
    return max(most - used, 1)
