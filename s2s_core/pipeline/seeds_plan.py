"""What runs of several seeds there are to be, and which of them have begun or ended."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from s2s_core.config.overrides import Overrides, read_toml
from s2s_core.config.resolve import resolve
from s2s_core.config.seeds import require_seeds
from s2s_core.config.structure import override, structure
from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.plugins.registry import Plugins
from s2s_core.runs.folder import default_folder
from s2s_core.runs.run import Run
from s2s_core.runs.seeds import SeedsFolder
from s2s_core.runs.settling import settled_like


@attrs.frozen
class SeedsPlan:
    """What is to be trained.

    Attributes:
        folder: Where.
        whole: The run that they are together; it has the first seed.
        seeds: All seeds.
        threads: How many each run trains with.
    """

    folder: SeedsFolder
    whole: Run
    seeds: Sequence[int]
    threads: int

    @property
    def way_on(self) -> str:
        """The command that goes on with what is unfinished."""
        return f"s2s run --seeds {','.join(map(str, self.seeds))} --resume --output {self.folder.folder}"

    def is_finished(self, seed: int) -> bool:
        """Returns whether the run of a seed has ended; its card is what it writes last."""
        return self.folder.member(seed).card_path.is_file() and self._has_begun(seed)

    def is_resumable(self, seed: int) -> bool:
        """Returns whether training of a seed has begun, so that it can go on."""
        return self.folder.member(seed).resume_path.is_file() and self._has_begun(seed)

    def _has_begun(self, seed: int) -> bool:
        """Returns whether the run of a seed is there, and not one of other settings that is to be overwritten."""
        plugins = self.whole.plugins
        try:
            run = Run.open(self.folder.member(seed).folder, plugins)
            run.require_trained_with(settled_like(_seeded(self.whole.config, [seed], plugins), run.config))
        except ConfigError:
            return False
        return True


def plan_seeds(
    overrides: Sequence[Overrides],
    seeds: Sequence[int],
    plugins: Plugins,
    output: Path | None,
    *,
    resume: bool,
    overwrite: bool,
) -> SeedsPlan:
    """Returns what is to be trained, of which nothing is written yet.

    Args:
        overrides: The recipe's settings, then those that come before them.
        seeds: All seeds.
        plugins: Where components come from.
        output: The folder, or None for the default one.
        resume: Whether to go on with what is in the folder.
        overwrite: Whether to replace it.

    Raises:
        ConfigError: A setting or a seed can't be used, or the folder holds other runs.
    """
    require_seeds(seeds)
    if any("seed" in table["training"] for table in overrides[1:] if isinstance(table.get("training"), Mapping)):
        raise ConfigError("training.seed and several seeds exclude each other: leave training.seed out")
    if resume and overwrite:
        raise ConfigError("resume and overwrite exclude each other")
    saved = _saved(SeedsFolder(output), plugins) if resume and output is not None else None
    if saved is None or any(overrides):
        config = _seeded(resolve(overrides, plugins), seeds, plugins)
    else:
        config = _seeded(saved, seeds, plugins)
    folder = SeedsFolder(output or default_folder(config).with_name(f"{default_folder(config).name}-seeds"))
    if resume:
        _require_same(folder, config, _seeded(saved or _saved(folder, plugins), seeds, plugins))
    elif not overwrite:
        folder.require_new()
    folder.require_own(seeds)
    threads = folder.read_record()["threads"] if resume else _threads()
    return SeedsPlan(folder, Run(folder.folder, config, plugins), list(seeds), threads)


def _saved(folder: SeedsFolder, plugins: Plugins) -> RunConfig:
    """Returns the settings that the runs in a folder share."""
    folder.read_record()
    return structure(read_toml(folder.settings_path), plugins)


def _seeded(config: RunConfig, seeds: Sequence[int], plugins: Plugins) -> RunConfig:
    return override(config, [{"training": {"seed": seeds[0]}}], plugins)


def _require_same(folder: SeedsFolder, wanted: RunConfig, saved: RunConfig) -> None:
    if wanted != saved:
        raise ConfigError(
            f"{folder.folder} holds runs with other settings than these: go on with --seeds, --resume and "
            f"--output {folder.folder} alone, or start again with --overwrite"
        )


def _threads() -> int:
    """Returns how many threads each of several runs trains with: what ``OMP_NUM_THREADS`` says, or else one."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(int(said), 1) if said.isdecimal() else 1
