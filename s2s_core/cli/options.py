"""What several commands take: which run, and what it consists of."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import attrs
import click
from click.shell_completion import CompletionItem

from s2s_core.config.resolve import DEFAULT_ENCODER, Layer, override, parse_assignment, read_toml, resolve
from s2s_core.config.tables import RunConfig
from s2s_core.errors import ConfigError
from s2s_core.plugins.registry import Kind, Plugins
from s2s_core.runs.run import Run, is_first_process

Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


class RunFolder(click.Path):
    """The folder of a run, and not its exported file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path."""
        if Path(value).is_file():
            self.fail(f"a file can't do this; give the folder of the run (got {str(value)!r})", param, ctx)
        return super().convert(value, param, ctx)


RUN = RunFolder(path_type=Path)


class ComponentName(click.ParamType[str, Any]):
    """The name of a component, which the shell can complete."""

    name = "name"

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the names that begin with what was typed."""
        del ctx, param
        return [CompletionItem(name) for name in Plugins().names(self.kind) if name.startswith(incomplete)]


def run_options(command: Command) -> Command:
    """Adds what describes a run."""
    options = [
        click.argument("recipe", required=False, type=FILE),
        click.option("--task", type=ComponentName("task"), help="What to learn, such as reverse."),
        click.option("--encoder", type=ComponentName("encoder"), help=f"The encoder.  [default: {DEFAULT_ENCODER}]"),
        click.option("--decoder", type=ComponentName("decoder"), help="The decoder.  [default: named as the encoder]"),
        click.option("--seed", type=int, help="The same seed gives the same model."),
        click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Any setting; may be repeated."),
        click.option("--output", type=FOLDER, help="The run's folder.  [default: runs/TASK-ENCODER-DECODER]"),
        click.option("--resume", is_flag=True, help="Go on with an interrupted run."),
        click.option("--overwrite", is_flag=True, help="Start again where a run is already."),
    ]
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


def open_run(plugins: Plugins, **options: Any) -> Run:
    """Returns the run that the options describe, of which nothing is written yet, or opens the one to go on with.

    Raises:
        ConfigError: An option can't be used, or the folder holds another run.
    """
    output, resume, overwrite = (options.pop(name) for name in ("output", "resume", "overwrite"))
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other")
    layers = _layers(**options)
    if resume and output is None and not any(layers):
        raise click.UsageError("--resume needs --output, or the options that the run was started with")
    if resume and output is not None:
        found = Run.open(output, plugins)
        return _same(attrs.evolve(found, config=override(found.config, layers, plugins)), found)
    config = resolve(layers, plugins)
    run = Run(output or default_folder(config), config, plugins)
    if resume:
        return _same(run, Run.open(run.folder, plugins))
    if is_first_process() and not overwrite:
        run.require_new()
    return run


def default_folder(config: RunConfig) -> Path:
    """Returns where a run goes that has no ``--output``."""
    return Path("runs") / "-".join((config.task.name, config.encoder.name, config.decoder.name))


def _layers(
    *,
    recipe: Path | None,
    task: str | None,
    encoder: str | None,
    decoder: str | None,
    seed: int | None,
    assignments: tuple[str, ...],
) -> list[Layer]:
    flags: dict[str, Any] = {"task": task, "encoder": encoder, "decoder": decoder}
    chosen: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    if seed is not None:
        chosen["training"] = {"seed": seed}
    return [read_toml(recipe) if recipe else {}, chosen, *map(parse_assignment, assignments)]


def _same(wanted: Run, found: Run) -> Run:
    if wanted.config != found.config:
        raise ConfigError(
            f"{found.folder} holds a run with other settings than these: go on with "
            f"--resume --output {found.folder} alone, or start again with --overwrite"
        )
    return found


def installed(context: click.Context) -> Plugins:
    """Returns the plugins that ``s2s`` found when it started."""
    return cast("Plugins", context.find_object(Plugins))
