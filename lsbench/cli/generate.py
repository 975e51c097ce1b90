"""`lsbench generate`: the videos of a generator, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import lsbench
from lsbench.cli.common import (
    bench_options,
    common_options,
    demand_one_bench,
    examples,
    labelled,
    say,
    timeout_option,
)

if TYPE_CHECKING:
    from lsbench.protocol.protocol import Drive


@click.command(
    epilog=examples(
        "lsbench generate blurred-mouth --reference grid/ --out out/blurred-mouth",
        "lsbench generate still-mouth --reference grid/ --out out/still --lossless",
        "lsbench generate 'cmd:python mytool.py {video} {audio} {output}' --reference grid/ --out out/mytool",
    )
)
@click.argument("generator")
@bench_options
@click.option("--drive", type=click.Choice(["sound", "silence"]), help="As for `lsbench score`.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the videos.")
@click.option("--lossless", is_flag=True, help="FFV1 in .mkv instead of H.264 in .mp4.")
@timeout_option
@common_options
def generate(
    generator: str,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    drive: Drive | None,
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
    from lsbench.cli.progress import progress_bar
    from lsbench.generation.source import parse_generator
    from lsbench.networks import weights
    from lsbench.system import pool

    demand_one_bench(reference, protocol_name, data)
    source = parse_generator(generator)
    with progress_bar(quiet) as progress:
        paths = lsbench.generate(
            source,
            protocol_name,
            out,
            reference=reference,
            data=data,
            drive=drive,
            lossless=lossless,
            workers=workers or pool.cores(),
            offline=offline,
            weight_files=weights.parse_overrides(weight_files),
            timeout_s=timeout,
            progress=labelled(progress, "render"),
        )
    say(f"{len(paths)} videos in {out}")
