"""Runs of the version before the rooms, and a bundle of one: they open, rank, report and verify, and no number moved.

tests/run/data/ was made by lsbench 0.1.0 at commit 9836e3f: two toy clips of 6 frames with their exact landmarks, two
stand-ins, metrics without weights. The videos of one of them are there too.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.verify import verify

DATA = Path(__file__).parent / "data"
RUNS = [DATA / "runs/blurred-mouth", DATA / "runs/noisy-frame"]
METRICS = ["psnr", "ssim", "ssim:color=luma", "sharpness", "seam", "flicker", "gmsd", "haarpsi"]
# Of these, other versions decode or compute other last digits.
LIBRARIES = ("av", "numpy", "scipy", "soxr", "numba", "torch", "piq", "opencv-contrib-python")


def same_libraries() -> None:
    """Skip where the libraries are not those that made the run."""
    before = Run(RUNS[0]).request()["versions"]
    if moved := [f"{name} {version(name)}, then {before[name]}" for name in LIBRARIES if version(name) != before[name]]:
        pytest.skip(f"made with other libraries: {'; '.join(moved)}")


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_it_opens(path: Path) -> None:
    run = Run(path)
    result, table = run.result(), run.table()
    assert result.complete
    assert (result.clips, len(result.scores)) == (2, 22)
    assert sorted(set(table["clip_id"])) == ["t1/a0", "t2/a0"]
    part = run.read_partial("t1/a0")
    assert part is not None
    assert part.stats.keys() == result.scores.keys()
    assert run.conditions.metrics.keys() == result.scores.keys()


def test_it_ranks_as_before() -> None:
    done = CliRunner().invoke(main, ["leaderboard", *map(str, RUNS), "--format", "csv"])
    assert done.exit_code == 0, done.output
    assert done.stdout == (DATA / "board.csv").read_text()


@pytest.mark.slow
def test_it_reports(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["report", *map(str, RUNS), "--out", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report/index.html").read_text()
    assert "blurred-mouth" in page
    assert "noisy-frame" in page


def test_its_bundle_verifies_and_is_packed_to_the_same_bytes(tmp_path: Path) -> None:
    verified = verify(DATA / "blurred-mouth.zip")
    assert verified.scores == 22
    again = pack(RUNS[0], tmp_path / "again.zip")
    assert again.read_bytes() == (DATA / "blurred-mouth.zip").read_bytes()


@pytest.mark.slow
def test_its_videos_score_as_before(tmp_path: Path) -> None:
    """Within what verify allows between machines, whatever the versions of the libraries."""
    bundle = DATA / "blurred-mouth.zip"
    assert verify(bundle, str(DATA / "blurred-mouth"), reference=DATA / "reference").rescored


def test_its_videos_score_to_the_same_bytes(tmp_path: Path) -> None:
    same_libraries()
    lsbench.score(
        DATA / "blurred-mouth",
        reference=DATA / "reference",
        metrics=METRICS,
        regions=["whole", "face", "mouth"],
        out=tmp_path,
    )
    after = tmp_path / "blurred-mouth"
    assert (after / "result.json").read_bytes() == (RUNS[0] / "result.json").read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_parquet(after / "clips.parquet"), pd.read_parquet(RUNS[0] / "clips.parquet"), check_exact=True
    )


def test_scoring_goes_on_in_it(tmp_path: Path) -> None:
    """The same request is accepted, and a further metric joins with the values of those that are there unchanged."""
    same_libraries()
    shutil.copytree(DATA, tmp_path / "data")
    run = tmp_path / "data/runs/blurred-mouth"
    request = Run(run).request()
    content = (run / "run.json").read_text().replace(request["generated"], str(tmp_path / "data/blurred-mouth"))
    (run / "run.json").write_text(content)
    result = lsbench.score(
        tmp_path / "data/blurred-mouth",
        reference=tmp_path / "data/reference",
        metrics=[*METRICS, "psnr:pooling=mse"],
        regions=["whole"],
        out=run.parent,
    )
    before = Run(RUNS[0]).result()
    assert result.scores.keys() - before.scores.keys() == {"psnr:pooling=mse/whole"}
    assert all(result[key] == before[key] for key in result.scores.keys() & before.scores.keys())
