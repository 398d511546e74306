"""Sets up Accelerate: the device and precision of training, in one process or several."""

import os

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from s2s_core.compat import forget_precision
from s2s_core.config.training import TrainingConfig
from s2s_core.errors import ConfigError
from s2s_core.runs.run import Run


def make_accelerator(run: Run) -> Accelerator:
    """Creates the accelerator that prepares the model and the optimizer, and sets the seed.

    Raises:
        ConfigError: The device can't compute with the precision that was set.
    """
    config = run.config.training
    forget_precision()
    try:
        accelerator = Accelerator(
            # Without a GPU, several processes find each other only if Accelerate is told to use the CPU.
            cpu=config.device == "cpu" or not torch.accelerator.is_available(),
            mixed_precision="no" if config.precision == "full" else config.precision,
        )
    except ValueError as error:
        if config.precision == "full":
            raise
        raise _precision_error(config.precision) from error
    if (
        config.precision == "fp16" and accelerator.scaler is None
    ):  # Accelerate would fall back to full precision on a CPU
        raise _precision_error(config.precision)
    _be_deterministic(config.seed)
    return accelerator


def trains_on_gpu(config: TrainingConfig) -> bool:
    """Returns whether training with these settings takes a GPU."""
    return config.device != "cpu" and torch.accelerator.is_available()


def _precision_error(precision: str) -> ConfigError:
    others = "full or bf16" if precision == "fp16" else "full"
    return ConfigError(f"training.precision: this device can't train with {precision}; use {others}")


def _be_deterministic(seed: int) -> None:
    """Makes a run reproducible from its seed. Denormal numbers count as 0, as computing with them is slow."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    set_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    # Nothing reads what it never wrote. Filling it takes 2 % of an update on a CPU, and a kernel each on a GPU.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_flush_denormal(True)
