"""Frames through PyTorch in batches, such that a frame's value has the same bits in every batch and on any threads.

A network whose sums depend on the size of the batch is given batches of one size: images() fills up the last.
On the CPU a batch runs on one thread, and as many batches run at once as the process has threads: which kernels PyTorch
takes, and so the last bits, depend on the thread count of an operation. It takes yet other kernels for a batch of one,
so a single frame is run twice over.

On a device, which is all that is no CPU, batches are as large as its memory allows, and their size may move last bits.
Threads may share a device: one at a time hands it a batch, the others read and prepare theirs meanwhile.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from lsbench.errors import MetricError

AT_ONCE_BYTES = 4 << 30  # memory of the batches of a large network that run at once, unless one alone takes more
MOST_THREADS = 16  # batches at once: bounds memory on machines with many cores
DEVICE_BATCH = 128  # the most frames a batch on a device: a clip of GRID is one

Batch = TypeVar("Batch")
Done = TypeVar("Done")

_log = logging.getLogger(__name__)
_handing_over = threading.Lock()  # a batch to a device


def sized(work: Callable[[int], Done], device: str, on_cpu: int, frame_bytes: int) -> Done:
    """work(most): something computed in batches of at most `most` frames.

    That is `on_cpu` frames on the CPU, and as many as device_batch() says elsewhere. Where a device lacks the memory
    after all, since others took it meanwhile, all of it is done once more in batches of half the size.

    Args:
        work: is given the most frames a batch.
        device: where it runs.
        on_cpu: frames a batch there.
        frame_bytes: memory that one frame takes on its way through the network.

    Raises:
        MetricError: where half as many frames do not fit either.
    """
    if device == "cpu":
        return work(on_cpu)
    most = device_batch(device, frame_bytes)
    try:
        return work(most)
    except torch.OutOfMemoryError:
        _log.info("device %s has no memory for %d frames at once", device, most)
    # Behind the handler: the error would keep the tensors of the first trial alive.
    torch.cuda.empty_cache()
    try:
        return work(max(1, most // 2))
    except torch.OutOfMemoryError as error:
        raise MetricError(
            f"device {device}: {most} frames at once do not fit its memory, nor do half as many. Free memory on it, "
            "pass fewer --workers, or --device cpu"
        ) from error


def device_batch(device: str, frame_bytes: int) -> int:
    """Frames a batch on a device: DEVICE_BATCH, halved until they take at most half of the memory that is free."""
    most, room = DEVICE_BATCH, _free_bytes(device)
    while most > 1 and room is not None and most * frame_bytes > room // 2:
        most //= 2
    return most


def _free_bytes(device: str) -> int | None:
    """Memory of a device that nobody uses; None where it does not say."""
    if torch.device(device).type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def even(frames: int, most: int) -> list[slice]:
    """`frames` as slices of even length, of at most `most` frames."""
    count = math.ceil(frames / most)
    edges = [frames * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


@dataclass(frozen=True)
class Batching:
    """How many frames a network of frames of any size takes at once.

    Attributes:
        frames, pixels: on the CPU the most in a batch, but for 3 frames.
        alone: px of a frame from which on frames run one by one there.
        pixel_bytes: memory that a pixel takes on its way through, which bounds batches on a device, and on the CPU how
            many run side by side.
    """

    frames: int
    pixels: int
    pixel_bytes: int
    alone: int = 1 << 62

    def on_cpu(self, frame_pixels: int) -> int:
        """The most frames a batch there."""
        return 1 if frame_pixels >= self.alone else min(self.frames, max(3, self.pixels // frame_pixels))

    def least(self, frame_pixels: int, device: str) -> int:
        """Frames that a batch must have for a frame's bits to be those of any batch."""
        return 2 if device == "cpu" and frame_pixels < self.alone else 1

    def at_once(self, batch_pixels: int) -> int:
        """Batches that may run side by side."""
        return max(1, AT_ONCE_BYTES // (self.pixel_bytes * batch_pixels))


def images(frames: np.ndarray, device: str, least: int = 2) -> Tensor:
    """Frames uint8 (B, H, W, 3) as float32 (B, 3, H, W), 0 to 255, in the memory order of frames.

    Where there are fewer than `least`, the last is repeated. They are bytes on their way to a device, out of memory
    that it reads by itself.
    """
    batch = torch.tensor(frames[:0]).new_empty(frames.shape, pin_memory=torch.device(device).type == "cuda")
    np.copyto(batch.numpy(), frames)
    batch = batch.to(device, non_blocking=True)
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


def each(
    function: Callable[[Batch], Done], batches: Sequence[Batch], device: str, at_once: int = MOST_THREADS
) -> list[Done]:
    """function() of every batch, in order and without gradients; on the CPU up to `at_once` side by side.

    What it gives should stay on the device: a copy waits until the batch is computed, and nothing else is handed over
    meanwhile.
    """

    def run(batch: Batch) -> Done:
        with _exact(device):
            return function(batch)

    if device != "cpu":
        return [run(batch) for batch in batches]
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(
            min(threads, len(batches), MOST_THREADS, at_once), "batch", torch.set_num_threads, (1,)
        ) as pool:
            return list(pool.map(run, batches))
    finally:
        torch.set_num_threads(threads)  # part of the setting is global to the process


@contextmanager
def _exact(device: str) -> Iterator[None]:
    """Full float32, and the same convolution every time; those settings are global to the process."""
    with torch.inference_mode():
        if device == "cpu":
            yield
        else:
            exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
            with _handing_over, exact:
                yield
