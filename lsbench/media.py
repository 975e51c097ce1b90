"""Video and sound on disk: finding clips, reading and writing them. Only media, decode and encode know of codecs.

A source is a video file, or a folder of numbered PNG or JPG frames with a wav inside it or beside it (NAME.wav).
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import soxr
from PIL import Image

from lsbench.clip import Clip
from lsbench.decode import read_sound, read_video
from lsbench.encode import write_clip, write_sound
from lsbench.errors import MediaError

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Sound",
    "content_sha256",
    "find_clips",
    "read_clip",
    "write_clip",
    "write_sound",
]

Sound = Literal["required", "optional"]

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")

_NUMBER = re.compile(r"\d+$")


def find_clips(folder: Path) -> dict[str, Path]:
    """Every video file and frame folder below a folder: clip id -> source, sorted by id.

    The id is the path below the folder, without a file's suffix, "/" between its parts, Unicode NFC. A folder is a
    source where it holds numbered PNG or JPG images and no video. Hidden files and other files are ignored.
    """
    folder = Path(folder)
    found: dict[str, Path] = {}
    for name, folders, files in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        here = Path(name)
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        if here.resolve() in (parent.resolve() for parent in here.parents if parent.is_relative_to(folder)):
            folders.clear()  # a link that leads back up
            continue
        videos = [here / file for file in files if _has_suffix(file, VIDEO_SUFFIXES)]
        sources = [(video.with_suffix(""), video) for video in sorted(videos)]
        if not videos and here != folder and any(map(_is_frame, files)):
            sources = [(here, here)]
        for path, source in sources:
            clip_id = unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
            if not clip_id.isprintable():
                raise MediaError(
                    f"{source!a}: its name holds bytes that are no text, or control characters. Rename it."
                )
            if not source.is_dir() and not source.is_file() and source.exists():
                raise MediaError(f"clip {clip_id}: {source} is a device or pipe; expected a file")
            if clip_id in found:
                raise MediaError(f"clip {clip_id}: two sources, {found[clip_id]} and {source}; expected one. Move one.")
            found[clip_id] = source
    if not found:
        raise MediaError(f"{folder}: no clip in it; expected video files or folders of numbered PNG or JPG frames")
    return dict(sorted(found.items()))


def read_clip(
    source: Path,
    clip_id: str,
    *,
    sample_rate: int = 16000,
    sound: Sound = "required",
    folder_fps: float = 25.0,
) -> Clip:
    """Decode a video file in one pass, or a folder of numbered frames (at folder_fps frames a second) and its wav.

    Frame k is what a viewer sees k / fps after the first frame, to the nearest slot of the grid: a hole in the time
    stamps repeats the picture before it. Speech is the mean of the channels, resampled by soxr, from the time of the
    first frame on; it may be longer or shorter than the video. It is empty for a frame folder without a wav, and for a
    video without sound where sound is "optional". A frame folder plays at folder_fps.
    """
    source = Path(source)
    where = f"clip {clip_id}: {source}"
    if source.is_dir():
        frames, fps = _read_frames(source, where), folder_fps
        speech, rate = _read_wav(source, where)
    else:
        frames, fps, speech, rate = read_video(source, where)
    if not len(speech) and sound == "required" and not source.is_dir():
        raise MediaError(f"{where}: no sound; expected speech. Use --sound optional to accept silent videos.")
    if len(speech) and rate != sample_rate:
        speech = soxr.resample(speech, rate, sample_rate)
    return Clip(clip_id, frames, np.clip(speech, -1, 1), fps, sample_rate)


def content_sha256(source: Path) -> str:
    """The sha256 of a file's bytes; of a frame folder, that of the names and sha256s of its frames and wav."""
    source = Path(source)
    digest = hashlib.sha256()
    try:
        if source.is_dir():
            members = [child for child in source.iterdir() if _is_frame(child.name)] + _wavs(source)
            for name, member in sorted((unicodedata.normalize("NFC", path.name), path) for path in members):
                digest.update(f"{name}\0{content_sha256(member)}\n".encode())
        else:
            with source.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise MediaError(f"{source}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _refuse_folder(error: OSError) -> NoReturn:
    raise MediaError(f"{error.filename}: cannot be read as a folder of clips: {error.strerror}")


def _has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    return not name.startswith(".") and name.lower().endswith(suffixes)


def _is_frame(name: str) -> bool:
    return _has_suffix(name, IMAGE_SUFFIXES) and _NUMBER.search(Path(name).stem) is not None


def _read_frames(folder: Path, where: str) -> np.ndarray:
    """The numbered frames of a folder, in order of their numbers: uint8 (T, H, W, 3)."""
    series = _frame_series(folder, where)
    frames = np.empty(0, np.uint8)
    for index, path in enumerate(series):
        picture = _read_image(path, where)
        if index == 0:
            frames = np.empty((len(series), *picture.shape), np.uint8)
        elif picture.shape != frames.shape[1:]:
            size, first = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, frames.shape[1:]))
            raise MediaError(f"{where}: {path.name} is {size} after frames of {first}; expected one size")
        frames[index] = picture
    return frames


def _frame_series(folder: Path, where: str) -> list[Path]:
    try:
        paths = [child for child in folder.iterdir() if _is_frame(child.name)]
    except OSError as error:
        raise MediaError(f"{where}: cannot be read: {error.strerror}") from None
    if not paths:
        raise MediaError(f"{where}: no numbered PNG or JPG frame in the folder; expected 0001.png, 0002.png ...")
    numbered = sorted((int(_NUMBER.findall(path.stem)[0]), path) for path in paths)
    for (number, path), (following, other) in pairwise(numbered):
        if _NUMBER.sub("", path.stem) != _NUMBER.sub("", other.stem) or number == following:
            raise MediaError(f"{where}: both {path.name} and {other.name}; expected one series, each number once")
        if following > number + 1:
            raise MediaError(
                f"{where}: frame {number + 1} is missing, {path.name} is followed by {other.name}; "
                f"expected every number ({len(numbered)} frames found). Render it again."
            )
    return [path for _, path in numbered]


def _read_image(path: Path, where: str) -> np.ndarray:
    """An 8-bit RGB or grey image as RGB: uint8 (H, W, 3)."""
    try:
        with Image.open(path) as file:
            image: Image.Image = file
            deep = image.mode.startswith("I") or any("16" in str(tile[-1]) for tile in file.tile)
            if deep or image.mode not in ("L", "RGB", "LA", "RGBA", "P", "PA"):
                kind = "16-bit" if deep else image.mode
                raise MediaError(f"{where}: {path.name} is a {kind} image; expected 8-bit RGB or grey. Convert it.")
            if "A" in image.mode or "transparency" in image.info:
                image = image.convert("RGBA")
                if np.asarray(image)[..., 3].min() < 255:
                    raise MediaError(f"{where}: {path.name} is partly transparent; expected opaque RGB or grey")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(f"{where}: {path.name} cannot be decoded: {error}; expected a PNG or JPG image") from None


def _wavs(folder: Path) -> list[Path]:
    inside = [child for child in folder.iterdir() if _has_suffix(child.name, (".wav",))]
    beside = folder.with_name(f"{folder.name}.wav")
    return sorted(inside) + [beside] * beside.is_file()


def _read_wav(folder: Path, where: str) -> tuple[np.ndarray, int]:
    wavs = _wavs(folder)
    if len(wavs) > 1:
        raise MediaError(f"{where}: its sound is both {wavs[0]} and {wavs[1]}; expected one wav")
    return read_sound(wavs[0], where) if wavs else (np.empty(0, np.float32), 0)
