"""What a file says of itself: its container and its streams, before they are decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from lsbench.media.container import audio_stream, opened, video_stream
from lsbench.media.orientation import orientation


@dataclass(frozen=True)
class Stream:
    """One stream of a file, by its own word; None where it does not say.

    Attributes:
        kind: video, audio, subtitle ...
        codec: its name.
        read: whether it is the one that is read of its kind.
        start_s: time stamp of its start, seconds.
        length_s: seconds.
        width, height: stored, px.
        pixels: their format, such as yuv420p.
        fps: frames a second.
        frames: how many.
        aspect: width over height of a stored pixel, such as 32:27; None where it is square, too.
        turned: how a player turns it, in words.
        sample_rate: Hz.
        channels: their layout, such as stereo.
    """

    kind: str
    codec: str | None
    read: bool
    start_s: float | None = None
    length_s: float | None = None
    width: int | None = None
    height: int | None = None
    pixels: str | None = None
    fps: float | None = None
    frames: int | None = None
    aspect: str | None = None
    turned: str | None = None
    sample_rate: int | None = None
    channels: str | None = None


@dataclass(frozen=True)
class Container:
    """A file with its streams. format: such as mp4."""

    format: str
    streams: tuple[Stream, ...]

    def read(self, kind: str) -> Stream | None:
        """The stream of a kind that is read."""
        return next((stream for stream in self.streams if stream.kind == kind and stream.read), None)


def container(source: Path, where: str) -> Container:
    """What a file says of itself.

    Args:
        source: the file.
        where: the start of every error message.

    Raises:
        MediaError: where it is nothing that can be read as a video.
    """
    with opened(source, where) as file:
        video, audio = video_stream(file, where), audio_stream(file)
        names = file.format.name.split(",")
        suffix = source.suffix[1:].lower()
        turned = _turned(file, video)
        streams = (_stream(stream, stream in (video, audio), turned) for stream in file.streams)
        return Container(suffix if suffix in names else names[0], tuple(streams))


def _stream(stream: Any, read: bool, turned: str | None) -> Stream:
    context = stream.codec_context
    facts: dict[str, Any] = {
        "start_s": _seconds(stream, stream.start_time),
        "length_s": _seconds(stream, stream.duration),
    }
    if context is not None and stream.type == "video":
        aspect, rate = stream.sample_aspect_ratio, stream.guessed_rate or stream.average_rate
        facts |= {
            "width": stream.width,
            "height": stream.height,
            "pixels": context.pix_fmt,
            "fps": float(rate) if rate else None,
            "frames": stream.frames or None,
            "aspect": f"{aspect.numerator}:{aspect.denominator}" if aspect and aspect != 1 else None,
            "turned": turned if read else None,
        }
    elif context is not None and stream.type == "audio":
        facts |= {"sample_rate": context.sample_rate, "channels": context.layout.name}
    return Stream(stream.type, context.name if context is not None else None, read, **facts)


def _seconds(stream: Any, time: int | None) -> float | None:
    return None if time is None else float(time * stream.time_base)


def _turned(file: Any, video: Any) -> str | None:
    """How the first picture is turned and mirrored by its display matrix; None where it is not, or none decodes."""
    try:
        first = next(file.decode(video), None)
    except (av.FFmpegError, IndexError):  # is named where it is decoded
        return None
    if first is None:
        return None
    how, _ = orientation(first)
    degrees = {1: "turned left by 90 degrees", 2: "turned by 180 degrees", 3: "turned right by 90 degrees"}
    parts = (["mirrored"] if how.mirrored else []) + ([degrees[how.turns]] if how.turns else [])
    return " and ".join(parts) or None
