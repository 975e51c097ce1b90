"""The examples of docs/examples do what docs/extend.md says of them. The metric's is tested in tests/metrics."""

from __future__ import annotations

import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import render, write_corpus
from lsbench.face.track import Region
from lsbench.face.tracker import save_track, sidecar
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.protocol.protocol import load

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory that holds the examples, and is gone from the modules afterwards."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    paths, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and Path(str(sys.modules[name].__file__)).parent == tmp_path:
            del sys.modules[name]


def test_a_generator(work: Path) -> None:
    """Its box is as bright as the speech is loud, and lies over the mouth alone."""
    write_corpus(work / "real", speakers=1, clips=2, frames=8, size=96)
    options = {"reference": "real", "metrics": ["psnr"], "regions": ["whole", "mouth"], "out": "runs"}
    result = lsbench.score("py:painted_mouth:PaintedMouth", **options)  # type: ignore[arg-type]
    assert result.complete and result["psnr/mouth"] < result["psnr/whole"] - 5
    (made, *_) = sorted((work / "runs/painted_mouth-PaintedMouth/videos").rglob("a0.mkv"))
    clip, track = render(1, 0, frames=8, size=96)
    frames = read_clip(made, "t1/a0").frames
    levels = []
    for frame, (x0, y0, x1, y1) in zip(frames, track.box(Region.MOUTH), strict=True):
        middle = frame[(y0 + y1) // 2, (x0 + x1) // 2]
        assert (middle == middle[0]).all()
        levels.append(int(middle[0]))
    loud = [np.abs(part).max(initial=0) for part in np.array_split(clip.speech[: 8 * 640], 8)]
    assert np.argmax(levels) == np.argmax(loud) and np.ptp(levels) > 0


def test_a_protocol(work: Path) -> None:
    """Its rules and clips are those of the file, and no others are compared."""
    for speaker in ("anna", "bert", "carl"):
        clip, track = render(1, ord(speaker[0]), frames=8, size=96)
        for folder in ("real", "made"):
            path = work / folder / speaker / "take1.mkv"
            write_clip(path, clip.frames, clip.speech, clip.fps)
        save_track(sidecar(work / "real" / speaker / "take1.mkv"), track)
    shutil.rmtree(work / "made" / "carl")
    result = lsbench.score("made", protocol="two_takes.toml", data="real")
    assert list(result.scores) == ["psnr/whole", "psnr/mouth", "sharpness/whole", "sharpness/mouth"]
    assert result.complete and result.clips == 2
    assert load("two_takes.toml").identity == "masked-video"


def test_a_corpus(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole clips are there frame for frame, and what is broken or silent is named and left out."""
    clip, _ = render(1, 0, frames=8, size=96)
    write_clip(work / "raw" / "anna-take1.mkv", clip.frames, clip.speech, clip.fps)
    write_clip(work / "raw" / "anna-take2.mkv", clip.frames, clip.speech[:0], clip.fps)
    (work / "raw" / "bert-take1.mp4").write_bytes(b"no video")
    runpy.run_path("flat_corpus.py")["prepare"]("raw", "out")
    assert list(find_clips(work / "out")) == ["anna/take1"]
    made = read_clip(work / "out" / "anna" / "take1.mkv", "anna/take1")
    assert np.array_equal(made.frames, clip.frames) and np.abs(made.speech - clip.speech).max() < 1e-4
    left = capsys.readouterr().err.splitlines()
    assert len(left) == 2 and "anna-take2" in left[0] and "no sound" in left[0] and "bert-take1" in left[1]
