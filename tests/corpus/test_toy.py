"""The toy corpus: the same bytes twice, exact landmarks, and sound and lips that are truly in step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter1d

from lsbench.corpus.toy import phones
from lsbench.corpus.toy.anatomy import jaw_drop
from lsbench.corpus.toy.render import cast, manifest, mouth_shape, render, write_corpus
from lsbench.face.track import FACE_OVAL, INNER_LIPS, OUTER_LIPS, POINTS, FaceTrack, Region
from lsbench.face.tracker import load_track, sidecar
from lsbench.media.clip import Clip, crop

Corpus = dict[str, tuple[Clip, FaceTrack]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The corpus that quickstart renders, by clip id."""
    clips = (render(int(speaker[1:]), int(clip_id.split("/a")[1])) for clip_id, speaker in manifest())
    return {clip.id: (clip, track) for clip, track in clips}


def inside(polygon: np.ndarray, size: int) -> np.ndarray:
    """The pixels of a size x size image whose centres lie inside a polygon (n, 2): bool (size, size)."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    crossings = np.zeros((size, size), int)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            crossings += ((y0 <= y) != (y1 <= y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return crossings % 2 == 1


def loudness(clip: Clip) -> np.ndarray:
    """Log of the smoothed energy of the speech at the instants of the frames: (T,)."""
    energy = gaussian_filter1d(clip.speech.astype(np.float64) ** 2, 0.025 * clip.sample_rate)
    instants = np.arange(len(clip)) / clip.fps
    return np.log(np.sqrt(np.interp(instants, np.arange(len(energy)) / clip.sample_rate, energy)) + 0.01)


def test_manifest_names_every_clip_once(corpus: Corpus) -> None:
    assert list(corpus) == [clip_id for clip_id, _ in manifest()]
    assert manifest(2, 1) == [("t1/a0", "t1"), ("t2/a0", "t2")]


def test_shapes_and_ranges(corpus: Corpus) -> None:
    for clip, track in corpus.values():
        assert clip.frames.shape == (50, 160, 160, 3) and clip.frames.dtype == np.uint8
        assert clip.speech.shape == (32000,) and clip.speech.dtype == np.float32 and clip.sample_rate == 16000
        assert 0.45 < np.abs(clip.speech).max() < 0.55
        assert track.landmarks.shape == (50, POINTS, 2) and track.landmarks.dtype == np.float32
        assert track.found.dtype == bool and track.found.all()
        assert (track.height, track.width) == (160, 160)


def test_the_same_numbers_give_the_same_bytes() -> None:
    (one, one_track), (two, two_track) = (render(3, 1, frames=6) for _ in range(2))
    assert one.frames.tobytes() == two.frames.tobytes()
    assert one.speech.tobytes() == two.speech.tobytes()
    assert one_track.landmarks.tobytes() == two_track.landmarks.tobytes()


@pytest.mark.parametrize("other", [{"seed": 1}, {"clip": 2}, {"speaker": 2}])
def test_another_number_gives_another_clip(other: dict[str, int]) -> None:
    numbers = {"speaker": 1, "clip": 1, "seed": 0}
    one, other_one = (render(**chosen, frames=8, size=64)[0] for chosen in (numbers, {**numbers, **other}))
    assert not np.array_equal(one.frames, other_one.frames)
    assert not np.array_equal(one.speech, other_one.speech)


@pytest.mark.parametrize(("frames", "size", "fps"), [(1, 64, 25.0), (10, 97, 30.0), (3, 256, 12.5)])
def test_any_length_size_and_rate(frames: int, size: int, fps: float) -> None:
    clip, track = render(7, 0, frames=frames, size=size, fps=fps)
    assert clip.id == "t7/a0" and clip.frames.shape == (frames, size, size, 3)
    assert len(clip.speech) == round(frames / fps * 16000) and np.isfinite(clip.speech).all()
    assert np.isfinite(track.landmarks).all()


def test_speakers_differ_and_clips_of_one_speaker_agree(corpus: Corpus) -> None:
    mean = {clip_id: clip.frames.mean(axis=0) for clip_id, (clip, _) in corpus.items()}
    apart = {(a, b): np.abs(mean[a] - mean[b]).mean() for a in mean for b in mean if a < b}
    same = [value for (a, b), value in apart.items() if a[:2] == b[:2]]
    other = [value for (a, b), value in apart.items() if a[:2] != b[:2]]
    assert max(same) < min(other)
    assert len({cast(number) for number in range(1, 11)}) == 10
    assert cast(9, seed=1) != cast(9, seed=2)


def test_landmarks_and_boxes_lie_in_the_frame(corpus: Corpus) -> None:
    for _, track in corpus.values():
        assert track.landmarks.min() >= 0 and track.landmarks.max() <= 159
        for region in (Region.FACE, Region.MOUTH):
            boxes = track.box(region)
            assert boxes.min() >= 0 and boxes.max() <= 160
        assert np.ptp(track.box(Region.MOUTH)[:, 2] - track.box(Region.MOUTH)[:, 0]) == 0


def test_layout_is_that_of_clip(corpus: Corpus) -> None:
    for _, track in corpus.values():
        oval, outer, inner = (track.landmarks[:, part] for part in (FACE_OVAL, OUTER_LIPS, INNER_LIPS))
        assert (oval[:, 0, 1] <= oval[..., 1].min(axis=1) + 2).all() and (
            oval[:, 18, 1] > outer[..., 1].max(axis=1)
        ).all()
        assert (oval[:, 9, 0] > oval[:, 27, 0]).all()
        for lips in (outer, inner):
            assert (lips[:, 0, 0] < lips[:, 5, 0]).all() and (lips[:, 5, 0] < lips[:, 10, 0]).all()
            assert (lips[:, 5, 1] >= lips[:, 15, 1]).all()
        assert (np.diff(track.landmarks[:, 76:, 0], axis=1) > 0).all()


def test_the_drawn_mouth_lies_under_its_landmarks(corpus: Corpus) -> None:
    """Lip colour ends at the outer outline, within less than 1 px, and the inner one holds a dark throat."""
    for clip, track in corpus.values():
        frame = int(np.argmax(mouth_shape(track)[0]))
        picture, points = clip.frames[frame].astype(float), track.landmarks[frame].astype(float)
        opening, mouth = (inside(points[part], 160) for part in (INNER_LIPS, OUTER_LIPS))
        lips, around = mouth & ~opening, binary_dilation(mouth, iterations=3) & ~binary_dilation(mouth)
        assert opening.sum() > 40 and not (opening & ~mouth).any()
        assert np.quantile(picture[opening].sum(axis=1), 0.1) < 0.6 * picture[lips].sum(axis=1).mean()
        hue = picture / picture.sum(axis=2, keepdims=True)
        redder = hue @ (np.median(hue[lips], axis=0) - np.median(hue[around], axis=0))
        middle = (np.median(redder[lips]) + np.median(redder[around])) / 2
        assert (redder[lips] > middle).mean() > 0.86 and (redder[around] < middle).mean() > 0.95


def test_lips_are_shut_in_pauses(corpus: Corpus) -> None:
    gaps = np.stack([mouth_shape(track)[0] for _, track in corpus.values()])
    loud = np.stack([loudness(clip) for clip, _ in corpus.values()])
    quiet = loud < np.log(0.0106)
    assert quiet.sum() > 20 and gaps[quiet].max() < 0.01
    assert (gaps.min(axis=1) < 0.006).all() and (gaps.max(axis=1) > 0.15).all()
    assert 0.2 < (gaps < 0.01).mean() < 0.5


def test_loudness_follows_the_lips_at_lag_0(corpus: Corpus) -> None:
    lags = np.arange(-8, 9)
    curves = []
    for clip, track in corpus.values():
        gap, loud = mouth_shape(track)[0][8:-8], loudness(clip)
        curves.append([np.corrcoef(gap, loud[8 + lag : len(loud) - 8 + lag])[0, 1] for lag in lags])
    assert lags[np.argmax(np.mean(curves, axis=0))] == 0
    assert np.mean(curves, axis=0)[8] > 0.75
    assert (np.abs(lags[np.argmax(curves, axis=1)]) <= 1).all()


def test_speech_is_voiced_like_its_speaker() -> None:
    """The strongest autocorrelation of a vowel is at the pitch, and its spectrum peaks at the formants."""
    rows = np.tile(np.array(phones.VOWELS["a"], float), (1000, 1))
    sound = phones.speak(rows, np.random.default_rng(0), 16000, 16000, pitch_hz=100.0, tract=1.0)
    echo = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    assert abs(16000 / (80 + np.argmax(echo[80:250])) - 100) < 12
    power = gaussian_filter1d(np.abs(np.fft.rfft(sound * np.hanning(16000))) ** 2, 60)
    assert abs(500 + np.argmax(power[500:1000]) - 750) < 80
    assert power[1200] > 3 * power[1800]


def test_the_jaw_never_folds() -> None:
    y = np.linspace(-1, 3, 4001)
    assert (np.diff(y + jaw_drop(y, 1.0)) > 0).all()
    assert jaw_drop(np.array([0.0, 2.0]), 1.0).tolist() == [0, 0]


def test_corpus_on_disk(tmp_path: Path) -> None:
    media = pytest.importorskip("lsbench.media.files")
    seen: list[tuple[str, int, int]] = []
    paths = write_corpus(tmp_path, speakers=2, clips=1, frames=5, size=64, progress=lambda *step: seen.append(step))
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["t1/a0.mkv", "t2/a0.mkv"]
    assert seen == [("t1/a0", 1, 2), ("t2/a0", 2, 2)]
    clip, track = render(2, 0, frames=5, size=64)
    held, held_track = media.read_clip(paths[1], clip.id, sample_rate=16000), load_track(sidecar(paths[1]))
    assert np.array_equal(held.frames, clip.frames) and held.fps == clip.fps
    assert np.allclose(held.speech, clip.speech, atol=2 / 32768) and len(held.speech) == len(clip.speech)
    assert np.array_equal(held_track.landmarks, track.landmarks)
    assert np.array_equal(crop(held.frames, held_track.box(Region.MOUTH)), crop(clip.frames, track.box(Region.MOUTH)))
    before = [path.read_bytes() for path in sorted(tmp_path.rglob("*.*"))]
    write_corpus(tmp_path, speakers=2, clips=1, frames=5, size=64)
    assert before == [path.read_bytes() for path in sorted(tmp_path.rglob("*.*"))]
