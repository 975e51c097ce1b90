"""A leaderboard as a folder of static pages that open from disk: the board, and every clip of every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbench import __version__
from lsbench.auditing.findings import Audit
from lsbench.board.board import Board, Row
from lsbench.metrics._base.direction import oriented
from lsbench.report.audit.page import MARK as AUDIT_MARK
from lsbench.report.audit.page import write_page
from lsbench.report.page import board as board_page
from lsbench.report.page.alone import is_alone, write_alone
from lsbench.report.page.clips import Done, Job, script, write_clip_file
from lsbench.report.page.figures import draw_boxes, draw_slopes
from lsbench.report.page.render import render, source, write
from lsbench.report.page.visemes import viseme_tables
from lsbench.report.text.markdown import caption, quoted_caption, quoted_table
from lsbench.report.text.pairs import pair_caption, pair_header, pair_lines
from lsbench.report.text.people import people_tables
from lsbench.report.text.remarks import remarks
from lsbench.run.folder import Run
from lsbench.run.footage import Footage, tracker
from lsbench.run.frames import frame_metrics
from lsbench.system import pool
from lsbench.system.outputs import demand_file, demand_folder, marked
from lsbench.system.pool import Progress

MARK = '<meta name="generator" content="lsbench report">'
VERB = "lsbench report"
PAGES = ("index.html", "clip.html")
AUDIT_PAGE = "audit.html"
UNFINISHED = f"""<!doctype html>
<meta charset="utf-8">
{MARK}
<p>This report is not finished; run {VERB} again.</p>
"""
WORST = 12  # clips shown on the board's page


@dataclass(frozen=True, eq=False)
class _Run:
    """One run on the page.

    index: of the run on the page, by which its files are named. values: of its clips by score key, as the page shows
    them. worst: its clips, numbered as in the manifest, the worst first.
    """

    index: int
    row: Row
    values: dict[str, list[Any]]
    worst: list[int]


Files = dict[tuple[int, int], Done]  # what became of every clip's file, by run and clip


def write_report(
    board: Board,
    out: Path,
    *,
    videos: bool = True,
    audit: Audit | None = None,
    clips: int | None = None,
    reference: Path | None = None,
    inputs: Sequence[Path] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write a board as static pages that open from disk.

    Args:
        board: What is shown.
        out: A new folder, or one of an earlier report, whose videos are kept.
        videos: Make videos of real and generated side by side.
        audit: Shown on a page of its own, OUT/audit.html.
        clips: Make videos of so many clips of each run only, the worst ones; of all where None.
        reference: Folder of the real clips, where they are no longer where the runs found them.
        inputs: What else is read, beside the runs and their clips: files of quotes, of an audit, of a study.
        workers: Processes.
        progress: Is told how many clips are done, of how many.

    Returns:
        OUT/index.html.

    Raises:
        OutputError: Something lies in OUT that no report wrote, or OUT is something that is read; nothing is written.
    """
    rows = (*board.rows, *board.anchors)
    clips_read = [reference] if reference else []
    _claim(out, audit is not None, [*clips_read, *inputs, *board.inputs])
    ids = _clip_ids(rows)
    heads = board_page.heads(board)
    keys = [head["key"] for head in heads]
    values = [board_page.clip_values(row, ids, keys) | board_page.people_values(board, row, ids) for row in rows]
    by = next((key for key in [board.rank_by, *keys] if any(key in of_run for of_run in values)), "")
    better = board.column(by).better if by else "higher"
    runs = [
        _Run(index, row, of_run, board_page.worst_first(of_run, by, better))
        for index, (row, of_run) in enumerate(zip(rows, values, strict=True))
    ]
    files = _write_clips(runs, ids, out, videos, clips, reference, workers, progress or (lambda *_: None))
    for run in runs:
        thumbnails = [files[run.index, clip].thumbnail for clip in range(len(ids))]
        content = script("lsbench.run", {"values": run.values, "thumbnails": thumbnails})
        write(out / "data" / f"g{run.index}" / "run.js", content)
    shared: dict[str, Any] = {
        "mark": MARK,
        "version": __version__,
        "style": source("theme.css") + source("style.css"),
        "protocol": board.protocol,
    }
    alone = is_alone(board) and not audit
    if alone and len(ids) == 1:
        curves = any(done.frames for done in files.values())
        write_alone(board, out, shared, ids=ids, heads=heads, curves=curves)
        (out / "clip.html").unlink(missing_ok=True)  # of an earlier report: the one video is on the page itself
        return out / "index.html"
    worst = _worst(runs, ids, by, better, files)
    if alone:
        write_alone(board, out, shared, ids=ids, heads=heads, by=by, worst=worst)
    else:
        boxes = draw_boxes(board, _frames(board, runs, ids, files), out)
        seen = {"heads": heads, "by": by, "worst": worst, "boxes": boxes}
        _write_index(board, out, shared, audit=AUDIT_PAGE if audit else "", **seen)
    page = {
        "runs": [{"name": run.row.generator, "anchor": run.row in board.anchors} for run in runs],
        "clips": ids,
        "keys": [{name: head[name] for name in ("key", "metric", "region", "better")} for head in heads],
        "by": by,
    }
    scripts = source("clip_list.js") + source("curves.js") + source("player.js") + source("clip.js")
    render(out / "clip.html", "clip.html", **shared, script=scripts, page=page)
    if audit:
        write_page(audit, out / AUDIT_PAGE, back="index.html")
    return out / "index.html"


def _write_index(board: Board, out: Path, shared: Mapping[str, Any], **values: Any) -> None:
    """Write the board's own page. values: what was made of its clips, and the columns."""
    render(
        out / "index.html",
        "index.html",
        **shared,
        **values,
        script=source("board.js"),
        headline=board_page.headline(board),
        lede=board_page.lede(board),
        caption=caption(board),
        rank_by=board.rank_by,
        remarks=remarks(board),
        rows=board_page.rows(board),
        referenced=board.protocol.get("task") != "alone",
        slopes=draw_slopes(board, out),
        agreement=board_page.agreement(board),
        pairs=pair_lines(board.column().every_two()),
        pair_header=pair_header(board),
        pair_caption=pair_caption(board),
        quotes=[(quoted_caption(quotes), *quoted_table(board, quotes)) for quotes in board.quotes],
        people=people_tables(board.study) if board.study is not None else [],
        visemes=viseme_tables(board),
        explanations=board_page.explanations(board),
        provenance=board_page.provenance(board),
    )


def _write_clips(
    runs: Sequence[_Run],
    ids: Sequence[str],
    out: Path,
    videos: bool,
    clips: int | None,
    reference: Path | None,
    workers: int,
    progress: Progress,
) -> Files:
    """Write the file of every clip of every run."""
    faces = tracker() if videos else None
    jobs: dict[tuple[int, int], Job] = {}
    for run in runs:
        folder = Run.of(run.row.result)
        metrics, refusals = frame_metrics(run.row.result)
        problems = tuple(f"no curve of {key}: {reason}" for key, reason in refusals.items())
        footage = Footage(folder, ids, reference, faces) if videos else None
        shown = set(run.worst[:clips])
        for clip, clip_id in enumerate(ids):
            sources = footage.of(clip_id) if footage and clip in shown else None
            said = problems if sources else (*problems, "this report was made without videos of this clip")
            target = out / "data" / f"g{run.index}" / f"c{clip}.js"
            jobs[run.index, clip] = Job(folder.path, clip_id, tuple(metrics), sources, said, target, out / "media")
    written = pool.each(write_clip_file, list(jobs.values()), workers, progress=progress, label="clips")
    return dict(zip(jobs, written, strict=True))


def _frames(board: Board, runs: Sequence[_Run], ids: Sequence[str], files: Files) -> dict[str, dict[str, np.ndarray]]:
    """The defined per-frame values by score key and generator: float64 (frames,)."""
    frames: dict[str, dict[str, np.ndarray]] = {key: {} for key in board.keys}
    for run in runs:
        for key in board.keys:
            of_clips = [files[run.index, clip].frames for clip in range(len(ids))]
            values = [by_key[key] for by_key in of_clips if key in by_key]
            if values:
                joined = np.concatenate(values)
                frames[key][run.row.generator] = joined[~np.isnan(joined)]
    return frames


def _clip_ids(rows: Sequence[Row]) -> list[str]:
    """Every clip that a run has a value of, in the order of the manifest."""
    ids: dict[str, None] = {}
    for row in rows:
        if row.result.scores:
            ids |= dict.fromkeys(Run.of(row.result).table()["clip_id"])
    return list(ids)


def _worst(runs: Sequence[_Run], ids: Sequence[str], by: str, better: str, files: Files) -> list[dict[str, Any]]:
    """The worst clips of all ranked runs by one score."""
    values = [
        (oriented(float(value), better), run, clip)
        for run in runs
        if run.row.rank is not None
        for clip, value in enumerate(run.values.get(by, []))
        if value is not None
    ]
    values.sort(key=lambda item: (item[0], item[1].index, item[2]))
    return [
        {
            "g": run.index,
            "c": clip,
            "generator": run.row.generator,
            "clip": ids[clip],
            "value": run.values[by][clip],
            "thumbnail": files[run.index, clip].thumbnail,
        }
        for _, run, clip in values[:WORST]
    ]


def _claim(out: Path, audit: bool, inputs: Sequence[Path]) -> None:
    """Make a folder ours; OutputError where it is another's, or pages of another stand in it: none is touched.

    A report that is stopped leaves a page that says so, and by which the next one knows the folder as its own.
    """
    pages = [out / name for name in PAGES]
    for page in pages:
        demand_file(page, VERB, marked(MARK))
    demand_folder(out, VERB, lambda _: any(map(marked(MARK), pages)), inputs)
    if audit:
        demand_file(out / AUDIT_PAGE, "lsbench audit", marked(AUDIT_MARK))
    if not any(page.exists() for page in pages):
        write(out / "index.html", UNFINISHED.encode())
