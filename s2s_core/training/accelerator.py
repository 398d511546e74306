"""The device that training runs on, alone or as one of several processes: Accelerate."""

import os

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from s2s_core.compat import forget_precision
from s2s_core.errors import ConfigError
from s2s_core.runs.run import Run


def make_accelerator(run: Run) -> Accelerator:
    """Makes what prepares model and optimizer, and sets the seed.

    Raises:
        ConfigError: The device can't compute with the chosen precision.
    """
    config = run.config.training
    forget_precision()
    try:
        accelerator = Accelerator(
            # Without a GPU, processes know each other only if they are told to use the CPU.
            cpu=config.device == "cpu" or not torch.accelerator.is_available(),
            mixed_precision="no" if config.precision == "full" else config.precision,
        )
    except ValueError as error:
        if config.precision == "full":
            raise
        raise _precision_error(config.precision) from error
    if config.precision == "fp16" and accelerator.scaler is None:  # Accelerate would take full precision on a CPU
        raise _precision_error(config.precision)
    _be_deterministic(config.seed)
    return accelerator


def _precision_error(precision: str) -> ConfigError:
    others = "full or bf16" if precision == "fp16" else "full"
    return ConfigError(f"training.precision: this device can't train with {precision}; use {others}")


def _be_deterministic(seed: int) -> None:
    """Makes a seed give one result. Numbers too small to matter count as 0, which keeps arithmetic fast."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA has no deterministic products
    set_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_flush_denormal(True)
