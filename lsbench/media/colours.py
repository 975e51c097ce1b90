"""The colours of decoded frames: every pixel format to 8-bit RGB, by the matrix and the range that the file names."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

_FULL_RANGE = 2  # of FFmpeg's AVColorRange; 0 is unspecified
BT709 = 1  # its number in H.273
# Luma weights (red, blue) by the number that H.273 gives a matrix; BT.2020 as if its luminance were not constant.
_BT709, _BT601, _BT2020 = (0.2126, 0.0722), (0.299, 0.114), (0.2627, 0.0593)
_WEIGHTS = {BT709: _BT709, 4: (0.30, 0.11), 5: _BT601, 6: _BT601, 7: (0.212, 0.087), 9: _BT2020, 10: _BT2020}
_HIGH_RANGE = {16: "PQ", 18: "HLG"}  # transfers by their numbers in H.273
_SUBSAMPLED = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440"}
TRANSPARENT = "partly transparent, shown over black"
_UNNAMED = "names no colour matrix: read by BT.709, as players read pictures of this size"


def is_high_definition(height: int, width: int) -> bool:
    """Whether players read pictures of that size, px, by BT.709 where no matrix is named; else by BT.601."""
    return width >= 1280 or height > 576


class Converter:
    """Frames of one pixel format to RGB, each channel at most one level from the exact conversion.

    Y'CbCr and grey of 8 to 16 bits are converted by a loop of our own (planes_kernel.py): swscale's quick way reads
    4:2:0 about a level too dark, and its accurate ways take ten times as long. A chroma sample colours all the pixels
    that share it, as in swscale's quick way; nothing is interpolated. Every other format goes through swscale, which
    leaves 8-bit RGB as it is.

    A file that names no matrix is read as players read it (mpv, VLC and libplacebo agree): by BT.709 where it is at
    least 1280 px wide or more than 576 high, else by BT.601. Grey that names no range has the full one, as FFmpeg has
    it. What is partly transparent is shown over black. High dynamic range is not mapped to that of a display.

    Args:
        frame: the first of the frames, a PyAV VideoFrame.
    """

    def __init__(self, frame: Any) -> None:
        format = frame.format
        parts = [part for part in format.components if not part.is_alpha]
        self._reformatter: VideoReformatter | None = None
        self._alpha = len(parts) < len(format.components) or format.has_palette
        bits = max(part.bits for part in parts)
        luma = not (format.is_rgb or format.has_palette or format.name.startswith("xyz")) and 8 <= bits <= 16
        self._planes: _Planes | None = None
        if luma and len(parts) == 3:
            self._format = _planar(format, parts, bits, self._alpha)
            self._planes = _Planes(frame, bits, (parts[0].height > parts[1].height, parts[0].width > parts[1].width))
        elif luma and not self._alpha:
            self._format = format.name.replace("be", "le")
            self._planes = _Planes(frame, bits, None)
        else:
            self._format = ("rgba64le" if bits > 8 else "rgba") if self._alpha else "rgb48le" if bits > 8 else "rgb24"
        tone = _HIGH_RANGE.get(frame.color_trc)
        self.notes = [f"high dynamic range ({tone}), not mapped to that of a display"] if tone else []
        if luma and len(parts) == 3 and frame.colorspace not in _WEIGHTS and is_high_definition(*_size(frame)):
            self.notes.append(_UNNAMED)

    def convert(self, frame: Any, out: np.ndarray) -> None:
        """Fill out, uint8 (H, W, 3) and contiguous, with a frame of this format."""
        if frame.format.name != self._format or frame.planes[0].line_size < 0:
            self._reformatter = self._reformatter or VideoReformatter()
            frame = self._reformatter.reformat(frame, format=self._format, threads=1)
        if self._planes is not None:
            self._planes.convert(frame, out)
            if not self._alpha:
                return
            alpha = _samples(frame.planes[3], self._planes.bits)[:, : frame.width]
            most = (1 << self._planes.bits) - 1
        else:
            deep = "16" in self._format or "48" in self._format or "64" in self._format
            pixels = _samples(frame.planes[0], 16 if deep else 8)
            pixels = pixels[:, : (4 if self._alpha else 3) * frame.width].reshape(*out.shape[:2], -1)
            most = 65535 if deep else 255
            out[:] = pixels[..., :3] if most == 255 else (pixels[..., :3].astype(np.uint32) * 255 + 32767) // 65535
            if not self._alpha:
                return
            alpha = pixels[..., 3]
        if int(alpha.min()) < most:
            weight = alpha[..., None].astype(np.uint32)
            out[:] = (out * weight + most // 2) // most
            if TRANSPARENT not in self.notes:
                self.notes.append(TRANSPARENT)


class _Planes:
    """The numbers of luma and chroma, and what they mean.

    Args:
        frame: the first of the frames.
        bits: of a sample.
        halved: whether chroma has half the rows, and half the columns; None where there is none.
    """

    def __init__(self, frame: Any, bits: int, halved: tuple[bool, bool] | None) -> None:
        from lsbench.media.planes_kernel import FRACTION, kernel

        self.bits = bits
        self._shift = max(0, bits - 15)  # the loop takes 15 bits at most
        bits -= self._shift
        full = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
        full |= halved is None and frame.color_range == 0
        unit = 1 << (bits - 8)
        light, chroma = (256 * unit - 1,) * 2 if full else (219 * unit, 224 * unit)
        red, blue = _WEIGHTS.get(frame.colorspace, _BT709 if is_high_definition(*_size(frame)) else _BT601)
        green = 1 - red - blue
        factors = (
            255 / light,
            *(255 / chroma * factor for factor in (2 * (1 - red), -2 * blue * (1 - blue) / green)),
            *(255 / chroma * factor for factor in (-2 * red * (1 - red) / green, 2 * (1 - blue))),
        )
        self._factors = np.array([round(factor * (1 << (bits + FRACTION))) for factor in factors], np.int16)
        self._black = np.array([0 if full else 16 * unit, 128 * unit], np.int16)
        self._scale = np.int16(1 << (15 - bits))
        self._halved = np.array(halved or (False, False), np.int64)
        self._grey = None if halved else np.full(frame.width, 128 * unit, np.uint8 if bits == 8 else np.uint16)
        self._kernel = kernel(bits > 8)
        self._layout: tuple[int, ...] = ()
        self._strides = self._size = np.zeros(2, np.int64)

    def convert(self, frame: Any, out: np.ndarray) -> None:
        """Fill out, uint8 (H, W, 3) and contiguous, with a frame whose planes are as those of the first."""
        planes = frame.planes
        y, *chroma = [self._flat(plane) for plane in planes[: 1 if self._grey is not None else 3]]
        if self._grey is not None:
            chroma = [self._grey, self._grey]
        layout = planes[0].line_size, 0 if self._grey is not None else planes[1].line_size, *out.shape[:2]
        if layout != self._layout:
            self._layout, self._size = layout, np.array(out.shape[:2])
            self._strides = np.array(layout[:2]) // (1 if self.bits == 8 else 2)
        self._kernel(
            *(y, *chroma, self._strides, out.reshape(-1), self._size),
            *(self._halved, self._scale, self._black, self._factors),
        )

    def _flat(self, plane: Any) -> np.ndarray:
        samples = np.frombuffer(plane, np.uint8 if self.bits == 8 else np.uint16)
        return np.right_shift(samples, self._shift) if self._shift else samples


def _planar(format: Any, parts: list[Any], bits: int, alpha: bool) -> str:
    """The format with a plane each for luma and chroma that swscale makes of another without a loss."""
    halves = (parts[0].width > parts[1].width) + 1, (parts[0].height > parts[1].height) + 1
    apart = [part.plane for part in parts] == [0, 1, 2] and not format.is_big_endian
    quarters = 2 * parts[1].width < parts[0].width or 2 * parts[1].height < parts[0].height
    if apart and not quarters:
        return str(format.name)
    subsampled = "444" if quarters else _SUBSAMPLED[halves]
    return f"yuv{'a' if alpha else ''}{subsampled}p" + (f"{bits}le" if bits > 8 else "")


def _size(frame: Any) -> tuple[int, int]:
    return frame.height, frame.width


def _samples(plane: Any, bits: int) -> np.ndarray:
    """A plane row by row, with what pads its rows: (rows, samples)."""
    return np.frombuffer(plane, np.uint8 if bits <= 8 else np.uint16).reshape(plane.height, -1)
