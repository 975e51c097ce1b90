"""SSIM against closed forms, then scikit-image in float64: kernel and tensor form, any threads, any batch."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
from frames import noisy

from lsbench.errors import MetricError
from lsbench.media.clip import Clip
from lsbench.metrics import _kernels
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.ssim import SSIM, ssim, ssim_frames, ssim_torch
from lsbench.system import compiled

TOLERANCE = 5e-6


def flat(level: int, height: int = 40, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def halves(left: int, right: int) -> np.ndarray:
    frame = flat(left)
    frame[:, 20:] = right
    return frame


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ramp(height: int = 40, width: int = 120) -> np.ndarray:
    return np.tile(np.linspace(0, 255, width).astype(np.uint8)[:, None], (height, 1, 3))


def black_and_white(seed: int) -> np.ndarray:
    return np.where(noise(40, 40, seed) < 128, 0, 255).astype(np.uint8)


def checkered(frame: np.ndarray, levels: int) -> np.ndarray:
    frame = frame.copy()
    frame[::2, ::2] = np.where(frame[::2, ::2] < 128, frame[::2, ::2] + levels, frame[::2, ::2] - levels)
    return frame


CASES = {
    "noise": (noise(50, 70), noise(50, 70, 1)),
    "negative": (noise(50, 70), 255 - noise(50, 70)),
    "noise on noise": (noise(96, 96), noisy(noise(96, 96), 20)),
    "wider than a tile": (noise(20, 300), noisy(noise(20, 300), 20)),
    "one tile exactly": (noise(12, 50), noise(12, 50, 1)),
    "smallest": (noise(11, 11), noise(11, 11, 1)),
    "one position high": (noise(11, 33), noise(11, 33, 1)),
    "one position wide": (noise(33, 11), noise(33, 11, 1)),
    "black, white": (flat(0), flat(255)),
    "flat, near": (flat(254), flat(255)),
    "flat, far": (flat(255), flat(155)),
    "flat, noise": (flat(250), noisy(flat(250), 12)),
    "halves": (halves(255, 135), halves(135, 255)),
    "halves, shifted": (halves(255, 100), halves(175, 20)),
    "halves, checkered": (halves(0, 255), checkered(halves(0, 255), 8)),
    "black and white": (black_and_white(0), black_and_white(1)),
    "ramp, reversed": (ramp(), ramp()[:, ::-1].copy()),
    "ramp, paler": (ramp(), ramp() // 2 + 90),
    "ramp, turned": (ramp(40, 40), ramp(40, 40).transpose(1, 0, 2).copy()),
}


def oracle(reference: np.ndarray, generated: np.ndarray, color: str) -> float:
    """scikit-image's SSIM in float64, its border cropped."""
    score = pytest.importorskip("skimage.metrics").structural_similarity
    x, y = (frame.astype(np.float64) for frame in (reference, generated))
    if color == "luma":
        x, y = (frame @ np.array([0.299, 0.587, 0.114]) for frame in (x, y))
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    channels = None if color == "luma" else 2
    return score(x, y, data_range=255, full=True, channel_axis=channels, **options)[1][5:-5, 5:-5].mean()


def tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames if frames.ndim == 4 else frames[None]).permute(0, 3, 1, 2)


@pytest.fixture
def threads() -> Iterator[None]:
    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


@pytest.mark.parametrize("color", ["rgb", "luma"])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_skimage(case: str, color: str) -> None:
    reference, generated = CASES[case]
    expected = oracle(reference, generated, color)
    assert ssim(reference, generated, color=color) == pytest.approx(expected, abs=TOLERANCE)
    assert ssim_torch(tensor(reference), tensor(generated), color=color).item() == pytest.approx(
        expected, abs=TOLERANCE
    )


@pytest.mark.slow
@pytest.mark.parametrize("color", ["rgb", "luma"])
def test_agrees_with_skimage_on_real_clips(grid: Path, color: str) -> None:
    from lsbench.media.files import read_clip

    for name in ("s1/bbaf2n", "s4/bbae9n"):
        frames = read_clip(grid / f"{name}.mpg", name).frames[10:14]
        for generated in (noisy(frames, 5), np.roll(frames, 1, axis=2), frames // 2 + 40):
            expected = [oracle(x, y, color) for x, y in zip(frames, generated, strict=True)]
            assert ssim_frames(frames, generated, color=color) == pytest.approx(expected, abs=TOLERANCE)
            in_torch = ssim_torch(tensor(frames), tensor(generated), color=color)
            assert in_torch.tolist() == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("color", ["rgb", "luma"])
def test_flat_frames_have_the_closed_form_of_their_brightness(color: str) -> None:
    for a, b in ((0, 255), (10, 12), (200, 100)):
        expected = (2 * a * b + 2.55**2) / (a**2 + b**2 + 2.55**2)
        assert ssim(flat(a), flat(b), color=color) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("color", ["rgb", "luma"])
def test_identity_and_symmetry_are_exact(color: str) -> None:
    for reference, generated in CASES.values():
        assert ssim(reference, reference, color=color) == 1
        assert ssim(reference, generated, color=color) == ssim(generated, reference, color=color)


@pytest.mark.parametrize("color", ["rgb", "luma"])
@pytest.mark.parametrize("shape", [(96, 96), (20, 300)])
def test_threads_and_batches_do_not_change_a_bit(threads: None, shape: tuple[int, int], color: str) -> None:
    reference = np.stack([noise(*shape, seed) for seed in range(13)])
    generated = noisy(reference, 15)
    one_by_one = [ssim(x, y, color=color) for x, y in zip(reference, generated, strict=True)]
    for count in {1, numba.config.NUMBA_NUM_THREADS}:  # type: ignore[attr-defined]
        numba.set_num_threads(count)
        for size in (13, 12, 5, 2):
            found = ssim_frames(reference[:size], generated[:size], color=color)
            assert found.tolist() == one_by_one[:size]


def test_many_threads_may_call_at_once() -> None:
    reference = np.stack([noise(40, 40, seed) for seed in range(8)])
    expected, found = ssim_frames(reference, 255 - reference).tolist(), []

    def call() -> None:
        found.append(ssim_frames(reference, 255 - reference).tolist())

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == [expected] * 6


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_works_after_a_fork() -> None:
    code = (
        "import os, sys, numpy as np\n"
        "from lsbench.metrics.ssim import ssim\n"
        "frames = np.zeros((8, 40, 40, 3), np.uint8)\n"
        "ssim(frames, frames)\n"
        "child = os.fork()\n"
        "if not child: os._exit(0 if ssim(frames, frames) == 1 else 3)\n"
        "sys.exit(os.waitpid(child, 0)[1])"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_compiles_where_nothing_can_be_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(*arguments: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.jit(*arguments, nopython=True, **options)

    monkeypatch.setattr("numba.njit", njit)

    @compiled.compiled(numba.float64[::1])
    def double(values):  # type: ignore[no-untyped-def]
        values *= 2

    values = np.ones(3)
    double(values)
    assert values.tolist() == [2, 2, 2]


@pytest.mark.slow
def test_machine_code_is_kept_in_our_folder_and_no_one_elses_is_moved_there(tmp_path: Path) -> None:
    code = (
        "import numba; from lsbench.metrics._kernels import psnr_kernel; psnr_kernel.kernel(False); "
        "assert not numba.config.CACHE_DIR"
    )
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**env, "LSBENCH_CACHE": str(tmp_path)})
    assert [path.name.split(".")[0] for path in (tmp_path / "numba").rglob("*.nbi")] == ["psnr_kernel"]


@pytest.mark.slow
def test_no_machine_code_beside_the_source_where_the_cache_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    code = "from lsbench.metrics._kernels import psnr_kernel; psnr_kernel.kernel(False)"
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    source = Path(_kernels.__file__).parent
    before = set(source.rglob("*.nb[ci]"))
    subprocess.run([sys.executable, "-c", code], check=True, env={**env, "LSBENCH_CACHE": str(tmp_path / "cache")})
    assert set(source.rglob("*.nb[ci]")) == before


def test_naming_the_metric_imports_nothing_heavy() -> None:
    code = "import sys, lsbench.metrics.ssim, lsbench.metrics.psnr; print({'numba', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def clip_pair(reference: np.ndarray, generated: np.ndarray, device: str = "cpu") -> ClipPair:
    clips = (Clip("a", frames, np.zeros(0, np.float32), 25) for frames in (reference, generated))
    return ClipPair(*clips, device=device)


def test_a_crop_smaller_than_the_window_is_undefined_and_said_so() -> None:
    small, large = np.zeros((2, 10, 40, 3), np.uint8), np.zeros((3, 11, 40, 3), np.uint8)
    metric = SSIM()
    stats = metric.measure(clip_pair(small, small)) + metric.measure(clip_pair(large, large))
    assert np.array_equal(metric.per_frame(stats), [np.nan, np.nan, 1, 1, 1], equal_nan=True)
    assert math.isnan(metric.compute(stats))
    assert metric.note(stats) == "undefined: in 2 of 5 frames the crop is smaller than the 11 x 11 window"
    assert metric.note(metric.measure(clip_pair(large, large))) is None
    with pytest.raises(MetricError, match="40 x 10; expected at least the window, 11 x 11"):
        ssim(small, small)
    with pytest.raises(MetricError, match="40 x 10"):
        ssim_torch(tensor(small), tensor(small))


@pytest.mark.slow
def test_window_and_sigma_are_options() -> None:
    assert SSIM().signature == "ssim.1|region:whole|color:rgb|window:11|sigma:1.5"
    reference, generated = CASES["noise on noise"]
    assert SSIM(window=7).measure(clip_pair(reference[None], generated[None])).rows == 1
    wide, narrow = (ssim(reference, generated, window=window, sigma=1.5) for window in (11, 7))
    assert 0 < abs(wide - narrow) < 0.01
    in_torch = ssim_torch(tensor(reference), tensor(generated), window=7)
    assert in_torch.item() == pytest.approx(narrow, abs=TOLERANCE)
    for bad in ({"window": 10}, {"window": 1}, {"sigma": 0.0}, {"sigma": math.nan}, {"color": "hsv"}):
        with pytest.raises(MetricError, match=f"{next(iter(bad))}="):
            SSIM(**bad)  # type: ignore[arg-type]


def test_the_device_of_networks_moves_no_bit() -> None:
    reference = np.stack([noise(20, 24, seed) for seed in range(5)])
    pairs = [clip_pair(reference, noisy(reference, 20), device=device) for device in ("cpu", "cpu:0")]
    one, other = (SSIM().measure(pair)["ssim"] for pair in pairs)
    assert one.tobytes() == other.tobytes()


def test_tensor_form_takes_other_ranges_and_half_precision() -> None:
    reference, generated = (tensor(frames) for frames in CASES["noise on noise"])
    expected = ssim_torch(reference, generated)
    scaled = ssim_torch(reference.float() / 255, generated.float() / 255, data_range=1)
    assert scaled.dtype == torch.float32
    torch.testing.assert_close(scaled, expected, atol=TOLERANCE, rtol=0)
    half = ssim_torch(reference.half(), generated.half())  # whole levels are exact in half precision
    assert half.dtype == torch.float32 and torch.equal(half, expected)
    double = ssim_torch(reference.double(), generated.double())
    assert double.item() == pytest.approx(oracle(*CASES["noise on noise"], "rgb"), abs=1e-12)
    with torch.autocast("cpu"):
        assert torch.equal(ssim_torch(reference.float(), generated.float()), expected)


def test_tensor_form_is_differentiable() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, 3, 7, 8, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for color in ("rgb", "luma"):
        options = {"color": color, "window": 5, "data_range": 1.0}
        assert torch.autograd.gradcheck(lambda *both: ssim_torch(*both, **options), (x, y))  # noqa: B023
    loss = 1 - ssim_torch(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16, requires_grad=True), data_range=1).mean()
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((1, 3, 16, 16)), "ndarray.*ssim_frames"),
        (torch.zeros(1, 16, 16, 3), "1, 16, 16, 3"),
        (torch.zeros(3, 16, 16), "3, 16, 16"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.int64), "int64"),
        (torch.zeros(0, 3, 16, 16), "no 0"),
        (torch.zeros(2, 3, 16, 16), "one shape"),
    ],
)
def test_tensor_form_refuses_other_input(images: Any, says: str) -> None:
    with pytest.raises(MetricError, match=says):
        ssim_torch(images, torch.zeros(1, 3, 16, 16) if len(images) else images)


@pytest.mark.parametrize(
    ("reference", "generated", "options", "says"),
    [
        ([0, math.nan], [0, 1], {"data_range": 1}, "reference has levels from nan to nan"),
        ([0, 1], [0, math.inf], {"data_range": 1}, "generated has levels from 0 to inf; expected 0 to data_range, 1"),
        ([0, 1], [-0.1, 1], {"data_range": 1}, "generated has levels from -0.1 to 1"),
        ([0, 255], [0, 256], {}, "expected 0 to data_range, 255"),
        ([0, 0.9], [0, 1], {}, r"From \[0, 1\]: pass data_range=1"),
    ],
)
def test_tensor_form_refuses_levels_out_of_range(
    reference: list[float], generated: list[float], options: dict[str, float], says: str
) -> None:
    images = (torch.tensor(levels, dtype=torch.float32).repeat(1, 3, 16, 8) for levels in (reference, generated))
    with pytest.raises(MetricError, match=says):
        ssim_torch(*images, **options)
    with pytest.raises(MetricError, match=r"torch.uint8, generated torch.float32; expected levels alike"):
        ssim_torch(torch.zeros(1, 3, 16, 16, dtype=torch.uint8), torch.zeros(1, 3, 16, 16))
