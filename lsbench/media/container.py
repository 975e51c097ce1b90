"""A file of pictures and sound, opened with PyAV: the streams that a player takes, and the errors of damaged ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.system import regular

_COVERS = Disposition.attached_pic | Disposition.timed_thumbnails

# What holds its pictures and sound itself, by the names of FFmpeg's demuxers: no playlist, no list of other files.
FORMATS = (
    *("mov", "matroska", "avi", "mpeg", "mpegvideo", "mpegts", "asf", "flv", "live_flv", "ogg", "yuv4mpegpipe"),
    *("mjpeg", "h264", "hevc", "m4v", "av1", "obu", "ivf", "nut", "mxf", "gxf", "dv", "rm", "wtv", "gif", "apng"),
    *("wav", "w64", "aiff", "au", "caf", "flac", "mp3", "aac", "ac3"),
)
_POINTERS = {  # how texts begin that FFmpeg would follow to other files
    b"ffconcat version": "a list of other files (ffconcat)",
    b"#EXTM3U": "a playlist (m3u8)",
    b"<?xml": "an XML document",
    b"<MPD": "a playlist (DASH)",
    b"v=0": "the description of a stream (SDP)",
}
_HEAD_BYTES = 32
LATE_STREAM = "a stream begins in the middle of it that its head does not know"


def opened(source: Path, where: str, kind: str = "video") -> Any:
    """A container to read from, to be closed by the caller.

    Args:
        source: the file.
        where: the start of every error message, naming the clip and its file.
        kind: of file that it should be, for the errors.

    Raises:
        MediaError: where it cannot be read, is no regular file, is empty, or none of FORMATS.
    """
    try:
        with regular.opened(source) as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise MediaError(f"{where}: cannot be read: {error.strerror}; expected a {kind} file") from None
    if not head:
        raise MediaError(f"{where}: empty file (0 bytes); expected a {kind} file. Copy or render it again.")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMATS),
        "enable_drefs": "0",  # tracks of a mov that lie in other files
        "max_pixels": str(limits.MOST_PIXELS),  # where pictures are decoded to learn what they are
    }
    try:
        return av.open(f"file:{source}", metadata_errors="replace", options=options)
    except av.FFmpegError as error:
        pointer = next((what for start, what in _POINTERS.items() if head.startswith(start)), None)
        fault = f"not a {kind} file ({error.strerror}); expected one"
        if pointer:
            fault = f"{pointer}, not a {kind} file; expected pictures and sound in one file"
        if head[4:8] == b"ftyp":
            fault = "cut short, its index (moov) is missing; expected a whole video. Copy or render it again."
        raise MediaError(f"{where}: {fault}") from None


def video_stream(container: Any, where: str) -> Any:
    """The pictures that a player shows: the default stream, never a cover picture; MediaError where there is none."""
    films = [stream for stream in container.streams.video if not stream.disposition & _COVERS]
    best = container.streams.best("video")
    video = best if best in films else next(iter(sorted(films, key=lambda stream: not stream.disposition)), None)
    if video is None or video.codec_context is None:
        kinds = ", ".join("cover picture" if stream.type == "video" else stream.type for stream in container.streams)
        fault = "a video stream of unknown codec" if video is not None else f"no video stream ({kinds or 'nothing'})"
        raise MediaError(f"{where}: {fault}; expected a video")
    return video


def audio_stream(container: Any) -> Any | None:
    """The sound that a player plays; None where there is none that can be decoded."""
    audio = container.streams.best("audio")
    return None if audio is None or audio.codec_context is None else audio


def choice(container: Any, taken: Any) -> tuple[str, ...]:
    """A note where a file has other streams of the kind that was taken."""
    kind = "video" if taken.type == "video" else "sound"
    streams = [stream for stream in container.streams if stream.type == taken.type and not stream.disposition & _COVERS]
    if len(streams) < 2:
        return ()
    return (f"{len(streams)} streams of {kind}: the {_ordinal(streams.index(taken) + 1)} is taken, as players take it",)


@contextmanager
def fits_in_memory(where: str) -> Iterator[None]:
    """MediaError where the memory is too small for a video."""
    try:
        yield
    except MemoryError:
        raise MediaError(f"{where}: does not fit in memory. Scale it down, or cut it into shorter ones.") from None


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def damaged(where: str, fault: str, frames: int | None = None, kind: str = "video") -> MediaError:
    """The error for a file that is cut short or damaged, after so many decoded frames."""
    decoded = "" if frames is None else f" ({frames} frames decoded)"
    return MediaError(f"{where}: {fault}{decoded}; expected a whole {kind}. Copy or render it again.")
