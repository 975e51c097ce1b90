"""`lsbench doctor`: what lsbench sees of files before hours are spent on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lsbench.cli.common import INCOMPLETE, examples, say


@click.command(
    epilog=examples(
        "lsbench doctor video.mp4",
        "lsbench doctor out/ --reference grid/",
        "lsbench doctor out.mp4 --reference source.mp4 --fit resize --align trim",
        "lsbench doctor interviews/ --full --format json",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|DIR...")
@click.option("--reference", type=click.Path(path_type=Path), help="FILE or DIR that they would be scored against.")
@click.option("--full", is_flag=True, help="Follow the face through every frame, as scoring does; else 25 are sampled.")
@click.option("--align", type=click.Choice(["strict", "trim", "lag"]), help="As for `lsbench score`.")
@click.option("--fit", type=click.Choice(["strict", "resize", "pad", "face"]), help="As for `lsbench score`.")
@click.option("--rate", type=click.Choice(["strict", "resample"]), help="As for `lsbench score`.")
@click.option("--face", metavar="largest|left|right|X,Y", help="As for `lsbench score`.")
@click.option("--task", type=click.Choice(["reconstruction", "still", "dubbing"]), help="As for `lsbench score`.")
@click.option("--sound", type=click.Choice(["required", "optional"]), default="required", show_default=True)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--offline", is_flag=True, help="Never fetch weights.")
@click.option("--weights", "weight_files", multiple=True, metavar="NAME=PATH", help="Use this file as it is.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def doctor(
    files: tuple[Path, ...],
    reference: Path | None,
    full: bool,
    align: str | None,
    fit: str | None,
    rate: str | None,
    face: str | None,
    task: str | None,
    sound: Any,
    style: str,
    offline: bool,
    weight_files: tuple[str, ...],
    quiet: bool,
) -> None:
    """Say what lsbench sees of each FILE, and of every video in each DIR.

    Container, streams, frame rate, size, sound and faces, and about what memory and time scoring would take. With
    --reference also what would be compared of the one FILE or DIR, and which options of `lsbench score` would help.
    Exit status: 0 all can be read and compared, 1 an error of the call itself, 3 some cannot.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights
    from lsbench.report.text import doctor as texts
    from lsbench.report.text.console import console
    from lsbench.run.doctor import examined

    rules = {"align": align, "fit": fit, "rate": rate, "task": task}
    if reference is None and (any(rules.values()) or sound != "required"):
        raise click.UsageError("--align, --fit, --rate, --task and --sound say how to compare: pass --reference")
    if reference is not None and len(files) > 1:
        raise click.UsageError("with --reference pass one FILE or DIR of generated videos")
    with progress_bar(quiet) as progress:
        seen = examined(
            files,
            reference=reference,
            rules=rules,
            face=face,
            sound=sound,
            every=full,
            offline=offline,
            weight_files=weights.parse_overrides(weight_files),
            progress=progress,
        )
    if style == "json":
        say(texts.to_json(seen), nl=False)
    else:
        texts.show(seen, console())
    if not seen.well:
        sys.exit(INCOMPLETE)
