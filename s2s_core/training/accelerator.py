"""The device that training runs on, alone or as one of several processes: Accelerate."""

import os

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed

from s2s_core.config import TrainingConfig
from s2s_core.errors import ConfigError
from s2s_core.run import Run


def make_accelerator(run: Run) -> Accelerator:
    """Makes what prepares model and optimizer, and sets the seed.

    Raises:
        ConfigError: The device can't compute with the chosen precision.
    """
    config = run.config.training
    AcceleratorState._reset_state()  # noqa: SLF001  # or a process could train with one precision only
    try:
        accelerator = Accelerator(
            cpu=config.device == "cpu",
            mixed_precision={"full": "no"}.get(config.precision, config.precision),
            log_with=list(config.trackers) or None,
            project_dir=run.trackers_path,
        )
    except ValueError as error:
        raise _bad_precision(config, error) from error
    _be_deterministic(config.seed)
    return accelerator


def _bad_precision(config: TrainingConfig, error: ValueError) -> Exception:
    if config.precision == "full":
        return error
    other = "full or bf16" if config.precision == "fp16" else "full"
    return ConfigError(f"training.precision can't be {config.precision!r} on this device, only {other}: {error}")


def _be_deterministic(seed: int) -> None:
    """Makes a seed give one result. Numbers too small to matter count as 0, which keeps arithmetic fast."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA has no deterministic products
    set_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_flush_denormal(True)
