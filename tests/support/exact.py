"""The exact colours of decoded frames, in float64: what every pixel format is held against."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}  # of red and blue


def rgb(y: np.ndarray, u: np.ndarray, v: np.ndarray, bits: int = 8, matrix: str = "bt601", full: bool = False):  # type: ignore[no-untyped-def]
    """Y'CbCr, (H, W) each, to R'G'B' in 8-bit levels, float64 (H, W, 3), clipped to [0, 255]: H.273's equations."""
    red, blue = WEIGHTS[matrix]
    unit = 2.0 ** (bits - 8)
    black, light, chroma = (0, 256 * unit - 1, 256 * unit - 1) if full else (16 * unit, 219 * unit, 224 * unit)
    luma = (y.astype(np.float64) - black) / light
    cb, cr = ((plane.astype(np.float64) - 128 * unit) / chroma for plane in (u, v))
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(255 * np.stack([r, g, b], axis=-1), 0, 255)


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """The planes of a planar frame, each (rows, columns), without what pads them."""
    deep = frame.format.components[0].bits > 8
    rows = [np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    samples = [row.view(np.uint16) if deep else row for row in rows]
    return [part[: plane.height, : plane.width] for part, plane in zip(samples, frame.planes, strict=True)]


def picture(frame: av.VideoFrame, matrix: str = "bt601", full: bool = False) -> np.ndarray:
    """A decoded frame in RGB, float64 (H, W, 3): pixels share a sample of chroma; RGB as it is."""
    if frame.format.is_rgb:
        return frame.to_ndarray(format="rgb24").astype(np.float64)
    y, u, v = planes(frame)[:3]
    tall, wide = -(-y.shape[0] // u.shape[0]), -(-y.shape[1] // u.shape[1])
    u, v = (plane.repeat(tall, 0).repeat(wide, 1)[: y.shape[0], : y.shape[1]] for plane in (u, v))
    return rgb(y, u, v, frame.format.components[0].bits, matrix, full)


def pictures(path: Path) -> np.ndarray:
    """Every picture of a file that names no colours, in decoding order: float64 (N, H, W, 3)."""
    with av.open(str(path)) as container:
        return np.stack([picture(frame) for frame in container.decode(video=0)])


def alike(frames: np.ndarray, exact: np.ndarray) -> bool:
    """Whether frames, uint8, have the shape of the exact ones and are at most one level from them."""
    return frames.shape == exact.shape and bool(np.abs(frames - exact).max() <= 1)
