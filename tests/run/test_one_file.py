"""One video beside one video, without folders: what is paired, and that all that follows a run lives with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import noisy
from PIL import Image

import lsbench
from lsbench.board.compare import compare
from lsbench.corpus.toy.render import render
from lsbench.errors import MatchError, MediaError
from lsbench.generation.render import generate
from lsbench.media.clip import Clip
from lsbench.media.files import clips_at, write_clip
from lsbench.report.page.write import write_report
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.footage import Footage
from lsbench.run.verify import verify

METRICS: dict[str, Any] = {"metrics": ["psnr"], "regions": ["whole"]}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A generated and a real video, whose names have nothing in common."""
    folder = tmp_path_factory.mktemp("one")
    clip, _ = render(1, 1, frames=10, size=64)
    for name, shown in (("real", clip), ("made", replace(clip, frames=noisy(clip.frames, 5)))):
        write(folder / name / f"{name}.mkv", shown)
    write(folder / "made" / "other.mkv", clip)
    return folder / "made/made.mkv", folder / "real/real.mkv"


def write(path: Path, clip: Clip) -> None:
    write_clip(path, clip.frames, clip.speech, clip.fps)


def test_two_files(clips: tuple[Path, Path], tmp_path: Path) -> None:
    result = lsbench.score(clips[0], reference=clips[1], out=tmp_path, **METRICS)
    assert result.complete and result.name == "made" and 30 < result["psnr/whole"] < 40
    table = Run.of(result).table()
    assert list(table["clip_id"]) == ["real"]
    request = Run.of(result).request()
    assert (request["generated"], request["reference"]) == (str(clips[0]), str(clips[1]))


def test_a_file_beside_a_folder_of_one(clips: tuple[Path, Path], tmp_path: Path) -> None:
    assert lsbench.score(clips[0], reference=clips[1].parent, **METRICS).complete
    (tmp_path / "lone.mkv").symlink_to(clips[0])
    assert lsbench.score(tmp_path, reference=clips[1], name="lone", **METRICS).complete
    with pytest.raises(MatchError, match="no generated video"):  # two folders are matched by names
        lsbench.score(tmp_path, reference=clips[1].parent, **METRICS)


def test_a_file_beside_a_folder_of_several_is_matched_by_its_name(clips: tuple[Path, Path]) -> None:
    result = lsbench.score(clips[0], reference=clips[0].parent, on_error="skip", **METRICS)
    assert (result.clips, result.expected) == (1, 2)
    with pytest.raises(MatchError, match="real.mkv match no reference clip"):
        lsbench.score(clips[1], reference=clips[0].parent, **METRICS)


def test_a_folder_of_frames_beside_a_file(clips: tuple[Path, Path], tmp_path: Path) -> None:
    frames = lsbench.read_clip(clips[0], "made").frames
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"frames/{number:04}.png")
    assert list(clips_at(tmp_path / "frames")) == ["frames"]
    whole = lsbench.score(clips[0], reference=clips[1], **METRICS)
    assert lsbench.score(tmp_path / "frames", reference=clips[1], **METRICS)["psnr/whole"] == whole["psnr/whole"]


def test_a_file_that_is_no_video_is_named(clips: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    with pytest.raises(MediaError, match=r"notes\.txt"):
        lsbench.score(clips[0], reference=tmp_path / "notes.txt", **METRICS)
    with pytest.raises(MediaError, match=r"gone\.mp4"):
        lsbench.score(tmp_path / "gone.mp4", reference=clips[1], **METRICS)


def test_what_follows_a_run_lives_with_files(clips: tuple[Path, Path], tmp_path: Path) -> None:
    one = Run.of(lsbench.score(clips[0], reference=clips[1], out=tmp_path, **METRICS)).path
    other = Run.of(lsbench.score(clips[1], reference=clips[1], out=tmp_path, **METRICS)).path
    assert [row.generator for row in lsbench.leaderboard([one, other], "psnr/whole").rows] == ["real", "made"]
    assert compare(one, other).scores[0].first < compare(one, other).scores[0].second
    sources = Footage(Run(one), ["real"], None).of("real")
    assert (sources.generated, sources.reference) == clips
    bundle = pack(one, tmp_path / "made.zip")
    assert verify(bundle, str(clips[0]), reference=clips[1]).rescored
    write_report(lsbench.leaderboard([one, other], "psnr/whole"), tmp_path / "page")
    assert len(list((tmp_path / "page").rglob("*.mp4"))) == 3  # the real video, itself as a generated one, and the made


def test_a_generator_is_given_one_file(clips: tuple[Path, Path], tmp_path: Path) -> None:
    (made,) = generate("compressed", None, tmp_path / "out", reference=clips[1])
    assert made == tmp_path / "out/real.mp4"
    result = lsbench.score("compressed", reference=clips[1], out=tmp_path, **METRICS)
    assert result.complete and np.isfinite(result["psnr/whole"])
