"""Runs that compare fewer frames than others: the share stands beside the score, and none is ranked without a word."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from boards import PROTOCOL, run
from rich.console import Console

from lsbench.board.board import Board
from lsbench.board.compare import compare
from lsbench.board.rank import leaderboard
from lsbench.report.text import json_record, latex, markdown, terminal
from lsbench.report.text.comparison import show_comparison
from lsbench.report.text.result import show_result
from lsbench.run.folder import TABLE, Run
from lsbench.run.result import Result, Score


def trimmed(root: Path, name: str, value: float, frames: tuple[int, int, int]) -> Path:
    """A finished run of three clips of 75 frames each, of which so many were compared."""
    folder = Run(run(root, name, {}, metrics={"ssim/mouth": "ssim.1"}))
    rows = [(f"s1/{place}", "s1", "ssim", "mouth", value, count, 0.0) for place, count in enumerate(frames)]
    table = {column: [row[place] for row in rows] for place, column in enumerate(TABLE)}
    scores = {"ssim/mouth": Score(value, "higher", "ssim.1", sum(frames))}
    result = Result(name, folder.path, PROTOCOL, scores, 3, 3, compared_frames=sum(frames), reference_frames=225)
    folder.finish(result, table)
    return folder.path


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return leaderboard(
        [
            trimmed(tmp_path, "all", 0.8, (75, 75, 75)),
            trimmed(tmp_path, "most", 0.9, (75, 71, 75)),
            trimmed(tmp_path, "half", 0.95, (75, 75, 38)),
        ]
    )


def test_little_less_is_ranked_with_a_word_and_much_less_is_not(board: Board) -> None:
    assert [(row.generator, row.rank) for row in board.rows] == [("most", 1), ("all", 2), ("half", None)]
    assert board.notes == (
        "half: compared on fewer frames than others, in the shortest clip 50.7% of theirs; not ranked below 90%",
        "most: compared on fewer frames than others, in the shortest clip 94.7% of theirs, and ranked beside them",
    )


def test_runs_that_leave_out_the_same_frames_are_ranked(tmp_path: Path) -> None:
    board = leaderboard([trimmed(tmp_path, name, 0.8, (75, 30, 75)) for name in ("a", "b")])
    assert [row.rank for row in board.rows] == [1, 1]
    assert not board.notes


def test_anchors_compare_what_they_like(tmp_path: Path) -> None:
    """They are no generators: a run that is alone is ranked, however little of its clips it shows."""
    anchor = trimmed(tmp_path / "anchors", "compressed", 0.99, (75, 75, 75))
    board = leaderboard([trimmed(tmp_path, "half", 0.9, (75, 30, 75))], anchors=[anchor])
    assert [row.rank for row in board.rows] == [1] and not board.notes
    assert "180/225 (80.0%)" in markdown.to_markdown(board)


def test_every_format_has_the_share(board: Board) -> None:
    assert "188/225 (83.6%)" in markdown.to_markdown(board)
    rows = list(csv.DictReader(io.StringIO(markdown.to_csv(board))))
    assert [(row["frames"], row["reference frames"]) for row in rows] == [
        ("221", "225"),
        ("225", "225"),
        ("188", "225"),
    ]
    content = json.loads(json_record.to_json(board))
    assert [(row["frames"], row["reference_frames"]) for row in content["rows"]][2] == (188, 225)
    assert r"half (83.6\% of the frames)" in latex.to_latex(board)
    out = Console(file=io.StringIO(), width=200)
    terminal.show_board(board, out)
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert "188/225 (83.6%)" in shown and "not ranked" in shown


def test_a_board_of_whole_runs_has_no_such_column(tmp_path: Path) -> None:
    board = leaderboard([trimmed(tmp_path, "all", 0.8, (75, 75, 75))])
    assert "frames" not in markdown.to_csv(board).partition("\n")[0]
    assert "225/225" not in markdown.to_markdown(board)


def test_the_printed_result_has_the_share_beside_every_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_result(Run(trimmed(tmp_path, "half", 0.95, (75, 75, 38))).result())
    line = next(line for line in capsys.readouterr().out.splitlines() if "ssim" in line)
    assert line.split() == ["ssim", "0.9500", "83.6%"]


def test_a_comparison_of_unequal_shares_is_not_tested(tmp_path: Path) -> None:
    paths = [trimmed(tmp_path, "all", 0.8, (75, 75, 75)), trimmed(tmp_path, "half", 0.95, (75, 75, 38))]
    comparison = compare(*paths)
    assert comparison.scores[0].pair.p != comparison.scores[0].pair.p
    out = Console(file=io.StringIO(), width=200)
    show_comparison(comparison, None, 0, out)
    assert "half, 3 of 3 clips, 83.6% of the frames" in out.file.getvalue()  # type: ignore[attr-defined]
