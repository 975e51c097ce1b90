"""`lsbench score`: a folder of videos, or a generator, against real clips."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lsbench.cli.common import (
    INCOMPLETE,
    Above,
    bench_options,
    common_options,
    demand_one_bench,
    examples,
    labelled,
    say,
    timeout_option,
)


@click.command(
    epilog=examples(
        "lsbench score out/ --reference grid/",
        "lsbench score result.mp4 --reference source.mp4",
        "lsbench score out/",
        "lsbench score out/ --reference grid/ --metric ssim --metric psnr:color=luma --region mouth",
        "lsbench score out/ours out/theirs out/older --reference grid/",
        "lsbench score 'cmd:python mytool.py {video} {audio} {output}' --reference grid/ --timeout 60",
        "lsbench score out/ --reference interviews/ --segment 10",
        "lsbench score silent/ --reference grid/ --drive silence --metric lip_leak",
        "lsbench score out/ --reference grid/ --fit resize --rate resample --align trim",
        "lsbench score out/ --protocol grid-test --data grid/ --name wav2lip --align trim --workers 4",
    )
)
@click.argument("generated", nargs=-1, required=True, metavar="GENERATED...")
@bench_options
@click.option("--name", help="Name of the run; that of the folder or generator if not given.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Runs' folder.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="M",
    help="Such as ssim, ssim:color=luma, fvd/mouth for one region alone, or your own, py:mymetrics:MAE; repeatable.",
)
@click.option("--region", "regions", multiple=True, type=click.Choice(["whole", "face", "mouth"]), help="Repeatable.")
@click.option(
    "--align",
    type=click.Choice(["strict", "trim", "lag"]),
    help="Videos of another length: refused (strict), compared as far as both go (trim), or lined up by an estimated "
    "lag and compared as far as both go (lag). The protocol's (strict) if not given.",
)
@click.option(
    "--fit",
    type=click.Choice(["strict", "resize", "pad", "face"]),
    help="Videos of another size: refused (strict), resized (resize), cut out of padding (pad), or compared by the "
    "face alone (face: what shows no more than that). The protocol's (strict) if not given.",
)
@click.option(
    "--rate",
    type=click.Choice(["strict", "resample"]),
    help="Videos at another frame rate: refused (strict), or their pictures taken at the reference's times (resample). "
    "The protocol's (strict) if not given.",
)
@click.option(
    "--face",
    metavar="largest|left|right|X,Y",
    help="Of several faces, the one that is followed; X,Y: the nearest to that point, shares of width and height from "
    "the top left. The protocol's (largest) if not given.",
)
@click.option(
    "--task",
    type=click.Choice(["reconstruction", "still", "dubbing"]),
    help="The protocol's if not given; dubbing: other sound than the reference's own, so no ground truth.",
)
@click.option(
    "--drive",
    type=click.Choice(["sound", "silence"]),
    help="What drives the faces, the protocol's (sound) if not given; silence: videos that were made with it, whose "
    "mouths should rest.",
)
@click.option(
    "--segment",
    type=Above(),
    metavar="SECONDS",
    help="Few long clips: draw segments of about so many seconds of them for intervals and tests.",
)
@click.option("--on-error", type=click.Choice(["stop", "skip"]), default="stop", show_default=True)
@click.option("--sound", type=click.Choice(["required", "optional"]), default="required", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Where networks and tensors run, such as cuda.")
@click.option("--anchors/--no-anchors", "with_anchors", default=True, show_default=True, help="Ceiling and floors.")
@click.option("--ranks", "shared", is_flag=True, help="Share the clips with the other processes that torchrun started.")
@timeout_option
@common_options
def score(
    generated: tuple[str, ...],
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
    shared: bool,
    **options: Any,
) -> None:
    """Score GENERATED against real clips and keep the run in OUT/NAME.

    Several are scored together, each as a run of its own, in less time than one by one: what the real clips take is
    done once.

    \b
    GENERATED is a folder of videos, one video, or a generator whose videos are made first and kept in OUT/NAME/videos:
      cmd:TEMPLATE           a program, started once a clip, with {video} {audio} {output} in its place
      py:module:attribute    a Python callable (face, speech) -> frames, or a Generator
      name, name:ARGUMENT    one of `lsbench generators`
    \b

    Beside it, once for all runs of one kind, the anchors are measured that say what a score is worth: the real clips
    compressed, with a still mouth, and with the sound of another clip. The board shows them.

    Without --reference and --protocol finished videos are measured on their own, by metrics that need a video and its
    sound alone; there are no anchors then.

    With --ranks the processes that torchrun started share the clips. A killed run goes on when the same command is
    given again. Exit status: 0 done, 1 an error, 3 incomplete.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights
    from lsbench.report.text.result import show_pace, show_result
    from lsbench.run import anchors
    from lsbench.run.folder import Run
    from lsbench.run.score import score_all
    from lsbench.system.ranks import ALONE, Ranks

    if name is not None and len(generated) > 1:
        raise click.UsageError("--name is of one generator; the runs of several bear the names of their folders")
    if (reference, protocol_name, data) != (None, None, None) or not all(Path(each).exists() for each in generated):
        demand_one_bench(reference, protocol_name, data)  # finished videos alone may do without
    ranks = Ranks.of_torchrun() if shared else ALONE
    options |= {
        "ranks": ranks,
        "reference": reference,
        "protocol": protocol_name,
        "data": data,
        "metrics": metrics or None,
        "regions": regions or None,
        "workers": workers or ranks.cores,
        "weight_files": weights.parse_overrides(weight_files),
    }
    with progress_bar(quiet or not ranks.first) as progress:
        results = score_all(
            generated, name=name, out=out, timeout_s=timeout, progress=labelled(progress, "score"), **options
        )
        for result in results if ranks.first else ():
            show_result(result)
            if not quiet:
                show_pace(result)
        failed = {}
        if with_anchors and results[0].protocol.get("task") != "alone":  # nothing is there that could be spoilt
            failed = anchors.measure(Run.of(results[0]).path, progress=labelled(progress, "anchors"), **options)
    if ranks.first:
        for anchor, reason in failed.items():
            say(f"lsbench: anchor {anchor} not measured: {' '.join(reason.split())}", err=True)
    if not all(result.complete for result in results):
        sys.exit(INCOMPLETE)
