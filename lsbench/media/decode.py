"""A video file -> its frames, frame rate and speech, with PyAV; read_film in files.py is the way in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.media.container import LATE_STREAM, audio_stream, choice, damaged, opened, video_stream
from lsbench.media.display import Display, check_size
from lsbench.media.expected import ANY, Expected
from lsbench.media.film import Film, Pictures, Reread
from lsbench.media.memory import Store
from lsbench.media.painter import Painter
from lsbench.media.sound import Speech, read_speech
from lsbench.media.times import Timing, timing
from lsbench.media.whole import demand_whole

# What frames look like, as a number: raised by every change of a picture, a rate or a time that files get.
# 1: swscale's quick conversion, the container's rate, stored pixels. 2: exact colours, mirrors, square pixels, nominal
# rates, the last picture's own length.
REVISION = 2

MOST_USUAL_RATE = 60.0  # frames a second


@dataclass(frozen=True, eq=False)
class Video:
    """What one decoding of a file gave.

    Attributes:
        pictures: upright and with square pixels.
        timing: when they are shown.
        speech: from the first frame on.
        notes: what was changed on the way, each for a reader.
    """

    pictures: Pictures
    timing: Timing
    speech: Speech
    notes: tuple[str, ...]

    def film(self, clip_id: str) -> Film:
        """As a film of that id."""
        times, speech = self.timing, self.speech
        return Film(
            clip_id,
            self.pictures,
            times.shown,
            speech.samples,
            times.fps,
            speech.sample_rate,
            notes=self.notes,
            variable=times.variable,
        )


def read_video(source: Path, where: str, sample_rate: int = 16000, expected: Expected = ANY) -> Video:
    """Decode a video file once: times, sizes, sound and damage, and its pictures where they take few bytes.

    Args:
        source: the file.
        where: the start of every error message, naming the clip and its file.
        sample_rate: of the speech, Hz.
        expected: what the video must be like.

    Raises:
        MediaError: where the file cannot be read, is cut short or damaged, or its pictures change their size.
    """
    with opened(source, where) as container:
        reel = _Reel(container, where, expected)
        pictures, notes = reel.keep(source)
        times = timing(reel.times, reel.rate, where, reel.end_s, avi=container.format.name == "avi")
        reel.check_complete(times.fps)
        silent = audio_stream(container) is None
    most_s = len(times.shown) / times.fps + limits.MOST_OVERHANG_S
    speech = Speech.silence(sample_rate) if silent else read_speech(source, where, sample_rate, most_s, times.start_s)
    demand_whole(source, where)
    return Video(pictures, times, speech, (*times.notes, *notes, *speech.notes))


class _Reel:
    """The pictures of an open file, as they are decoded, and what is learnt of them on the way.

    Attributes:
        times: their time stamps, s.
        rate: frames a second by the container; None where it does not say.
    """

    def __init__(self, container: Any, where: str, expected: Expected = ANY) -> None:
        self.where = where
        self._expected = expected
        self._container = container
        self._video = video_stream(container, where)
        check_size(self._video.height, self._video.width, where)
        rate = self._video.guessed_rate or self._video.average_rate
        self.rate = float(rate) if rate else None
        self.times: list[float | None] = []
        self._hidden = 0  # packets that the container itself says not to show
        self._end = 0  # of the picture shown last, in the stream's time base
        self._base = self._video.time_base
        self._video.codec_context.thread_count = 1  # clips are decoded beside one another instead
        self._video.codec_context.options = {"max_pixels": str(limits.MOST_PIXELS)}  # for those that grow on the way

    def frames(self) -> Iterator[Any]:
        """The decoded pictures, PyAV VideoFrames."""
        numerator, denominator = self._base.as_integer_ratio()
        try:
            for packet in self._container.demux(self._video):
                if packet.is_corrupt:
                    raise damaged(self.where, "a packet of its video is cut short", len(self.times))
                if packet.is_discard:
                    self._hidden += 1
                elif packet.pts is not None and packet.duration:
                    self._end = max(self._end, packet.pts + packet.duration)
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise damaged(self.where, f"frame {len(self.times)} is corrupt", len(self.times))
                    self.times.append(None if frame.pts is None else frame.pts * numerator / denominator)
                    if (count := len(self.times)) & (count - 1) == 0:  # now and then
                        self._expected.demand_length(self.times, self.where)
                    yield frame
        except av.FFmpegError as error:
            raise damaged(self.where, f"decoding stopped: {error.strerror}", len(self.times)) from None
        except IndexError:  # PyAV knows no stream that begins later
            raise damaged(self.where, LATE_STREAM, len(self.times)) from None
        if not self.times:
            raise damaged(self.where, "no frame can be decoded", 0)
        self._expected.demand_length(self.times, self.where)

    def shown(self) -> Iterator[tuple[Display, Any]]:
        """Every frame with its display; MediaError where one has another size than the first."""
        display: Display | None = None
        for frame in self.frames():
            if display is None:
                display = Display(self._video.sample_aspect_ratio, frame, self.where)
            elif not display.fits(frame):
                size, (height, width) = f"{frame.width}x{frame.height}", display.stored
                raise MediaError(
                    f"{self.where}: frame {len(self.times) - 1} is {size} after frames of {width}x{height}; "
                    "expected one size. Render it again."
                )
            yield display, frame

    def keep(self, source: Path) -> tuple[Pictures, tuple[str, ...]]:
        """Decode all; the pictures are in memory where they take few bytes. Also notes on how they are shown."""
        store: Store | None = None
        display: Display
        with Painter() as painter:
            for display, frame in self.shown():
                if store is None:
                    store = Store(display.height, display.width, self._announced())
                if store.is_full:  # the next place moves all of them
                    painter.finish()
                place = store.place()
                if place is None:
                    self._expected.demand_size((display.height, display.width), self.where)
                if place is not None or len(self.times) == 1:  # the first tells how all are shown
                    painter.add(display, frame, place)
            painter.finish()
        held = store.held if store is not None else None
        notes = (*choice(self._container, self._video), *display.notes)
        decode = partial(_pictures, source, self.where)
        return Reread(self.where, display.height, display.width, len(self.times), held, decode), notes

    def _announced(self) -> int:
        """About how many pictures there will be."""
        length_s = (self._container.duration or 0) / av.time_base
        rate = min(float(self._video.average_rate or self.rate or 0), MOST_USUAL_RATE)  # a time base is no rate
        return max(1, self._video.frames or round(length_s * rate))

    @property
    def _end_s(self) -> float:
        return float(self._end * self._base)

    @property
    def end_s(self) -> float | None:
        """When the last picture is taken away; None where the container does not know."""
        name, video = self._container.format.name, self._video
        if not self._end_s or not ("mp4" in name or "matroska" in name):
            return None
        if "mp4" in name and video.duration:
            return min(self._end_s, float(((video.start_time or 0) + video.duration) * video.time_base))
        return self._end_s

    def check_complete(self, fps: float) -> None:
        """Compare what the container announces with what was decoded; MPEG streams announce nothing."""
        name, video, missing = self._container.format.name, self._video, 0
        duration = re.fullmatch(r"(\d+):(\d+):([\d.]+)", video.metadata.get("DURATION", ""))
        if "mp4" in name and video.frames:
            missing = len(video.index_entries) - self._hidden - len(self.times)
        elif name == "avi" and self._end_s:  # it announces slots of its grid, some of which are empty
            missing = video.frames - max(len(self.times), round(self._end_s * (self.rate or fps)))
        elif duration and self._end_s:  # Matroska
            announced_s = sum(float(part) * unit for part, unit in zip(duration.groups(), (3600, 60, 1), strict=True))
            missing = round((announced_s - self._end_s) * fps)
        if missing > 0:
            announced = len(self.times) + missing
            fault = f"cut short, its container announces at least {announced} frames, {missing} more than there are"
            raise damaged(self.where, fault, len(self.times))


def _pictures(source: Path, where: str) -> Iterator[np.ndarray]:
    """The pictures of a file, decoded once more."""
    with opened(source, where) as container:
        for display, frame in _Reel(container, where).shown():
            yield display.show(frame)
