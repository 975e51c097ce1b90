"""SSIM and PSNR of uint8 frames against scikit-image, piq and torchmetrics, in one run: `python bench/ssim.py`.

Every round times all of them in turn, each after a pause in which the threads of the one before go to sleep, and after
one untimed call of its own; a line gives the median and how many times longer it takes than lsbench's form of the same
work. Peers start from the same uint8 arrays and make their own conversion. `off` is the largest difference from
scikit-image in a frame's SSIM; torchmetrics also averages the blurred border, which is another number.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np
import piq
import torch
import torchmetrics.functional.image as torchmetrics
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from lsbench.metrics.psnr import psnr_frames
from lsbench.metrics.ssim import LUMA, ssim_frames, ssim_torch

PAUSE_S = 0.1
SIZES = {(288, 360): 25, (96, 96): 75}  # frames of each size

Frames = np.ndarray
Score = Callable[[Frames, Frames], np.ndarray]


def textured(height: int, width: int, frames: int) -> tuple[Frames, Frames]:
    """Moving texture and a blurred, noisy copy: two uint8 (T, H, W, 3)."""
    random = np.random.default_rng(0)
    texture = random.integers(0, 256, (height // 8 + 8, width // 8 + 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    reference = np.stack([texture[i % 50 : height + i % 50, i % 40 : width + i % 40] for i in range(frames)])
    generated = (reference + np.roll(reference, 1, axis=2)) / 2 + random.normal(0, 10, reference.shape)
    return reference.astype(np.uint8), np.clip(generated, 0, 255).astype(np.uint8)


def contenders(color: str) -> dict[str, Score]:
    """What is timed: (reference, generated) -> SSIM of each frame."""

    def with_psnr(reference: Frames, generated: Frames) -> np.ndarray:
        psnr_frames(reference, generated, color=color)
        return ssim_frames(reference, generated, color=color)

    def plane(frames: Frames) -> Frames:
        return frames @ np.array(LUMA) if color == "luma" else frames

    def skimage(reference: Frames, generated: Frames) -> np.ndarray:
        options = {"channel_axis": None if color == "luma" else 2, "gaussian_weights": True, "sigma": 1.5}
        return np.array(
            [
                structural_similarity(plane(x), plane(y), data_range=255, use_sample_covariance=False, **options)
                for x, y in zip(reference, generated, strict=True)
            ]
        )

    def skimage_with_psnr(reference: Frames, generated: Frames) -> np.ndarray:
        for x, y in zip(reference, generated, strict=True):
            peak_signal_noise_ratio(plane(x), plane(y), data_range=255)
        return skimage(reference, generated)

    def tensors(*both: Frames) -> list[torch.Tensor]:
        tensors = [torch.from_numpy(frames).permute(0, 3, 1, 2).float() for frames in both]
        weights = torch.tensor(LUMA).view(1, 3, 1, 1)
        return [(images * weights).sum(1, keepdim=True) for images in tensors] if color == "luma" else tensors

    def by_piq(reference: Frames, generated: Frames) -> np.ndarray:
        return piq.ssim(*tensors(reference, generated), data_range=255, downsample=False, reduction="none").numpy()

    def by_torchmetrics(reference: Frames, generated: Frames) -> np.ndarray:
        x, y = tensors(generated, reference)
        score = torchmetrics.structural_similarity_index_measure
        return score(x, y, data_range=255.0, reduction="none").numpy()  # type: ignore[union-attr]

    def torch_form(reference: Frames, generated: Frames) -> np.ndarray:
        x, y = (torch.from_numpy(frames).permute(0, 3, 1, 2) for frames in (reference, generated))
        return ssim_torch(x, y, color=color).numpy()

    return {
        "lsbench ssim": lambda *both: ssim_frames(*both, color=color),
        "lsbench ssim + psnr": with_psnr,
        "lsbench ssim_torch": torch_form,
        "scikit-image ssim": skimage,
        "scikit-image ssim + psnr": skimage_with_psnr,
        "piq ssim": by_piq,
        "torchmetrics ssim": by_torchmetrics,
    }


def compare(height: int, width: int, color: str, threads: int, rounds: int) -> None:
    """Time all contenders in turn and print their medians and ratios."""
    numba.set_num_threads(threads)
    torch.set_num_threads(threads)
    reference, generated = textured(height, width, SIZES[height, width])
    rivals = contenders(color)
    scores = {name: score(reference, generated) for name, score in rivals.items()}
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, score in rivals.items():
            time.sleep(PAUSE_S)
            score(reference, generated)  # untimed: wakes the cores and its own threads
            start = time.perf_counter()
            score(reference, generated)
            seconds[name].append(time.perf_counter() - start)
    print(f"\n{width} x {height} {color}, {threads} thread{'s' * (threads > 1)}   ms a frame   ratio     off")
    for name, times in seconds.items():
        ours = "lsbench ssim + psnr" if name.endswith("psnr") else "lsbench ssim"
        ratio = statistics.median(times) / statistics.median(seconds[ours])
        off = np.abs(scores[name] - scores["scikit-image ssim"]).max()
        print(f"{name:<26}{1000 * statistics.median(times) / len(reference):>12.3f}{ratio:>9.1f}x{off:>9.0e}")


def compare_psnr(rounds: int) -> None:
    """Time PSNR alone."""
    for height, width in SIZES:
        reference, generated = textured(height, width, SIZES[height, width])
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            start = time.perf_counter()
            ours = psnr_frames(reference, generated)
            middle = time.perf_counter()
            pairs = zip(reference, generated, strict=True)
            peers = np.array([peak_signal_noise_ratio(x, y, data_range=255) for x, y in pairs])
            seconds[0].append(middle - start)
            seconds[1].append(time.perf_counter() - middle)
        ours_ms, peer_ms = (1000 * statistics.median(times) / len(reference) for times in seconds)
        off = np.abs(ours - peers).max()
        print(f"psnr {width} x {height}: {ours_ms:.4f} ms, scikit-image {peer_ms:.4f} ms", end="")
        print(f", {peer_ms / ours_ms:.1f}x, off {off:.0e} dB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for threads in arguments.threads:
        for height, width in SIZES:
            for color in ("rgb", "luma"):
                compare(height, width, color, threads, arguments.rounds)
    compare_psnr(arguments.rounds)
