"""Files as they come out of other tools, cameras and browsers: ../shared/wild, where it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from lsbench.errors import MediaError
from lsbench.media.files import read_film
from lsbench.media.film import Film

WILD = Path(__file__).parents[3] / "shared" / "wild"
pytestmark = pytest.mark.skipif(not WILD.is_dir(), reason="no files of other tools: ../shared/wild is not there")


def opened(name: str) -> Film:
    return read_film(WILD / name, name, sound="optional")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, pictures, frames, fps, size",
    [
        ("anamorphic-15-16.mp4", 587, 587, 30, (512, 512)),
        ("avatar-generated.mp4", 171, 171, 20, (512, 512)),
        ("deep-odd-50fps-51.mkv", 267, 267, 50, (683, 361)),
        ("drawn.gif", 44, 44, 7, (256, 256)),
        ("editlist-60fps.mov", 231, 231, 60, (684, 742)),
        ("example-source.avi", 317, 317, 25, (224, 224)),
        ("example-late5.avi", 317, 317, 25, (224, 224)),
        ("example-late12.avi", 317, 317, 25, (224, 224)),
        ("game-source.mp4", 105, 105, 30, (480, 853)),
        ("game-generated.mp4", 86, 86, 30, (480, 720)),
        ("garden-generated.mp4", 102, 102, 25, (854, 480)),
        ("half-profile.mp4", 224, 224, 25, (720, 1280)),
        ("hdtf-real.mp4", 200, 200, 25, (512, 512)),
        ("one-frame.mp4", 1, 1, 30, (1080, 1920)),
        ("presenter-generated.mp4", 130, 130, 25, (720, 1278)),
        ("rotated-90.mov", 160, 160, 30, (1024, 540)),
        ("still-generated.mp4", 200, 200, 25, (256, 256)),
        ("vfr-late-start.mp4", 135, 183, 30, (700, 700)),
    ],
)
def test_what_is_known_of_each(name: str, pictures: int, frames: int, fps: float, size: tuple[int, int]) -> None:
    film = opened(name)
    assert (len(film.pictures), len(film), film.fps, film.size) == (pictures, frames, fps, size)
    assert film.variable == (name == "vfr-late-start.mp4")


@pytest.mark.parametrize("name, late", [("example-late5.avi", 4.7), ("example-late12.avi", 11.7)])
def test_sound_that_is_late_by_its_time_stamps(name: str, late: float) -> None:
    """Against the source, in frames: what the MP3 encoder added, and what the muxer moved the pictures by."""
    source, sound = opened("example-source.avi").speech, opened(name).speech
    lag = int(np.argmax(correlate(sound, source, "full", method="fft"))) - len(source) + 1
    assert lag / 16000 * 25 == pytest.approx(late, abs=0.1)


def test_48_bytes() -> None:
    with pytest.raises(MediaError, match=r"its index \(moov\) is missing"):
        opened("cut-48-bytes.mp4")
