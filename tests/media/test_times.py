"""Frame rates and the picture of each frame, from time stamps: constant, variable, rounded, missing, absurd."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lsbench.errors import MediaError
from lsbench.media.files import read_film
from lsbench.media.times import Timing, timing

NTSC = 1000 / 1001


def regimes(*parts: tuple[int, float]) -> list[float]:
    """Time stamps of so many pictures at such a rate, one after the other."""
    steps = np.concatenate([np.full(count, 1 / rate) for count, rate in parts])
    return [0.0, *np.cumsum(steps)[:-1].tolist()]


def rounded(times: list[float], base: float = 1000) -> list[float]:
    return [round(time * base) / base for time in times]


def read(times: list[float] | list[float | None], announced: float | None, **options: float) -> Timing:
    return timing(list(times), announced, "clip a", **options)


@pytest.mark.parametrize(
    "times, fps, count",
    [
        (regimes((40, 24), (40, 30)), 30, 90),
        (regimes((72, 24), (30, 30)), 30, 120),
        (regimes((24, 24), (90, 30)), 30, 120),
        (regimes((40, 25), (40, 30)), 30, 88),
        (regimes((30, 15), (60, 30)), 30, 120),
        (regimes((20, 10), (60, 30)), 30, 120),
        (regimes((50, 50), (60, 60)), 60, 120),
        (regimes((60, 30), (120, 60)), 60, 240),
        (regimes((48, 24 * NTSC), (60, 30 * NTSC)), 30 * NTSC, 120),
    ],
)
@pytest.mark.parametrize("announced", [None, 120, 150, 600, 1000, 1e6])
def test_two_rates_in_one_file(times: list[float], fps: float, count: int, announced: float | None) -> None:
    timing = read(times, announced)
    assert timing.fps == pytest.approx(fps, rel=1e-9) and timing.variable
    assert len(timing.shown) == pytest.approx(count, abs=1)
    (note,) = timing.notes
    repeated = len(timing.shown) - len(times)
    assert note.startswith(f"variable frame rate: {len(times)} pictures, ") and f"({repeated} repeated)" in note
    for frame, picture in enumerate(timing.shown):  # the last picture begun by then, to the nearest frame
        assert times[picture] <= (frame + 0.51) / fps
        assert picture == len(times) - 1 or times[picture + 1] >= (frame + 0.49) / fps


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [0.003, 0.008])
def test_a_recording_counted_in_milliseconds_has_a_usual_rate(seed: int, spread: float) -> None:
    steps = np.maximum(0.005, np.random.default_rng(seed).normal(0.0327, spread, 63))
    times = rounded([0.0, *np.cumsum(steps).tolist()])
    timing = read(times, 1000)
    assert timing.fps == 30 and len(timing.shown) == pytest.approx(30 * times[-1] + 1, abs=0.51)
    shown = len(np.unique(timing.shown))
    assert shown < 64 or spread == 0.003
    if shown < 64:
        assert f"{64 - shown} left out" in timing.notes[0]


@pytest.mark.parametrize("fps", [7, 10, 12.5, 24 * NTSC, 24, 25, 30 * NTSC, 30, 50, 60 * NTSC, 60, 100, 120])
@pytest.mark.parametrize("base", [1000, 90000])
def test_constant_rates_are_found_in_rounded_time_stamps(fps: float, base: float) -> None:
    times = rounded([index / fps for index in range(1200)], base)
    for announced in (1000, None):
        timing = read(times, announced)
        assert timing.fps == pytest.approx(fps, rel=1e-9) and not timing.variable
        assert np.array_equal(timing.shown, np.arange(1200))


@pytest.mark.parametrize("fps", [8.37, 23.98, 25, 27, 29.83, 30 * NTSC, 47.95])
def test_a_constant_rate_that_the_container_says_is_kept_to_the_bit(fps: float) -> None:
    timing = read([index / fps for index in range(300)], fps)
    assert timing.fps == fps and timing.notes == () and not timing.variable
    assert np.array_equal(timing.shown, np.arange(300))


def test_a_container_that_counts_fields() -> None:
    timing = read(regimes((100, 25)), 50)
    assert timing.fps == 25 and len(timing.shown) == 100
    assert timing.notes == ("its time stamps are 25 frames a second; its container says 50",)


def test_a_hole_repeats_a_picture_and_is_no_variable_rate() -> None:
    times = [index / 25 for index in range(100) if index not in (40, 41)]
    timing = read(times, 25)
    assert timing.fps == 25 and len(timing.shown) == 100 and not timing.variable
    assert timing.shown[38:44].tolist() == [38, 39, 39, 39, 40, 41]
    assert timing.notes == ("uneven time stamps, read at 25 frames a second (2 repeated)",)


def test_pictures_at_one_time_are_counted_as_left_out() -> None:
    timing = read(sorted([*rounded([index / 30 for index in range(60)]), 0.5, 0.7]), 1000)
    assert timing.fps == 30 and len(timing.shown) == 60
    assert timing.notes == ("uneven time stamps, read at 30 frames a second (0 repeated, 2 left out)",)


@pytest.mark.parametrize(
    "times, announced, message",
    [
        ([index / 500 for index in range(100)], 500, "500 frames a second; expected at most 240"),
        ([index / 1000 for index in range(100)] + [6.3], 1000, "frames a second; expected at most 240"),
        ([0.0, 1e-6], 25, "frames a second; expected at most 240"),
        ([0.0, 0.04, 11.0], 25, r"time stamps jump by 11\.0 s after frame 1"),
        ([None] * 10, None, "its frame rate is unknown"),
        ([0.0], None, "its frame rate is unknown"),
        ([0.0, 0.08, 0.04], None, "its frame rate is unknown"),
        ([None] * 3, 1000, "1000 frames a second; expected at most 240"),
    ],
)
def test_what_is_refused(times: list[float | None], announced: float | None, message: str) -> None:
    with pytest.raises(MediaError, match=f"^clip a: .*{message}"):
        read(times, announced)


def test_time_stamps_that_are_missing_or_go_back_are_counted() -> None:
    for times in ([None] * 5, [0.0, 0.08, 0.04, 0.12, 0.16], [1.0] * 5):
        timing = read(times, 25)  # type: ignore[arg-type]
        assert timing.fps == 25 and timing.shown.tolist() == [0, 1, 2, 3, 4]
    assert read([None, 0.04, None, 0.12], 25).shown.tolist() == [0, 1, 2, 3]


def test_the_last_picture_stays_as_long_as_the_file_says() -> None:
    times = regimes((60, 25))
    timing = read(times, 25, end_s=3.0)
    assert len(timing.shown) == 75 and timing.shown[-16:].tolist() == [59] * 16
    assert timing.notes == ("its last picture stays for 0.64 s: 15 frames repeat it",)
    for end_s in (2.4, 2.36, 2.41, 0.0):
        assert len(read(times, 25, end_s=end_s).shown) == 60
    timing = read(times, 25, end_s=300.0)
    assert len(timing.shown) == 60 and "said to stay for 297.6 s" in timing.notes[0]
    assert read([0.0], None, end_s=0.04).fps == 25


def video(path: Path, pts: list[int], base: Fraction, last: int | None = None, rate: int = 30) -> Path:
    """Pictures of rising levels at pts; the last is shown for so long."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = base
        packets = []
        for index, place in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 2 * index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = place, base
            packets += stream.encode(frame)
        packets += stream.encode()
        if last is not None:
            max(packets, key=lambda packet: packet.pts or 0).duration = last
        for packet in packets:
            container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_variable_rates_in_files(tmp_path: Path, suffix: str) -> None:
    base = Fraction(1, 1000)
    pts = [round(1000 * time) for time in regimes((40, 24), (40, 30))]
    film = read_film(video(tmp_path / f"a.{suffix}", pts, base), "a", sound="optional")
    assert film.fps == 30 and film.variable and len(film) == 90 and len(film.pictures) == 80
    assert film.notes[0].startswith("variable frame rate: 80 pictures, 33 to 42 ms apart, read at 30 frames a second")
    levels = film.clip().frames.mean(axis=(1, 2, 3))
    assert np.abs(levels - 2 * film.shown).max() < 4


def test_a_fine_time_base_makes_no_frames(tmp_path: Path) -> None:
    steps = np.random.default_rng(3).integers(20000, 50000, 59)
    path = video(tmp_path / "a.mp4", [0, *np.cumsum(steps).tolist()], Fraction(1, 1000000))
    film = read_film(path, "a", sound="optional")
    assert film.fps == 30 and len(film) < 70


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_the_last_picture_of_a_file(tmp_path: Path, suffix: str) -> None:
    places, base = list(range(60)), Fraction(1, 25)
    film = read_film(video(tmp_path / f"a.{suffix}", places, base, rate=25), "a", sound="optional")
    assert len(film) == 60 and film.notes == ()
    path = video(tmp_path / f"b.{suffix}", places, base, 16, rate=25)
    film = read_film(path, "a", sound="optional")
    assert len(film) == 75 and film.fps == 25 and len(film.pictures) == 60


@pytest.mark.parametrize(
    "steps_ms, fps",
    [((20, 60), 25), ((60, 20), 25), ((10, 70), 25), ((1001 / 30, 1001 / 20), 24 * NTSC), ((50 / 3, 50), 30)],
)
@pytest.mark.parametrize("announced", [None, 25.0, 60.0])
def test_two_times_in_turn_are_their_mean_rate(
    steps_ms: tuple[float, float], fps: float, announced: float | None
) -> None:
    """As film on a display of 60 Hz: every picture is one frame, and what was done is said."""
    for count in (8, 75, 600):
        times = [0.0, *(np.cumsum(np.resize(steps_ms, count - 1)) / 1000).tolist()]
        timing = read(times, announced)
        assert timing.fps == pytest.approx(fps, rel=1e-9 if count > 8 else 2e-3)
        assert np.array_equal(timing.shown, np.arange(count)) and not timing.variable and timing.start_s == 0
        short, long = sorted(steps_ms)
        assert timing.notes[0].startswith(f"its pictures are {short:.0f} and {long:.0f} ms apart in turn: read at ")


def test_a_hole_among_two_times_in_turn_repeats_a_picture() -> None:
    times = [0.0, *(np.cumsum(np.resize((20, 60), 99)) / 1000).tolist()]
    timing = read(times[:50] + times[51:], None)
    assert timing.fps == 25 and len(timing.shown) == 100 and np.count_nonzero(np.diff(timing.shown) == 0) == 1


@pytest.mark.parametrize("steps_ms", [(20, 20, 80), (38, 42), (40, 40)])
def test_other_patterns_do_not_come_in_turn(steps_ms: tuple[float, ...]) -> None:
    times = [0.0, *(np.cumsum(np.resize(steps_ms, 74)) / 1000).tolist()]
    assert not any("in turn" in note for note in read(times, None).notes)
