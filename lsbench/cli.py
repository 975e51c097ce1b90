"""The command line: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lsbench import __version__
from lsbench.cli_audit import audit_group
from lsbench.cli_board import compare, leaderboard, show_board
from lsbench.cli_bundle import bundle, verify
from lsbench.cli_mos import mos_group
from lsbench.cli_prepare import prepare_group
from lsbench.cli_protocols import protocols_group
from lsbench.cli_report import report
from lsbench.cli_train import plot, train
from lsbench.cli_weights import weights_group
from lsbench.errors import LsbenchError
from lsbench.verbs import (
    INCOMPLETE,
    Commands,
    bench_options,
    bound_protocol,
    common_options,
    demand_one_bench,
    examples,
    labelled,
    timeout_option,
)

if TYPE_CHECKING:
    from lsbench.protocol.protocol import Protocol


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lsbench")
def main() -> None:
    """Is my lip-sync generator better, where, and can I trust the number?

    \b
    Try it on the built-in corpus:   lsbench quickstart
    Score your own videos:           lsbench score GENERATED --reference REAL
    Rank what you have scored:       lsbench leaderboard runs/*
    """


@click.command(epilog=examples("lsbench quickstart", "lsbench quickstart --out /tmp/toy"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def quickstart(out: Path, quiet: bool) -> None:
    """Render the toy corpus, score the stand-in generators on it, and print the board."""
    from lsbench import registry
    from lsbench.corpus.toy.render import write_corpus
    from lsbench.protocol import protocol
    from lsbench.report.text.terminal import progress_bar
    from lsbench.system import pool

    reference, names = out / "reference", list(registry.STANDINS)
    with progress_bar(quiet) as progress:
        write_corpus(reference, progress=labelled(progress, "render the corpus"))
        bench = protocol.load("toy").bind(reference)
        jobs = pool.run(partial(show_stand_in, bench, out), names, min(2, pool.cores()))
        for done, (_, outcome) in enumerate(jobs, start=1):
            if isinstance(outcome, LsbenchError):
                raise outcome
            progress("render and score", done, len(names))
    show_board([out / "runs" / name for name in names])
    click.echo(f"\nRuns are in {out / 'runs'}. Again, as JSON: lsbench leaderboard {out / 'runs'}/* --format json")


def show_stand_in(bench: Protocol, out: Path, name: str) -> None:
    """Render one stand-in over the toy corpus and score it."""
    from lsbench.generation.studio import generate
    from lsbench.run.score import score

    generate(name, bench, out / "generated" / name)
    score(out / "generated" / name, protocol=bench, out=out / "runs")


@click.command(
    epilog=examples(
        "lsbench score out/ --reference grid/",
        "lsbench score out/ --reference grid/ --metric ssim --metric psnr:color=luma --region mouth",
        "lsbench score 'cmd:python mytool.py {video} {audio} {output}' --reference grid/ --timeout 60",
        "lsbench score out/ --protocol grid-test --data grid/ --name wav2lip --align trim --workers 4",
    )
)
@click.argument("generated")
@bench_options
@click.option("--name", help="Name of the run; that of the folder or generator if not given.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Runs' folder.")
@click.option("--metric", "metrics", multiple=True, metavar="M", help="Such as ssim or ssim:color=luma; repeatable.")
@click.option("--region", "regions", multiple=True, type=click.Choice(["whole", "face", "mouth"]), help="Repeatable.")
@click.option("--align", type=click.Choice(["strict", "trim", "lag"]), help="The protocol's (strict) if not given.")
@click.option(
    "--task",
    type=click.Choice(["reconstruction", "still", "dubbing"]),
    help="The protocol's if not given; dubbing: other sound than the reference's own, so no ground truth.",
)
@click.option("--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True)
@click.option("--sound", type=click.Choice(["required", "optional"]), default="required", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Where networks and tensors run, such as cuda.")
@click.option("--anchors/--no-anchors", "with_anchors", default=True, show_default=True, help="Ceiling and floors.")
@timeout_option
@common_options
def score(
    generated: str,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    name: str | None,
    out: Path,
    metrics: tuple[str, ...],
    regions: tuple[str, ...],
    timeout: float,
    workers: int | None,
    weight_files: tuple[str, ...],
    quiet: bool,
    with_anchors: bool,
    **options: Any,
) -> None:
    """Score GENERATED against real clips and keep the run in OUT/NAME.

    \b
    GENERATED is a folder of videos, or a generator whose videos are made first and kept in OUT/NAME/videos:
      cmd:TEMPLATE           a program, started once a clip, with {video} {audio} {output} in its place
      py:module:attribute    a Python callable (face, speech) -> frames, or a Generator
      name, name:ARGUMENT    one of `lsbench generators`
    \b

    Beside it, once for all runs of one kind, the anchors are measured that say what a score is worth: the real clips
    compressed, with a still mouth, and with the sound of another clip. The board shows them.

    Under torchrun the ranks share the clips. A killed run goes on when the same command is given again. Exit status: 0
    done, 1 an error, 3 incomplete.
    """
    from lsbench.networks import weights
    from lsbench.report.text.terminal import progress_bar, show_result
    from lsbench.run import anchors
    from lsbench.run.score import score as evaluate
    from lsbench.system import ranks

    demand_one_bench(reference, protocol_name, data)
    options |= {
        "reference": reference,
        "protocol": protocol_name,
        "data": data,
        "metrics": metrics or None,
        "regions": regions or None,
        "workers": workers or ranks.cores(),
        "weight_files": weights.parse_overrides(weight_files),
    }
    with progress_bar(quiet or ranks.rank() > 0) as progress:
        result = evaluate(
            generated, name=name, out=out, timeout_s=timeout, progress=labelled(progress, "score"), **options
        )
        if ranks.rank() == 0:
            show_result(result)
        failed = {}
        if with_anchors:
            failed = anchors.measure(result.path, progress=labelled(progress, "anchors"), **options)
    if ranks.rank() == 0:
        for anchor, reason in failed.items():
            click.echo(f"lsbench: anchor {anchor} not measured: {' '.join(reason.split())}", err=True)
    if not result.complete:
        sys.exit(INCOMPLETE)


@click.command(
    epilog=examples(
        "lsbench generate blurred-mouth --reference grid/ --out out/blurred-mouth",
        "lsbench generate still-mouth --reference grid/ --out out/still --lossless",
        "lsbench generate 'cmd:python mytool.py {video} {audio} {output}' --reference grid/ --out out/mytool",
    )
)
@click.argument("generator")
@bench_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the videos.")
@click.option("--lossless", is_flag=True, help="FFV1 in .mkv instead of H.264 in .mp4.")
@timeout_option
@common_options
def generate(
    generator: str,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    out: Path,
    lossless: bool,
    timeout: float,
    workers: int | None,
    weight_files: tuple[str, ...],
    offline: bool,
    quiet: bool,
) -> None:
    """Render GENERATOR over reference clips, one video a clip.

    GENERATOR is spelled as for `lsbench score`: a name of `lsbench generators`, cmd:TEMPLATE or py:module:attribute.
    What is already there, whole and made by the same generator of the same clips, is kept.
    """
    from lsbench.generation import studio as rendering
    from lsbench.networks import weights
    from lsbench.report.text.terminal import progress_bar
    from lsbench.system import pool

    demand_one_bench(reference, protocol_name, data)
    rendering.demand_generator(generator)
    bench = bound_protocol(reference, protocol_name, data)
    with progress_bar(quiet) as progress:
        tracker = rendering.tracker_for(generator, bench, weights.parse_overrides(weight_files), offline=offline)
        paths = rendering.generate(
            generator,
            bench,
            out,
            lossless=lossless,
            workers=workers or pool.cores(),
            tracker=tracker,
            timeout_s=timeout,
            progress=labelled(progress, "render"),
        )
    click.echo(f"{len(paths)} videos in {out}")


@click.command(epilog=examples("lsbench metrics"))
def metrics() -> None:
    """List the metrics: what each asks, which way is better, its regions, options, weights and source."""
    from lsbench import registry
    from lsbench.report.text.terminal import show_table

    rows = []
    for name, target in registry.table("metrics", registry.METRICS).items():
        kind = registry.load(target)
        metric = kind()
        regions = " ".join(region.value for region in kind.regions) or "-"
        needed = [*kind.weights, *(["face_landmarker"] if kind.needs_landmarks else [])]
        options = " ".join(f"{key}={value}" for key, value in metric.options().items()) or "-"
        rows.append([name, kind.asks, kind.better, regions, options, " ".join(needed) or "-", kind.source])
    show_table(["name", "asks", "better", "regions", "options", "weights", "source"], rows)


@click.command(epilog=examples("lsbench generators"))
def generators() -> None:
    """List the registered generators, and whether they see the answer, as stand-ins do."""
    from lsbench import registry
    from lsbench.report.text.terminal import show_table

    rows = []
    for name, target in registry.table("generators", registry.GENERATORS).items():
        found = registry.load(target)
        answer = name in registry.STANDINS or getattr(found, "sees_answer", False)
        rows.append(
            [name, "the answer" if answer else "what the protocol shows", " ".join((found.__doc__ or "").split())]
        )
    show_table(["name", "sees", "what it renders"], rows)


main.add_command(quickstart)
main.add_command(score)
main.add_command(leaderboard)
main.add_command(generate)
main.add_command(metrics)
main.add_command(generators)
main.add_command(report)
main.add_command(compare)
main.add_command(bundle)
main.add_command(verify)
main.add_command(audit_group)
main.add_command(mos_group)
main.add_command(prepare_group)
main.add_command(protocols_group)
main.add_command(train)
main.add_command(plot)
main.add_command(weights_group)
