"""``python -m fuzz.cuts``: cuts a disk's power at random moments, and compares the end with a quiet run's.

The disk is a file with ext4, mounted as a loop device, which needs root on Linux. A cut is the file system's own
shutdown without a flush (``EXT4_IOC_SHUTDOWN`` in ``fs/ext4/ioctl.c`` of Linux): what isn't in the journal or on the
disk by then is lost, as if the machine had gone off. The disk is then mounted again, which replays the journal.
"""

import contextlib
import fcntl
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import attrs
import click

from . import chain

SHUTDOWN, WITHOUT_FLUSH = 0x8004587D, 2

SIZE = 256 << 20
"""The disk's bytes."""


@click.command()
@click.option("--cuts", default=50, show_default=True, help="How many times to cut the power.")
@click.option("--seed", default=0, show_default=True, help="Another seed cuts at other moments.")
def main(cuts: int, seed: int) -> None:
    """Cuts the power again and again, and ends with exit code 1 if a run ends otherwise than without."""
    random, done, chains, faults = Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as temporary, _disk(Path(temporary)) as disk:
        whole, longest = chain.quiet_run(disk.folder)
        os.sync()  # the pairs must be there after a cut
        while done < cuts:
            name = f"chain-{chains}"
            done += chain.train(disk.folder, name, lambda process: _cut(disk, process, random.uniform(0, longest)))
            chains += 1
            if chain.contents(disk.folder / name) != whole:
                faults += 1
                click.echo(f"fault: {name} ends with other bytes")
    click.echo(f"{done:,} cuts in {chains:,} runs, {faults:,} of which ended otherwise")
    raise SystemExit(1 if faults else 0)


@attrs.frozen
class Disk:
    """A disk whose power can be cut.

    Attributes:
        image: The file that it is.
        folder: Where it is mounted.
    """

    image: Path
    folder: Path

    def mount(self) -> None:
        """Makes the disk's files appear, as after a start of the machine."""
        subprocess.run(["mount", "-o", "loop", self.image, self.folder], check=True)

    def unmount(self) -> None:
        """Lets go of the disk."""
        subprocess.run(["umount", self.folder], check=True)

    def cut(self) -> None:
        """Loses all that isn't on the disk."""
        root = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(root, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        os.close(root)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Disk]:
    disk = Disk(folder / "disk.img", folder / "disk")
    disk.folder.mkdir()
    disk.image.touch()
    os.truncate(disk.image, SIZE)
    subprocess.run(["mkfs.ext4", "-q", disk.image], check=True)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


def _cut(disk: Disk, process: chain.Process, seconds: float) -> bool:
    """Cuts the power after some seconds if a process is still there, and returns whether it was."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        disk.cut()
        process.kill()
        process.wait()
        disk.unmount()
        disk.mount()
        return True
    return False


if __name__ == "__main__":
    main()
