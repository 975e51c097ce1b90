"""A batch on its device: windows as the networks take them, the target's lower half masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from baselines.training.windows import Windows


@dataclass(frozen=True)
class Batch:
    """Windows on a device, as the networks take them.

    face: float32 (N, 6, size, size) in [0, 1], identity frame and pose prior (the target, its lower half 0). target:
    float32 (N, 3, size, size). mel, other_mel: float32 (N, 1, 80, 27). blend: float32 (N,) in [0, 1), where between
    real and generated the gradient penalty looks.
    """

    face: Tensor
    mel: Tensor
    target: Tensor
    other_mel: Tensor
    blend: Tensor


def to_batch(windows: Windows, blend: np.ndarray, size: int, device: torch.device) -> Batch:
    """Windows moved to a device and scaled: 8-bit levels over 255, faces averaged down to `size` px where larger."""

    def images(levels: Tensor) -> Tensor:
        pixels = levels.permute(0, 3, 1, 2).float().div_(255)
        return pixels if pixels.shape[2] == size else functional.avg_pool2d(pixels, pixels.shape[2] // size)

    def sound(steps: Tensor) -> Tensor:
        return steps.transpose(1, 2).unsqueeze(1).contiguous()

    identity, target, mel, other_mel, where = (
        torch.from_numpy(each).to(device, non_blocking=True)
        for each in (windows.identity, windows.target, windows.mel, windows.other_mel, blend)
    )
    pose = target.clone()
    pose[:, pose.shape[1] // 2 :] = 0
    face = torch.cat([identity, pose], 3)  # of bytes, a quarter of the floats'
    return Batch(images(face), sound(mel), images(target), sound(other_mel), where)
