"""`lsbench bundle` and `lsbench verify`: a run as one file that others can check."""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.cli.common import bench_options, common_options, demand_one_bench, examples, labelled, say

path_option = click.Path(path_type=Path)


@click.command(epilog=examples("lsbench bundle runs/mine", "lsbench bundle runs/mine --out submission.zip"))
@click.argument("run", type=path_option, metavar="RUN")
@click.option("--out", type=path_option, metavar="FILE.zip", help="NAME.zip here if not given.")
def bundle(run: Path, out: Path | None) -> None:
    """Pack a finished run into one zip: what was asked, the scores, every clip's statistics, and the sha256 of each.

    It holds no video and no picture. The same run gives the same bytes.
    """
    from lsbench.run.bundle import pack

    say(pack(run, out if out is not None else Path(f"{run.resolve().name}.zip")))


@click.command(
    epilog=examples(
        "lsbench verify mine.zip",
        "lsbench verify mine.zip --rescore --generated out/ --reference grid/",
        "lsbench verify mine.zip --rescore --generated out/ --protocol grid-test --data grid/",
    )
)
@click.argument("path", type=path_option, metavar="BUNDLE")
@click.option("--rescore", is_flag=True, help="Score the videos again as well.")
@click.option("--generated", type=path_option, metavar="DIR", help="With --rescore: the videos that were scored.")
@bench_options
@click.option("--device", default="cpu", show_default=True, help="Where networks and tensors run, such as cuda.")
@common_options
def verify(
    path: Path,
    rescore: bool,
    generated: Path | None,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    device: str,
    workers: int | None,
    offline: bool,
    weight_files: tuple[str, ...],
    quiet: bool,
) -> None:
    """Check that a bundle holds what it says: its hashes, and that its scores follow from its clips.

    With --rescore also that its clips follow from the videos. Exit status: 0 it does, 1 it does not, and why.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights
    from lsbench.run.verify import verify as verified
    from lsbench.system import pool

    if rescore != (generated is not None):
        raise click.UsageError("--rescore and --generated DIR go together")
    if rescore:
        demand_one_bench(reference, protocol_name, data)
    elif reference or protocol_name or data:
        raise click.UsageError("--reference, --protocol and --data go with --rescore")
    with progress_bar(quiet) as progress:
        found = verified(
            path,
            str(generated) if generated else None,
            reference=reference,
            protocol=protocol_name,
            data=data,
            device=device,
            workers=workers or pool.cores(),
            offline=offline,
            weight_files=weights.parse_overrides(weight_files),
            progress=labelled(progress, "score"),
        )
    result = found.result
    say(f"{path}: run {result.name}, {result.clips} clips, {found.scores} scores: every file as it was packed")
    say("the result follows from the clips")
    say("the clips follow from the videos" if found.rescored else "the videos were not scored again (--rescore)")
