"""Seeds the random generators, for dropout and the like, before each update."""

import hashlib

import torch


def seed_update(device: torch.device, seed: int, process: int, step: int) -> None:
    """Seeds PyTorch's generators of the CPU and of a device for one update.

    So the random numbers of an update don't depend on earlier ones, and resuming needs no generator's state.

    Args:
        device: The device that computes.
        seed: The seed of the run.
        process: The index of the process; each process draws its own numbers.
        step: The number of the update.
    """
    digest = hashlib.blake2b(f"{seed} {process} {step}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest)
    torch.default_generator.manual_seed(number)  # torch.manual_seed takes half a millisecond
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(number)
