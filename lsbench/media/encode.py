"""Frames and speech -> a video file, with PyAV, or a wav file; the same input gives the same bytes."""

from __future__ import annotations

import uuid
import wave
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from lsbench.errors import MediaError
from lsbench.media.clip import Clip
from lsbench.media.colours import BT709, is_high_definition
from lsbench.media.container import opened
from lsbench.media.film import Film, Look


def write_clip(
    path: Path,
    frames: np.ndarray,
    speech: np.ndarray,
    fps: float,
    *,
    sample_rate: int = 16000,
    metadata: Mapping[str, str] | None = None,
    crf: int = 12,
    chroma: Literal["420", "444"] = "420",
) -> None:
    """Encode frames and speech, starting together; the file appears under its name only when it is complete.

    Args:
        path: .mp4 for H.264 and AAC, .mkv for lossless FFV1 and 16-bit PCM.
        frames: uint8 (T, H, W, 3) RGB.
        speech: float32 (N,) in [-1, 1]; an empty one writes no sound stream.
        fps: frames a second.
        sample_rate: of the speech, Hz.
        metadata: tags of the file.
        crf: quality of H.264; less is better.
        chroma: of H.264; 4:2:0 plays everywhere, 4:4:4 (also taken where a side is odd) loses less.

    Raises:
        MediaError: where the arrays are no clip, or the file cannot be written.
    """
    clip = Clip(Path(path).stem, frames, speech, fps, sample_rate)
    write_film(path, Film.of(clip), metadata=metadata, crf=crf, chroma=chroma)


def write_film(
    path: Path,
    film: Film,
    *,
    metadata: Mapping[str, str] | None = None,
    crf: int = 12,
    chroma: Literal["420", "444"] = "420",
) -> None:
    """Encode a film as it is read, with its speech; see write_clip, which says what the arguments are.

    Raises:
        MediaError: where the film cannot be read, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".mp4", ".mkv"):
        raise MediaError(f"{path}: cannot write {path.suffix or 'a file without suffix'}; expected .mp4 or .mkv")
    if not np.isfinite(film.speech).all():
        raise MediaError(f"{path}: speech holds values that are not finite; expected [-1, 1]")
    partial = path.parent / f".{path.name}.{uuid.uuid4().hex}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _encode(partial, path.suffix.lower() == ".mkv", film, metadata or {}, crf, chroma)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def comment_of(path: Path) -> str:
    """The comment in a video's metadata, as write_film() puts it there; empty where there is none, or no video."""
    try:
        with opened(path, str(path)) as container:
            return str(next((text for name, text in container.metadata.items() if name.lower() == "comment"), ""))
    except MediaError:
        return ""


def write_sound(path: Path, speech: np.ndarray, sample_rate: int) -> None:
    """Write speech, float32 (N,) in [-1, 1], as a 16-bit mono wav file; MediaError where it cannot be written."""
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate)
            file.writeframes(_as_int16(speech).astype("<i2").tobytes())
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {error.strerror}") from None


def _encode(path: Path, lossless: bool, film: Film, metadata: Mapping[str, str], crf: int, chroma: str) -> None:
    height, width = film.size
    rate = Fraction(film.fps).limit_denominator(1001)
    pixels = "bgr0" if lossless else "yuv444p" if height % 2 or width % 2 else f"yuv{chroma}p"
    options = {"fflags": "+bitexact"}  # no random ids
    if not lossless:
        options["movflags"] = "+faststart+use_metadata_tags"
    reformatter, matrix = VideoReformatter(), None
    with av.open(f"file:{path}", "w", format="matroska" if lossless else "mp4", options=options) as container:
        container.metadata.update(metadata)
        video: Any = container.add_stream("ffv1" if lossless else "libx264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, pixels
        # One thread, and no macroblock tree: libx264's reads memory it never set, so its bytes vary from run to run.
        video.codec_context.thread_count = 1
        video.options = {} if lossless else {"crf": str(crf), "mbtree": "0"}
        if (
            not lossless and crf == 0
        ):  # lossless: every preset gives the same pictures, this one in an eighth of the time
            video.options["preset"] = "ultrafast"
        if not lossless and is_high_definition(height, width):
            matrix = video.codec_context.colorspace = (
                BT709  # what players take it for; smaller ones they take for BT.601
            )
        audio: Any = None
        if len(film.speech):
            audio = container.add_stream("pcm_s16le" if lossless else "aac", rate=film.sample_rate, layout="mono")
            audio.bit_rate = 128_000
        starts = [round(index * film.sample_rate / film.fps) for index in range(len(film))]
        spans = enumerate(zip(starts, [*starts[1:], None], strict=True))
        for frame, (index, (start, stop)) in zip(film.frames(), spans, strict=True):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture = reformatter.reformat(picture, format=pixels, dst_colorspace=matrix, threads=1)
            picture.pts, picture.time_base = index, 1 / rate
            container.mux(video.encode(picture))
            if len(samples := film.speech[start:stop]):
                container.mux(audio.encode(_sound_block(samples, start, film.sample_rate, lossless)))
        for stream in filter(None, (video, audio)):
            container.mux(stream.encode())


def _sound_block(samples: np.ndarray, start: int, sample_rate: int, lossless: bool) -> av.AudioFrame:
    if lossless:
        samples = _as_int16(samples)
    block = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples[None]), format="s16" if lossless else "fltp", layout="mono"
    )
    block.sample_rate, block.pts, block.time_base = sample_rate, start, Fraction(1, sample_rate)
    return block


def _as_int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)


def even(film: Film) -> Film:
    """The film with sides that H.264 4:2:0 takes: an odd one is one pixel longer, its last row or column repeated."""
    height, width = film.size
    if height % 2 == 0 and width % 2 == 0:
        return film
    more = ((0, 0), (0, height % 2), (0, width % 2), (0, 0))
    look = Look(lambda frames, _: np.pad(frames, more, mode="edge"), height + height % 2, width + width % 2)
    return film.looked_at(look)
