"""`lsbench audit leakage`: does a generator copy the mouth that it is shown?"""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.cli.common import (
    bench_options,
    common_options,
    demand_one_bench,
    examples,
    labelled,
    say,
    timeout_option,
)
from lsbench.report.text.leakage import to_json, to_text


@click.command(
    epilog=examples(
        "lsbench audit leakage lipgan:lipgan.pt --reference grid/",
        "lsbench audit leakage 'cmd:python mytool.py {video} {audio} {output}' --protocol grid-test --data grid/",
    )
)
@click.argument("generator")
@bench_options
@click.option("--clips", type=click.IntRange(1), default=6, show_default=True, help="Clips to probe, evenly spread.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@timeout_option
@common_options
def leakage(
    generator: str,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    clips: int,
    style: str,
    timeout: float,
    workers: int | None,
    weight_files: tuple[str, ...],
    offline: bool,
    quiet: bool,
) -> None:
    """Does GENERATOR copy the mouth that it is shown?

    It gets real clips, mouth included, with their own, with swapped and with no sound, and once with the mouth held
    still: what of the shown mouth is found in what it makes has leaked. Four renderings a clip.
    """
    from lsbench.auditing.leakage import probe
    from lsbench.cli.progress import progress_bar
    from lsbench.errors import WeightsError
    from lsbench.face.tracker import FaceTracker
    from lsbench.generation.source import parse_generator
    from lsbench.networks import weights
    from lsbench.protocol.bound import bound
    from lsbench.system import pool

    demand_one_bench(reference, protocol_name, data)
    source = parse_generator(generator)
    bench = bound(reference, protocol_name, data)
    override = weights.parse_overrides(weight_files).get("face_landmarker")
    tracker = None
    try:
        tracker = FaceTracker(*weights.require("face_landmarker", override=override, offline=offline))
    except WeightsError as error:
        if not all(clip.landmarks for clip in bench.clips):
            raise
        say(f"lips of the made videos are not followed: {error}", err=True)
    with progress_bar(quiet) as progress:
        found = probe(
            source,
            bench,
            tracker=tracker,
            clips=clips,
            workers=workers or pool.cores(),
            timeout_s=timeout,
            progress=labelled(progress, "probe"),
        )
    say(to_json(found) if style == "json" else to_text(found), nl=style != "json")
