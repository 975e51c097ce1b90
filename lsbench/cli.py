"""The command line: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsbench import __version__
from lsbench.errors import LsbenchError

if TYPE_CHECKING:
    from rich.console import Console

    from lsbench.pool import Progress
    from lsbench.protocol import Protocol
    from lsbench.results import Result

DONE, ERROR, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130


class Commands(click.Group):
    """Verbs in the order in which they are used, and named errors on one line of stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LsbenchError as error:
            click.echo(f"lsbench: {' '.join(str(error).split())}", err=True)
            ctx.exit(ERROR)
        except KeyboardInterrupt:
            click.echo("lsbench: interrupted; what is finished is kept, the same command goes on", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as error:
            click.echo(f"lsbench: {error}", err=True)
            ctx.exit(ERROR)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lsbench")
def main() -> None:
    """Is my lip-sync generator better, where, and can I trust the number?

    \b
    Try it on the built-in corpus:   lsbench quickstart
    Score your own videos:           lsbench score GENERATED --reference REAL
    Rank what you have scored:       lsbench leaderboard runs/*
    """


def examples(*lines: str) -> str:
    """An epilog of commands that a user can copy."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def bench_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--reference, or --protocol with --data."""
    for option in (
        click.option("--data", type=click.Path(path_type=Path), help="Folder with the protocol's reference clips."),
        click.option("--protocol", "protocol_name", metavar="NAME|FILE", help="A protocol by name, or a .toml file."),
        click.option("--reference", type=click.Path(path_type=Path), help="Folder of reference clips, all of them."),
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


@main.command(epilog=examples("lsbench quickstart", "lsbench quickstart --out /tmp/toy"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def quickstart(out: Path, quiet: bool) -> None:
    """Render the toy corpus, score the stand-in generators on it, and print the board."""
    from lsbench import protocol, registry
    from lsbench.corpus.synthetic import write_corpus
    from lsbench.evaluate import score
    from lsbench.generator import generate

    with progress_bar(quiet) as progress:
        reference = out / "reference"
        write_corpus(reference)
        bench = protocol.load("toy").bind(reference)
        runs = []
        for name in registry.GENERATORS:
            generate(name, bench, out / "generated" / name, progress=labelled(progress, f"render {name}"))
            result = score(
                out / "generated" / name, protocol=bench, out=out / "runs", progress=labelled(progress, f"score {name}")
            )
            runs.append(result.path)
    show_board(runs)
    click.echo(f"\nRuns are in {out / 'runs'}. Again, as JSON: lsbench leaderboard {out / 'runs'}/* --format json")


@main.command(
    epilog=examples(
        "lsbench score out/ --reference grid/",
        "lsbench score out/ --reference grid/ --metric ssim --metric psnr:color=luma --region mouth",
        "lsbench score out/ --protocol grid-test --data grid/ --name wav2lip --align trim --workers 4",
    )
)
@click.argument("generated", type=click.Path(path_type=Path))
@bench_options
@click.option("--name", help="Name of the run; the generated folder's if not given.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Runs' folder.")
@click.option("--metric", "metrics", multiple=True, metavar="M", help="Such as ssim or ssim:color=luma; repeatable.")
@click.option("--region", "regions", multiple=True, type=click.Choice(["whole", "face", "mouth"]), help="Repeatable.")
@click.option("--align", type=click.Choice(["strict", "trim", "lag"]), help="The protocol's (strict) if not given.")
@click.option("--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True)
@click.option("--sound", type=click.Choice(["required", "optional"]), default="required", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Where networks and tensors run, such as cuda.")
@common_options
def score(
    generated: Path,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    name: str | None,
    out: Path,
    metrics: tuple[str, ...],
    regions: tuple[str, ...],
    workers: int | None,
    weight_files: tuple[str, ...],
    quiet: bool,
    **options: Any,
) -> None:
    """Score the videos in GENERATED against real clips and keep the run in OUT/NAME.

    A killed run goes on when the same command is given again. Exit status: 0 done, 1 an error, 3 incomplete.
    """
    from lsbench import pool, weights
    from lsbench.evaluate import score as evaluate

    demand_one_bench(reference, protocol_name, data)
    with progress_bar(quiet) as progress:
        result = evaluate(
            generated,
            reference=reference,
            protocol=protocol_name,
            data=data,
            metrics=metrics or None,
            regions=regions or None,
            name=name,
            out=out,
            workers=workers or pool.cores(),
            weight_files=weights.parse_overrides(weight_files),
            progress=labelled(progress, "score"),
            **options,
        )
    show_result(result)
    if not result.complete:
        sys.exit(INCOMPLETE)


@main.command(
    epilog=examples(
        "lsbench leaderboard runs/*",
        "lsbench leaderboard runs/a runs/b --rank-by psnr/whole",
        "lsbench leaderboard runs/* --format markdown > BOARD.md",
    )
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--rank-by", metavar="METRIC/REGION", help="Score to rank by; the protocol's if not given.")
@click.option(
    "--format", "style", type=click.Choice(["table", "csv", "json", "markdown"]), default="table", show_default=True
)
def leaderboard(runs: tuple[Path, ...], rank_by: str | None, style: str) -> None:
    """Rank finished runs, whole frame beside mouth.

    Runs whose protocol, metric signatures or weights differ are refused; incomplete runs are shown without a rank.
    """
    show_board(list(runs), rank_by, style)


@main.command(
    epilog=examples(
        "lsbench generate blurred-mouth --reference grid/ --out out/blurred-mouth",
        "lsbench generate still-mouth --reference grid/ --out out/still --lossless",
    )
)
@click.argument("generator")
@bench_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the videos.")
@click.option("--lossless", is_flag=True, help="FFV1 in .mkv instead of H.264 in .mp4.")
@common_options
def generate(
    generator: str,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    out: Path,
    lossless: bool,
    workers: int | None,
    weight_files: tuple[str, ...],
    offline: bool,
    quiet: bool,
) -> None:
    """Render a generator of `lsbench generators` over reference clips, one video a clip."""
    from lsbench import generator as rendering
    from lsbench import pool, weights
    from lsbench.face import FaceTracker

    demand_one_bench(reference, protocol_name, data)
    bench = bound_protocol(reference, protocol_name, data)
    with progress_bar(quiet) as progress:
        tracker = None
        if any(clip.landmarks is None for clip in bench.clips):
            override = weights.parse_overrides(weight_files).get("face_landmarker")
            tracker = FaceTracker(*weights.require("face_landmarker", override=override, offline=offline))
        paths = rendering.generate(
            generator,
            bench,
            out,
            lossless=lossless,
            workers=workers or pool.cores(),
            tracker=tracker,
            progress=labelled(progress, generator),
        )
    click.echo(f"{len(paths)} videos in {out}")


@main.group(name="weights", cls=Commands)
def weights_group() -> None:
    """Weight files of the networks: list, fetch, import, verify."""


@weights_group.command(name="list", epilog=examples("lsbench weights list"))
def weights_list() -> None:
    """Every weight file: size, licence, what it is for, and whether it is here."""
    from lsbench import weights

    show_weights(weights.status())


@weights_group.command(name="fetch", epilog=examples("lsbench weights fetch face_landmarker", "lsbench weights fetch"))
@click.argument("names", nargs=-1)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def weights_fetch(names: tuple[str, ...], quiet: bool) -> None:
    """Fetch weight files by name (all of them if none is named), checked by sha256."""
    from lsbench import weights

    failed = []
    for name in names or tuple(weights.WEIGHTS):
        try:
            with progress_bar(quiet) as progress:
                path = weights.fetch(name, progress=partial(progress, name))
            click.echo(f"{name}: {path}")
        except LsbenchError as error:
            if names:
                raise
            failed.append(name)
            click.echo(f"lsbench: {' '.join(str(error).split())}", err=True)
    if failed:
        raise LsbenchError(f"{len(failed)} of {len(weights.WEIGHTS)} files could not be fetched: {', '.join(failed)}")


@weights_group.command(name="import", epilog=examples("lsbench weights import ~/Downloads"))
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE|DIR")
def weights_import(source: Path) -> None:
    """Copy weight files from a file or folder, recognised by size and sha256: for machines without a network."""
    from lsbench import weights

    found = weights.import_files(source)
    for name, path in found.files:
        click.echo(f"{name}: {path}")
    for path, near in found.unrecognised:
        if near:
            click.echo(f"left: {path} {near}", err=True)


@weights_group.command(name="verify", epilog=examples("lsbench weights verify"))
def weights_verify() -> None:
    """Read every weight file that is here and compare its sha256; exit status 1 where one is damaged."""
    from lsbench import weights

    states = weights.status(rehash=True)
    show_weights(states)
    bad = [state.weight.name for state in states if state.state not in ("present", "missing")]
    if bad:
        raise LsbenchError(f"damaged: {', '.join(bad)}. Run lsbench weights fetch {' '.join(bad)}")


@main.command(epilog=examples("lsbench metrics"))
def metrics() -> None:
    """List the metrics: what each asks, which way is better, its regions, options, weights and source."""
    from lsbench import registry

    rows = []
    for name, target in registry.table("metrics", registry.METRICS).items():
        kind = registry.load(target)
        metric = kind()
        regions = " ".join(region.value for region in kind.regions) or "-"
        needed = [*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]
        options = " ".join(f"{key}={value}" for key, value in metric.options().items()) or "-"
        rows.append([name, kind.asks, kind.better, regions, options, " ".join(needed) or "-", kind.source])
    show_table(["name", "asks", "better", "regions", "options", "weights", "source"], rows)


@main.command(epilog=examples("lsbench protocols"))
def protocols() -> None:
    """List the registered protocols."""
    from lsbench import protocol, registry

    rows = []
    for name in registry.table("protocols", registry.PROTOCOLS):
        bench = protocol.load(name)
        speakers = len({clip.speaker for clip in bench.clips})
        rows.append([name, bench.version, str(len(bench.clips)), str(speakers), f"{bench.fps:g}", bench.rank_by])
    show_table(["name", "version", "clips", "speakers", "fps", "ranked by"], rows)


@main.command(epilog=examples("lsbench generators"))
def generators() -> None:
    """List the registered generators."""
    from lsbench import registry

    rows = [
        [name, " ".join((registry.load(target).__doc__ or "").split())]
        for name, target in registry.table("generators", registry.GENERATORS).items()
    ]
    show_table(["name", "what it renders"], rows)


def demand_one_bench(reference: Path | None, protocol_name: str | None, data: Path | None) -> None:
    """A usage error unless either --reference, or --protocol with --data, is given."""
    if (reference is None) == (protocol_name is None):
        raise click.UsageError("pass either --reference DIR, or --protocol NAME|FILE with --data DIR")
    if (protocol_name is None) != (data is None):
        raise click.UsageError("--protocol and --data go together: the protocol, and the folder with its clips")


def bound_protocol(reference: Path | None, protocol_name: str | None, data: Path | None) -> Protocol:
    """The protocol that the options name, bound to its clips."""
    from lsbench import protocol

    if reference is not None:
        return protocol.from_folder(reference)
    return protocol.load(str(protocol_name)).bind(Path(str(data)))


def console() -> Console:
    """Standard output, as wide as the terminal, or wide enough for any table where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def show_board(runs: list[Path], rank_by: str | None = None, style: str = "table") -> None:
    """Rank runs and print the board."""
    from lsbench.leaderboard import leaderboard as rank
    from lsbench.report import table, text

    board = rank(runs, rank_by)
    if style == "table":
        table.show(board, console())
    else:
        render = {"csv": text.to_csv, "json": text.to_json, "markdown": text.to_markdown}[style]
        click.echo(render(board), nl=False)


def show_result(result: Result) -> None:
    """Print the scores of one run, regions side by side, and what must be read with them."""
    from lsbench.report.text import number

    regions = ["whole", "mouth", "face", ""]
    held = {key: (key.rpartition("/")[0] or key, key.rpartition("/")[2] if "/" in key else "") for key in result.scores}
    shown = [region for region in regions if any(place == region for _, place in held.values())]
    rows = []
    for metric in dict.fromkeys(metric for metric, _ in held.values()):
        values = {place: number(result[key]) for key, (name, place) in held.items() if name == metric}
        rows.append([metric, *[values.get(region, "") for region in shown]])
    show_table(["metric", *[region or "value" for region in shown]], rows)
    for key, score_ in result.scores.items():
        if score_.note:
            click.echo(f"{key}: {score_.note}")
    for key, why in result.unavailable.items():
        click.echo(f"{key}: not measured: {why}", err=True)
    for why in result.failed.values():
        click.echo(f"not scored: {' '.join(why.split())}", err=True)
    if result.extra:
        click.echo(f"left out, no such clip: {', '.join(result.extra)}", err=True)
    state = "complete" if result.complete else "INCOMPLETE"
    click.echo(f"{result.name}: {result.clips} of {result.expected} clips, {state}; kept in {result.path}")


def show_weights(states: list[Any]) -> None:
    """Print what is known of the weight files."""
    rows = []
    for state in states:
        weight = state.weight
        rows.append([weight.name, state.state, f"{weight.size:,}", weight.licence, weight.purpose, str(state.path)])
    show_table(["name", "state", "bytes", "licence", "for", "file"], rows)


def show_table(header: list[str], rows: list[list[str]]) -> None:
    """Print a plain table of texts."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    console().print(table)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A progress function that draws on stderr: one bar per label; silent where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    silent = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=silent, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bar.add_task(label, total=total)
            bar.update(tasks[label], completed=done, total=total)

        yield report


def labelled(progress: Progress, label: str) -> Progress:
    """A progress function that reports under one label, whatever the clip."""
    return lambda _, done, total: progress(label, done, total)
