"""libvmaf in a process of its own: an ffmpeg that has it, two raw videos, and the value of each frame."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.metrics._base.extras import lacking, remedy

EXTRA = "vmaf"
FPS = 25  # that ffmpeg is told; no value depends on it
SECONDS, SECONDS_A_MEGAPIXEL = 60.0, 2.0  # that a process may take: hundreds of times what it does
GREY = 128  # chroma, which VMAF does not look at


def why_not() -> str | None:
    """Why libvmaf cannot be run here, with the remedy; None where it can."""
    try:
        _program()
    except MetricError as error:
        return str(error)
    return None


def frame_values(
    reference: npt.NDArray[np.uint8], generated: npt.NDArray[np.uint8], model: str
) -> npt.NDArray[np.float64]:
    """VMAF of each frame.

    Args:
        reference, generated: uint8 (T, h, w, 3) RGB of one shape, 17 px a side or more.
        model: one that is built in, such as `vmaf_v0.6.1`.

    Returns:
        float64 (T,), of six decimals.

    Raises:
        MetricError: where there is no ffmpeg with libvmaf, or it fails, takes too long, or gives no value a frame.
    """
    frames, height, width = reference.shape[:3]
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        try:
            for name, pictures in (("reference", reference), ("generated", generated)):
                _write(Path(folder, name), pictures)
        except OSError as error:
            raise MetricError(
                f"vmaf: {tempfile.gettempdir()} cannot hold {frames} frames of {width} x {height} px twice ({error}); "
                "set TMPDIR to a folder with room"
            ) from error
        raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{width}x{height}", "-framerate", str(FPS)]
        arguments = [
            *("-hide_banner", "-nostdin", "-loglevel", "error"),
            *(*raw, "-i", "generated", *raw, "-i", "reference"),
            *("-lavfi", f"[0:v][1:v]libvmaf=model=version={model}:log_fmt=json:log_path=values"),
            *("-f", "null", "-"),
        ]
        _run(arguments, folder, SECONDS + SECONDS_A_MEGAPIXEL * frames * height * width / 1e6)
        return _read(Path(folder, "values"), frames)


def luma(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """BT.601 luma of limited range, 16 to 235: uint8 (h, w, 3) RGB -> uint8 (h, w), rounded half up.

    16 + (65.481 R + 128.553 G + 24.966 B) / 255, in whole numbers.
    """
    red, green, blue = (frame[..., channel].astype(np.int32) for channel in range(3))
    return ((65481 * red + 128553 * green + 24966 * blue + 127500) // 255000 + 16).astype(np.uint8)


def _write(path: Path, frames: npt.NDArray[np.uint8]) -> None:
    """Frames as raw 8-bit 4:2:0 video, without colour."""
    height, width = frames.shape[1:3]
    chroma = np.full(2 * (-(-height // 2)) * (-(-width // 2)), GREY, np.uint8)
    with path.open("wb") as file:
        for frame in frames:
            file.write(luma(frame).data)
            file.write(chroma.data)


def _run(arguments: Sequence[str], folder: str, limit_s: float) -> None:
    """ffmpeg to its end, in a folder; it is killed when its time is up, and when this process is interrupted."""
    program = _program()
    try:
        ended = subprocess.run(
            [program, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MetricError(
            f"vmaf: {program} took more than {limit_s:.0f} s and was killed. Take fewer workers, or leave vmaf out"
        ) from None
    except OSError as error:
        raise MetricError(f"vmaf: {program} cannot be started ({error.strerror or error}). {remedy(EXTRA)}") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        how = f"exited with code {ended.returncode}" if ended.returncode > 0 else f"died of signal {-ended.returncode}"
        raise MetricError(f"vmaf: {program} {how}{': ' + said[-1].strip() if said else ''}. {remedy(EXTRA)}")


def _read(path: Path, frames: int) -> npt.NDArray[np.float64]:
    """The values in libvmaf's log, one a frame."""
    try:
        values = np.array([row["metrics"]["vmaf"] for row in json.loads(path.read_bytes())["frames"]], np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MetricError(f"vmaf: the log of libvmaf cannot be read ({error}). {remedy(EXTRA)}") from error
    if values.shape != (frames,):
        raise MetricError(f"vmaf: libvmaf gave {len(values)} values for {frames} frames. {remedy(EXTRA)}")
    return values


def _program() -> str:
    """The path of an ffmpeg that has libvmaf: IMAGEIO_FFMPEG_EXE where it is set, else imageio-ffmpeg's own."""
    if reason := lacking(EXTRA):
        raise MetricError(f"vmaf: {reason}")
    import imageio_ffmpeg

    try:
        program: str = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise MetricError(f"vmaf: imageio-ffmpeg has no ffmpeg program here. {remedy(EXTRA)}") from error
    if not _has_libvmaf(program):
        raise MetricError(
            f"vmaf: {program} has no libvmaf. Unset IMAGEIO_FFMPEG_EXE, or name an ffmpeg with libvmaf; "
            f"{remedy(EXTRA)} brings one"
        )
    return program


@lru_cache(maxsize=8)
def _has_libvmaf(program: str) -> bool:
    """Whether a program is an ffmpeg with the filter libvmaf."""
    try:
        listed = subprocess.run(
            [program, "-hide_banner", "-filters"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" libvmaf " in listed.stdout
