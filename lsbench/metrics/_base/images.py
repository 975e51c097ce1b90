"""What every image metric asks of its input: two uint8 RGB arrays of one shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsbench.errors import MetricError

COLORS = ("rgb", "luma")  # luma: 0.299 R + 0.587 G + 0.114 B (BT.601, full range, not rounded)
PEAK = 255  # the largest 8-bit level

_EXPECTED = "expected a NumPy array, uint8 RGB, (frames, height, width, 3) or (height, width, 3)"


def checked_frames(metric: str, reference: Any, generated: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as contiguous uint8 (T, H, W, 3), copied only where they are not; MetricError says how to convert others."""
    both = _checked(metric, "reference", reference), _checked(metric, "generated", generated)
    if reference.shape != generated.shape:
        raise MetricError(
            f"{metric}: reference is {reference.shape}, generated {generated.shape}; expected one shape. "
            "Cut or resize the generated frames first"
        )
    return both


def _checked(metric: str, which: str, frames: Any) -> np.ndarray:
    if not isinstance(frames, np.ndarray):
        kind = f"{type(frames).__module__}.{type(frames).__qualname__}".removeprefix("builtins.")
        hint = "frames.permute(0, 2, 3, 1).cpu().numpy()" if kind.startswith("torch.") else "numpy.asarray(frames)"
        raise MetricError(f"{metric}: {which} is a {kind}; {_EXPECTED}. Convert it, for instance with {hint}")
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
