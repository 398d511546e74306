"""The command ``s2s``."""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from s2s_core.cli.context import Installed, found, installed
from s2s_core.cli.lazy import LazyCommand
from s2s_core.errors import PluginError, S2SError, S2SWarning, missing_package, one_line
from s2s_core.version import __version__

_SHOW_WARNING = warnings.showwarning

INTERRUPTED, BROKEN_PIPE = 130, 141
"""128 plus the number of SIGINT or SIGPIPE, the exit code of a program that the signal ends."""


_NO_MEMORY = ("can't allocate memory", "out of memory", "Storage size calculation overflowed")
"""What PyTorch's messages say when memory runs out."""

_SIZES = (
    "the sizes of a batch, training.batch_size, decoding.batch_size and decoding.beam_size, "
    "or those of the model, such as encoder.hidden_size and decoder.hidden_size"
)


class Commands(click.Group):
    """The commands: our own, and those of plugins, which are found when one is asked for, or all are listed.

    On a broken pipe they exit as SIGPIPE would end them; click would exit with 1.
    """

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Adds a command, whose name must be new.

        Raises:
            PluginError: There is a command of that name, which a plugin may not replace.
        """
        name = name or cmd.name or ""
        if name in self.commands:
            raise PluginError(f"there is a command {name!r} already")
        super().add_command(cmd, name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command of ours, or else a plugin's."""
        own = super().get_command(ctx, cmd_name)
        if own is None:
            installed(ctx).add_commands(self)
        return own or super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands, sorted."""
        found(ctx).plugins.add_commands(self)
        return super().list_commands(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            ctx.exit(BROKEN_PIPE)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Documentation of a command: s2s COMMAND --help. Everything that can be set: s2s plugins show NAME.",
)
@click.version_option(__version__, prog_name="s2s")
def cli() -> None:
    """Trains sequence-to-sequence models and ships each as one ONNX file, text in and text out.

    \b
    s2s run --task reverse --encoder mlp-rnn     train, evaluate, export, prove the export
    echo hello | s2s predict model.onnx          use the exported file
    s2s plugins list                             what can be chosen
    """


for command in (
    LazyCommand("run", "s2s_core.cli.run:run", "Train, evaluate, export and prove the export."),
    LazyCommand("train", "s2s_core.cli.train:train", "Train a model and keep the best."),
    LazyCommand("evaluate", "s2s_core.cli.evaluate:evaluate", "Score a run or an exported file."),
    LazyCommand("compare", "s2s_core.cli.compare:compare", "Tell whether one model is better than another."),
    LazyCommand("distil", "s2s_core.cli.distil:distil", "Train a small model on the answers of others."),
    LazyCommand("export", "s2s_core.cli.export:export", "Write a trained model as one ONNX file."),
    LazyCommand("patch", "s2s_core.cli.patch:patch", "Change the lexicon of an exported file."),
    LazyCommand("lexicon", "s2s_core.cli.lexicon:lexicon", "List the lexicon of an exported file."),
    LazyCommand("predict", "s2s_core.cli.predict:predict", "Answer lines with an exported file."),
    LazyCommand("serve", "s2s_core.cli.serve:serve", "Answer requests over HTTP with exported files."),
    LazyCommand("score", "s2s_core.cli.score:score", "Tell how likely a run's model finds given answers."),
    LazyCommand("plot", "s2s_core.cli.plot:plot", "Draw scores, learning, states and attention."),
    LazyCommand("report", "s2s_core.cli.report:report", "Write a page on how runs learnt, answer and err."),
    LazyCommand(
        "plugins", "s2s_core.cli.plugins:plugins", "List, show and check the installed components, and write new ones."
    ),
):
    cli.add_command(command)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a character, such as an arrow
    sys.exit(_run())


def _open_closed_streams() -> None:
    """Replaces standard streams that the user closed, as by ``>&-``, so that no file gets their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # for good


def _run() -> int:
    """Returns the exit code. An error that a user can fix is one message; a bug keeps its traceback."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", S2SWarning)
            warnings.showwarning = _show_warning
            code = _invoke(Installed())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing is flushed into the pipe
        return BROKEN_PIPE
    except click.ClickException as error:
        _print_error(_usage(error))
        return error.exit_code
    except (S2SError, OSError, ModuleNotFoundError, MemoryError, RuntimeError, KeyboardInterrupt) as error:
        lines = error.lines if isinstance(error, S2SError) else _message(error)
        if not lines:
            raise
        _print_error([f"error: {lines[0]}", *lines[1:]])
        return _exit_code(error)
    return code if isinstance(code, int) else 0


def _usage(error: click.ClickException) -> list[str]:
    """Returns what click shows: how the command is used, and last the message, in one line."""
    shown = io.StringIO()
    error.show(shown)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return shown.getvalue().rstrip().split("\n")
    message = error.format_message()
    *before, mark = shown.getvalue().rstrip("\n").removesuffix(message).split("\n")
    return [*before, mark + " ".join(line.strip() for line in message.splitlines())]


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Prints a warning of our own like any other message; those of libraries stay as Python shows them."""
    if issubclass(category, S2SWarning):
        click.echo(one_line(f"warning: {message}"), err=True)
    else:
        _SHOW_WARNING(message, category, *where, **more)


def _print_error(lines: Sequence[str]) -> None:
    click.echo("\n".join(map(one_line, lines)), err=True)


def _invoke(plugins: Installed) -> Any:
    """Runs the command. A note below a traceback names the plugin whose bug it may be."""
    try:
        return cli.main(prog_name="s2s", standalone_mode=False, obj=plugins)
    except Exception as error:
        if place := plugins.place_of(error):
            error.add_note(f"This happened in {place}, whose bug it may be.")
        raise


def _message(error: BaseException) -> list[str]:
    """Returns the message for the user, in one line; nothing if only a bug can be the reason."""
    if isinstance(error, ModuleNotFoundError):
        reason = missing_package(error)
        return [f"this command {reason}"] if reason else []
    if isinstance(error, MemoryError | RuntimeError) and not isinstance(error, click.Abort):
        reason = str(error).partition("\n")[0]
        lacking = isinstance(error, MemoryError) or any(sign in reason for sign in _NO_MEMORY)
        return [f"not enough memory: lower {_SIZES} ({reason})"] if lacking else []
    if isinstance(error, OSError):
        return [": ".join(str(part) for part in (error.filename, error.strerror or error) if part)]
    return [str(error) or "interrupted"]


def _exit_code(error: BaseException) -> int:
    interrupted = isinstance(error, KeyboardInterrupt | click.Abort)
    code: int = INTERRUPTED if interrupted else getattr(error, "exit_code", 1)
    return code


if __name__ == "__main__":
    main()
