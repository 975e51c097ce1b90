"""Published values: what the metrics' authors, as others quote them, give for five pairs of pictures.

The pictures are no part of the repository: without them, frames of the toy corpus are held to the packages pytorch-fid
and lpips on the same weights. `pytest tests/metrics/test_calibration.py`
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import correlate1d

from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.metrics.dists import dists_frames
from lsbench.metrics.from_piq import fsim, gmsd, ms_ssim, vif
from lsbench.metrics.lpips import lpips_frames
from lsbench.metrics.psnr import psnr
from lsbench.metrics.ssim import ssim
from lsbench.networks import alexnet, checkpoint, vgg
from lsbench.networks.features import INCEPTION, frame_features

PICTURES = Path(__file__).parents[3] / "shared" / "calibration"
NAMES = ("I03", "I04", "I06", "I08", "I19")
LUMA = (0.299, 0.587, 0.114)
PUBLISHED = {
    "lpips": (0.7237, 0.2572, 0.0508, 0.0521, 0.4253),
    "dists": (0.4742, 0.1424, 0.0682, 0.0287, 0.3123),
    "psnr": (21.11, 20.99, 27.01, 23.30, 21.62),
    "ssim": (0.6993, 0.9978, 0.9989, 0.9669, 0.6519),
    "ms_ssim": (0.6733, 0.9996, 0.9998, 0.9566, 0.8462),
    "fsim": (0.6890, 0.9702, 0.9927, 0.9575, 0.8220),
    "vif": (0.0172, 0.9891, 0.9924, 0.9103, 0.1745),
    "gmsd": (0.2203, 0.0005, 0.0004, 0.1346, 0.2050),
}
FID = 225.3678
SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])

Pairs = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Reference and distorted pictures: uint8 (5, 384, 512, 3) each."""
    if not PICTURES.is_dir():
        pytest.skip(f"no calibration pictures at {PICTURES}")
    reference, distorted = (
        np.stack([np.asarray(Image.open(PICTURES / side / f"{name}.png").convert("RGB")) for name in NAMES])
        for side in ("reference", "distorted")
    )
    return reference, distorted


def grey(pictures: np.ndarray) -> np.ndarray:
    """Luma as the authors' Matlab has it, rounded to 8 bits, on all three channels."""
    return np.repeat(np.rint(pictures @ np.array(LUMA))[..., None], 3, axis=-1).astype(np.uint8)


def each(function: Callable[..., float], pairs: Pairs) -> list[float]:
    return [function(reference, distorted) for reference, distorted in zip(*pairs, strict=True)]


@pytest.mark.slow
def test_lpips(pairs: Pairs, real_weights: Callable[[str], Path]) -> None:
    values = lpips_frames(*pairs, alexnet.load(real_weights("alexnet")))
    assert values == pytest.approx(PUBLISHED["lpips"], abs=5e-5)


@pytest.mark.slow
def test_dists(pairs: Pairs, real_weights: Callable[[str], Path]) -> None:
    values = dists_frames(*pairs, vgg.load_dists(real_weights("vgg16"), real_weights("dists")))
    assert values == pytest.approx(PUBLISHED["dists"], abs=5e-5)


@pytest.mark.slow
def test_fid(pairs: Pairs, real_weights: Callable[[str], Path]) -> None:
    features = (frame_features(pictures, INCEPTION, real_weights("inception")) for pictures in pairs)
    assert frechet_distance(*features) == pytest.approx(FID, abs=1e-3)


def test_psnr(pairs: Pairs) -> None:
    assert each(psnr, pairs) == pytest.approx(PUBLISHED["psnr"], abs=0.01)


def test_ssim_is_that_of_luma_rounded_to_8_bits(pairs: Pairs) -> None:
    """As Matlab's rgb2gray gives it; ours does not round, and both are one where there is no colour."""
    assert each(ssim, (grey(pairs[0]), grey(pairs[1]))) == pytest.approx(PUBLISHED["ssim"], abs=1e-4)
    not_rounded = np.array(each(lambda a, b: ssim(a, b, color="luma"), pairs)) - PUBLISHED["ssim"]
    assert 1e-3 < np.abs(not_rounded).max() < 1.5e-3


@pytest.mark.slow
def test_fsim(pairs: Pairs) -> None:
    assert each(fsim, pairs) == pytest.approx(PUBLISHED["fsim"], abs=1e-4)


def test_gmsd_is_that_of_luma_rounded_to_8_bits(pairs: Pairs) -> None:
    assert each(gmsd, (grey(pairs[0]), grey(pairs[1]))) == pytest.approx(PUBLISHED["gmsd"], abs=1e-4)
    not_rounded = np.array(each(gmsd, pairs)) - PUBLISHED["gmsd"]
    assert 1e-4 < np.abs(not_rounded).max() < 2.5e-4


def window(sigma: float, side: int) -> np.ndarray:
    weights = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def blurred(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Under the window at every place where it fits."""
    for axis in (0, 1):
        picture = correlate1d(picture, weights, axis=axis)
    edge = len(weights) // 2
    return picture[edge:-edge, edge:-edge]


def scales_of_ssim(reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Mean contrast-structure of four scales, and mean SSIM of the fifth, each half as large as the one before."""
    weights, means = window(1.5, 11), []
    for scale in range(5):
        m, n = blurred(reference, weights), blurred(generated, weights)
        variances = blurred(reference**2, weights) + blurred(generated**2, weights) - m**2 - n**2
        structure = (2 * (blurred(reference * generated, weights) - m * n) + 7.65**2) / (variances + 7.65**2)
        lightness = (2 * m * n + 2.55**2) / (m**2 + n**2 + 2.55**2)
        means.append((structure * (lightness if scale == 4 else 1)).mean())
        reference, generated = (
            picture.reshape(picture.shape[0] // 2, 2, picture.shape[1] // 2, 2).mean((1, 3))
            for picture in (reference, generated)
        )
    return np.array(means)


def test_ms_ssim_is_a_product_of_scales_where_the_table_has_a_mean(pairs: Pairs) -> None:
    """The published row is the weighted mean of the scales; the paper, piq and lsbench multiply them."""
    greys = grey(pairs[0]), grey(pairs[1])
    scales = [scales_of_ssim(*(picture[..., 0].astype(float) for picture in both)) for both in zip(*greys, strict=True)]
    means = [float(scale @ SCALE_WEIGHTS / SCALE_WEIGHTS.sum()) for scale in scales]
    assert means == pytest.approx(PUBLISHED["ms_ssim"], abs=1e-4)
    products = [float(np.prod(scale**SCALE_WEIGHTS)) for scale in scales]
    assert each(ms_ssim, greys) == pytest.approx(products, abs=1e-4)
    of_rgb = np.array(each(ms_ssim, pairs)) - PUBLISHED["ms_ssim"]
    assert np.abs(of_rgb).max() == pytest.approx(0.0477, abs=1e-3)


def pixel_vif(reference: np.ndarray, generated: np.ndarray) -> float:
    """Sheikh and Bovik's pixel domain version, from its description."""
    kept = whole = 0.0
    for scale in range(4):
        side = 2 ** (4 - scale) + 1
        weights = window(side / 5, side)
        if scale:
            reference, generated = (blurred(picture, weights)[::2, ::2] for picture in (reference, generated))
        m, n = blurred(reference, weights), blurred(generated, weights)
        variance = np.maximum(blurred(reference**2, weights) - m**2, 0)
        other = np.maximum(blurred(generated**2, weights) - n**2, 0)
        covariance = blurred(reference * generated, weights) - m * n
        gain = covariance / (variance + 1e-10)
        rest = other - gain * covariance
        gain[variance < 1e-10], rest[variance < 1e-10] = 0, other[variance < 1e-10]
        rest[gain < 0], gain[gain < 0] = other[gain < 0], 0
        kept += np.log10(1 + gain**2 * variance / (np.maximum(rest, 1e-10) + 2)).sum()
        whole += np.log10(1 + variance / 2).sum()
    return float(kept / whole)


def test_vif_is_of_the_pixel_domain_where_the_table_is_not(pairs: Pairs) -> None:
    """The published row is that of steerable pyramids (the authors' vifvec): 0.0172, not 0.0706, for the first pair."""
    luma = [[picture @ np.array(LUMA) for picture in both] for both in zip(*pairs, strict=True)]
    expected = [pixel_vif(*both) for both in luma]
    assert each(vif, pairs) == pytest.approx(expected, abs=1e-3)
    assert np.abs(np.array(expected) - PUBLISHED["vif"]).max() > 0.05


def toy_frames(toy: tuple[Clip, FaceTrack]) -> Pairs:
    """Frames of a toy clip, and the same two frames late."""
    frames = toy[0].frames
    return frames[2:8], frames[:6]


@pytest.mark.slow
def test_fid_of_toy_frames_is_that_of_pytorch_fid(
    toy: tuple[Clip, FaceTrack], real_weights: Callable[[str], Path]
) -> None:
    path, values = real_weights("inception"), []
    for engine in ("torch", "pytorch-fid"):
        features = [frame_features(frames, INCEPTION, path, engine=engine) for frames in toy_frames(toy)]
        values.append((features, frechet_distance(*features)))
    (ours, value), (theirs, expected) = values
    assert np.std(theirs) > 0.1
    assert np.abs(np.array(ours) - np.array(theirs)).max() < 1e-3
    assert value == pytest.approx(expected, rel=1e-4)
    assert expected > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("net", "weights"), [("alex", "alexnet"), ("vgg", "vgg16")])
def test_lpips_of_toy_frames_is_that_of_the_package(
    net: str, weights: str, toy: tuple[Clip, FaceTrack], real_weights: Callable[[str], Path], one_thread: None
) -> None:
    package = pytest.importorskip("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = package.LPIPS(net=net, pnet_rand=True, verbose=False)
    network = (alexnet if net == "alex" else vgg).load(real_weights(weights))
    state = checkpoint.read_state(real_weights(weights))
    for name, value in peer.net.state_dict().items():
        value.copy_(state["features." + name.split(".", 1)[1]])
    reference, generated = toy_frames(toy)
    with torch.inference_mode():
        x, y = (torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1 for frames in (reference, generated))
        theirs = peer(x, y).flatten().numpy()
    assert theirs.min() > 1e-4
    assert lpips_frames(reference, generated, network) == pytest.approx(theirs, abs=1e-5)
