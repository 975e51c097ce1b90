"""Boards of few clips whose segments are drawn: what is said of neighbours that are alike, and of unequal numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsbench.board.rank import leaderboard
from lsbench.report.text import json_record
from lsbench.report.text.markdown import to_markdown
from lsbench.report.text.remarks import remarks
from lsbench.run.folder import FORMAT, SEGMENTS, TABLE, Run
from lsbench.run.result import Result, Score

PROTOCOL = {
    "name": "test",
    "version": "1",
    "digest": "d" * 64,
    "manifest_sha256": "m" * 64,
    "clips": 2,
    "rank_by": "ssim/mouth",
    "align": "strict",
    "segment_s": 5.0,
}


def run(root: Path, name: str, values: Sequence[np.ndarray]) -> Path:
    """A complete run of two clips with the values of their segments."""
    folder = Run(root / name)
    request: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "protocol": PROTOCOL,
        "metrics": {"ssim/mouth": "ssim.1"},
        "weights": {},
        "versions": {},
    }
    folder.open(request)
    mean = float(np.concatenate(list(values)).mean())
    table: dict[str, list[Any]] = {column: [] for column in (*TABLE, SEGMENTS)}
    for clip, own in zip(("s1/a", "s2/b"), values, strict=True):
        cells = (clip, clip[:2], "ssim", "mouth", own.mean(), 100, own.mean() - mean, own - mean)
        for column, cell in zip(table, cells, strict=True):
            table[column].append(cell)
    scores = {"ssim/mouth": Score(mean, "higher", "ssim.1", 200)}
    folder.finish(Result(name, folder.path, PROTOCOL, scores, 2, 2, compared_frames=200), table)
    return folder.path


def series(seed: int, kept: float, count: int = 60) -> list[np.ndarray]:
    """Two clips whose neighbouring segments correlate by `kept`."""
    random = np.random.default_rng(seed)
    clips = []
    for _ in range(2):
        noise = random.standard_normal(count)
        values = [noise[0]]
        for fresh in noise[1:]:
            values.append(kept * values[-1] + math.sqrt(1 - kept**2) * fresh)
        clips.append(0.8 + 0.02 * np.array(values))
    return clips


def test_neighbours_that_are_alike_are_said_with_what_that_costs(tmp_path: Path) -> None:
    board = leaderboard([run(tmp_path, "one", series(1, 0.6)), run(tmp_path, "two", series(2, 0.6))])
    said = "\n".join(remarks(board))
    found = re.search(r"neighbouring segments correlate \(([.\d]+)\).* about ([.\d]+) times too narrow", said)
    assert found is not None
    correlation, factor = float(found[1]), float(found[2])
    assert correlation == pytest.approx(0.6, abs=0.15)
    assert factor == pytest.approx(math.sqrt((1 + correlation) / (1 - correlation)), abs=0.06)


def test_neighbours_that_are_not_alike_are_not_spoken_of(tmp_path: Path) -> None:
    board = leaderboard([run(tmp_path, "one", series(1, 0)), run(tmp_path, "two", series(2, 0))])
    assert "neighbouring segments correlate" not in "\n".join(remarks(board))
    content = json.loads(json_record.to_json(board))
    assert (content["statistics"]["drawn"], content["statistics"]["units"]) == ("segment", 120)
    assert "segments needed" in to_markdown(board)


def test_runs_whose_clips_have_unequal_numbers_of_segments_are_drawn_together(tmp_path: Path) -> None:
    """Dubbed videos of unequal length: what one of them lacks does not move it, and it has its own error bars."""
    long, short = series(1, 0), [own[:55] for own in series(2, 0)]
    board = leaderboard([run(tmp_path, "long", long), run(tmp_path, "short", short)])
    assert board.significance.units.count == 120
    alone = leaderboard([run(tmp_path / "alone", "short", short)])
    widths = [np.ptp(each.column("ssim/mouth").interval("short")) for each in (board, alone)]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)
