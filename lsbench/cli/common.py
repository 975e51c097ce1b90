"""What the verbs of the command line share: errors and exit codes, options, help examples, progress labels."""

from __future__ import annotations

import math
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsbench.cli.streams import Terminated, lenient, terminable
from lsbench.errors import LsbenchError, of_system
from lsbench.system.visible import visible

if TYPE_CHECKING:
    from lsbench.system.pool import Progress

MOST_SAID = 3000  # characters of an error: names and values in a file can be of any length
DONE, ERROR, INCOMPLETE, INTERRUPTED, TERMINATED = 0, 1, 3, 130, 143


class Commands(click.Group):
    """Verbs in the order in which they are used, and named errors on one line of stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from lsbench.registry import unknown

            raise click.UsageError(unknown("command", args[0], self.commands), ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:
        """As click's own, with streams that may be closed, full or left, of which the exit status tells."""
        status: Any = DONE
        with lenient() as output:
            try:
                with terminable():
                    return super().main(*args, **options)
            except SystemExit as ended:
                status = ended.code
                with suppress(OSError, ValueError):
                    sys.stdout.flush()
                if output is None or not output.lost:
                    raise
                if output.has_reader and not status:
                    click.echo(
                        f"lsbench: standard output cannot be written: {output.lost}. The work is done; what was to be "
                        "said of it is lost",
                        err=True,
                    )
        sys.exit(status or ERROR)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LsbenchError as error:
            from lsbench.system.ranks import end_if_lost

            _show_traceback(ctx)
            say(f"lsbench: {one_line(str(error))}", err=True)
            end_if_lost(ERROR)
            ctx.exit(ERROR)
        except KeyboardInterrupt as interrupt:
            click.echo("lsbench: interrupted; what is finished is kept, the same command goes on", err=True)
            ctx.exit(TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED)
        except BrokenPipeError:
            raise  # click ends quietly
        except MemoryError:
            _show_traceback(ctx)
            remedy = "free some, allow more (ulimit -v), or pass fewer --workers"
            say(f"lsbench: too little memory; {remedy}. What is finished is kept", err=True)
            ctx.exit(ERROR)
        except OSError as error:
            _show_traceback(ctx)
            say(f"lsbench: {one_line(of_system(error))}", err=True)
            ctx.exit(ERROR)


def _show_traceback(context: click.Context) -> None:
    """Under --debug, where the error that is being handled comes from."""
    if context.find_root().params.get("debug"):
        say(traceback.format_exc().rstrip(), err=True)


def say(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text: the characters of it that a terminal would obey are shown."""
    click.echo(visible(str(text), "\n\t"), err=err, nl=nl)


def one_line(message: str) -> str:
    """A message in one line, without the numbers that the system gives its errors."""
    said = " ".join(re.sub(r"\[Errno -?\d+\] ", "", message).split())
    return said if len(said) <= MOST_SAID else f"{said[: MOST_SAID - 500]} ... {said[-400:]}"


class Above(click.FloatRange):
    """A number above 0, which is one: neither nan nor inf."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number above 0.", param, ctx)
        return number


def demand_no_options(context: click.Context) -> None:
    """A usage error where a group was given an option that its command would not see."""
    for name in context.params:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = next(each for each in context.command.params if each.name == name)
            raise click.UsageError(
                f"{option.opts[0]} is of `{context.command_path}` itself, and {context.invoked_subcommand} would not "
                f"see it; put it behind {context.invoked_subcommand} where that takes it, or leave it out"
            )


def examples(*lines: str) -> str:
    """An epilog of commands that a user can copy."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def bench_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--reference, or --protocol with --data."""
    for option in (
        click.option("--data", type=click.Path(path_type=Path), help="Folder with the protocol's reference clips."),
        click.option("--protocol", "protocol_name", metavar="NAME|FILE", help="A protocol by name, or a .toml file."),
        click.option(
            "--reference", type=click.Path(path_type=Path), help="Folder of reference clips, all of them; or one clip."
        ),
    ):
        command = option(command)
    return command


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--workers, --offline, --weights and --quiet."""
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="No progress bar."),
        click.option("--weights", "weight_files", multiple=True, metavar="NAME=PATH", help="Use this file as it is."),
        click.option("--offline", is_flag=True, help="Never fetch weights."),
        click.option("--workers", type=click.IntRange(1), help="Processes; one per core if not given."),
    ):
        command = option(command)
    return command


timeout_option = click.option(
    "--timeout",
    type=Above(),
    default=600.0,
    show_default=True,
    help="Seconds that a program of cmd: may take for one clip.",
)


def demand_one_bench(reference: Path | None, protocol_name: str | None, data: Path | None) -> None:
    """A usage error unless either --reference, or --protocol with --data, is given."""
    if (reference is None) == (protocol_name is None):
        raise click.UsageError("pass either --reference DIR, or --protocol NAME|FILE with --data DIR")
    if (protocol_name is None) != (data is None):
        raise click.UsageError("--protocol and --data go together: the protocol, and the folder with its clips")


def labelled(progress: Progress, label: str) -> Progress:
    """A progress function that reports clips under one label, and what is fetched under its own."""
    return lambda what, done, total: progress(what if what.startswith(("fetch ", "learn ")) else label, done, total)
