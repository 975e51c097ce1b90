"""`lsbench audit`: can the numbers be trusted? `leakage` asks it of a generator."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.verbs import (
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
    from lsbench.leakage import Leakage


@click.group(name="audit", cls=Commands)
def audit_group() -> None:
    """Can the numbers be trusted? Audits of generators."""


@audit_group.command(
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
    from lsbench import pool, rendering, weights
    from lsbench.errors import WeightsError
    from lsbench.face import FaceTracker
    from lsbench.leakage import probe
    from lsbench.report.terminal import progress_bar

    demand_one_bench(reference, protocol_name, data)
    rendering.demand_generator(generator)
    bench = bound_protocol(reference, protocol_name, data)
    override = weights.parse_overrides(weight_files).get("face_landmarker")
    tracker = None
    try:
        tracker = FaceTracker(*weights.require("face_landmarker", override=override, offline=offline))
    except WeightsError as error:
        if not all(clip.landmarks for clip in bench.clips):
            raise
        click.echo(f"lips of the made videos are not followed: {error}", err=True)
    with progress_bar(quiet) as progress:
        found = probe(
            generator,
            bench,
            tracker=tracker,
            clips=clips,
            workers=workers or pool.cores(),
            timeout_s=timeout,
            progress=labelled(progress, "probe"),
        )
    click.echo(_as_json(found) if style == "json" else _told(found))


def _told(found: Leakage) -> str:
    """The findings, clip by clip, and what they mean."""
    from lsbench.leakage import COPIES, FOLLOWS, MAX_LAG, PARTLY

    lines = [f"{'clip':<24} {'survives':>8} {'lag':>4} {'own':>6} {'swapped':>8} {'silent':>7} {'listens':>8}"]
    for clip in found.clips:
        own, swapped, silent = (_number(clip.aperture.get(sound, math.nan)) for sound in ("own", "swapped", "silent"))
        lines.append(
            f"{clip.clip_id:<24} {clip.survival:>8.2f} {clip.lag_frames:>4} {own:>6} {swapped:>8} {silent:>7} "
            f"{_number(clip.listens):>8}"
        )
    lines += [
        "",
        "survives: share of the shown mouth that is found in the output, `lag` frames later.",
        "own, swapped, silent: correlation of its lips with the shown lips under that sound.",
        "listens: how much the mouth changes with the sound, over the motion of the real mouth.",
        f"Verdict by medians: copies from {COPIES:g}, partly from {PARTLY:g} surviving or {FOLLOWS:g} correlation.",
        f"The protocol's identity rule {found.identity} shows {found.shown:.2f} of the true lips' motion (correlation "
        f"at the best lag within {MAX_LAG} frames).",
        "",
        f"{found.generator}: {found.verdict}",
    ]
    if found.listens < 0.05:
        lines[-1] += "; it does not listen to the sound"
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _as_json(found: Leakage) -> str:
    def plain(value: float) -> float | None:
        return None if math.isnan(value) else value

    clips = [
        asdict(clip) | {"listens": plain(clip.listens), "aperture": {k: plain(v) for k, v in clip.aperture.items()}}
        for clip in found.clips
    ]
    content = {
        "generator": found.generator,
        "verdict": found.verdict,
        "survival": found.survival,
        "listens": plain(found.listens),
        "identity": found.identity,
        "shown": found.shown,
        "clips": clips,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)
