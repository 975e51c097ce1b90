"""How long a large report takes to write and to use: `python bench/report.py --generators 50 --clips 80`.

Run folders with made-up clip values of twelve scores, no videos: `lsbench report RUN... --no-videos` is timed twice,
then the page in headless Chromium: opening it, sorting by a column, filtering by a name, opening a clip. Needs
playwright and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.board.rank import leaderboard
from lsbench.metrics._base.stats import Stats
from lsbench.report.page.write import write_report
from lsbench.run.folder import FORMAT, Run
from lsbench.run.result import Partial, Result, Score

METRICS = ("psnr", "ssim", "lpips", "sharpness")
FRAMES = 75
KEYS = tuple(f"{metric}/{region}" for metric in METRICS for region in ("whole", "mouth", "face"))


def write_run(root: Path, name: str, clips: list[str], random: np.random.Generator) -> Path:
    """A finished run of made-up values."""
    folder = Run(root / name)
    protocol = {
        "name": "bench",
        "version": "1",
        "digest": "d" * 64,
        "manifest_sha256": "m" * 64,
        "clips": len(clips),
        "rank_by": "ssim/mouth",
        "align": "strict",
    }
    folder.open(
        {
            "format": FORMAT,
            "name": name,
            "generated": "/gone",
            "reference": "/gone",
            "protocol": protocol,
            "metrics": {key: f"{key}.1" for key in KEYS},
            "tracker": None,
            "weights": {},
            "device": "cpu",
            "sound": "required",
            "versions": {},
        }
    )
    rows: dict[str, list[Any]] = {
        column: [] for column in ("clip_id", "speaker", "metric", "region", "value", "frames", "influence")
    }
    scores = {}
    ability = random.normal(0, 0.02)
    for key in KEYS:
        metric, _, region = key.partition("/")
        values = 0.8 + ability + random.normal(0, 0.05, len(clips))
        for clip, value in zip(clips, values, strict=True):
            row = (clip, clip.partition("/")[0], metric, region, value, FRAMES, value - values.mean())
            for column, cell in zip(rows.values(), row, strict=True):
                column.append(cell)
        better = "lower" if metric == "lpips" else "higher"
        scores[key] = Score(float(values.mean()), better, f"{key}.1", len(clips) * FRAMES)
    for clip in clips:
        stats = {key: Stats(**{key.partition("/")[0]: random.random(FRAMES)}) for key in KEYS}
        folder.write_partial(Partial(clip, "a" * 64, "b" * 64, FRAMES, FRAMES, 0, stats))
    total = len(clips) * FRAMES
    folder.finish(
        Result(
            name, folder.path, protocol, scores, len(clips), len(clips), compared_frames=total, reference_frames=total
        ),
        rows,
    )
    return folder.path


def timed(what: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    outcome = work()
    print(f"{what:<34} {time.perf_counter() - start:8.2f} s", flush=True)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generators", type=int, default=50)
    parser.add_argument("--clips", type=int, default=80)
    asked = parser.parse_args()
    random = np.random.default_rng(0)
    clips = [f"s{place % 4}/c{place // 4}" for place in range(asked.clips)]
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        root = Path(folder)
        runs = [write_run(root / "runs", f"generator{place:02}", clips, random) for place in range(asked.generators)]
        board = timed("rank", lambda: leaderboard(runs))
        index = timed("write the report", lambda: write_report(board, root / "report", videos=False, workers=2))
        timed("write it again", lambda: write_report(board, root / "report", videos=False, workers=2))
        size = sum(path.stat().st_size for path in (root / "report").rglob("*") if path.is_file())
        print(f"{'index.html, all files':<34} {index.stat().st_size / 1e6:.1f} MB, {size / 1e6:.1f} MB")
        use(index)


def use(index: Path) -> None:
    """Time the page in Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        timed("open the board", lambda: page.goto(index.as_uri()))
        timed("sort by a column", lambda: page.locator("button[data-sort]:visible").nth(2).click())
        timed("filter by a name", lambda: page.fill("#name-filter", "generator07"))
        rows = page.locator("#board-table tbody tr:not([hidden])").count()
        timed("open a clip", lambda: page.goto((index.parent / "clip.html").as_uri() + "#g=0"))
        print(f"{'rows after filtering':<34} {rows}")
        browser.close()


if __name__ == "__main__":
    main()
