"""Per-frame values of all runs on a board, as files."""

from __future__ import annotations

import math
from pathlib import Path

import pandas
import pytest
from boards import frame_run, run
from click.testing import CliRunner

from lsbench.board.frames import write_frames
from lsbench.board.rank import leaderboard
from lsbench.cli.main import main
from lsbench.errors import ComparisonError, OutputError

ERRORS: dict[str, list[float]] = {'s1/b,"x"': [0, 4], "s1/a": [1, 100, math.nan]}
PEAK = 20 * math.log10(255)
VALUES = [math.inf, PEAK - 10 * math.log10(4), PEAK, PEAK - 20, math.nan]


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [frame_run(tmp_path, "second", ERRORS, 20.0), frame_run(tmp_path, "first", ERRORS, 30.0)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_for_each_frame_of_each_run(tmp_path: Path, runs: list[Path], suffix: str) -> None:
    path = tmp_path / f"frames{suffix}"
    done = CliRunner().invoke(main, ["leaderboard", *map(str, runs), "--rank-by", "psnr/whole", "--frames", str(path)])
    assert done.exit_code == 0, done.output
    assert "ranked by psnr/whole" in done.stdout and done.stderr.splitlines()[-1] == str(path)
    assert "second: no frames of ssim/mouth: it was measured as ssim.0|old" in done.stderr
    table = pandas.read_csv(path) if suffix == ".csv" else pandas.read_parquet(path)
    assert list(table.columns) == ["generator", "clip", "frame", "key", "value"]
    assert table["generator"].tolist() == ["first"] * 5 + ["second"] * 5
    assert table["clip"].tolist() == ([*ERRORS][:1] * 2 + ["s1/a"] * 3) * 2
    assert table["frame"].tolist() == [0, 1, 0, 1, 2] * 2
    assert set(table["key"]) == {"psnr/whole"}
    assert table["value"].tolist() == pytest.approx(VALUES * 2, nan_ok=True)


def test_other_endings_are_usage_errors(tmp_path: Path, runs: list[Path]) -> None:
    done = CliRunner().invoke(main, ["leaderboard", *map(str, runs), "--frames", str(tmp_path / "frames.xlsx")])
    assert done.exit_code == 2 and ".csv or .parquet" in done.stderr
    with pytest.raises(ComparisonError, match=r"\.csv or \.parquet"):
        write_frames(leaderboard(runs), tmp_path / "frames")


def test_a_board_without_frames_says_so(tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="no run has a score with a value for each frame"):
        write_frames(leaderboard([run(tmp_path, "sets", {"fid/mouth": 3.0})]), tmp_path / "frames.csv")
    assert not (tmp_path / "frames.csv").exists()


def test_large_tables_are_written_in_parts(tmp_path: Path, runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    board = leaderboard(runs)
    write_frames(board, whole)
    monkeypatch.setattr("lsbench.board.frames.BLOCK_ROWS", 2)
    write_frames(board, parts)
    pandas.testing.assert_frame_equal(pandas.read_parquet(parts), pandas.read_parquet(whole), check_categorical=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_only_such_a_table_is_replaced(tmp_path: Path, runs: list[Path], suffix: str) -> None:
    board = leaderboard(runs)
    path = tmp_path / f"frames{suffix}"
    write_frames(board, path)
    before = path.read_bytes()
    write_frames(board, path)
    assert path.read_bytes() == before
    strange = tmp_path / f"strange{suffix}"
    strange.write_bytes((runs[0] / "clips.parquet").read_bytes() if suffix == ".parquet" else b"a,b\n1,2\n")
    content = strange.read_bytes()
    with pytest.raises(OutputError, match="is not of lsbench leaderboard --frames"):
        write_frames(board, strange)
    assert strange.read_bytes() == content
