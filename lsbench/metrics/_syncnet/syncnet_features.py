"""What SyncNet makes of a clip: one embedding for every five frames of the face, one for the sound that goes with them.

PyTorch is imported where a network runs, so that naming a metric stays cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbench.errors import MetricError
from lsbench.media.spectra import mfcc
from lsbench.metrics._syncnet.syncnet_crop import SIZE
from lsbench.networks import weights
from lsbench.networks.feature_cache import cached_features, machine

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 16000  # Hz
FRAME_SAMPLES = 640  # of a frame at 25 a second
_STEPS_PER_FRAME = 4  # MFCC
_FACES, _SOUNDS = 4, 24  # windows a batch where they are fastest on two AVX-512 cores
_WINDOW_BYTES = 8 << 20  # memory that a window of faces takes on its way through, as measured and a quarter more


def face_embeddings(faces: np.ndarray, path: Path, device: str = "cpu", *, keep: bool = False) -> np.ndarray:
    """Embeddings float32 (T - 4, 1024) of faces uint8 (T, 224, 224, 3) RGB at 25 frames a second, T >= 5.

    Row i is of frames i to i + 4, by the weights in the file `path`. keep: on disk, to read when they are asked again.
    """
    from lsbench.networks import syncnet

    if faces.dtype != np.uint8 or faces.shape[1:] != (SIZE, SIZE, 3) or len(faces) < syncnet.FRAMES:
        raise MetricError(
            f"SyncNet: faces are {faces.dtype} {faces.shape}; "
            f"expected uint8 ({syncnet.FRAMES} or more, {SIZE}, {SIZE}, 3)"
        )
    network = syncnet.load(path, device)
    windows = np.lib.stride_tricks.sliding_window_view(faces[..., ::-1], syncnet.FRAMES, axis=0)

    def compute() -> np.ndarray:
        return _embed(windows, (SIZE, SIZE, -1), network.faces, _FACES, device, path)

    if not keep:
        return compute()
    maker = ["syncnet", syncnet.REVISION, weights.sha256(path), *machine(device)]
    return cached_features(faces, maker, (len(windows), syncnet.WIDTH), compute)


def sound_embeddings(samples: np.ndarray, path: Path, device: str = "cpu") -> np.ndarray:
    """Embeddings float32 (n, 1024) of int16 (N,) mono sound at 16 kHz, N > 3280; row i is of 0.2 s from 40 i ms on."""
    from lsbench.networks import syncnet

    cepstra = mfcc(samples, SAMPLE_RATE).astype(np.float32)
    if len(cepstra) < syncnet.STEPS:
        raise MetricError(f"SyncNet: {len(samples)} samples of sound; expected more than 0.205 s at {SAMPLE_RATE} Hz")
    windows = np.lib.stride_tricks.sliding_window_view(cepstra, syncnet.STEPS, axis=0)[::_STEPS_PER_FRAME]
    network = syncnet.load(path, device)
    return _embed(windows, (*windows.shape[1:], 1), network.sound, _SOUNDS, device, path)


def _embed(
    windows: np.ndarray,
    shape: tuple[int, ...],
    tower: Callable[[Tensor], Tensor],
    most: int,
    device: str,
    path: Path,
) -> np.ndarray:
    """Each window, reshaped to (h, w, channels), through a tower of the network: float32 (n, 1024).

    All batches are of one size: sums over the many inputs of the last layers depend on it by their last bits.
    """
    import torch

    from lsbench.networks import batches

    def embed(size: int) -> Tensor:
        size = size if device == "cpu" else min(size, len(windows))

        def run(part: slice) -> Tensor:
            count = len(windows[part])
            return tower(batches.images(windows[part].reshape(count, *shape), device, size))[:count]

        parts = [slice(start, start + size) for start in range(0, len(windows), size)]
        return torch.cat(batches.each(run, parts, device))

    found = batches.sized(embed, device, most, _WINDOW_BYTES).cpu().numpy()
    if not np.isfinite(found).all():
        raise MetricError(
            f"SyncNet: an embedding is not finite; are the weights in {path} whole? Run lsbench weights verify"
        )
    return found
