"""`lsbench audit`: can the numbers be trusted? On its own it asks it of the metrics, `leakage` of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import (
    Commands,
    bench_options,
    common_options,
    demand_no_options,
    demand_one_bench,
    examples,
    say,
)
from lsbench.cli.leakage import leakage

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
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="M",
    help="Such as ssim, ssim:color=luma, or fvd/mouth for one region alone; repeatable.",
)
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
        demand_no_options(context)
        return
    if listed:
        _list_artifacts()
        return
    from lsbench.auditing.audit import audit
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights
    from lsbench.report.audit.files import demand_own_audit, write_audit
    from lsbench.report.text.console import console
    from lsbench.system import pool

    demand_one_bench(reference, protocol_name, data)
    demand_own_audit(out)  # before hours are spent
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
        say(f"\nKept in {out}; the page: {written['page']}")
    else:
        say(written["json" if style == "json" else "markdown"].read_text(encoding="utf-8"), nl=False)


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
    from lsbench.report.text.console import show_table

    rows = []
    for each in ARTIFACTS.values():
        ladder = ", ".join(f"{strength:g}" for strength in each.strengths)
        rows.append(
            [each.name, each.group, each.what, ladder, each.unit, f"to {each.harmless:g}" if each.harmless else "-"]
        )
    show_table(["name", "group", "what", "strengths", "unit", "harmless"], rows)


audit_group.add_command(leakage)
