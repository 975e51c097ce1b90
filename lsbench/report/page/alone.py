"""The page of one run of videos that were scored on their own: nothing is ranked, and one video is the page itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lsbench.board.board import Board
from lsbench.report.page import board as board_page
from lsbench.report.page.render import render, source
from lsbench.report.text.markdown import columns
from lsbench.report.text.remarks import clip_notes, grounds
from lsbench.run.folder import Run
from lsbench.run.result import Result
from lsbench.run.shown import number

TEMPLATE = "alone.html"


def is_alone(board: Board) -> bool:
    """Whether a board is of one run without a reference, with nothing beside it to compare it with."""
    beside = (*board.anchors, *board.quotes)
    return board.protocol.get("task") == "alone" and len(board.rows) == 1 and not beside and board.study is None


def write_alone(
    board: Board,
    out: Path,
    shared: Mapping[str, Any],
    *,
    ids: Sequence[str],
    heads: Sequence[Mapping[str, Any]],
    curves: bool = False,
    by: str = "",
    worst: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write OUT/index.html.

    Args:
        board: See is_alone().
        out: The report's folder, in which the files of the clips are.
        shared: What every page of a report is made with.
        ids: Of the clips.
        heads: The columns, see board_page.heads().
        curves: Of one video, whether any score has values of single frames.
        by: The score that `worst` goes by.
        worst: The worst clips, where there are several.
    """
    (row,) = board.rows
    single = len(ids) == 1
    page = {"keys": [{name: head[name] for name in ("key", "metric", "region", "better")} for head in heads]}
    scripts = source("clip_list.js") + source("curves.js") + source("player.js") + source("alone.js")
    render(
        out / "index.html",
        TEMPLATE,
        **shared,
        script=scripts if single else "",
        title=ids[0] if single else row.generator,
        kicker="one video, scored on its own" if single else f"{len(ids)} videos, scored on their own",
        lede=_lede(row.result, ids),
        scores=_scores(board),
        said=_said(board),
        page=page if single else None,
        curves=curves,
        clips=len(ids),
        by=by,
        worst=worst,
        unmeasured=_unmeasured(row.result),
        provenance=board_page.provenance(board),
    )


def _lede(result: Result, ids: Sequence[str]) -> str:
    """How much there is of the videos, in a sentence."""
    partials = [Run.of(result).read_partial(clip_id, []) for clip_id in ids]
    frames = sum(partial.frames for partial in partials if partial)
    seconds = math.fsum(partial.frames / partial.fps for partial in partials if partial and partial.fps)
    length = f", {seconds:.2f} s" if seconds else ""
    missing = result.expected - result.clips
    left = f" {missing} more could not be scored." if missing else ""
    return f"{frames} frames{length}, measured by pictures and sound alone, without a reference.{left}"


def _scores(board: Board) -> list[dict[str, str]]:
    """The scores with their intervals, what each asks, and what must be read with it."""
    (row,) = board.rows
    asked = {line["key"]: line for line in board_page.explanations(board)}
    lines = []
    for key in columns(board):
        column, score = board.column(key), row.result.scores[key]
        low, high = column.interval(row.generator)
        interval = "" if math.isnan(low) else f"{number(low)} to {number(high)}"
        value = {"value": column.shown(score.value), "interval": interval, "note": score.note or ""}
        lines.append({**asked[key], **value})
    return lines


def _said(board: Board) -> list[str]:
    """What must be read with the scores, beside their own notes."""
    (row,) = board.rows
    failed = [f"{clip_id} is not scored: {why}" for clip_id, why in row.result.failed.items()]
    return [*grounds(board), *board.notes, *failed, *clip_notes(row.result)]


def _unmeasured(result: Result) -> list[tuple[str, str]]:
    """Scores that were asked for and could not be measured, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for key, why in result.unavailable.items():
        reasons.setdefault(why, []).append(key)
    return [(", ".join(keys), why) for why, keys in reasons.items()]
