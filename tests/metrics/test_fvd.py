"""FVD: which frames make a window, what is left out, both distances against plain formulas, the published values."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.metrics import fvd as fvd_module
from lsbench.metrics._base.influence import jackknife
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.fvd import FVD, fvd
from lsbench.networks import features
from lsbench.networks.features import Network
from lsbench.run import windows

torch = pytest.importorskip("torch")

LENGTH, SIZE, WIDTH = 37, 24, 6


class Tiny(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A network that is quick: of a window the mean colours and how much they change; and how often it was asked."""

    asked = 0

    def forward(self, frames: Any) -> Any:
        Tiny.asked += 1
        colours = frames.mean((2, 3))
        return torch.cat([colours.mean(0), colours.diff(dim=0).abs().mean(0)])[None]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Its weights, where it stands in for I3D."""
    module = types.ModuleType("tiny_network")
    module.__dict__.update(load=lambda _: Tiny(), prepare=lambda images: images)
    monkeypatch.setitem(sys.modules, "tiny_network", module)
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "cache"))
    network = Network("i3d", "tiny_network", width=WIDTH, input=SIZE, batch=16, frame_bytes=1 << 20)
    monkeypatch.setattr(FVD, "network", network)
    monkeypatch.setattr(fvd_module, "I3D", network)
    Tiny.asked = 0
    features._loaded.cache_clear()
    path = tmp_path / "tiny.pth"
    path.write_bytes(b"weights")
    return path


def pair_of(path: Path, seed: int = 0, frames: int = LENGTH, sha256: str | None = None) -> ClipPair:
    random = np.random.default_rng(seed)
    videos = random.integers(0, 256, (2, frames, SIZE, SIZE, 3), np.uint8)
    points = random.uniform(6, 18, (frames, 80, 2)).astype(np.float32)
    track = FaceTrack(points, np.ones(frames, bool), SIZE, SIZE)
    clips = (Clip(f"s1/{seed}", video, np.zeros(0, np.float32), 25.0) for video in videos)
    return ClipPair(*clips, track=track, weights={"i3d": path}, reference_sha256=sha256)


def by_hand(video: np.ndarray, length: int, starts: Sequence[int]) -> np.ndarray:
    rows = []
    for start in starts:
        colours = video[start : start + length].astype(np.float64).mean((1, 2))
        rows.append([*colours.mean(0), *np.abs(np.diff(colours, axis=0)).mean(0)])
    return np.array(rows)


@pytest.mark.parametrize(
    ("metric", "length", "starts"),
    [
        (FVD(), 16, [0, 8, 16]),
        (FVD(frames="10", stride=9), 10, [0, 9, 18, 27]),
        (FVD(frames="32", stride=1), 32, [0, 1, 2, 3, 4, 5]),
        (FVD(frames="all"), LENGTH, [0]),
        (FVD(region=Region.MOUTH), 16, [0, 8, 16]),
    ],
)
def test_windows_begin_at_every_stride_and_fit_in(tiny: Path, metric: FVD, length: int, starts: list[int]) -> None:
    pair = pair_of(tiny)
    stats = metric.measure(pair)
    for side, video in zip(("reference", "generated"), pair.crop(metric.region or Region.WHOLE), strict=True):
        np.testing.assert_allclose(stats[side], by_hand(video, length, starts), rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 5, 8, 30])
@pytest.mark.parametrize("spelled", ["frames=10,stride=3", "frames=16,stride=5", "frames=all", "frames=64"])
def test_a_long_clip_in_parts_gives_the_same_bits(
    tiny: Path, frames: int, spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = FVD(region=Region.FACE).with_options(spelled)
    pair = pair_of(tiny)
    whole = metric.measure(pair)
    films = windows.FilmPair(Film.of(pair.reference), Film.of(pair.generated), pair.track, weights=pair.weights)
    monkeypatch.setattr(windows, "WINDOW_BYTES", frames * films.generated.frame_bytes)
    stats = windows.measured([metric, FVD()], films)[metric.key]
    assert all(stats[side].tobytes() == whole[side].tobytes() for side in ("reference", "generated"))


def test_frames_without_a_face_take_their_windows_along(tiny: Path) -> None:
    lost = np.zeros(LENGTH, bool)
    lost[[9, 30]] = True
    pair, metric = pair_of(tiny), FVD(frames="10", stride=4, region=Region.MOUTH)
    stats = metric.measure(pair)
    assert stats.rows == 7  # from 0, 4, 8 ... 24
    rest = metric.without(stats, lost)
    assert rest["generated"].tobytes() == stats["generated"][[3, 4, 5]].tobytes()  # from 12, 16, 20
    assert FVD(frames="all").without(FVD(frames="all").measure(pair), lost).rows == 0


def test_a_window_belongs_to_the_segment_of_its_middle(tiny: Path) -> None:
    metric = FVD(frames="10", stride=4, region=Region.MOUTH)
    stats, edges = metric.measure(pair_of(tiny)), np.array([0, 9, 18, 21, 23, LENGTH])
    parts = metric.segments(stats, edges, np.ones(LENGTH, bool))
    assert parts is not None
    assert [part.rows for part in parts] == [1, 3, 0, 1, 2]  # middles at 5, 9, 13, 17, 21, 25, 29
    seen = np.arange(LENGTH) != 11  # which is in the windows from 4 and from 8
    parts = metric.segments(metric.without(stats, ~seen), edges, seen)
    assert parts is not None
    assert [part.rows for part in parts] == [1, 1, 0, 1, 2]
    whole = FVD(frames="all")
    assert whole.segments(whole.measure(pair_of(tiny)), edges, np.ones(LENGTH, bool)) is None


@pytest.mark.parametrize(
    ("metric", "frames", "fewest"), [(FVD(), 15, 16), (FVD(frames="all"), 8, 9), (FVD(distance="kernel"), 3, 16)]
)
def test_a_clip_too_short_makes_it_undefined(tiny: Path, metric: FVD, frames: int, fewest: int) -> None:
    clips = [metric.measure(pair_of(tiny, seed)) for seed in range(3)]
    short = metric.measure(pair_of(tiny, 3, frames))
    assert short.rows == 1 and np.isnan(short["reference"]).all()
    assert metric.without(short, np.ones(frames, bool)) is short
    assert metric.segments(short, np.array([0, frames]), np.ones(frames, bool)) is None
    value, note = metric.fold([*clips, short, short])
    assert math.isnan(value)
    assert note == f"undefined: 2 clips have fewer than {fewest} frames, too few for a window"
    assert np.isnan(metric.influence([*clips, short])).all()
    assert np.isfinite(metric.influence(clips)).all() and math.isfinite(metric.fold(clips)[0])
    assert metric.note(clips[0].cut(0, 1)) is not None and math.isnan(metric.compute(clips[0].cut(0, 1)))


def test_a_clip_too_long_for_one_window_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fvd_module, "MOST_FRAMES", LENGTH - 1)
    with pytest.raises(MetricError, match=r"clip s1/0: fvd:frames=all/whole sees all 37 frames at once; expected at"):
        FVD(frames="all").measure(pair_of(tiny))
    assert FVD().measure(pair_of(tiny)).rows == 3


def sides(clips: Sequence[Stats]) -> tuple[np.ndarray, np.ndarray]:
    joined = Stats.join(clips)
    return joined["reference"].astype(np.float64), joined["generated"].astype(np.float64)


def frechet(clips: Sequence[Stats]) -> float:
    """By the square root of a matrix, as FVD's authors do."""
    one, other = sides(clips)
    first, second = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(first @ second).real
    gap = one.mean(0) - other.mean(0)
    return float(gap @ gap + np.trace(first + second - 2 * root))


def kernel(clips: Sequence[Stats]) -> float:
    """Pair by pair."""
    one, other = sides(clips)
    count = len(one)

    def mean(rows: np.ndarray, columns: np.ndarray, same: bool) -> float:
        values = [
            (float(x @ y) / WIDTH + 1) ** 3
            for i, x in enumerate(rows)
            for j, y in enumerate(columns)
            if not (same and i == j)
        ]
        return math.fsum(values) / len(values)

    assert count == len(other)
    return mean(one, one, True) + mean(other, other, True) - 2 * mean(one, other, False)


def random_clips(number: int, rows: int) -> list[Stats]:
    random = np.random.default_rng(number)
    clips = []
    for _ in range(number):
        middle = random.standard_normal(WIDTH)
        shown = (middle + random.standard_normal((rows, WIDTH)), 0.3 + 1.2 * middle + random.random((rows, WIDTH)))
        clips.append(Stats(reference=shown[0].astype(np.float32), generated=shown[1].astype(np.float32)))
    return clips


@pytest.mark.parametrize(("metric", "plain"), [(FVD(), frechet), (FVD(distance="kernel"), kernel)])
def test_both_distances_are_those_of_plain_formulas(metric: FVD, plain: Any) -> None:
    clips = random_clips(20, 3)
    assert metric.fold(clips)[0] == pytest.approx(plain(clips), rel=1e-9)
    left = [metric.fold([*clips[:i], *clips[i + 1 :]])[0] for i in range(len(clips))]
    exact, moved = jackknife(np.array(left)), metric.influence(clips)
    assert np.corrcoef(exact, moved)[0, 1] > 0.95
    assert moved.std() == pytest.approx(exact.std(), rel=0.2)
    assert metric.fold(clips) == metric.fold([Stats.join(clips)])


def test_the_note_says_how_many_windows_there_are() -> None:
    for metric, rows, note in (
        (FVD(), 60, "N = 120 windows of 16 frames a side, fewer than 256: it says little, compare at equal N only"),
        (FVD(frames="all"), 1, "N = 2 whole clips a side, fewer than 256: it says little, compare at equal N only"),
        (FVD(), 128, "N = 256 windows of 16 frames a side"),
        (FVD(distance="kernel"), 200, "N = 400 windows of 16 frames a side"),
    ):
        assert metric.fold(random_clips(2, rows))[1] == note
    wide = replace(FVD.network, width=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FVD, "network", wide)
        note = FVD().fold(random_clips(2, 128))[1] or ""
    assert note.endswith("; N <= 400 features: covariances are singular, compare at equal N only")


def test_a_window_is_looked_at_once_and_the_references_are_kept(tiny: Path) -> None:
    pair = pair_of(tiny, sha256="a" * 64)
    stats = FVD().measure(pair)
    assert Tiny.asked == 2 * 3
    assert FVD(distance="kernel").measure(pair)["reference"] is stats["reference"] and Tiny.asked == 6
    again = FVD().measure(pair_of(tiny, sha256="a" * 64))
    assert Tiny.asked == 6 + 3 and again["reference"].tobytes() == stats["reference"].tobytes()
    other = FVD(stride=21).measure(pair_of(tiny, sha256="a" * 64))  # the same frames, other windows
    assert Tiny.asked == 9 + 4 and other.rows == 2
    with pytest.raises(WeightsError, match="clip s1/0: features of i3d need its weights"):
        FVD().measure(replace(pair_of(tiny), weights={}))


def test_options_are_spelled_and_refused() -> None:
    assert FVD(distance="kernel", frames="all").spec == "fvd:distance=kernel,frames=all"
    assert FVD().signature == "fvd.1|region:whole|distance:frechet|frames:16|stride:8"
    with pytest.raises(MetricError, match="option stride=0; expected at least 1"):
        FVD(stride=0)
    with pytest.raises(MetricError, match="option frames=17; expected one of 10, 16, 32"):
        FVD(frames="17")


def test_of_arrays_it_is_the_same_number(tiny: Path) -> None:
    random = np.random.default_rng(2)
    reference, generated = (random.integers(0, 256, (20, 10, 8, 9, 3), np.uint8) for _ in range(2))
    stats = Stats(
        **{
            side: np.concatenate([by_hand(video, 10, [0]) for video in videos]).astype(np.float32)
            for side, videos in (("reference", reference), ("generated", generated))
        }
    )
    assert fvd(reference, generated, tiny) == pytest.approx(frechet([stats]), rel=1e-3)
    assert fvd(reference, generated, tiny, distance="kernel") == pytest.approx(kernel([stats]), rel=1e-3)
    assert math.isnan(fvd(reference[:1], generated[:1], tiny))
    with pytest.raises(MetricError, match="expected uint8 .videos, frames, height, width, 3. of at least 9 frames"):
        fvd(reference[:, :8], generated, tiny)


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "published"), [(30, 151.39244), (10, 569.63)])
def test_black_against_white_is_as_published(
    frames: int, published: float, real_weights: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two equal videos a side, so that covariances are 0; relative, as the published values have no more digits."""
    monkeypatch.undo()
    path = real_weights("i3d")
    videos = [np.full((2, frames, 32, 48, 3), level, np.uint8) for level in (0, 255)]
    assert fvd(*videos, path) == pytest.approx(published, rel=1e-3)
