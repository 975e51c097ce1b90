"""Video and sound on disk: finding clips, reading and writing them. Only files, decode and encode know of codecs.

A source is a video file, an animated image (GIF, WebP, PNG), or a folder of numbered PNG or JPG frames with a wav
inside it or beside it (NAME.wav).
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np

from lsbench.errors import MediaError
from lsbench.media import animation, limits
from lsbench.media.animation import is_animation, read_animation
from lsbench.media.clip import Clip
from lsbench.media.container import fits_in_memory
from lsbench.media.decode import read_video
from lsbench.media.encode import write_clip, write_film, write_sound
from lsbench.media.expected import ANY, Expected
from lsbench.media.film import Film
from lsbench.media.pictures import IMAGE_SUFFIXES, has_suffix, is_frame, read_frames
from lsbench.media.sound import Speech, read_speech
from lsbench.media.whole import demand_whole
from lsbench.system import regular

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Sound",
    "clips_at",
    "content_sha256",
    "every_source",
    "find_clips",
    "is_clip",
    "read_clip",
    "read_film",
    "write_clip",
    "write_film",
    "write_sound",
]

Sound = Literal["required", "optional"]

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")


def find_clips(folder: Path) -> dict[str, Path]:
    """Every video file and frame folder below a folder.

    A folder is a source where it holds numbered PNG or JPG images and no video; an image file is one where it moves.
    Hidden files and other files are ignored.

    Args:
        folder: to look in, and in the folders below it; links are followed.

    Returns:
        Clip id -> source, sorted by id. The id is the path below the folder, without a file's suffix, "/" between its
        parts, Unicode NFC.

    Raises:
        MediaError: where a folder cannot be read, there is no clip, or two sources have one id.
    """
    clips: dict[str, Path] = {}
    for clip_id, source in _sources(Path(folder)):
        if clip_id in clips:
            raise MediaError(f"clip {clip_id}: two sources, {clips[clip_id]} and {source}; expected one. Move one.")
        clips[clip_id] = source
    return dict(sorted(clips.items()))


def every_source(path: Path) -> list[tuple[str, Path]]:
    """What clips_at() gives, as (clip id, source), sorted; but two sources may have one id.

    Raises:
        MediaError: where a folder cannot be read, or there is no clip.
    """
    return sorted(_sources(path)) if path.is_dir() and not is_clip(path) else list(clips_at(path).items())


def _sources(folder: Path) -> Iterator[tuple[str, Path]]:
    """Clip id and source of every video file and frame folder below a folder; see find_clips()."""
    count = 0
    for name, folders, files in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        here = Path(name)
        folders[:] = sorted(child for child in folders if not child.startswith("."))
        if here.resolve() in (parent.resolve() for parent in here.parents if parent.is_relative_to(folder)):
            folders.clear()  # a link that leads back up
            continue
        videos = [here / file for file in files if has_suffix(file, VIDEO_SUFFIXES)] + _animations(here, files)
        sources = [(video.with_suffix(""), video) for video in sorted(videos)]
        if not videos and here != folder and any(map(is_frame, files)):
            sources = [(here, here)]
        for path, source in sources:
            clip_id = _clip_id(path.relative_to(folder).as_posix(), source)
            if not source.is_dir() and not source.is_file() and source.exists():
                raise MediaError(f"clip {clip_id}: {source} is a device or pipe; expected a file")
            count += 1
            yield clip_id, source
    if not count:
        raise MediaError(f"{folder}: no clip in it; expected video files or folders of numbered PNG or JPG frames")


def clips_at(path: Path) -> dict[str, Path]:
    """The clips of a folder (see find_clips); or the one clip that a path is itself, whose id is its name.

    Raises:
        MediaError: as find_clips().
    """
    if path.is_file():
        return {_clip_id(path.stem, path): path}
    if is_clip(path):
        return {_clip_id(path.resolve().name, path): path}
    return find_clips(path)


def is_clip(path: Path) -> bool:
    """Whether a path is one clip itself: a file, or a folder that holds numbered frames and no folder or video."""
    if not path.is_dir():
        return path.is_file()
    children = [child for child in path.iterdir() if not child.name.startswith(".")]
    names = [child.name for child in children]
    if any(map(Path.is_dir, children)) or any(has_suffix(name, VIDEO_SUFFIXES) for name in names):
        return False
    return any(map(is_frame, names)) and not _animations(path, names)


def _clip_id(name: str, source: Path) -> str:
    clip_id = unicodedata.normalize("NFC", name)
    if not clip_id.isprintable():
        raise MediaError(f"{str(source)!a}: its name holds bytes that are no text, or control characters. Rename it.")
    return clip_id


def read_film(
    source: Path,
    clip_id: str,
    *,
    sample_rate: int = 16000,
    sound: Sound = "required",
    folder_fps: float = 25.0,
    expected: Expected = ANY,
) -> Film:
    """Open a video file, or a folder of numbered frames (at folder_fps frames a second) and its wav, to be read.

    Frame k is what a viewer sees k / fps after the first frame, to the nearest slot of the grid: a hole in the time
    stamps repeats the picture before it. Speech is the mean of the channels, resampled by soxr, from the time of the
    first frame on; it may be longer or shorter than the video.

    Args:
        source: the file or folder.
        clip_id: of the clip, for errors too.
        sample_rate: of the speech, Hz.
        sound: whether a video must have some; empty speech where it has none and need not.
        folder_fps: at which a folder of frames plays, frames a second. Without a wav its speech is empty.
        expected: what the video must be like; where it is far larger or longer, it is not decoded to its end.

    Returns:
        The film: its pictures are in memory where they take at most film.HELD_BYTES.

    Raises:
        MediaError: where the source cannot be read, is damaged or too large, or lacks sound that it must have.
    """
    source = Path(source)
    where = f"clip {clip_id}: {source}"
    with fits_in_memory(where):
        if source.is_dir():
            return _read_folder(source, where, clip_id, sample_rate, folder_fps, expected)
        read = read_animation if has_suffix(source.name, animation.SUFFIXES) else read_video
        video = read(source, where, sample_rate, expected)
    if not len(video.speech.samples) and sound == "required":
        raise MediaError(f"{where}: no sound; expected speech. Use --sound optional to accept silent videos.")
    return video.film(clip_id)


def _read_folder(source: Path, where: str, clip_id: str, sample_rate: int, fps: float, expected: Expected) -> Film:
    """A folder of numbered frames and its wav."""
    pictures, notes = read_frames(source, where, expected)
    speech = _read_wav(source, where, sample_rate, len(pictures) / fps + limits.MOST_OVERHANG_S)
    shown = np.arange(len(pictures))
    return Film(clip_id, pictures, shown, speech.samples, fps, sample_rate, notes=notes + speech.notes)


def read_clip(
    source: Path,
    clip_id: str,
    *,
    sample_rate: int = 16000,
    sound: Sound = "required",
    folder_fps: float = 25.0,
) -> Clip:
    """All of a video at once: read_film(), which says what the arguments are, with every frame in memory.

    Raises:
        MediaError: as read_film(); also where the frames take more than film.WHOLE_BYTES.
    """
    return read_film(source, clip_id, sample_rate=sample_rate, sound=sound, folder_fps=folder_fps).clip()


def content_sha256(source: Path) -> str:
    """The sha256 of a clip's content, in hexadecimal digits; MediaError where it cannot be read.

    Of a file, that of its bytes; of a frame folder, that of the names and sha256s of its frames and wav.
    """
    source = Path(source)
    digest = hashlib.sha256()
    try:
        if source.is_dir():
            members = [child for child in source.iterdir() if is_frame(child.name)] + _wavs(source)
            for name, member in sorted((unicodedata.normalize("NFC", path.name), path) for path in members):
                digest.update(f"{name}\0{content_sha256(member)}\n".encode())
        else:
            with regular.opened(source) as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise MediaError(f"{source}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _animations(folder: Path, names: list[str]) -> list[Path]:
    """The animated images of a folder; none beside more numbered stills, for those are the frames of one video.

    Of numbered images the first tells whether they are stills.
    """
    numbered = sorted(name for name in names if is_frame(name))
    stills = set(numbered if numbered and not is_animation(folder / numbered[0]) else [])
    moving = [folder / name for name in names if name not in stills and is_animation(folder / name)]
    return moving if len(moving) >= len(stills) else []


def _refuse_folder(error: OSError) -> NoReturn:
    if isinstance(error, FileNotFoundError):
        raise MediaError(f"{error.filename}: no such file or folder; expected a video, or a folder of clips")
    raise MediaError(f"{error.filename}: cannot be read as a folder of clips: {error.strerror}")


def _wavs(folder: Path) -> list[Path]:
    inside = [child for child in folder.iterdir() if has_suffix(child.name, (".wav",))]
    beside = folder.with_name(f"{folder.name}.wav")
    return sorted(inside) + [beside] * beside.is_file()


def _read_wav(folder: Path, where: str, sample_rate: int, most_s: float) -> Speech:
    wavs = _wavs(folder)
    if len(wavs) > 1:
        raise MediaError(f"{where}: its sound is both {wavs[0]} and {wavs[1]}; expected one wav")
    if not wavs:
        return Speech(np.empty(0, np.float32), sample_rate)
    where = f"{where}: {wavs[0].name}"
    speech = read_speech(wavs[0], where, sample_rate, most_s, kind="wav")
    if not speech.source_rate:
        raise MediaError(f"{where}: no sound in it; expected a wav file")
    demand_whole(wavs[0], where, kind="wav")
    return speech
