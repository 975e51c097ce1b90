"""Boards: ranks, ties, refusals, and what each format says."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from boards import PROTOCOL, frame_run, run
from rich.console import Console

from lsbench.board.board import Board
from lsbench.board.rank import leaderboard
from lsbench.errors import ComparisonError, RunError
from lsbench.report.text import json_record, markdown, remarks, terminal
from lsbench.run.folder import Run


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        run(tmp_path, "blur", {"psnr/whole": 38.0, "psnr/mouth": 24.0, "ssim/mouth": 0.6, "lmd": 0.03}),
        run(tmp_path, "noise", {"psnr/whole": 33.0, "psnr/mouth": 33.0, "ssim/mouth": 0.8, "lmd": 0.01}),
        run(tmp_path, "<script>", {"psnr/whole": 38.0, "psnr/mouth": math.inf, "ssim/mouth": 0.9, "lmd": math.nan}),
        run(tmp_path, "half", {"psnr/whole": 50.0, "psnr/mouth": 50.0, "ssim/mouth": 1.0, "lmd": 0.0}, clips=2),
    ]


def test_ranks_follow_the_key_and_its_direction(runs: list[Path]) -> None:
    assert [row.generator for row in leaderboard(runs).rows] == ["<script>", "noise", "blur", "half"]
    assert [row.rank for row in leaderboard(runs).rows] == [1, 2, 3, None]
    by_lmd = leaderboard(runs, "lmd")
    assert [(row.generator, row.rank) for row in by_lmd.rows] == [
        ("noise", 1),
        ("blur", 2),
        ("<script>", None),
        ("half", None),
    ]


def test_equal_values_share_a_rank(runs: list[Path]) -> None:
    rows = {row.generator: row for row in leaderboard(runs, "psnr/whole").rows}
    assert [rows[name].rank for name in ("blur", "<script>", "noise")] == [1, 1, 3]


def test_the_order_of_the_runs_does_not_matter(runs: list[Path]) -> None:
    assert json_record.to_json(leaderboard(runs)) == json_record.to_json(leaderboard([*reversed(runs)]))


def test_disagreement_is_the_places_lost_from_whole_to_mouth(runs: list[Path]) -> None:
    board = leaderboard(runs)
    assert {row.generator: board.disagreement(row, "psnr") for row in board.rows} == {
        "blur": 2,
        "<script>": 0,
        "noise": -1,
        "half": 0,
    }
    cells = {row.generator: markdown.cell(board, row, "psnr/mouth") for row in board.rows}
    assert cells == {"blur": "24.00 (3) ▼2", "noise": "33.00 (2) ▲1", "<script>": "inf (1)", "half": "50.00"}
    said = "psnr: whole frame and mouth rank 1 of 3 pairs of generators in opposite order, 0 of them significantly"
    assert any(remark.startswith(said) for remark in remarks.remarks(board))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": PROTOCOL | {"digest": "e" * 64, "align": "trim"}}, "protocol align is strict .*, trim"),
        ({"protocol": PROTOCOL | {"digest": "e" * 64}}, "protocol digest is dddd"),
        ({"metrics": {"ssim/mouth": "ssim.2"}}, r"signature of ssim/mouth is ssim/mouth\.1 .*, ssim\.2"),
        ({"tracker": "t.2"}, r"face tracker is t\.1 .*, t\.2"),
        ({"weights": {"face_landmarker": "abd"}}, "weights face_landmarker is abc .*, abd"),
        ({"versions": {"av": "14.0.0", "soxr": "1.0", "numpy": "2.0"}}, r"version of av is 18\.1\.0 .*, 14\.0\.0"),
    ],
)
def test_runs_under_other_conditions_are_refused(
    tmp_path: Path, runs: list[Path], change: dict[str, Any], message: str
) -> None:
    other = run(tmp_path, "other", {"ssim/mouth": 0.7}, **change)
    with pytest.raises(ComparisonError, match=f"runs blur and other cannot be ranked together: {message}"):
        leaderboard([*runs, other])


@pytest.mark.parametrize(
    ("both", "change", "message"),
    [
        ({"ssim/mouth": 0.7}, {"metrics": {"ssim/mouth": "ssim.2"}}, r"signature of ssim/mouth is ssim/mouth\.1"),
        ({"psnr/whole": 30.0}, {"weights": {"alexnet": "abd"}}, "weights alexnet is abc .*, abd"),
        ({"psnr/whole": 30.0}, {"tracker": "t.2"}, r"face tracker is t\.1 .*, t\.2"),
        ({"fsim/mouth": 0.9}, {"versions": {"piq": "0.8"}}, "version of piq is 0.7 .*, 0.8"),
    ],
)
def test_every_two_runs_are_compared_in_what_both_have(
    tmp_path: Path, both: dict[str, float], change: dict[str, Any], message: str
) -> None:
    """The first run has none of what the others differ in; anchors come last, so that a run of theirs is named."""
    usual: dict[str, Any] = {"weights": {"alexnet": "abc"}, "versions": {"piq": "0.7"}}
    first = run(tmp_path, "a", {"psnr/mouth": 30.0}, tracker=None, weights={}, versions={"piq": "0.7"})
    second, third = run(tmp_path, "b", both, **usual), run(tmp_path, "c", both, **(usual | change))
    for anchors in ((), (run(tmp_path, "anchor", both, **usual),)):
        with pytest.raises(ComparisonError, match=f"runs b and c cannot be ranked together: {message}"):
            leaderboard([first, second, third], anchors=anchors)
    with pytest.raises(ComparisonError, match="runs c and anchor cannot"):
        leaderboard([first, third], anchors=[tmp_path / "anchor"])


def test_what_only_rounds_is_said_of_every_run(tmp_path: Path) -> None:
    found = [
        run(tmp_path, name, {"psnr/whole": 30.0}, versions={"numpy": version})
        for name, version in (("a", "2.0"), ("b", "2.1"), ("c", "2.2"), ("d", "2.1"))
    ]
    (note,) = leaderboard(found, "psnr/whole").notes
    assert note.startswith("version of numpy differs (2.0: a; 2.1: b, d; 2.2: c): ranked all the same")


def test_runs_with_other_metrics_are_ranked_on_what_they_have(tmp_path: Path, runs: list[Path]) -> None:
    board = leaderboard([runs[0], run(tmp_path, "few", {"psnr/whole": 40.0})], "psnr/whole")
    assert [row.generator for row in board.rows] == ["few", "blur"]
    assert markdown.cell(board, board.rows[0], "ssim/mouth") == "-"
    assert leaderboard([runs[0], tmp_path / "few"]).rows[-1].rank is None


def test_the_same_run_counts_once_and_names_must_differ(tmp_path: Path, runs: list[Path]) -> None:
    assert len(leaderboard([runs[0], runs[0]]).rows) == 1
    twin = run(tmp_path / "elsewhere", "blur", {"ssim/mouth": 0.7})
    with pytest.raises(ComparisonError, match="two runs are named blur"):
        leaderboard([runs[0], twin])


def test_unknown_keys_list_near_matches(runs: list[Path]) -> None:
    with pytest.raises(ComparisonError, match="unknown score 'ssim/moth'; did you mean ssim/mouth"):
        leaderboard(runs, "ssim/moth")


def test_an_unfinished_run_is_shown_unranked(tmp_path: Path, runs: list[Path]) -> None:
    request = json.loads((runs[0] / "run.json").read_text()) | {"name": "begun", "tracker": "another"}
    Run(tmp_path / "begun").open(request)
    last = leaderboard([*runs, tmp_path / "begun"]).rows[-2:]
    assert {(row.generator, row.rank, row.result.complete) for row in last} == {
        ("begun", None, False),
        ("half", None, False),
    }


def test_what_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        leaderboard([tmp_path])


def test_json_keeps_the_contract(runs: list[Path]) -> None:
    content = json.loads(json_record.to_json(leaderboard(runs)), parse_constant=lambda name: pytest.fail(name))
    assert {"protocol", "rank_by", "rows"} <= set(content)
    assert content["rank_by"] == "ssim/mouth"
    first, last = content["rows"][0], content["rows"][-1]
    assert (first["rank"], first["generator"], first["clips"], first["complete"]) == (1, "<script>", 3, True)
    assert set(first["scores"]["ssim/mouth"]) == {"value", "low", "high", "better", "rank", "group"}
    assert first["scores"]["psnr/mouth"]["value"] == "inf"
    assert first["scores"]["lmd"] == {
        "value": None,
        "low": None,
        "high": None,
        "better": "lower",
        "rank": None,
        "group": None,
        "note": "no face",
    }
    assert (last["rank"], last["complete"]) == (None, False)


def test_csv_has_a_value_and_a_rank_a_key(runs: list[Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(markdown.to_csv(leaderboard(runs)))))
    assert [row["generator"] for row in rows] == ["<script>", "noise", "blur", "half"]
    assert rows[2]["psnr/whole"] == "38.0"
    assert rows[2]["rank psnr/mouth"] == "3"
    assert rows[3]["rank"] == ""
    assert rows[3]["complete"] == "false"


def test_markdown_escapes_names(runs: list[Path]) -> None:
    written = markdown.to_markdown(leaderboard(runs))
    assert "<script>" not in written
    assert "\\<script\\>" in written
    tables = [block for block in written.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3  # the board, every two generators, agreement of scores
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines() if line.startswith("|")}) == 1


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_shows_whole_beside_mouth(runs: list[Path], width: int) -> None:
    out = io.StringIO()
    terminal.show_board(leaderboard(runs), Console(file=out, width=width))
    printed = out.getvalue()
    assert max(map(len, printed.splitlines())) <= width
    for part in ("<script>", "noise", "blur", "half", "24.00 (3) ▼2", "incomplete", "undefined"):
        assert part in printed


def test_an_empty_board_is_an_error() -> None:
    with pytest.raises(ComparisonError, match="no runs"):
        leaderboard([])


def test_better_is_known_for_every_key(runs: list[Path]) -> None:
    board: Board = leaderboard(runs)
    assert {column.key: column.better for column in board.columns}["lmd"] == "lower"


def test_a_board_prints_itself_as_wide_as_the_terminal(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    board = leaderboard(runs, anchors=[run(runs[0].parent / "anchor", "<b>", {"ssim/mouth": 0.5})])
    monkeypatch.setenv("COLUMNS", "200")
    lines = repr(board).splitlines()
    assert lines[0] == "Protocol folder 1, 3 clips, ranked by ssim/mouth"
    assert lines[1].split()[2::2] == ["ssim/mouth", "psnr/whole", "psnr/mouth", "lmd"]
    assert [line.split()[:3] for line in lines[2:]] == [
        ["1", "<script>", "0.9000"],
        ["2", "noise", "0.8000"],
        ["3", "blur", "0.6000"],
        ["incomplete", "half", "1.0000"],
        ["anchor", "<b>", "0.5000"],
    ]
    assert lines[-1].split()[-3:] == ["-", "-", "-"]
    monkeypatch.setenv("COLUMNS", "50")
    lines = repr(board).splitlines()
    assert max(map(len, lines)) <= 50 and lines[1].split()[2::2] == ["ssim/mouth", "psnr/whole"]
    assert lines[-1] == "and 2 more scores; to_pandas() has all"


def test_a_notebook_shows_names_and_no_markup_of_theirs(runs: list[Path]) -> None:
    shown = leaderboard(runs)._repr_html_()
    assert "<script>" not in shown and "<td>&lt;script&gt;</td>" in shown
    assert shown.count("<tr>") == 5 and shown.count("<th>") == 6


def test_a_board_becomes_a_table(runs: list[Path]) -> None:
    board = leaderboard(runs, anchors=[run(runs[0].parent / "anchor", "still", {"fsim/mouth": 0.5})])
    table = board.to_pandas()
    assert list(table.index) == ["<script>", "noise", "blur", "half"]
    assert list(table.columns) == ["psnr/whole", "psnr/mouth", "ssim/mouth", "lmd", "fsim/mouth"]
    assert table.loc["blur", "psnr/mouth"] == 24.0 and table.loc["<script>", "psnr/mouth"] == math.inf
    assert math.isnan(table.loc["<script>", "lmd"]) and table["fsim/mouth"].isna().all()
    assert (table.dtypes == "float64").all()


def test_a_table_with_intervals_holds_those_of_the_columns(tmp_path: Path) -> None:
    errors = {f"s1/c{place}": [place + 1.0] for place in range(6)}
    board = leaderboard([frame_run(tmp_path, "a", errors)], "psnr/whole")
    table = board.to_pandas(intervals=True)
    assert list(table.columns[:3]) == [("psnr/whole", "value"), ("psnr/whole", "low"), ("psnr/whole", "high")]
    low, high = board.column("psnr/whole").interval("a")
    assert table.loc["a", ("psnr/whole", "low")] == low == 30.0 == high  # no clip moves it
    assert table["fid/mouth"].loc["a"].isna().tolist() == [False, True, True]


@pytest.mark.slow
def test_a_board_imports_nothing_heavy() -> None:
    code = (
        "import sys, lsbench.board.rank\n"
        "print([name for name in ('torch', 'rich', 'pandas', 'matplotlib', 'numba', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
