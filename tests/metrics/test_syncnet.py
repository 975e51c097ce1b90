"""SyncNet's scores: every stage against the package syncnet-python on the same random weights, and what it forgives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FACE_OVAL, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.media.film import Film
from lsbench.media.spectra import pcm16
from lsbench.metrics import syncnet as scores
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._syncnet.syncnet_crop import at_25_fps, crop_squares, face_squares
from lsbench.metrics._syncnet.syncnet_features import face_embeddings, sound_embeddings
from lsbench.metrics.syncnet import LSED, AVOffset, OffsetError, av_offset, lse_c, lse_d, lse_d0, mean_distances
from lsbench.networks import batches, syncnet
from lsbench.run import windows

NAMES = ("lse_d", "lse_c", "lse_d0", "av_offset", "offset_error_frames")


@pytest.fixture(scope="module")
def package() -> Any:
    """The package's modules by name."""
    pytest.importorskip("syncnet_python", reason="syncnet-python is not installed")
    names = {"network": "SyncNetModel", "scores": "SyncNetInstance", "pipeline": "syncnet_pipeline"}
    return SimpleNamespace(**{key: sys.modules[f"syncnet_python.{name}"] for key, name in names.items()})


@pytest.fixture(scope="module")
def peer(package: Any) -> torch.nn.Module:
    """The package's network with random weights that keep activations in range, batch norm statistics included."""
    network = package.network.S()
    random = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Conv3d)):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=random)
            module.bias.data.normal_(0, 0.1, generator=random)
        if hasattr(module, "running_var"):
            module.weight.data.uniform_(0.8, 1.2, generator=random)
            module.running_var.uniform_(0.8, 1.2, generator=random)
            module.bias.data.normal_(0, 0.1, generator=random)
            module.running_mean.normal_(0, 0.1, generator=random)
    network.netcnnlip[0].weight.data /= 100  # pixels reach 255
    return network.eval()


@pytest.fixture(scope="module")
def weights(peer: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file, in the format that the authors' file has."""
    path = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    torch.save(peer.state_dict(), path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, so that the package does not wait for cores that are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def faces_of(count: int, seed: int = 0) -> np.ndarray:
    """Moving blocks of colour: uint8 (T, 224, 224, 3)."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (count, 14, 14, 3)).repeat(16, axis=1).repeat(16, axis=2)
    return blocks.astype(np.uint8)


def sound_of(count: int, seed: int = 0) -> np.ndarray:
    """Noise that swells and fades: int16 (N,)."""
    random = np.random.default_rng(seed)
    loudness = 4000 * np.abs(np.sin(np.arange(count) / 1500))
    return (loudness * random.standard_normal(count)).clip(-32768, 32767).astype(np.int16)


def track_of(count: int, height: int, width: int, seed: int = 0) -> FaceTrack:
    """A face that sways, and now and then is seen far off its place."""
    random = np.random.default_rng(seed)
    time = np.arange(count)[:, None]
    middle = np.array([0.55 * width, 0.45 * height]) + 9 * np.sin(time / 5 + np.array([0, 1]))
    middle = middle + random.choice([0, 40], (count, 1), p=[0.9, 0.1])
    points = np.zeros((count, POINTS, 2), np.float32)
    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    size = 60 + 10 * np.cos(time / 7)
    points[:, FACE_OVAL] = middle[:, None] + size[..., None] * np.stack([0.7 * np.cos(angle), np.sin(angle)], axis=1)
    return FaceTrack(points, np.ones(count, bool), height, width)


def by_package(package: Any, peer: torch.nn.Module, faces: np.ndarray, sound: np.ndarray, folder: Path) -> list[float]:
    """Offset, confidence and distance by the package, from files that hold the same pixels and samples."""
    for place, face in enumerate(faces):
        with open(folder / f"{place:06d}.jpg", "wb") as file:  # told by its content, as OpenCV reads it
            Image.fromarray(face).save(file, format="png", compress_level=1)
    wavfile.write(folder / "audio.wav", 16000, sound)
    scores = package.scores.SyncNetInstance(peer, "cpu")
    options = SimpleNamespace(tmp_dir=str(folder), batch_size=20, vshift=15)
    return [float(value) for value in scores.evaluate(options)]


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "samples"), [(27, 18_000), (25, 14_000)])
def test_scores_are_those_of_the_package(
    package: Any, peer: torch.nn.Module, weights: Path, tmp_path: Path, frames: int, samples: int
) -> None:
    faces, sound = faces_of(frames), sound_of(samples)
    count = min(frames, samples // 640) - 5
    lips, heard = face_embeddings(faces, weights)[:count], sound_embeddings(sound, weights)[:count]
    distances = mean_distances(lips, heard)
    ours = [av_offset(distances), lse_c(distances), lse_d(distances)]
    assert ours == pytest.approx(by_package(package, peer, faces, sound, tmp_path), abs=1e-3)
    assert lse_c(distances) > 0.01


def test_embeddings_are_those_of_the_package(peer: torch.nn.Module, weights: Path) -> None:
    features = pytest.importorskip("python_speech_features")
    faces, sound = faces_of(8), sound_of(5120)
    cepstra = torch.tensor(features.mfcc(sound, 16000).T).float()
    pictures = torch.tensor(faces[..., ::-1].copy()).permute(3, 0, 1, 2).float()
    with torch.inference_mode():
        lips = peer.forward_lip(torch.stack([pictures[:, i : i + 5] for i in range(4)])).numpy()
        heard = peer.forward_aud(torch.stack([cepstra[None, :, 4 * i : 4 * i + 20] for i in range(3)])).numpy()
    assert lips.std() > 0.1 and heard.std() > 0.1
    np.testing.assert_allclose(face_embeddings(faces, weights), lips, rtol=0, atol=1e-4)
    np.testing.assert_allclose(sound_embeddings(sound, weights)[:3], heard, rtol=0, atol=1e-4)


def test_distances_are_those_of_the_package(package: Any) -> None:
    random = np.random.default_rng(0)
    lips, heard = (random.normal(size=(40, 64)).astype(np.float32) for _ in range(2))
    theirs = package.scores.calc_pdist(torch.tensor(lips), torch.tensor(heard), vshift=15)
    np.testing.assert_allclose(mean_distances(lips, heard), torch.stack(theirs).mean(0), rtol=0, atol=1e-5)


def test_crops_are_those_of_the_package(package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    written: list[np.ndarray] = []

    def writer(name: str, *_: object) -> SimpleNamespace:
        Path(name).touch()
        return SimpleNamespace(write=lambda face: written.append(face.copy()), release=lambda: None)

    monkeypatch.setattr(cv2, "VideoWriter", writer)
    monkeypatch.setattr(package.pipeline.subprocess, "run", lambda *_, **__: None)  # ffmpeg, of what was written
    frames = np.random.default_rng(0).integers(0, 256, (30, 100, 160, 3), np.uint8)
    paths = []
    for place, frame in enumerate(frames):
        paths.append(str(tmp_path / f"{place:06d}.png"))
        Image.fromarray(frame).save(paths[-1])
    track = track_of(30, 100, 160)
    outline = track.landmarks[:, FACE_OVAL]
    boxes = np.concatenate([outline.min(axis=1), outline.max(axis=1)], axis=1).astype(np.float64)
    pipeline = object.__new__(package.pipeline.SyncNetPipeline)
    pipeline.cfg = package.pipeline.PipelineConfig()
    pipeline._crop({"frame": np.arange(30), "bbox": boxes}, paths, "none.wav", tmp_path / "cropped")
    ours = crop_squares(frames, face_squares(track))
    assert (ours == 110).all(axis=3).any()  # the squares reach beyond the frame
    assert np.array_equal(ours[..., ::-1], np.stack(written))


def turning(count: int, late: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings float64 (count, 64) whose distance depends on nothing but the shift, least at -late."""
    random = np.random.default_rng(1)
    speeds, start, radius = random.uniform(0.05, 3, 32), random.uniform(0, 6, 32), random.uniform(0.5, 2, 32)

    def at(times: np.ndarray) -> np.ndarray:
        angle = start + times[:, None] * speeds
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    times = np.arange(count)
    return at(times - late), at(times)


@pytest.mark.parametrize("late", [-15, -4, 0, 7, 15])
def test_a_late_video_has_its_delay_as_offset(late: int) -> None:
    for padding in scores.PADDINGS:
        distances = mean_distances(*turning(200, late), padding=padding)
        assert av_offset(distances) == late
        assert lse_d(distances) == distances[15 - late] and lse_d0(distances) == distances[15]
    assert lse_d(distances) == pytest.approx(8e-6, abs=1e-6)  # 1e-6 in each of 64 numbers
    assert lse_c(distances) == pytest.approx(np.sort(distances)[15] - distances.min(), abs=1e-12)


def test_without_padding_the_length_does_not_count() -> None:
    faces, sound = turning(300, 3)
    for padding, moves in (("none", False), ("zero", True)):
        whole = mean_distances(faces, sound, padding=padding)
        for count in (21, 70, 150):
            cut = mean_distances(faces[:count], sound[:count], padding=padding)
            assert np.allclose(cut, whole, rtol=0, atol=2e-5) != moves  # the 1e-6 in each of 64 numbers turns
            assert (abs(lse_c(cut) - lse_c(whole)) > 1e-3) == moves


def test_a_cut_clip_has_the_first_embeddings_of_the_whole(weights: Path) -> None:
    faces, sound = faces_of(14), sound_of(14 * 640)
    lips, heard = face_embeddings(faces, weights), sound_embeddings(sound, weights)
    assert lips.shape == (10, 1024) and lips.dtype == np.float32
    for count in (6, 8):
        np.testing.assert_array_equal(face_embeddings(faces[:count], weights), lips[: count - 4])
        np.testing.assert_array_equal(sound_embeddings(sound[: count * 640], weights)[: count - 5], heard[: count - 5])


@pytest.mark.slow
def test_embeddings_on_a_device_are_those_of_the_cpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "DEVICE_BATCH", 3)
    faces, sound = faces_of(8), sound_of(6 * 640)
    for embeddings, seen in ((face_embeddings, faces), (sound_embeddings, sound)):
        expected, ours = (embeddings(seen, weights, device) for device in ("cpu", "cpu:0"))
        assert ours.shape == expected.shape and len(ours) > 0
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)


def test_windows_without_the_face_do_not_count(weights: Path) -> None:
    pair = pair_of(weights, 40)
    lost = replace(pair.track, found=(np.arange(40) < 12) | (np.arange(40) >= 22))
    metric = catalogue.metrics(["lse_d"], [])[0]
    stats, other = metric.measure(replace(pair, track=lost)), metric.measure(pair)
    assert not same(stats, other) and stats["found"] == 30
    lips = metric.look(pair)["lips"]
    sound = sound_embeddings(pcm16(pair.generated.speech), weights)[: len(lips)]
    shows = [not 8 <= start < 22 for start in range(len(lips))]
    assert np.array_equal(stats["zero"][0], mean_distances(lips, sound, seen=np.array(shows)))
    direct = np.linalg.norm(lips[shows] - sound[shows] + 1e-6, axis=1).mean()
    assert stats["zero"][0, 15] == pytest.approx(direct, rel=1e-6)


def test_too_few_windows_are_undefined() -> None:
    faces, sound = turning(21, 0)
    for count, padding, defined in ((5, "zero", False), (6, "zero", True), (20, "none", False), (21, "none", True)):
        distances = mean_distances(faces[:count], sound[:count], padding=padding)
        assert np.isfinite(distances).all() == defined
        values = [score(distances) for score in (lse_d, lse_c, lse_d0, av_offset)]
        assert np.isfinite(values).all() == defined and (defined or np.isnan(values).all())


def test_25_frames_a_second() -> None:
    assert list(at_25_fps(7, 25)) == list(at_25_fps(7, 25.01)) == list(range(7))
    assert list(at_25_fps(12, 50)) == [0, 2, 4, 6, 8, 10]
    assert list(at_25_fps(6, 30)) == [0, 1, 2, 4, 5]
    assert list(at_25_fps(3, 12.5)) == [0, 1, 1, 2, 2, 2]
    for fps in (8, 15, 23.976, 29.97, 60):
        picks = at_25_fps(90, fps)
        assert len(picks) == int(90 * 25 / fps) and picks[-1] <= 89
        assert np.abs(picks / fps - np.arange(len(picks)) / 25)[:-2].max() <= 0.5 / fps + 1e-9


def pair_of(weights: Path, frames: int = 14, *, fps: float = 25, seed: int = 0, **changes: Any) -> ClipPair:
    """A reference and a generated clip of other pixels, the reference's face in its track."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (2, frames, 90, 120, 3), np.uint8)
    speech = (sound_of(int(frames * 16000 / fps) + 1, seed) / 32768).astype(np.float32)
    for array in (pixels, speech):
        array.flags.writeable = False
    reference, generated = (Clip("s1/a", shown, speech, fps) for shown in pixels)
    track = track_of(frames, 90, 120, seed)
    pair = ClipPair(reference, generated, track, weights={"syncnet": weights}, reference_sha256="0" * 64)
    return replace(pair, **changes)


def same(one: Stats, other: Stats) -> bool:
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize(("fps", "frames"), [(25, 26), (30, 33), (20, 18), (50, 40)])
@pytest.mark.parametrize("dubbed", [False, True])
def test_windows_of_a_long_clip_give_the_bits_of_the_whole(
    weights: Path, fps: float, frames: int, dubbed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = pair_of(weights, frames, fps=fps)
    if dubbed:
        pair = replace(pair, track=None, landmarks=(track_of(3, 90, 120), track_of(frames, 90, 120)))
    metric = catalogue.metrics(["lse_d"], [])[0]
    films = windows.FilmPair(
        Film.of(pair.reference),
        Film.of(pair.generated),
        pair.track,
        landmarks=pair.landmarks,
        weights=pair.weights,
        aligned=not dubbed,
    )
    monkeypatch.setattr(windows, "WINDOW_BYTES", 7 * films.generated.frame_bytes)
    assert same(windows.measured([metric], films)["lse_d"], metric.measure(pair))
    assert not np.isnan(metric.measure(pair)["zero"]).any()


@pytest.mark.slow
def test_all_scores_of_a_clip_share_one_pass(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(faces: np.ndarray, *rest: Any, **named: Any) -> np.ndarray:
        calls.append(len(faces))
        return face_embeddings(faces, *rest, **named)

    monkeypatch.setattr(scores, "face_embeddings", counted)
    pair = pair_of(weights, 26)
    metrics = catalogue.metrics([*NAMES, "lse_d:padding=none"], [])
    values = {metric.key: metric.compute(metric.measure(pair)) for metric in metrics}
    assert calls == [25]  # the frames of 21 windows, and no more
    clip = pair.generated
    faces = crop_squares(clip.frames, face_squares(track_of(26, 90, 120)))
    lips, sound = face_embeddings(faces, weights)[:21], sound_embeddings(pcm16(clip.speech), weights)[:21]
    distances = mean_distances(lips, sound)
    assert values["lse_d"] == lse_d(distances) and values["lse_c"] == lse_c(distances)
    assert values["lse_d0"] == lse_d0(distances) >= values["lse_d"]
    assert values["av_offset"] == av_offset(distances) and values["offset_error_frames"] == abs(av_offset(distances))
    assert values["lse_d:padding=none"] == lse_d(mean_distances(lips, sound, padding="none")) != values["lse_d"]
    assert all(not metric.paired and metric.needs_track for metric in metrics)
    notes = {metric.name: metric.note(metric.measure(pair)) for metric in metrics}
    assert notes.pop("av_offset") == "positive = video late; best at 0, rank by offset_error_frames"
    assert set(notes.values()) == {None}


def test_the_reference_says_where_the_face_is(weights: Path) -> None:
    pair = pair_of(weights)
    assert pair.track
    expected = LSED().measure(pair)
    elsewhere = track_of(14, 90, 120, seed=5)
    assert same(LSED().measure(replace(pair, landmarks=(elsewhere, elsewhere))), expected)
    trimmed = replace(
        pair,
        reference=pair.reference.cut(2, 14),
        generated=pair.generated.cut(2, 14),
        first_frame=2,
    )
    stats = LSED().measure(trimmed)
    faces = crop_squares(trimmed.generated.frames, face_squares(pair.track)[2:])
    sound = sound_embeddings(pcm16(trimmed.generated.speech), weights)[:7]
    assert np.array_equal(stats["zero"][0], mean_distances(face_embeddings(faces, weights)[:7], sound))


def test_without_ground_truth_the_video_says_where_its_face_is(weights: Path) -> None:
    whole, other = track_of(14, 90, 120, seed=5), track_of(20, 70, 80)
    paired = pair_of(weights, track=whole)
    shorter = replace(paired, reference=Clip("s1/a", np.zeros((20, 70, 80, 3), np.uint8), np.zeros(0, np.float32), 25))
    stats = LSED().measure(replace(shorter, track=None, landmarks=(other, whole)))
    assert same(stats, LSED().measure(paired))
    lost = whole.landmarks.copy()
    lost[4:7] = np.nan
    gap = FaceTrack(lost, np.isfinite(lost).all(axis=(1, 2)), 90, 120)
    stats = LSED().measure(replace(shorter, track=None, landmarks=(other, gap)))
    assert LSED().note(stats) == "face found in 11 of 14 frames" and np.isfinite(LSED().compute(stats))
    lost[1:13] = np.nan
    gone = FaceTrack(lost, np.isfinite(lost).all(axis=(1, 2)), 90, 120)
    stats = LSED().measure(replace(shorter, track=None, landmarks=(other, gone)))
    assert np.isnan(LSED().compute(stats))
    assert "undefined in 1 of 1 clips: no face in the generated video for more than 5 frames" in LSED().note(stats)
    with pytest.raises(MetricError, match=r"clip s1/a: lse_d needs the face"):
        LSED().measure(replace(shorter, track=None))


def test_short_and_silent_clips_are_undefined_with_a_reason(weights: Path) -> None:
    short, mute = pair_of(weights, 10), pair_of(weights)
    mute = replace(mute, generated=replace(mute.generated, speech=np.zeros(0, np.float32)))
    for pair in (short, mute):
        for metric in catalogue.metrics(NAMES, []):
            stats = metric.measure(pair)
            assert np.isnan(metric.compute(stats))
            assert metric.note(stats).endswith("undefined in 1 of 1 clips: under 6 windows of 5 frames with sound")
    long = LSED().measure(pair_of(weights))
    none = LSED(padding="none")
    assert none.note(long) == "undefined in 1 of 1 clips: under 21 windows of 5 frames with sound"
    assert LSED().compute(long + LSED().measure(short)) == LSED().compute(long)
    assert "1 of 2 clips" in LSED().note(long + LSED().measure(short))


def test_other_frame_rates_are_brought_to_25(weights: Path) -> None:
    pair, twice = pair_of(weights), pair_of(weights, 28, fps=50)
    assert pair.track
    every_other = replace(
        twice,
        generated=Clip("s1/a", pair.generated.frames.repeat(2, axis=0), pair.generated.speech, 50),
        track=FaceTrack(np.repeat(pair.track.landmarks[:1], 28, axis=0), np.ones(28, bool), 90, 120),
    )
    still = replace(pair, track=FaceTrack(pair.track.landmarks[[0] * 14], np.ones(14, bool), 90, 120))
    stats, plain = LSED().measure(every_other), LSED().measure(still)
    middle = np.arange(31)
    assert stats["zero"].shape == (1, 31) and np.allclose(stats["zero"][0, middle], plain["zero"][0, middle], atol=1e-4)
    assert LSED().note(stats) == "1 of 1 clips are not at 25 frames a second: frames repeated or left out to be so"


@pytest.mark.slow
def test_the_offset_is_in_frames_of_40_ms_whatever_rate_is_resampled(weights: Path, tmp_path: Path) -> None:
    """One talk, late by two frames of 40 ms, at 25, 30 and 50 frames a second: the same pictures, distances, offset."""
    write_corpus(tmp_path / "real", speakers=1, clips=1, frames=24, size=96)
    ((clip_id, source),) = find_clips(tmp_path / "real").items()
    real = read_clip(source, clip_id)
    late = real.frames[np.maximum(np.arange(24) - 2, 0)]
    options: dict[str, Any] = {"reference": tmp_path / "real", "metrics": ["av_offset", "lse_d"], "rate": "resample"}
    values, notes = [], []
    for fps in (25, 30, 50):
        times = np.arange(round(24 * fps / 25))
        shown = late[np.minimum(np.floor(times * 25 / fps + 0.49).astype(int), 23)]
        write_clip(tmp_path / str(fps) / f"{clip_id}.mkv", shown, real.speech, float(fps))
        result = lsbench.score(tmp_path / str(fps), **options, weight_files={"syncnet": weights})
        values.append(dict(result))
        notes.append(" ".join(result.notes.get(clip_id, ())))
    assert values[0] == values[1] == values[2] and np.isfinite(list(values[0].values())).all()
    assert float(values[0]["av_offset"]).is_integer()
    assert "taken at the" not in notes[0] and all("taken at the reference's times, 25 a" in note for note in notes[1:])


def test_the_mean_of_clips_is_the_same_in_any_order(weights: Path) -> None:
    parts = [AVOffset().measure(pair_of(weights, seed=seed)) for seed in range(3)]
    values = [av_offset(part["zero"][0]) for part in parts]
    for order in (parts, parts[::-1], [parts[1] + parts[0], parts[2]]):
        joined = Stats.join(order)
        assert AVOffset().compute(joined) == sum(values) / 3
        assert OffsetError().compute(joined) == sum(map(abs, values)) / 3
        assert joined.rows == 3


@pytest.mark.slow
def test_bits_do_not_depend_on_threads(weights: Path) -> None:
    faces, sound = faces_of(13), sound_of(13 * 640)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(face_embeddings(faces, weights).tobytes() + sound_embeddings(sound, weights).tobytes())
        assert torch.get_num_threads() == threads
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_faces_are_embedded_once(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path))
    pair = pair_of(weights)
    LSED().measure(replace(pair, reference_sha256=None))
    assert not list(tmp_path.rglob("*.npz"))
    first = LSED().measure(pair)
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    with monkeypatch.context() as patch:
        patch.setattr(syncnet.SyncNet, "faces", None)
        assert same(LSED().measure(replace(pair)), first)
        swapped = replace(pair, generated=replace(pair.generated, speech=pair.generated.speech[::-1].copy()))
        assert not np.array_equal(LSED().measure(swapped)["zero"], first["zero"])
    LSED().measure(replace(pair, generated=pair.reference))
    assert len(list(tmp_path.rglob("*.npz"))) == 2


def test_refuses_unfit_weights(tmp_path: Path, weights: Path, peer: torch.nn.Module) -> None:
    state = peer.state_dict()
    cut, other, shapes, partial, text, pickled = (
        tmp_path / f"{name}.model" for name in ("cut", "other", "shapes", "partial", "text", "pickled")
    )
    cut.write_bytes(weights.read_bytes()[:100_000])
    torch.save({"Conv2d_1a.conv.weight": torch.zeros(3, 3, 3, 3)}, other)
    torch.save({name: value[:1] if value.ndim else value for name, value in state.items()}, shapes)
    torch.save({name: value for name, value in state.items() if not name.startswith("netfc")}, partial)
    text.write_text("<html>not found</html>")
    torch.save(syncnet.SyncNet(), pickled)
    for path in (cut, other, shapes, partial, text, pickled, tmp_path / "gone.model"):
        with pytest.raises(WeightsError, match=rf"weight file \S*{path.name} "):
            syncnet.load(path)
    torch.save({name: value for name, value in state.items() if "num_batches" not in name}, tmp_path / "old.model")
    syncnet.load(tmp_path / "old.model")  # as files of PyTorch before 0.4.1 are


def test_weights_that_are_not_finite_or_give_no_finite_embedding_are_an_error(
    tmp_path: Path, peer: torch.nn.Module
) -> None:
    for name, number, error, reason in (
        ("nan", torch.nan, WeightsError, r"nan.model holds numbers that are not finite, in netfclip.3.bias.*verify"),
        ("huge", 3e38, MetricError, r"embedding is not finite.*weights verify"),
    ):
        last = {"netfclip.3.bias": torch.full((1024,), number), "netfclip.3.weight": torch.full((1024, 512), number)}
        torch.save(peer.state_dict() | last, tmp_path / f"{name}.model")
        with pytest.raises(error, match=reason):
            face_embeddings(faces_of(6), tmp_path / f"{name}.model")


def test_needs_its_weights() -> None:
    with pytest.raises(WeightsError, match=r"clip s1/a: lse_c needs the weights syncnet.*weights fetch syncnet"):
        scores.LSEC().measure(replace(pair_of(Path()), weights={}))


def test_refuses_bad_arrays(weights: Path) -> None:
    ones = np.ones((30, 8))
    for faces, sound in ((ones, ones[:, :4]), (ones[0], ones[0]), (ones.astype(int), ones.astype(int))):
        with pytest.raises(MetricError, match="expected floating point"):
            mean_distances(faces, sound)
    with pytest.raises(MetricError, match="padding=mirror; expected one of zero, none"):
        mean_distances(ones, ones, padding="mirror")
    for faces in (faces_of(4), faces_of(6)[:, :200], faces_of(6) / 255):
        with pytest.raises(MetricError, match="SyncNet: faces are"):
            face_embeddings(faces, weights)
    with pytest.raises(MetricError, match=r"1000 samples of sound; expected more than 0\.205 s"):
        sound_embeddings(sound_of(1000), weights)
    track = track_of(5, 90, 120)
    with pytest.raises(MetricError, match="landmarks hold NaN"):
        face_squares(replace(track, landmarks=np.full_like(track.landmarks, np.nan)))


def test_a_face_outside_the_frame_is_grey() -> None:
    frames = np.zeros((1, 40, 50, 3), np.uint8)
    assert (crop_squares(frames, np.array([[900.0, -900.0, 20.0]])) == 110).all()
    assert crop_squares(frames, np.array([[25.0, 20.0, 0.1]])).shape == (1, 224, 224, 3)
