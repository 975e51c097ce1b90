"""Networks and their features: against the packages they follow, on random weights; loading, caching, determinism."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.generation.render import generate
from lsbench.media.clip import Clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._sets.features import pair_features
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.metrics.fid import FID, KID, FDEfficientNetLite0, FIDInfinity
from lsbench.networks import batches, features
from lsbench.networks.features import EFFICIENTNET_LITE0, INCEPTION, Network, frame_features
from lsbench.networks.pointwise import by_onednn
from lsbench.protocol import protocol
from lsbench.system import cache

torch = pytest.importorskip("torch")

FRAMES = np.random.default_rng(5).integers(0, 256, (9, 72, 90, 3), np.uint8)


def seeded(network: Any) -> Any:
    """The network with random weights that keep activations in range, batch norm statistics included."""
    random = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=random)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.8, 1.2, generator=random)
            module.running_var.data.uniform_(0.8, 1.2, generator=random)
            module.bias.data.normal_(0, 0.1, generator=random)
            module.running_mean.data.normal_(0, 0.1, generator=random)
    return network.eval()


@pytest.fixture(scope="module")
def pytorch_fid() -> Any:
    """pytorch-fid's network as it stands, with random weights in place of the file that it would fetch."""
    peer = pytest.importorskip("pytorch_fid.inception")
    with pytest.MonkeyPatch.context() as patch:
        # The state that it "fetches" is the one that the network has already.
        patch.setattr(peer, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
        whole = peer.fid_inception_v3()
    seeded(whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peer, "fid_inception_v3", lambda: whole)
        network = peer.InceptionV3([peer.InceptionV3.BLOCK_INDEX_BY_DIM[2048]]).eval()
    network.whole = whole
    return network


@pytest.fixture(scope="module")
def inception(pytorch_fid: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(pytorch_fid.whole.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def efficientnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Random weights, and the network of the package that they belong to."""
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed")
    network = seeded(package.EfficientNet.from_name("efficientnet-lite0"))
    path = tmp_path_factory.mktemp("weights") / "efficientnet_lite0.pth"
    torch.save(network.state_dict(), path)
    return path, network


@pytest.mark.slow
def test_inception_is_that_of_pytorch_fid(inception: Path, pytorch_fid: Any) -> None:
    with torch.inference_mode():
        theirs = pytorch_fid(torch.tensor(FRAMES[:3]).permute(0, 3, 1, 2).float() / 255)[0][:, :, 0, 0].numpy()
    ours = frame_features(FRAMES[:3], INCEPTION, inception)
    assert ours.shape == (3, 2048) and ours.dtype == np.float32
    assert theirs.std() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_efficientnet_is_that_of_its_package(efficientnet: tuple[Path, Any]) -> None:
    path, peer = efficientnet
    images = torch.nn.functional.interpolate(
        torch.tensor(FRAMES).permute(0, 3, 1, 2).float(), (224, 224), mode="bilinear", align_corners=False
    )
    with torch.inference_mode():
        theirs = peer.extract_features((images - 127) / 128).mean((2, 3)).numpy()
    ours = frame_features(FRAMES, EFFICIENTNET_LITE0, path)
    assert ours.shape == (9, 1280) and ours.dtype == np.float32
    assert theirs.std() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_features_do_not_depend_on_the_number_of_threads(inception: Path, efficientnet: tuple[Path, Any]) -> None:
    before = torch.get_num_threads()
    try:
        for network, path in ((INCEPTION, inception), (EFFICIENTNET_LITE0, efficientnet[0])):
            found = []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                found.append(frame_features(FRAMES, network, path).tobytes())
                assert torch.get_num_threads() == threads
            assert found[0] == found[1]
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [128, 2])
def test_features_on_a_device_are_those_of_the_cpu(
    batch: int, inception: Path, efficientnet: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "DEVICE_BATCH", batch)
    for network, path in ((INCEPTION, inception), (EFFICIENTNET_LITE0, efficientnet[0])):
        expected, ours = (frame_features(FRAMES[:5], network, path, device) for device in ("cpu", "cpu:0"))
        assert ours.shape == expected.shape and ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_onnxruntime_gives_the_same_features(inception: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path))
    expected = frame_features(FRAMES[:3], INCEPTION, inception)
    found = frame_features(FRAMES[:3], INCEPTION, inception, engine="onnx")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    (kept,) = (tmp_path / "networks").iterdir()
    assert kept.stat().st_size > 80e6


@pytest.mark.slow
def test_the_peers_own_class_gives_the_same_features(inception: Path) -> None:
    """And with it the same distance: on random weights, in the real architecture."""
    ours, theirs = (frame_features(FRAMES, INCEPTION, inception, engine=engine) for engine in ("torch", "pytorch-fid"))
    assert theirs.dtype == np.float32 and theirs.shape == ours.shape
    assert np.abs(ours - theirs).max() < 1e-3
    noisy = np.clip(FRAMES.astype(int) + np.random.default_rng(0).integers(-40, 41, FRAMES.shape), 0, 255)
    distances = [
        frechet_distance(*(frame_features(frames, INCEPTION, inception, engine=engine) for frames in (FRAMES, other)))
        for engine in ("torch", "pytorch-fid")
        for other in [noisy.astype(np.uint8)]
    ]
    assert distances[0] == pytest.approx(distances[1], rel=1e-5)
    with pytest.raises(MetricError, match="engine pytorch-fid has the network inception alone"):
        frame_features(FRAMES, EFFICIENTNET_LITE0, inception, engine="pytorch-fid")


def test_a_missing_engine_is_named(inception: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features._loaded.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MetricError, match=r"onnxruntime is not installed. pip install 'lsbench\[onnx\]'"):
        frame_features(FRAMES, INCEPTION, inception, engine="onnx")
    pair = ClipPair(*[Clip("x", FRAMES, np.zeros(0, np.float32), 25.0)] * 2, weights={"inception": inception})
    with pytest.raises(MetricError, match="onnxruntime is not installed"):
        FID(engine="onnx").measure(replace(pair, reference_sha256="a" * 64))
    with pytest.raises(MetricError, match="engine 'tpu'"):
        frame_features(FRAMES, INCEPTION, inception, engine="tpu")
    with pytest.raises(MetricError, match="engine onnx runs on the CPU"):
        frame_features(FRAMES, INCEPTION, inception, device="cuda", engine="onnx")


def damage(kind: str, good: Path, path: Path) -> None:
    """Write a version of a weight file with one fault."""
    state = torch.load(good, weights_only=True)
    if kind == "truncated":
        path.write_bytes(good.read_bytes()[:100_000])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "web page":
        path.write_bytes(b"<!doctype html><title>404</title>")
    elif kind == "list":
        torch.save([1, 2], path)
    elif kind == "module":
        torch.save(torch.nn.Linear(2, 2), path)
    elif kind == "tensor lost":
        state.pop("Mixed_7c.branch_pool.bn.running_var")
        torch.save(state, path)
    elif kind == "1000 classes":
        torch.save(state | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, path)
    elif kind == "convolution too many":
        torch.save(state | {"AuxLogits.conv0.conv.weight": torch.zeros(2, 2, 1, 1)}, path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "cannot be read"),
        ("truncated", "cannot be read"),
        ("empty", "cannot be read"),
        ("web page", "cannot be read"),
        ("module", "cannot be read"),
        ("list", "holds no state_dict"),
        ("tensor lost", "it holds no Mixed_7c.branch_pool.bn.running_var"),
        ("1000 classes", "Unexpected key.*fc.weight"),
        ("convolution too many", "AuxLogits.conv0.bn"),
    ],
)
def test_a_wrong_weight_file_is_named(kind: str, reason: str, inception: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    damage(kind, inception, path)
    with pytest.raises(WeightsError, match=reason) as caught:
        frame_features(FRAMES, INCEPTION, path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(inception: Path) -> None:
    with pytest.raises(WeightsError, match="not for EfficientNetLite0"):
        frame_features(FRAMES, EFFICIENTNET_LITE0, inception)


@pytest.mark.parametrize("frames", [FRAMES.astype(np.float32), FRAMES[0], FRAMES[..., :1], FRAMES[:0]])
def test_frames_it_cannot_take_are_refused(frames: np.ndarray, inception: Path) -> None:
    with pytest.raises(MetricError, match="expected uint8"):
        frame_features(frames, INCEPTION, inception)


class Tiny(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A network that is quick: mean colours, and how often it was asked."""

    asked = 0
    spoilt = False

    def forward(self, images: Any) -> Any:
        Tiny.asked += torch.jit.is_tracing() or len(images)
        return images.mean((2, 3)) / (0 if self.spoilt else 1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Network]:
    module = types.ModuleType("tiny_network")
    module.__dict__.update(load=lambda _: Tiny(), prepare=lambda images: images)
    monkeypatch.setitem(sys.modules, "tiny_network", module)
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.pth").write_bytes(b"weights")
    Tiny.asked, Tiny.spoilt = 0, False
    features._loaded.cache_clear()
    yield Network("tiny", "tiny_network", width=3, input=72, batch=3, frame_bytes=1 << 20)
    features._loaded.cache_clear()


def pair_of(folder: Path, sha256: str | None = "a" * 64, frames: np.ndarray = FRAMES, device: str = "cpu") -> ClipPair:
    speech = np.zeros(0, np.float32)
    clips = [Clip("s1/x", pixels, speech, 25.0) for pixels in (frames, 255 - frames)]
    points = np.random.default_rng(1).uniform(20, 60, (len(frames), 80, 2)).astype(np.float32)
    track = FaceTrack(points, np.ones(len(frames), bool), *frames.shape[1:3])
    return ClipPair(*clips, track=track, weights={"tiny": folder / "tiny.pth"}, reference_sha256=sha256)


def test_a_pair_is_measured_once(tiny: Network, tmp_path: Path) -> None:
    pair = pair_of(tmp_path, sha256=None)
    reference, generated = pair_features(pair, tiny, Region.WHOLE)
    assert Tiny.asked == 2 * len(FRAMES)
    np.testing.assert_allclose(reference, FRAMES.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(generated, (255 - FRAMES).mean((1, 2)), rtol=1e-5)
    again = pair_features(pair, tiny, Region.WHOLE)
    assert again[0] is reference and again[1] is generated and Tiny.asked == 2 * len(FRAMES)
    assert pair_features(pair, tiny, Region.MOUTH)[0].tobytes() != reference.tobytes()
    assert not (tmp_path / "cache").exists()


def test_reference_features_are_kept_by_content(tiny: Network, tmp_path: Path) -> None:
    def asked(pair: ClipPair, region: Region = Region.WHOLE) -> int:
        """How many frames the network saw, and check that what came out is right."""
        before = Tiny.asked
        reference, _ = pair_features(pair, tiny, region)
        np.testing.assert_allclose(reference, pair.crop(region)[0].mean((1, 2)), rtol=1e-5)
        return Tiny.asked - before

    both, one = 2 * len(FRAMES), len(FRAMES)
    assert asked(pair_of(tmp_path)) == both
    assert asked(pair_of(tmp_path)) == one
    assert asked(pair_of(tmp_path), Region.FACE) == both
    assert asked(pair_of(tmp_path), Region.FACE) == one
    assert asked(pair_of(tmp_path, frames=FRAMES[1:])) == both - 2
    (tmp_path / "tiny.pth").write_bytes(b"other weights")
    assert asked(pair_of(tmp_path)) == both
    for kept in (cache.cache_dir() / "features").rglob("*.npz"):
        kept.write_bytes(kept.read_bytes()[:-40])
    assert asked(pair_of(tmp_path)) == both
    assert asked(pair_of(tmp_path)) == one


def test_a_cache_that_cannot_be_written_costs_time_alone(tiny: Network, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    first = pair_features(pair_of(tmp_path), tiny, Region.WHOLE)
    second = pair_features(pair_of(tmp_path), tiny, Region.WHOLE)
    assert Tiny.asked == 4 * len(FRAMES) and first[0].tobytes() == second[0].tobytes()


def test_an_exported_network_is_kept_and_renewed(tiny: Network, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frames, path = FRAMES[:, :, :72], tmp_path / "tiny.pth"
    expected = frame_features(frames, tiny, path, engine="onnx")
    np.testing.assert_allclose(expected, frames.mean((1, 2)), rtol=1e-5)
    (kept,) = (tmp_path / "cache" / "networks").iterdir()
    whole, times = kept.read_bytes(), kept.stat().st_mtime_ns
    for content in (whole, whole[:20]):
        kept.write_bytes(content)
        features._loaded.cache_clear()
        assert frame_features(frames, tiny, path, engine="onnx").tobytes() == expected.tobytes()
        assert kept.read_bytes()[:50] == whole[:50] and kept.stat().st_mtime_ns > times


def test_features_that_are_not_finite_are_an_error(tiny: Network, tmp_path: Path) -> None:
    Tiny.spoilt = True
    with pytest.raises(MetricError, match=r"tiny features of frame 0 are not finite; are the weights in .*tiny\.pth"):
        pair_features(pair_of(tmp_path), tiny, Region.WHOLE)


def test_a_pair_without_the_weights_says_so() -> None:
    pair = ClipPair(*(Clip("s1/x", FRAMES, np.zeros(0, np.float32), 25.0) for _ in range(2)))
    with pytest.raises(WeightsError, match="clip s1/x: features of inception .* lsbench weights fetch inception"):
        FID().measure(pair)


@pytest.mark.parametrize("kind", [FID, KID, FIDInfinity, FDEfficientNetLite0])
def test_metrics_of_one_network_share_their_features(
    kind: Any, tiny: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (kind, FID):
        monkeypatch.setattr(each, "network", tiny)
    pair = pair_of(tmp_path)
    one, other = FID(region=Region.FACE).measure(pair), kind(region=Region.FACE).measure(pair)
    assert one["reference"] is other["reference"] and one["generated"] is other["generated"]
    assert kind.weights == (("efficientnet_lite0",) if kind is FDEfficientNetLite0 else ("inception",))
    assert not kind.per_clip and "engine:torch" in kind().signature


@pytest.mark.slow
def test_workers_do_not_change_a_bit(efficientnet: tuple[Path, Any], tmp_path: Path) -> None:
    write_corpus(tmp_path / "reference", speakers=2, clips=2, frames=10, size=96)
    generate("noisy-frame", protocol.from_folder(tmp_path / "reference"), tmp_path / "generated", lossless=True)
    results = [
        lsbench.score(
            tmp_path / "generated",
            reference=tmp_path / "reference",
            metrics=["fd_efficientnet_lite0"],
            regions=["whole", "mouth"],
            workers=workers,
            weight_files={"efficientnet_lite0": efficientnet[0]},
        )
        for workers in (1, 2)
    ]
    for region in ("whole", "mouth"):
        scores = [result.scores[f"fd_efficientnet_lite0/{region}"] for result in results]
        assert scores[0].value > 0 and "N = 40 frames a side" in (scores[0].note or "")
        assert scores[0] == scores[1]


def test_one_by_one_convolutions_take_the_kernels_of_the_others() -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(24, 40, 1), torch.nn.Conv2d(24, 40, 1, stride=2, padding=1, bias=False)]
    image = torch.randn(3, 24, 9, 7).to(memory_format=torch.channels_last)
    for layer in layers:
        with torch.inference_mode():
            before = layer(image)
            by_onednn(torch.nn.Sequential(layer))
            assert type(layer._conv_forward).__name__ == "_Pointwise"
            torch.testing.assert_close(layer(image), before, rtol=1e-5, atol=1e-5)
    others = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.Conv2d(4, 4, 1, groups=4))
    assert all("_conv_forward" not in vars(layer) for layer in by_onednn(others))
