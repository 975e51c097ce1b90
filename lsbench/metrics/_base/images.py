"""What every image metric asks of its input: two uint8 RGB arrays of one shape, or tensors that become such.

Images are NumPy arrays, uint8 (T, H, W, 3) or (H, W, 3) RGB; or torch tensors on any device, (T, H, W, 3), (T, 3, H, W)
or one image without T, uint8, or floating point with the levels said: levels=(0, 1) where 0 is black and 1 white. A
tensor whose second and last axes are both 3 is refused, for it can be read both ways. Floating-point levels are rounded
to the nearest of 256, so that a tensor and the video that it becomes have one score. Nothing here carries a gradient.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from lsbench.errors import MetricError

if TYPE_CHECKING:
    import torch

Images: TypeAlias = "np.ndarray | torch.Tensor"
Levels: TypeAlias = "tuple[float, float] | None"

COLORS = ("rgb", "luma")  # luma: 0.299 R + 0.587 G + 0.114 B (BT.601, full range, not rounded)
PEAK = 255  # the largest 8-bit level
OUTSIDE = 1e-3  # of the range: how far a level may lie outside it and be rounding

_EXPECTED = "expected a NumPy array, uint8 RGB, (frames, height, width, 3) or (height, width, 3), or a torch tensor"


def checked_frames(metric: str, reference: Any, generated: Any, levels: Levels = None) -> tuple[np.ndarray, np.ndarray]:
    """Both as contiguous uint8 (T, H, W, 3), copied only where they are not.

    Args:
        metric: named in messages.
        reference, generated: images (see the top of this file).
        levels: what black and white are in floating-point tensors.

    Raises:
        MetricError: where they are no such images, saying how to convert others.
    """
    both = _checked(metric, "reference", reference, levels), _checked(metric, "generated", generated, levels)
    if both[0].shape != both[1].shape or np.ndim(reference) != np.ndim(generated):
        raise MetricError(
            f"{metric}: reference is {tuple(reference.shape)}, generated {tuple(generated.shape)}; expected one shape. "
            "Cut or resize the generated frames first"
        )
    return both


def _checked(metric: str, which: str, frames: Any, levels: Levels) -> np.ndarray:
    if "torch" in sys.modules and isinstance(frames, sys.modules["torch"].Tensor):
        frames = _of_tensor(metric, which, frames, levels)
    if not isinstance(frames, np.ndarray):
        kind = f"{type(frames).__module__}.{type(frames).__qualname__}".removeprefix("builtins.")
        raise MetricError(f"{metric}: {which} is a {kind}; {_EXPECTED}. Convert it with numpy.asarray(frames)")
    given = f"{metric}: {which} is {frames.dtype} {frames.shape}; {_EXPECTED}"
    if frames.dtype.kind == "f":
        raise MetricError(f"{given}. From [0, 1]: numpy.rint(frames * 255).astype(numpy.uint8)")
    if frames.dtype != np.uint8:
        raise MetricError(f"{given}. From whole levels 0 to 255: frames.astype(numpy.uint8)")
    if frames.ndim not in (3, 4) or frames.shape[-1] != 3:
        raise MetricError(f"{given}. Grey to RGB: numpy.stack([frames] * 3, axis=-1); RGBA to RGB: frames[..., :3]")
    if 0 in frames.shape:
        raise MetricError(f"{given}, none of them 0")
    return np.ascontiguousarray(frames.reshape(-1, *frames.shape[-3:]))


def _of_tensor(metric: str, which: str, images: torch.Tensor, levels: Levels) -> np.ndarray:
    """A tensor as uint8 (T, H, W, 3) or (H, W, 3)."""
    import torch

    given = f"{metric}: {which} is a tensor, {images.dtype} {tuple(images.shape)}"
    if images.ndim not in (3, 4) or 3 not in (images.shape[-3], images.shape[-1]):
        raise MetricError(f"{given}; expected (frames, height, width, 3) or (frames, 3, height, width)")
    if images.shape[-3] == images.shape[-1]:
        raise MetricError(f"{given}, which can be read both ways; pass numpy arrays (frames, height, width, 3)")
    images = images.detach()
    if images.shape[-3] == 3:
        images = images.movedim(-3, -1)
    if images.is_floating_point():
        images = _eight_bit(given, images, levels)
    elif images.dtype != torch.uint8:
        raise MetricError(f"{given}; expected uint8, or floating point with its levels. Convert it: x.to(torch.uint8)")
    elif levels is not None:
        raise MetricError(f"{given}; uint8 has the levels 0 to 255, leave out levels={levels}")
    return images.cpu().numpy()


def _eight_bit(given: str, images: torch.Tensor, levels: Levels) -> torch.Tensor:
    import torch

    if levels is None:
        raise MetricError(f"{given}; say what black and white are, such as levels=(0, 1) or levels=(-1, 1)")
    black, white = levels
    if not black < white:
        raise MetricError(f"levels={levels}; expected black before white, such as (0, 1)")
    shares = (images.double() - black) / (white - black)
    if shares.numel():
        low, high = (float(level) for level in torch.aminmax(shares))
        if not (low >= -OUTSIDE and high <= 1 + OUTSIDE):
            raise MetricError(
                f"{given} with levels from {black + low * (white - black):g} to {black + high * (white - black):g}; "
                f"expected {black:g} to {white:g}. Clamp them, or say the levels that they have"
            )
    return (shares.clamp(0, 1) * PEAK).round().to(torch.uint8)
