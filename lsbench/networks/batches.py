"""Frames through PyTorch in batches, such that a frame's value has the same bits in every batch and on any threads.

A network whose sums depend on the size of the batch is given batches of one size: images() fills up the last.
On the CPU a batch runs on one thread, and as many batches run at once as the process has threads: which kernels PyTorch
takes, and so the last bits, depend on the thread count of an operation. It takes yet other kernels for a batch of one,
so a single frame is run twice over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

MOST_THREADS = 16  # batches at once: bounds memory on machines with many cores
DEVICE_BATCH = 16  # the most frames a batch where the device is no CPU

Batch = TypeVar("Batch")
Done = TypeVar("Done")


def cut(frames: int, pixels: int, most: int, frame_pixels: int) -> list[slice]:
    """`frames` as slices of even length, of at most `most` frames and `pixels` px in all, or of 3 frames."""
    count = math.ceil(frames / min(most, max(3, pixels // frame_pixels)))
    edges = [frames * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def images(frames: np.ndarray, device: str, least: int = 2) -> Tensor:
    """Frames uint8 (B, H, W, 3) as float32 (B, 3, H, W), 0 to 255, in the memory order of frames.

    Where there are fewer than `least`, the last is repeated.
    """
    batch = torch.tensor(frames, device=device)
    if len(batch) < least:
        batch = torch.cat([batch, batch[-1:].expand(least - len(batch), -1, -1, -1)])
    return batch.permute(0, 3, 1, 2).float()


def prepared(frames: np.ndarray, device: str, prepare: Callable[[Tensor], Tensor], least: int = 2) -> Tensor:
    """prepare() of images(frames): on the CPU one frame after the other, the same bits in less memory."""
    if device != "cpu":
        return prepare(images(frames, device, least))
    one_by_one = [prepare(images(frames[place : place + 1], device, 1)) for place in range(len(frames))]
    one_by_one += one_by_one[-1:] * (least - len(frames))
    return torch.cat(one_by_one)


def each(function: Callable[[Batch], Done], batches: Sequence[Batch], device: str) -> list[Done]:
    """function() of every batch, in order and without gradients; side by side on the CPU."""

    def run(batch: Batch) -> Done:
        with _exact(device):
            return function(batch)

    if device != "cpu":
        return [run(batch) for batch in batches]
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(min(threads, len(batches), MOST_THREADS), "batch", torch.set_num_threads, (1,)) as pool:
            return list(pool.map(run, batches))
    finally:
        torch.set_num_threads(threads)  # part of the setting is global to the process


@contextmanager
def _exact(device: str) -> Iterator[None]:
    """Full float32, and the same convolution every time."""
    with torch.inference_mode():
        if device == "cpu":
            yield
        else:
            with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                yield
