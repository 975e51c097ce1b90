"""Runs of the version before the rooms, and a bundle of one: they open, rank, report and verify.

tests/run/data/ was made by lsbench 0.1.0 at commit 9836e3f: two toy clips of 6 frames with their exact landmarks, two
stand-ins, metrics without weights. The videos of one of them are there too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.errors import BundleError, RunError
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.verify import verify

DATA = Path(__file__).parent / "data"
RUNS = [DATA / "runs/blurred-mouth", DATA / "runs/noisy-frame"]
METRICS = ["psnr", "ssim", "ssim:color=luma", "sharpness", "seam", "flicker", "gmsd", "haarpsi"]


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


def test_its_videos_are_not_scored_again_under_another_decoding() -> None:
    with pytest.raises(BundleError, match="it was scored under other conditions than here: protocol faceless is None"):
        verify(DATA / "blurred-mouth.zip", str(DATA / "blurred-mouth"), reference=DATA / "reference")


def test_its_videos_score_nearly_as_before(tmp_path: Path) -> None:
    """A level of rounding in the colours of 8-bit videos moves the scores by a few thousandths."""
    result = lsbench.score(
        DATA / "blurred-mouth", reference=DATA / "reference", metrics=METRICS, regions=["whole", "face", "mouth"]
    )
    before = Run(RUNS[0]).result()
    assert result.scores.keys() == before.scores.keys()
    for key, value in result.items():
        assert value == pytest.approx(before[key], abs=5e-3, nan_ok=True), key


def test_scoring_does_not_go_on_in_it_under_another_decoding(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "data")
    run = tmp_path / "data/runs/blurred-mouth"
    request = Run(run).request()
    content = (run / "run.json").read_text().replace(request["generated"], str(tmp_path / "data/blurred-mouth"))
    (run / "run.json").write_text(content)
    with pytest.raises(RunError, match="was started with decoding 1, now asked with 2"):
        lsbench.score(
            tmp_path / "data/blurred-mouth", reference=tmp_path / "data/reference", metrics=["psnr"], out=run.parent
        )
    assert Run(run).result().scores == Run(RUNS[0]).result().scores
