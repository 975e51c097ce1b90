"""`lsbench audit`: can the numbers be trusted? On its own it asks it of the metrics, `leakage` of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.report.text.leakage import _as_json, _told
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
    pass


@click.group(
    name="audit",
    cls=Commands,
    invoke_without_command=True,
    epilog=examples(
        "lsbench audit --reference grid/ --quick",
        "lsbench audit --reference grid/ --out audit --workers 2",
        "lsbench audit --protocol grid-test --data grid/ --artifact mouth-blur=0.5,1,2 --metric ssim --metric lmd",
        "lsbench audit --list",
    ),
)
@bench_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("audit"), show_default=True, help="Its folder.")
@click.option("--artifact", "artifacts", multiple=True, metavar="A", help="NAME or NAME=STRENGTH,STRENGTH; repeatable.")
@click.option("--metric", "metrics", multiple=True, metavar="M", help="Such as ssim or ssim:color=luma; repeatable.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    type=click.Choice(["whole", "face", "mouth"]),
    default=("whole", "mouth"),
    show_default=True,
    help="Repeatable.",
)
@click.option("--clips", metavar="N|all", help="Clips, of every speaker in turn; 6, with --quick 4, if not given.")
@click.option("--quick", is_flag=True, help="Fewer clips, strengths and metrics: a first look in minutes.")
@click.option("--step", type=click.IntRange(1), default=3, show_default=True, help="Of the ladders, for the verdict.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Where networks run, such as cuda.")
@click.option("--format", "style", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True)
@click.option("--list", "listed", is_flag=True, help="List the artifacts and their ladders, and end.")
@common_options
@click.pass_context
def audit_group(
    context: click.Context,
    reference: Path | None,
    protocol_name: str | None,
    data: Path | None,
    out: Path,
    artifacts: tuple[str, ...],
    metrics: tuple[str, ...],
    regions: tuple[str, ...],
    clips: str | None,
    quick: bool,
    step: int,
    seed: int,
    device: str,
    style: str,
    listed: bool,
    workers: int | None,
    weight_files: tuple[str, ...],
    offline: bool,
    quiet: bool,
) -> None:
    """Can the numbers be trusted? Which metric notices which artifact; with a command, audits of generators.

    Real clips are re-encoded, faults of known kind and strength are put into them, and every metric is asked on every
    region whether it tells spoiled clips from clean ones. OUT/audit.json, audit.md and index.html hold all of it:
    response curves, smallest strengths detected, false alarms, and the smallest set of metrics that notices everything.

    What is measured is kept: a killed audit goes on, and one that asks for more adds to it.
    """
    if context.invoked_subcommand is not None:
        return
    if listed:
        _list_artifacts()
        return
    from lsbench.auditing.audit import audit
    from lsbench.networks import weights
    from lsbench.report.audit.files import write_audit
    from lsbench.report.text.terminal import console, progress_bar
    from lsbench.system import pool

    demand_one_bench(reference, protocol_name, data)
    with progress_bar(quiet) as progress:
        found = audit(
            reference=reference,
            protocol=protocol_name,
            data=data,
            artifacts=artifacts,
            metrics=metrics or None,
            regions=regions,
            clips=_clips(clips, quick),
            quick=quick,
            step=step,
            seed=seed,
            out=out,
            workers=workers or pool.cores(),
            device=device,
            offline=offline,
            weight_files=weights.parse_overrides(weight_files),
            progress=progress,
        )
    written = write_audit(found, out)
    if style == "table":
        from lsbench.report.audit.terminal import show_audit

        show_audit(found, console())
        click.echo(f"\nKept in {out}; the page: {written['page']}")
    else:
        click.echo(written["json" if style == "json" else "markdown"].read_text(encoding="utf-8"), nl=False)


def _clips(text: str | None, quick: bool) -> int | None:
    """How many clips --clips asks for; None for all."""
    from lsbench.auditing.plan import CLIPS, QUICK_CLIPS

    if text is None:
        return QUICK_CLIPS if quick else CLIPS
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 1:
        raise click.BadParameter(f"{text}; expected a whole number from 1 on, or all", param_hint="--clips")
    return int(text)


def _list_artifacts() -> None:
    from lsbench.auditing.artifacts.catalogue import ARTIFACTS
    from lsbench.report.text.terminal import show_table

    rows = []
    for each in ARTIFACTS.values():
        ladder = ", ".join(f"{strength:g}" for strength in each.strengths)
        rows.append(
            [each.name, each.group, each.what, ladder, each.unit, f"to {each.harmless:g}" if each.harmless else "-"]
        )
    show_table(["name", "group", "what", "strengths", "unit", "harmless"], rows)


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
    from lsbench.errors import WeightsError
    from lsbench.face.tracker import FaceTracker
    from lsbench.generation import studio as rendering
    from lsbench.networks import weights
    from lsbench.report.text.terminal import progress_bar
    from lsbench.system import pool

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


audit_group.add_command(leakage)
