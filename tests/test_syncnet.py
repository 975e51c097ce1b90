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

from lsbench import registry
from lsbench.clip import FACE_OVAL, POINTS, Clip, ClipPair, FaceTrack
from lsbench.errors import MetricError, WeightsError
from lsbench.metrics.syncnet import AVOffset, LSEC, LSED, LSED0, OffsetError, av_offset, lse_c, lse_d, lse_d0
from lsbench.metrics.syncnet import mean_distances
from lsbench.metrics.syncnet_crop import at_25_fps, crop_squares, face_squares
from lsbench.metrics.syncnet_features import face_embeddings, sound_embeddings
from lsbench.networks import syncnet
from lsbench.stats import Stats

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
