"""What pages and studies show of a fitted video is what was compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import render
from lsbench.errors import StudyError
from lsbench.media import looks
from lsbench.media.files import read_clip, write_clip
from lsbench.media.film import Film
from lsbench.mos.make.runs import StudyRuns
from lsbench.mos.make.videos import VideoJob, make_video
from lsbench.report.page.clip_media import show
from lsbench.run.folder import Run
from lsbench.run.footage import Footage


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one video of half the size and twice the rate, and three frames late."""
    folder = tmp_path_factory.mktemp("fitted")
    clip = render(1, 1, frames=40, size=96)[0]
    write_clip(folder / "real.mkv", clip.frames, clip.speech, clip.fps)
    late = replace(clip, frames=clip.frames[np.maximum(np.arange(40) - 3, 0)])
    made = Film.of(late).looked_at(looks.resized(48, 48)).clip()
    write_clip(folder / "made.mkv", np.repeat(made.frames, 2, axis=0), clip.speech, 50.0)
    result = lsbench.score(
        folder / "made.mkv",
        reference=folder / "real.mkv",
        metrics=["psnr"],
        regions=["whole"],
        fit="resize",
        rate="resample",
        align="lag",
        out=folder / "runs",
    )
    assert result.lag_frames == {"real": 3} and result.compared_frames == 37
    return Run.of(result).path


def test_a_page_shows_the_frames_that_were_compared(run: Path, tmp_path: Path) -> None:
    partial = Run(run).read_partial("real", [])
    assert partial is not None
    shown = show(tmp_path, Footage(Run(run), ["real"], None).of("real"), partial)
    sides = [shown[side] for side in ("reference", "generated")]
    assert [(side["width"], side["height"], side["fps"], side["frames"]) for side in sides] == [(96, 96, 25.0, 37)] * 2
    one, other = (read_clip(tmp_path / f"{side['name']}.mp4", "a", sound="optional").frames for side in sides)
    assert np.mean((one.astype(float) - other) ** 2) < 60  # blurred by half the size, and no frame late


def test_raters_see_the_frames_that_were_compared(run: Path, tmp_path: Path) -> None:
    videos = StudyRuns([run], None).videos("real")
    sizes = {name: make_video(VideoJob(video, tmp_path / f"{name}.mp4")) for name, video in videos.items()}
    assert set(sizes.values()) == {(96, 96)}
    clips = [read_clip(tmp_path / f"{name}.mp4", name) for name in videos]
    assert [(len(clip), clip.fps) for clip in clips] == [(37, 25.0)] * 2
    assert np.mean((clips[0].frames.astype(float) - clips[1].frames) ** 2) < 60


def test_faces_alone_are_not_shown_to_raters(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = StudyRuns([run], None)
    (footage,) = study._footage.values()
    footage.context = replace(footage.context, rules=replace(footage.context.rules, fit="face"))
    with pytest.raises(StudyError, match="--fit face compared the faces alone"):
        study.videos("real")
