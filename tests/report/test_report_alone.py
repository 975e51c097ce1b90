"""Pages of videos that were scored on their own: one video is the page itself, several are listed, none is ranked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pytest

import lsbench
from lsbench.board.rank import leaderboard
from lsbench.corpus.toy.render import render
from lsbench.face.track import Region
from lsbench.media.files import write_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.report.page.write import write_report
from lsbench.run.folder import Run

EVIL = "it's <b> & co"


@dataclass(frozen=True, kw_only=True)
class Brightness(Metric):
    """The mean level of a video, of every other frame."""

    name: ClassVar[str] = "brightness"
    asks: ClassVar[str] = "How bright is it?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "test"
    regions: ClassVar[tuple[Region, ...]] = ()
    paired: ClassVar[bool] = False

    def measure(self, pair: ClipPair) -> Stats:
        levels = pair.generated.frames.mean(axis=(1, 2, 3)).astype(np.float64)
        return Stats(levels=np.where(np.arange(len(levels)) % 2, np.nan, levels))

    def compute(self, stats: Stats) -> float:
        return float(np.nanmean(stats["levels"]))

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["levels"]

    def note(self, stats: Stats) -> str | None:
        return "of every other frame"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """videos/, and runs/ of one of them and of both; one/ and both/: their pages."""
    folder = tmp_path_factory.mktemp("alone")
    for number, name in enumerate((EVIL, "other")):
        clip, _ = render(1, number, frames=50, size=64)
        write_clip(folder / f"videos/{name}.mkv", clip.frames, clip.speech, clip.fps)
        dark = replace(clip, frames=clip.frames // 2)
        write_clip(folder / f"dark/{name}.mkv", dark.frames, dark.speech, dark.fps)
    options: dict[str, Any] = {"metrics": [Brightness, "psnr"], "out": folder / "runs"}
    one = lsbench.score(folder / f"videos/{EVIL}.mkv", name="one", segment=0.5, **options)
    both = lsbench.score(folder / "videos", name="both", **options)
    dark = lsbench.score(folder / "dark", name="dark", **options)
    write_report(leaderboard([Run.of(one).path]), folder / "one")
    write_report(leaderboard([Run.of(both).path]), folder / "both")
    write_report(leaderboard([Run.of(both).path, Run.of(dark).path]), folder / "two")
    return folder


def text(page: Path) -> str:
    return page.read_text()


def test_one_video_is_the_page_itself(folder: Path) -> None:
    page = text(folder / "one/index.html")
    assert "<h1>it&#39;s &lt;b&gt; &amp; co</h1>" in page and "50 frames, 2.00 s" in page
    assert page.count("<video") == 2 and not (folder / "one/clip.html").exists()
    for section in ('id="scores"', 'id="curves"', 'id="unmeasured"', 'id="provenance"'):
        assert section in page
    for other in ('id="board"', 'id="agreement"', 'id="worst"', 'id="boxes"', "rank</button>"):
        assert other not in page
    assert "How bright is it?" in page and "of every other frame" in page
    assert "there are no reference clips to compare with; pass --reference DIR" in page
    low, high = leaderboard([folder / "runs/one"]).column().interval("one")
    assert low < high and f"{low:.2f} to {high:.2f}" in page
    data = (folder / "one/data/g0/c0.js").read_text().removeprefix("lsbench.clip(").removesuffix(");\n")
    content = json.loads(data)
    assert content["problems"] == [] and content["generated"] and not content["reference"]


def test_a_second_report_takes_the_place_of_pages_of_several(folder: Path, tmp_path: Path) -> None:
    write_report(leaderboard([folder / "runs/both"]), tmp_path / "out", videos=False)
    assert (tmp_path / "out/clip.html").exists()
    write_report(leaderboard([folder / "runs/one"]), tmp_path / "out", videos=False)
    assert not (tmp_path / "out/clip.html").exists()
    assert "this report was made without videos" in (tmp_path / "out/data/g0/c0.js").read_text()


def test_several_videos_of_one_run_are_listed_and_not_ranked(folder: Path) -> None:
    page = text(folder / "both/index.html")
    assert "<h1>both</h1>" in page and "2 videos, scored on their own" in page and "100 frames, 4.00 s" in page
    assert "Clips by py:test_report_alone:Brightness, the worst first" in page
    assert page.count('href="clip.html#g=0&amp;c=') == 2 and "<video" not in page
    assert 'id="board"' not in page and 'id="agreement"' not in page and "no other generator" not in page
    assert (folder / "both/clip.html").exists()


def test_runs_of_several_generators_are_a_board(folder: Path) -> None:
    page = text(folder / "two/index.html")
    assert 'id="board"' in page and "both is ahead by" in page
    assert "Each opens with its curves" in page and "real and generated side by side" not in page
    assert "<legend>Regions" not in page


def test_the_page_of_one_video_plays_and_fits(tab: Any, folder: Path) -> None:
    for width in (1280, 390):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto((folder / "one/index.html").as_uri())
        tab.wait_for_selector("body[data-shown]")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.is_hidden("#problems") and tab.locator(".view:visible").count() == 1
    assert tab.is_hidden("#gain") and tab.locator("#sound option:not([hidden])").count() == 2
    assert tab.locator(".curve").count() == 1 and tab.locator(".curve .dot").count() == 25
    tab.eval_on_selector("#scrub", "bar => { bar.value = 11; bar.dispatchEvent(new Event('input')); }")
    assert "none in this frame" in tab.inner_text(".curve h3") and "frame 11" in tab.inner_text("#time")
    tab.focus("#scrub")
    tab.keyboard.press("ArrowRight")
    assert "none in this frame" not in tab.inner_text(".curve h3")
    tab.click("#play")
    tab.wait_for_function("document.getElementById('generated').currentTime > 0.7")
