"""LPIPS: against the package lpips on the same trunk, its laws, the bits it promises, and the inputs it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from frames import noisy

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.lpips import LPIPS, lpips, lpips_frames, reference_features
from lsbench.networks import alexnet
from lsbench.networks import lpips as network_module
from lsbench.networks import weights as registered
from lsbench.networks.lpips import LPIPS as LPIPSNetwork

SIZES = [(31, 31), (37, 61), (96, 96), (144, 180)]


def textured(height: int, width: int, frames: int = 5) -> np.ndarray:
    """Moving blocks of colour: uint8 (T, H, W, 3)."""
    blocks = np.random.default_rng(0).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    picture = blocks.repeat(8, axis=0).repeat(8, axis=1)
    return np.stack([picture[i % 8 : height + i % 8, i % 6 : width + i % 6] for i in range(frames)])


def pair_of(reference: np.ndarray, generated: np.ndarray, files: dict[str, Path]) -> ClipPair:
    silence = np.zeros(0, np.float32)
    both = (Clip("s1/a", frames, silence, 25.0) for frames in (reference, generated))
    return ClipPair(*both, weights=files)


@pytest.fixture(scope="session")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision would write it: AlexNet with seeded random weights, and a classifier that is not used."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = alexnet.AlexNet().state_dict() | {"classifier.1.weight": torch.zeros(2, 2)}
    torch.save(state, path)
    return path


@pytest.fixture(scope="session")
def network(trunk: Path) -> LPIPSNetwork:
    return alexnet.load(trunk)


@pytest.fixture(scope="session")
def package() -> torch.nn.Module:
    """The package lpips with a trunk to fill."""
    package = pytest.importorskip("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return package.LPIPS(net="alex", pnet_rand=True, verbose=False)


def by_package(peer: torch.nn.Module, path: Path, reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """LPIPS of the package, frame by frame, with the trunk of a file."""
    state = torch.load(path, weights_only=True)
    for name, value in peer.get_submodule("net").state_dict().items():
        value.copy_(state["features." + name.split(".", 1)[1]])
    with torch.inference_mode():
        tensors = (torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1 for frames in (reference, generated))
        return np.array([peer(x[None], y[None]).item() for x, y in zip(*tensors, strict=True)])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, so that the package does not wait for cores that are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_package(
    trunk: Path, network: LPIPSNetwork, package: torch.nn.Module, size: tuple[int, int]
) -> None:
    reference = textured(*size)
    for levels in (2, 40):
        generated = noisy(reference, levels)
        ours, theirs = lpips_frames(reference, generated, network), by_package(package, trunk, reference, generated)
        assert np.abs(ours - theirs).max() < 1e-6
        assert theirs.min() > 0


def test_agrees_with_the_package_on_the_real_weights(package: torch.nn.Module) -> None:
    try:
        path, _ = registered.require("alexnet", offline=True)
    except WeightsError:
        pytest.skip("the weights alexnet are not here: lsbench weights fetch alexnet")
    reference = textured(96, 96)
    generated = noisy(reference, 20)
    assert lpips_frames(reference, generated, alexnet.load(path)) == pytest.approx(
        by_package(package, path, reference, generated), abs=1e-5
    )


def test_kept_features_give_the_same_bits(network: LPIPSNetwork) -> None:
    reference = textured(96, 96, 20)
    kept = reference_features(reference, network)
    for levels in (3, 30):
        generated = noisy(reference, levels)
        values = lpips_frames(kept, generated, network)
        assert np.array_equal(values, lpips_frames(reference, generated, network))
        assert lpips(kept, generated, network) == pytest.approx(values.mean(), rel=1e-12)
    one = reference_features(reference[3], network)
    assert lpips(one, generated[3], network) == values[3]


def test_is_zero_for_identical_frames_and_symmetric(network: LPIPSNetwork) -> None:
    reference = textured(61, 61)
    generated = noisy(reference, 25)
    assert np.array_equal(lpips_frames(reference, reference, network), np.zeros(len(reference)))
    there, back = lpips_frames(reference, generated, network), lpips_frames(generated, reference, network)
    assert np.array_equal(there, back)


def test_grows_with_noise_and_blur(network: LPIPSNetwork) -> None:
    from scipy.ndimage import gaussian_filter

    reference = textured(96, 96)
    noise = [lpips(reference, noisy(reference, levels), network) for levels in (0, 4, 12, 40)]
    blur = [
        lpips(reference, gaussian_filter(reference, (0, sigma, sigma, 0)), network) if sigma else 0.0
        for sigma in (0, 0.7, 1.5, 3)
    ]
    assert noise == sorted(noise)
    assert blur == sorted(blur)
    assert min(noise[1], blur[1]) > 0


@pytest.mark.parametrize("size", [(31, 31), (61, 61), (144, 180)])
def test_bits_depend_on_neither_threads_nor_batches(
    network: LPIPSNetwork, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = textured(*size, frames=13)
    generated = noisy(reference, 20)
    expected = lpips_frames(reference, generated, network)
    for count in (2, 4):
        torch.set_num_threads(count)
        assert np.array_equal(lpips_frames(reference, generated, network), expected)
        assert torch.get_num_threads() == count
    torch.set_num_threads(1)
    alone = [lpips(reference[i], generated[i], network) for i in range(3)]
    assert np.array_equal(alone, expected[:3])
    for most in (3, 5, 13):
        monkeypatch.setattr(network, "batching", replace(network.batching, frames=most))
        assert np.array_equal(lpips_frames(reference, generated, network), expected)


def test_metric_measures_each_frame(trunk: Path, toy: tuple[Clip, FaceTrack], network: LPIPSNetwork) -> None:
    clip, track = toy
    generated = Clip(clip.id, noisy(clip.frames, 20), clip.speech, clip.fps)
    pair = ClipPair(clip, generated, track, weights={"alexnet": trunk})
    for region in (Region.WHOLE, Region.FACE):
        metric = LPIPS(region=region)
        stats = metric.measure(pair)
        assert np.array_equal(metric.per_frame(stats), lpips_frames(*pair.crop(region), network))
        assert metric.compute(stats) == pytest.approx(stats["lpips"].mean(), rel=1e-12)
        assert metric.note(stats) is None
    assert LPIPS().signature == "lpips.1|region:whole|net:alex|heads:0.1"


def test_small_crops_have_no_value(trunk: Path, network: LPIPSNetwork) -> None:
    small = textured(30, 64, 3)
    metric = LPIPS()
    stats = metric.measure(pair_of(small, noisy(small, 9), {"alexnet": trunk}))
    assert np.isnan(stats["lpips"]).all() and np.isnan(metric.compute(stats))
    assert metric.note(stats) == "undefined: in 3 of 3 frames the crop is under 31 px"
    with pytest.raises(MetricError, match=r"lpips: frames are 64 x 30; expected at least 31 px a side"):
        lpips(small, small, network)
    with pytest.raises(MetricError, match="31 px"):
        reference_features(small, network)


def refused() -> Iterator[tuple[object, str]]:
    good = textured(40, 40, 2)
    yield good / 255, "generated is float64"
    yield np.full(good.shape, np.nan, np.float32), "generated is float32"
    yield good[..., 0], "Grey to RGB"
    yield np.concatenate([good, good[..., :1]], axis=-1), "RGBA to RGB"
    yield good[:1], "expected one shape"
    yield good[:0], "none of them 0"
    yield torch.from_numpy(good).float(), "levels"


@pytest.mark.parametrize(("generated", "message"), list(refused()))
def test_refuses_bad_frames(network: LPIPSNetwork, generated: np.ndarray, message: str) -> None:
    reference = textured(40, 40, 2)
    for side in (reference, reference_features(reference, network)):
        with pytest.raises(MetricError, match=message):
            lpips(side, generated, network)


def test_input_is_left_as_it_was(network: LPIPSNetwork) -> None:
    reference = textured(40, 40, 3)
    reference.flags.writeable = False
    before = reference.copy()
    lpips(reference, reference[:, ::-1], network)
    assert np.array_equal(reference, before)


def test_refuses_unfit_weights(tmp_path: Path, trunk: Path) -> None:
    cut, other, shapes, text = (tmp_path / f"{name}.pth" for name in ("cut", "other", "shapes", "text"))
    cut.write_bytes(trunk.read_bytes()[:100_000])
    torch.save({"layer.weight": torch.zeros(3)}, other)
    torch.save({name: value[:1] for name, value in torch.load(trunk, weights_only=True).items()}, shapes)
    text.write_text("<html>not found</html>")
    pickled = tmp_path / "pickled.pth"
    torch.save(alexnet.AlexNet(), pickled)
    for path in (cut, other, shapes, text, pickled):
        reason = r"(cannot be read|is not for AlexNet).*weights verify"
        with pytest.raises(WeightsError, match=rf"weight file \S+{path.name} {reason}"):
            alexnet.load(path)
    with pytest.raises(WeightsError, match=r"gone\.pth cannot be read"):
        alexnet.load(tmp_path / "gone.pth")


def test_a_distance_that_is_not_finite_is_an_error(tmp_path: Path, trunk: Path) -> None:
    state = torch.load(trunk, weights_only=True)
    state["features.3.bias"][:] = 3e38
    state["features.6.weight"] *= 1e3
    torch.save(state, tmp_path / "large.pth")
    frames = textured(40, 40, 2)
    with pytest.raises(MetricError, match="not a finite number"):
        lpips(frames, frames, alexnet.load(tmp_path / "large.pth"))


def test_metric_needs_its_weights() -> None:
    frames = textured(40, 40, 2)
    with pytest.raises(WeightsError, match=r"clip s1/a: lpips needs the weights alexnet.*weights fetch alexnet"):
        LPIPS().measure(pair_of(frames, frames, {}))


def test_heads_are_those_of_version_0_1(monkeypatch: pytest.MonkeyPatch, network: LPIPSNetwork) -> None:
    assert [len(head) for head in network.heads] == [64, 192, 384, 256, 256]
    assert [len(head) for head in network_module.heads("vgg")] == [64, 128, 256, 512, 512]
    monkeypatch.setitem(network_module.HEADS_SHA256, "alex", "0" * 64)
    with pytest.raises(WeightsError, match=r"alex\.pth has sha256 df73285e35b2, expected 000000000000"):
        network_module.heads("alex")
    monkeypatch.setattr(network_module, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="pip install lpips"):
        network_module.heads("vgg")
