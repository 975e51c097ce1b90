"""`lsbench prepare grid`: check a raw download of the GRID corpus, index it, make training shards."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import INCOMPLETE, Commands, common_options, examples, say

if TYPE_CHECKING:
    from lsbench.corpus.grid.prepare import Prepared

MOST_LINES = 20


@click.group(name="prepare", cls=Commands)
def prepare_group() -> None:
    """Check a raw corpus, index it and make training shards."""


@prepare_group.command(
    name="grid",
    epilog=examples(
        "lsbench prepare grid downloads/ --out grid/ --workers 4",
        "lsbench prepare grid downloads/ --out grid/ --protocol grid-test --no-shards",
        "lsbench prepare grid downloads/ --out grid/ --protocol grid-test --download",
    ),
)
@click.argument("raw", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the clips, as --data wants it.")
@click.option("--protocol", "protocol_names", multiple=True, metavar="NAME|FILE", help="Only its clips; repeatable.")
@click.option("--shards/--no-shards", default=True, show_default=True, help="About 2 MB a clip, for training.")
@click.option("--download", is_flag=True, help="First fetch the corpus's public archives that RAW lacks into it.")
@common_options
def prepare_grid(
    raw: Path,
    out: Path,
    protocol_names: tuple[str, ...],
    shards: bool,
    download: bool,
    workers: int | None,
    weight_files: tuple[str, ...],
    offline: bool,
    quiet: bool,
) -> None:
    """Check the clips of the GRID corpus in RAW and put the usable ones into OUT.

    RAW holds what was downloaded, as it is: zip or tar archives or folders, of one speaker or all, 360x288 or 720x576
    (where both are there 360x288 is taken), alignments in any of their places. Clips keep their bytes; OUT takes no
    room for those that lie unpacked on the same disk. A killed run goes on when the same command is given again.

    Exit status: 0 all is there, 1 an error, 3 finished, but clips are broken or missing, or an archive is.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.corpus.grid.download import download_archives
    from lsbench.corpus.grid.prepare import prepare
    from lsbench.face.tracker import FaceTracker
    from lsbench.networks import weights
    from lsbench.protocol import protocol
    from lsbench.system import pool

    protocols = [protocol.load(name) for name in protocol_names]
    with progress_bar(quiet) as progress:
        override = weights.parse_overrides(weight_files).get("face_landmarker")
        tracker = FaceTracker(*weights.require("face_landmarker", override=override, offline=offline))
        if download:
            download_archives(raw, protocols, progress=progress)
        prepared = prepare(
            raw,
            out,
            tracker=tracker,
            protocols=protocols,
            shards=shards,
            workers=workers or pool.cores(),
            progress=progress,
        )
    _show(prepared, out)
    if not prepared.complete:
        sys.exit(INCOMPLETE)


def _show(prepared: Prepared, out: Path) -> None:
    sizes = Counter(f"{record.width}x{record.height}" for record in prepared.ready)
    speakers = {record.speaker for record in prepared.ready}
    held = ", ".join(f"{count} {size}" for size, count in sorted(sizes.items())) or "none"
    unaligned = sum(not record.alignment for record in prepared.ready)
    say(f"ready in {out}: {len(prepared.ready)} clips ({held}), {unaligned} without alignment")
    say(f"speakers: {len(speakers)}; checked in this run: {prepared.checked}")
    _list("broken", [f"{record.source or record.clip_id}: {record.problem}" for record in prepared.broken])
    _list("missing", prepared.missing)
    _list("too few", prepared.few)
    _list("left out", prepared.faults)
    if not prepared.complete:
        say(f"every clip and its problem: {out / 'index.parquet'}")


def _list(what: str, lines: Sequence[str]) -> None:
    if lines:
        say(f"{len(lines)} {what}:")
    for line in lines[:MOST_LINES]:
        say(f"  {line}")
    if len(lines) > MOST_LINES:
        say(f"  and {len(lines) - MOST_LINES} more")
