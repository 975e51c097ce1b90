"""The report's files: what is written, what is kept, what is missing. In a browser: tests/test_report_browser.py."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import small_audit
from click.testing import CliRunner
from matplotlib.figure import Figure
from page_runs import EVIL, make_runs

from lsbench.board.frames import Summary
from lsbench.board.rank import leaderboard
from lsbench.cli.main import main
from lsbench.errors import LsbenchError
from lsbench.media.clip import Clip
from lsbench.media.encode import even
from lsbench.media.files import read_clip
from lsbench.media.film import Film
from lsbench.metrics._base import catalogue
from lsbench.report.audit.files import write_audit
from lsbench.report.audit.page import write_page
from lsbench.report.page import board as board_page
from lsbench.report.page.box_plots import box_plots
from lsbench.report.page.clip_media import show
from lsbench.report.page.write import write_report
from lsbench.run.folder import Run
from lsbench.run.footage import Footage
from lsbench.speech.visemes import VISEMES

MINE = "<h1>mine</h1>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_runs(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(leaderboard(runs), tmp_path_factory.mktemp("page") / "out").parent


def data(page: Path, g: int, c: int) -> dict[str, Any]:
    text = (page / f"data/g{g}/c{c}.js").read_text()
    assert text.startswith("lsbench.clip(")
    return json.loads(text.removeprefix("lsbench.clip(").removesuffix(");\n"))


def test_curves_are_the_per_frame_values_of_the_run(runs: list[Path], page: Path) -> None:
    row = leaderboard(runs).rows[0]
    run = Run(row.result.path)
    clip = run.table()["clip_id"].iloc[1]
    found = data(page, 0, 1)
    assert set(found["curves"]) == set(row.result.scores)
    partial = run.read_partial(clip)
    assert partial is not None and found["frames"] == partial.frames == 25
    for key, values in found["curves"].items():
        exact = catalogue.metric(key).per_frame(partial.stats[key])
        np.testing.assert_allclose(values, exact, rtol=1e-4)


def test_videos_show_the_frames_that_were_compared(runs: list[Path], page: Path) -> None:
    found = data(page, 0, 0)
    assert found["problems"] == [] and found["box"][0] == found["box"][1] and len(found["boxes"]) == 25
    real = read_clip(runs[0].parents[1] / "reference/t1/a0.mkv", "t1/a0")
    shown = read_clip(page / f"media/{found['reference']['name']}.mp4", "t1/a0")
    assert len(shown) == len(real) and shown.fps == real.fps and len(shown.speech)
    assert np.abs(shown.frames.astype(int) - real.frames).mean() < 4


@pytest.mark.slow
def test_a_second_report_makes_no_video_again_even_where_they_are_gone(
    runs: list[Path], page: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(page, out)
    before = {path: path.stat().st_mtime_ns for path in (out / "media").iterdir()}
    moved = [Path(shutil.copytree(run, tmp_path / "moved" / run.name)) for run in runs]
    for run in moved:
        request = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(request | {"generated": "/gone", "reference": "/gone"}))
    write_report(leaderboard(runs), out)
    assert {path: path.stat().st_mtime_ns for path in (out / "media").iterdir()} == before
    index = write_report(leaderboard(moved), tmp_path / "elsewhere")
    found = data(index.parent, 0, 0)
    assert found["generated"] is None and found["curves"]
    assert "generated video not found" in " ".join(found["problems"])
    assert "pass --reference DIR" in " ".join(found["problems"])
    again = write_report(leaderboard(moved), tmp_path / "helped", reference=runs[0].parents[1] / "reference")
    assert data(again.parent, 0, 0)["reference"] is not None


def test_another_video_than_was_scored_is_not_shown(runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(runs[0].parents[1] / "generated/blurred-mouth", tmp_path / "videos")
    shutil.copy(next((tmp_path / "videos/t1").glob("*.mp4")), next((tmp_path / "videos/t2").glob("*.mp4")))
    run = Path(shutil.copytree(runs[0], tmp_path / "run"))
    request = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(request | {"generated": str(tmp_path / "videos")}))
    index = write_report(leaderboard([run]), tmp_path / "out")
    assert data(index.parent, 0, 0)["generated"] is not None
    found = data(index.parent, 0, 1)
    assert found["generated"] is None and "another file than was scored" in found["problems"][0]


def test_names_are_escaped_and_the_index_holds_no_video(page: Path) -> None:
    for name in ("index.html", "clip.html"):
        text = (page / name).read_text().replace("http://www.w3.org/2000/svg", "a name, not an address")
        assert EVIL not in text and "http://" not in text and "https://" not in text and 'src="//' not in text
    index = (page / "index.html").read_text()
    assert "&lt;script&gt;alert(1)" in index and "<video" not in index and "it&#39;s" in index
    assert all(EVIL not in path.read_text() for path in (page / "figures").iterdir())


def test_provenance_names_every_field_of_run_json(runs: list[Path], page: Path) -> None:
    index = (page / "index.html").read_text()
    request = json.loads((runs[0] / "run.json").read_text())
    for text in (
        request["protocol"]["digest"],
        request["metrics"]["ssim/mouth"],
        "versions.numpy",
        request["reference"],
    ):
        assert text in index


@pytest.mark.slow
def test_fewer_videos(runs: list[Path], tmp_path: Path) -> None:
    board = leaderboard(runs)
    index = write_report(board, tmp_path / "none", videos=False)
    assert not (index.parent / "media").exists()
    assert "without videos" in data(index.parent, 0, 0)["problems"][0]
    index = write_report(board, tmp_path / "worst", clips=1)
    run = json.loads((index.parent / "data/g0/run.js").read_text().removeprefix("lsbench.run(").removesuffix(");\n"))
    values = run["values"][board.rank_by]
    assert [picture is not None for picture in run["thumbnails"]] == [value == min(values) for value in values]


def test_the_headline_does_not_claim_more_than_the_tests_do(runs: list[Path]) -> None:
    said = board_page.headline(leaderboard(runs))
    assert "by ssim/mouth" in said and ("cannot be told apart" in said or "could not be tested" in said)
    assert "no other generator" in board_page.headline(leaderboard(runs[:1]))


def test_a_dubbed_clip_is_not_held_against_its_reference(runs: list[Path], tmp_path: Path) -> None:
    footage = Footage(Run(runs[0]), ["t1/a0"], None)
    sources = footage.of("t1/a0")
    partial = Run(runs[0]).read_partial("t1/a0", [])
    assert partial is not None and show(tmp_path, sources, partial)["paired"]
    rules = replace(sources.context.rules, task="dubbing")
    shown = show(tmp_path, replace(sources, context=replace(sources.context, rules=rules)), partial)
    assert not shown["paired"] and shown["boxes"] is None and shown["reference"] and shown["generated"]


def test_worst_first_puts_what_is_undefined_last() -> None:
    values = {"psnr": [30.0, None, "inf", 20.0]}
    assert board_page.worst_first(values, "psnr", "higher") == [3, 0, 2, 1]
    assert board_page.worst_first(values, "psnr", "lower") == [2, 0, 3, 1]


def test_odd_sides_become_even() -> None:
    frames = np.arange(2 * 3 * 5 * 3, dtype=np.uint8).reshape(2, 3, 5, 3)
    shown = even(Film.of(Clip("a", frames, np.zeros(0, np.float32), 25.0))).clip().frames
    assert shown.shape == (2, 4, 6, 3)
    assert np.array_equal(shown[:, :3, :5], frames) and np.array_equal(shown[:, 3, :5], frames[:, 2])


@pytest.mark.slow
def test_the_command_prints_the_page_and_spares_other_pages(runs: list[Path], tmp_path: Path) -> None:
    command = ["report", *map(str, runs), "--no-videos", "--workers", "1", "--out"]
    done = CliRunner().invoke(main, [*command, str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0 and Path(done.stdout.strip()) == tmp_path / "out/index.html"
    assert CliRunner().invoke(main, [*command, str(tmp_path / "out")]).exit_code == 0  # its own page
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("<h1>mine</h1>")
    done = CliRunner().invoke(main, [*command, str(tmp_path / "site")])
    assert done.exit_code == 1 and "is not of lsbench report" in done.stderr and "<h1>mine</h1>" in done.stderr
    assert (tmp_path / "site/index.html").read_text() == "<h1>mine</h1>"


@pytest.mark.parametrize("name", ["index.html", "clip.html", "audit.html", "data/mine.csv", "figures/a.svg", "media/b"])
def test_what_others_wrote_is_not_replaced(runs: list[Path], tmp_path: Path, name: str) -> None:
    strange = tmp_path / "out" / name
    strange.parent.mkdir(parents=True)
    strange.write_text("<h1>mine</h1>")
    with pytest.raises(LsbenchError, match=r"stands there.*nothing was written"):
        write_report(leaderboard(runs), tmp_path / "out", videos=False, audit=small_audit())
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [strange]
    assert strange.read_text() == "<h1>mine</h1>"


@pytest.mark.slow
def test_a_strange_page_in_an_own_report_is_not_replaced(runs: list[Path], tmp_path: Path) -> None:
    out = write_report(leaderboard(runs), tmp_path / "out", videos=False).parent
    (out / "clip.html").unlink()
    (out / "clip.html").mkdir()
    before = (out / "index.html").stat().st_mtime_ns
    with pytest.raises(LsbenchError, match=r"clip\.html is not of lsbench report: a folder stands there"):
        write_report(leaderboard(runs), out, videos=False)
    assert (out / "index.html").stat().st_mtime_ns == before
    (out / "clip.html").rmdir()
    write_report(leaderboard(runs), out, videos=False, audit=small_audit())
    write_report(leaderboard(runs), out, videos=False, audit=small_audit())  # its own audit page


def test_a_report_that_was_stopped_goes_on(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("lsbench.report.page.write.draw_boxes", stopped)
        write_report(leaderboard(runs), tmp_path / "out", videos=False)
    assert "not finished" in (tmp_path / "out/index.html").read_text()
    index = write_report(leaderboard(runs), tmp_path / "out", videos=False)
    assert "not finished" not in index.read_text()


@pytest.mark.parametrize(
    ("name", "content"), [("index.html", MINE), ("audit.json", '{"mine": 1}'), ("audit.md", "notes")]
)
def test_an_audit_spares_what_others_wrote(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(LsbenchError, match=r"stands there.*nothing was written"):
        write_audit(small_audit(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == content
    done = CliRunner().invoke(main, ["audit", "--reference", str(tmp_path), "--out", str(tmp_path)])
    assert done.exit_code == 1 and "stands there" in done.stderr  # before anything is measured


def test_an_audit_replaces_its_own(tmp_path: Path) -> None:
    first = {name: path.read_bytes() for name, path in write_audit(small_audit(), tmp_path).items()}
    assert {name: path.read_bytes() for name, path in write_audit(small_audit(), tmp_path).items()} == first


@pytest.mark.parametrize("style", ["svg", "png"])
def test_box_plots_spare_what_others_drew(tmp_path: Path, style: str) -> None:
    summaries = [Summary("a", "ssim:color=luma/mouth", np.array([0.5, 0.75]))]
    paths = box_plots(summaries, tmp_path)
    assert [path.name for path in paths] == ["ssim-color=luma-mouth.svg", "ssim-color=luma-mouth.png"]
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in box_plots(summaries, tmp_path)] == before
    strange = next(path for path in paths if path.suffix == f".{style}")
    figure = Figure()
    figure.savefig(strange)  # of matplotlib, too, but not of this verb
    before = [path.read_bytes() for path in paths]
    with pytest.raises(LsbenchError, match="is not of lsbench leaderboard --summary"):
        box_plots(summaries, tmp_path)
    assert [path.read_bytes() for path in paths] == before


def test_a_curve_has_no_band_where_its_interval_is_not_known(tmp_path: Path) -> None:
    audit = small_audit()
    drawn = write_page(audit, tmp_path / "with.html").read_text()
    assert drawn.count("<polygon") == drawn.count("<polyline") == 5
    unknown = {
        key: replace(response, low=(math.nan,) * 4, high=(math.nan,) * 4) for key, response in audit.responses.items()
    }
    drawn = write_page(replace(audit, responses=unknown), tmp_path / "without.html").read_text()
    assert (drawn.count("<polygon"), drawn.count("<polyline")) == (0, 5)


def test_data_files_call_what_the_page_defines(page: Path) -> None:
    called = {path.read_text().partition("(")[0] for path in (page / "data").rglob("*.js")}
    assert called == {"lsbench.run", "lsbench.clip"}
    receiver = re.search(r"const lsbench = \{.*\};", (page / "clip.html").read_text())
    assert receiver is not None
    assert set(re.findall(r"(\w+)\(content\)", receiver.group())) == {name.rpartition(".")[2] for name in called}


def test_visemes_are_a_table_of_each_generator_that_has_them(runs: list[Path], tmp_path: Path) -> None:
    count = len(VISEMES)
    looks = [[3 * (line == column) + (column == 0) for column in range(count)] for line in range(count)]
    detail = {"visemes": list(VISEMES), "phones": [5] * count, "distance": [0.0123, *[None] * (count - 1)]}
    for run, held in zip(runs, (detail | {"looks_like": looks}, detail | {"looks_like": looks[:3]}), strict=True):
        copied = tmp_path / run.name
        shutil.copytree(run, copied)
        result = json.loads((copied / "result.json").read_text())
        result["scores"]["psnr/whole"]["detail"] = held
        (copied / "result.json").write_text(json.dumps(result))
    text = write_report(leaderboard([tmp_path / run.name for run in runs]), tmp_path / "page", videos=False).read_text()
    assert text.count('<table class="visemes">') == 1  # what is no such table is not shown
    assert "<summary>blurred-mouth: psnr/whole</summary>" in text
    assert '<th scope="row">PP (p b m)</th><td>5</td><td>0.0123</td><td><b>4</b></td><td>0</td>' in text
