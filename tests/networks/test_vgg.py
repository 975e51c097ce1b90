"""VGG16: LPIPS against the package lpips, DISTS against dists-pytorch, both in one pass, and the bits they promise."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from frames import noisy

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import Region
from lsbench.media.clip import Clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._perceptual.frame_distances import frame_distances
from lsbench.metrics.dists import DISTS, dists, dists_frames
from lsbench.metrics.lpips import LPIPS, lpips_frames, reference_features
from lsbench.networks import vgg

SIZES = [(16, 16), (37, 61), (60, 96)]


def textured(height: int, width: int, frames: int = 3) -> np.ndarray:
    """Moving blocks of colour: uint8 (T, H, W, 3)."""
    blocks = np.random.default_rng(0).integers(0, 256, (height // 6 + 3, width // 6 + 3, 3), np.uint8)
    picture = blocks.repeat(6, axis=0).repeat(6, axis=1)
    return np.stack([picture[i % 6 : height + i % 6, i % 5 : width + i % 5] for i in range(frames)])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trunk as torchvision would write it, and the weights of DISTS' maps, seeded and random."""
    folder = tmp_path_factory.mktemp("weights")
    random = torch.Generator().manual_seed(0)
    trunk = vgg.VGG16()
    for module in trunk.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=random)
            module.bias.data.normal_(0, 0.1, generator=random)
    torch.save(trunk.state_dict() | {"classifier.0.weight": torch.zeros(2, 2)}, folder / "vgg16.pth")
    own = {name: torch.rand(1, 1475, 1, 1, generator=random) for name in ("alpha", "beta")}
    torch.save(own, folder / "dists.pth")
    return {"vgg16": folder / "vgg16.pth", "dists": folder / "dists.pth"}


@pytest.fixture(autouse=True)
def one_thread_each(one_thread: None) -> None:
    """The packages do not wait for cores that are busy."""


def tensors(*frames: np.ndarray) -> Iterator[torch.Tensor]:
    """In [0, 1], (T, 3, H, W)."""
    return (torch.from_numpy(each).permute(0, 3, 1, 2) / 255 for each in frames)


@pytest.fixture(scope="module")
def lpips_package(files: dict[str, Path]) -> torch.nn.Module:
    """The package with the trunk of our file."""
    package = pytest.importorskip("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer: torch.nn.Module = package.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    state = torch.load(files["vgg16"], weights_only=True)
    for name, value in peer.get_submodule("net").state_dict().items():
        value.copy_(state["features." + name.split(".", 1)[1]])
    return peer


def dists_package(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """The package with the trunk of our file, which it would fetch, and without its own weights' file."""
    package = pytest.importorskip("DISTS_pytorch.DISTS_pt", reason="dists-pytorch is not installed")
    trunk = vgg.VGG16()
    trunk.load_state_dict({k: v for k, v in torch.load(files["vgg16"], weights_only=True).items() if "features" in k})
    monkeypatch.setattr(package.models, "vgg16", lambda **_: trunk)
    peer: torch.nn.Module = package.DISTS(load_weights=False)
    peer.load_state_dict(torch.load(files["dists"], weights_only=True), strict=False)
    return peer


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_lpips_agrees_with_the_package(
    files: dict[str, Path], lpips_package: torch.nn.Module, size: tuple[int, int]
) -> None:
    network, reference = vgg.load(files["vgg16"]), textured(*size)
    for levels in (2, 40):
        generated = noisy(reference, levels)
        ours = lpips_frames(reference, generated, network)
        with torch.inference_mode():
            x, y = tensors(reference, generated)
            theirs = lpips_package(2 * x - 1, 2 * y - 1).flatten().numpy()
        assert theirs.min() > 0
        assert ours == pytest.approx(theirs, abs=1e-6, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_dists_agrees_with_the_package(
    files: dict[str, Path], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, reference = dists_package(files, monkeypatch), textured(*size)
    network = vgg.load_dists(files["vgg16"], files["dists"])
    for levels in (2, 40):
        generated = noisy(reference, levels)
        with torch.inference_mode():
            theirs = peer(*tensors(reference, generated)).numpy()
        assert theirs.min() > 1e-5
        assert dists_frames(reference, generated, network) == pytest.approx(theirs, abs=1e-5)


def test_dists_of_two_flat_maps_is_that_of_their_means(files: dict[str, Path], tmp_path: Path) -> None:
    """By hand: with weight on red's mean alone, 1 - 2 m n / (m^2 + n^2); on red's changes alone, 0 for any levels."""
    alpha, beta = torch.zeros(1475), torch.zeros(1475)
    alpha[0] = 0.3
    torch.save({"alpha": alpha, "beta": beta}, tmp_path / "mean.pth")
    torch.save({"alpha": beta, "beta": alpha}, tmp_path / "changes.pth")
    dark, bright = (np.full((1, 32, 32, 3), level, np.uint8) for level in (51, 102))
    of_means, of_changes = (vgg.load_dists(files["vgg16"], tmp_path / f"{name}.pth") for name in ("mean", "changes"))
    assert dists(dark, bright, of_means) == pytest.approx(0.04 / (0.2 + 1e-6), rel=1e-5)
    assert dists(dark, bright, of_changes) == pytest.approx(0, abs=1e-8)
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None], (1, 32, 32, 3))
    assert dists(ramp, 31 - ramp, of_means) == pytest.approx(0, abs=1e-8)
    variance = float(np.var(np.arange(32) / 255))
    assert dists(ramp, 31 - ramp, of_changes) == pytest.approx(4 * variance / (2 * variance + 1e-6), rel=1e-5)


@pytest.mark.slow
def test_distances_are_zero_for_identical_frames_symmetric_and_grow_with_noise(files: dict[str, Path]) -> None:
    network, reference = vgg.load_both(files["vgg16"], files["dists"]), textured(37, 61)
    assert not frame_distances("both", reference, reference, network).any()
    noises = [noisy(reference, levels) for levels in (3, 12, 48)]
    values = [frame_distances("both", reference, generated, network) for generated in noises]
    assert np.array_equal(values[1], frame_distances("both", noises[1], reference, network))
    assert (np.diff([value.mean(axis=0) for value in values], axis=0) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (60, 96), (264, 250)])
def test_bits_depend_on_neither_threads_nor_batches(files: dict[str, Path], size: tuple[int, int]) -> None:
    """And a frame that runs on its own because it is large has them in every clip."""
    reference = textured(*size, frames=5 if size[0] < 264 else 2)
    generated = noisy(reference, 20)
    network = vgg.load_both(files["vgg16"], files["dists"])
    expected = frame_distances("both", reference, generated, network)
    assert expected.shape == (len(reference), 2)
    torch.set_num_threads(2)
    assert np.array_equal(frame_distances("both", reference, generated, network), expected)
    assert np.array_equal(frame_distances("both", reference[1], generated[1], network), expected[1:2])
    if size[0] < 264:
        network.batching = replace(network.batching, frames=3)
        assert np.array_equal(frame_distances("both", reference, generated, network), expected)


@pytest.mark.slow
def test_one_pass_gives_the_bits_of_two(files: dict[str, Path]) -> None:
    reference = textured(37, 61)
    generated = noisy(reference, 20)
    both = frame_distances("both", reference, generated, vgg.load_both(files["vgg16"], files["dists"]))
    assert np.array_equal(both[:, 0], lpips_frames(reference, generated, vgg.load(files["vgg16"])))
    network = vgg.load_dists(files["vgg16"], files["dists"])
    assert np.array_equal(both[:, 1], dists_frames(reference, generated, network))
    kept = reference_features(reference, vgg.load(files["vgg16"]))
    assert np.array_equal(both[:, 0], lpips_frames(kept, generated, vgg.load(files["vgg16"])))


def pair_of(files: dict[str, Path], size: tuple[int, int] = (37, 61), **fields: Any) -> ClipPair:
    reference, silence = textured(*size), np.zeros(0, np.float32)
    clips = (Clip("s1/a", frames, silence, 25.0) for frames in (reference, noisy(reference, 20)))
    return ClipPair(*clips, weights=files, **fields)


@pytest.mark.slow
def test_a_pair_that_wants_both_is_seen_once(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    stems = 0
    stem = vgg.VGG16.stem

    def counted(self: vgg.VGG16, image: torch.Tensor) -> torch.Tensor:
        nonlocal stems
        stems += 1
        return stem(self, image)

    monkeypatch.setattr(vgg.VGG16, "stem", counted)
    metrics = (LPIPS(net="vgg"), DISTS())
    alone = [metric.measure(pair_of(files)) for metric in metrics]
    assert stems == 4
    pair = pair_of(files, keys=frozenset(metric.key for metric in metrics))
    together = [metric.measure(pair) for metric in metrics]
    assert stems == 6
    for metric, one, other in zip(metrics, alone, together, strict=True):
        assert np.array_equal(one[metric.name], other[metric.name])
    elsewhere = pair_of(files, keys=frozenset({"lpips:net=vgg/mouth", "dists/whole"}))
    assert np.array_equal(DISTS(region=Region.WHOLE).measure(elsewhere)["dists"], together[1]["dists"])
    assert stems == 8


def test_small_crops_have_no_value(files: dict[str, Path]) -> None:
    for metric, text in ((LPIPS(net="vgg"), "lpips"), (DISTS(), "dists")):
        stats = metric.measure(pair_of(files, (15, 40)))
        assert np.isnan(stats[text]).all()
        assert metric.note(stats) == "undefined: in 3 of 3 frames the crop is under 16 px"
    small = textured(15, 40)
    with pytest.raises(MetricError, match=r"dists: frames are 40 x 15; expected at least 16 px a side"):
        dists(small, small, vgg.load_dists(files["vgg16"], files["dists"]))


def test_weights_that_are_missing_or_wrong_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    for metric, lacking, name in (
        (LPIPS(net="vgg"), {}, "vgg16"),
        (DISTS(), {}, "vgg16"),
        (DISTS(), {"vgg16": files["vgg16"]}, "dists"),
    ):
        assert set(metric.needed_weights) >= {name}
        with pytest.raises(WeightsError, match=rf"clip s1/a: {metric.name} needs the weights {name}.*fetch {name}"):
            metric.measure(pair_of(lacking))
    torch.save({"alpha": torch.zeros(1475), "beta": torch.zeros(3)}, tmp_path / "short.pth")
    with pytest.raises(
        WeightsError, match=r"short\.pth is not for DISTS.*beta \(3,\); expected alpha and beta of 1475"
    ):
        vgg.load_dists(files["vgg16"], tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"dists\.pth is not for VGG16"):
        vgg.load(files["dists"])
    torch.save({"alpha": torch.zeros(1475), "beta": torch.zeros(1475)}, tmp_path / "nothing.pth")
    frames = textured(20, 20)
    with pytest.raises(WeightsError, match=r"nothing\.pth is not for DISTS"):
        dists(frames, frames, vgg.load_dists(files["vgg16"], tmp_path / "nothing.pth"))


def test_signatures_name_the_network() -> None:
    assert LPIPS(net="vgg").signature == "lpips.1|region:whole|net:vgg|heads:0.1"
    assert (LPIPS(net="vgg").key, DISTS().key) == ("lpips:net=vgg/whole", "dists/whole")
    assert LPIPS().needed_weights == ("alexnet",)
    assert "DISTS_pytorch" not in sys.modules or DISTS.libraries == ()
