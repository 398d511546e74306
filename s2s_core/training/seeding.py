"""Seeds the random generators, for dropout and the like, before each update."""

import hashlib

import torch


def seed_update(device: torch.device, seed: int, process: int, step: int) -> None:
    """Seeds PyTorch's generators, of the CPU and of a device, for one update.

    So an update depends on nothing that happened before, and resuming needs no generator's state.

    Args:
        device: That computes.
        seed: Of the run.
        process: Of several; each draws its own numbers.
        step: The number of the update.
    """
    digest = hashlib.blake2b(f"{seed} {process} {step}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest)
    torch.default_generator.manual_seed(number)  # torch.manual_seed takes half a millisecond
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(number)
