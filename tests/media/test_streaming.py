"""Videos too long for memory are decoded again at every reading, to the same bits, in memory that does not grow."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lsbench.errors import MediaError
from lsbench.media import film
from lsbench.media.files import read_film
from lsbench.media.film import Film


def noise(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 (count, height, width, 3), every frame another."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def written(path: Path, frames: np.ndarray, pts: list[int] | None = None, rate: int = 25) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = pts[index] if pts else index, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def video(tmp_path: Path) -> Path:
    return written(tmp_path / "a.mkv", noise(60))


def gaps(tmp_path: Path) -> Path:
    """Every third frame is missing, so that pictures are repeated."""
    return written(tmp_path / "a.mp4", noise(40), [index + index // 2 for index in range(40)])


def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    for index, picture in enumerate(noise(30)):
        Image.fromarray(picture).save(tmp_path / "a" / f"{index}.png")
    return tmp_path / "a"


def animation(tmp_path: Path) -> Path:
    first, *others = [Image.fromarray(picture) for picture in noise(30)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=40)
    return tmp_path / "a.gif"


SOURCES = [video, gaps, folder, animation]


def opened(path: Path) -> Film:
    return read_film(path, "a", sound="optional")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("margin", [0, 3])
def test_what_is_decoded_again_has_the_same_bits(tmp_path, monkeypatch, source, margin) -> None:  # type: ignore[no-untyped-def]
    path = source(tmp_path)
    whole = opened(path)
    assert whole.pictures.held is not None
    monkeypatch.setattr(film, "HELD_BYTES", 3 * 48 * 64 * 10)  # ten pictures
    again = opened(path)
    assert again.pictures.held is None and len(again) == len(whole) and np.array_equal(again.shown, whole.shown)
    frames = whole.clip().frames
    assert len(frames) > 20 and np.array_equal(again.clip().frames, frames)
    for window in again.windows(7, margin):
        assert np.array_equal(window.frames, frames[window.first : window.first + len(window.frames)])
    assert again.notes == whole.notes
    part = again.cut(11, 19).clip().frames
    assert np.array_equal(part, frames[11:19])


@pytest.mark.parametrize("source", [video, folder])
def test_a_source_that_shrank_between_readings(tmp_path, monkeypatch, source) -> None:  # type: ignore[no-untyped-def]
    path = source(tmp_path)
    monkeypatch.setattr(film, "HELD_BYTES", 0)
    again = opened(path)
    if path.is_dir():
        (path / "20.png").unlink()
    else:
        written(path, noise(20))
    with pytest.raises(MediaError, match=r"changed meanwhile|cannot be decoded|cannot be read"):
        list(again.pictures.read())


PEAK = """
import re, sys
from pathlib import Path
from lsbench.media.files import read_film
from lsbench.media import film
film.HELD_BYTES = 8 << 20
video = read_film(Path(sys.argv[1]), "a", sound="optional")
total = 0
for window in video.windows(16, 2):
    total += int(window.frames[window.own].sum())
print(len(video), total, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process alone is counted on Linux only")
    peaks = []
    for count in (60, 600):
        frames = np.broadcast_to(np.uint8(90), (count, 360, 480, 3)).copy()
        frames[:, :, :5] = noise(count, 360, 5)
        path = written(tmp_path / f"{count}.mp4", frames)
        done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
        length, _, peak = map(int, done.stdout.split())
        assert length == count
        peaks.append(peak)
    grown, whole = 1024 * (peaks[1] - peaks[0]), 540 * 3 * 360 * 480
    assert grown < whole / 20
