"""Options that several commands share: the run, and what it consists of."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from s2s_core.cli.context import found, installed
from s2s_core.config.overrides import Overrides, parse_assignment
from s2s_core.config.resolve import DEFAULT_ENCODER
from s2s_core.config.seeds import parse_seeds
from s2s_core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from s2s_core.plugins.registry import Kind

Command = Callable[..., Any]


class Folder(click.Path):
    """A folder with a name: an empty one, as that of a variable that isn't set, would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path."""
        if not str(value):
            self.fail("the name is empty: name a folder, such as runs/mine, or . for this one", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = Folder(file_okay=False, path_type=Path)
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

    def __init__(self, kind: "Kind") -> None:
        self.kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the names that begin with what was typed."""
        del param
        names = found(ctx).plugins.names(self.kind)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Seeds(click.ParamType[list[int], Any]):
    """Several seeds, as numbers and ranges."""

    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Returns the seeds."""
        try:
            return parse_seeds(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def run_options(command: Command) -> Command:
    """Adds the options that describe a run."""
    options = [
        click.argument("recipe", required=False, type=FILE),
        click.option("--task", type=ComponentName("task"), help="What to learn, such as reverse."),
        click.option(
            "--encoder",
            type=ComponentName("encoder"),
            help=f"The encoder.  [default: the task's, or {DEFAULT_ENCODER}]",
        ),
        click.option(
            "--decoder",
            type=ComponentName("decoder"),
            help="The decoder.  [default: the task's with its encoder, or named as the encoder]",
        ),
        click.option("--seed", type=int, help="The same seed gives the same model."),
        click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Any setting; may be repeated."),
        click.option("--output", type=FOLDER, help="The run's folder.  [default: runs/TASK-ENCODER-DECODER]"),
        click.option("--resume", is_flag=True, help="Resume an interrupted run."),
        click.option("--overwrite", is_flag=True, help="Start again, even if the folder already holds a run."),
    ]
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


def run_arguments(
    context: click.Context,
    *,
    recipe: Path | None,
    task: str | None,
    encoder: str | None,
    decoder: str | None,
    seed: int | None,
    assignments: tuple[str, ...],
    output: Path | None,
    resume: bool,
    overwrite: bool,
) -> dict[str, Any]:
    """Returns what the options of ``run_options`` mean to ``s2s_core.run`` and ``s2s_core.train``."""
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other")
    components = {"task": task, "encoder": encoder, "decoder": decoder}
    flags: dict[str, Any] = {name: value for name, value in components.items() if value is not None}
    if seed is not None:
        flags["training"] = {"seed": seed}
    if resume and output is None and not (recipe or flags or assignments):
        raise click.UsageError("--resume needs --output, or the options that the run was started with")
    settings = [flags, *map(parse_assignment, assignments)]
    return {
        "recipe": recipe,
        "settings": settings,
        "output": output,
        "resume": resume,
        "overwrite": overwrite,
        "plugins": installed(context),
    }


def exported_file(model: Path) -> Path:
    """Returns the file that is meant: the path itself, the file in the folder of a run, or one from the hub."""
    from s2s_core.runtime.hub import fetch, is_on_hub  # noqa: PLC0415  # s2s starts without ONNX Runtime

    if is_on_hub(model):
        found = fetch(str(model))
        click.echo(f"model    hf:{found.repository}@{found.commit}, SHA-256 {found.digest}", err=True)
        return found.path
    if not model.is_dir():
        return model
    path = model / "model.onnx"
    if (model / "run.toml").is_file() and not path.exists():
        raise ModelError(f"can't read {path}: No such file or directory; s2s export {model} makes it")
    return path


references_option = click.option(
    "--references",
    type=click.Choice(["each", "all"]),
    help="Count each line with the same source, or let their targets all be right.  [default: as the task]",
)


def metric_settings(names: str | None) -> Sequence[Overrides]:
    """Returns the settings that take the metrics of a list such as ``"bleu,chrf"`` alone; none leaves them."""
    if names is None:
        return []
    return [{"evaluation": {"metrics": [name.strip() for name in names.split(",")], "select": ""}}]
