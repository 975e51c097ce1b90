"""A video file -> frames, frame rate and speech, in one pass with PyAV; read_clip in files.py is the way in."""

from __future__ import annotations

import math
import re
import weakref
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from lsbench.errors import MediaError

MAX_GAP_S = 10.0  # a longer jump of the time stamps is taken for damage, not for a picture held
_SOUND_GAP_S = 0.02  # time stamps that stray less than this from the count of samples are rounding
_AVI_START_S = 0.15  # the longest start-up of a sound codec that AVI muxers make the video wait for
_SPARE_BYTES = 256 << 20


def read_video(source: Path, where: str) -> tuple[np.ndarray, float, np.ndarray, int]:
    """Frames uint8 (T, H, W, 3), frames a second, speech float32 (N,) from the first frame on, its sample rate (Hz).

    where: the start of every error message, naming the clip and its file.
    """
    with _open(source, where) as container:
        video, audio = (container.streams.best(kind) for kind in ("video", "audio"))
        if video is None or video.codec_context is None:
            kinds = ", ".join(stream.type for stream in container.streams if stream is not video) or "nothing else"
            fault = "a video stream of unknown codec" if video is not None else "no video stream"
            raise MediaError(f"{where}: {fault} ({kinds}); expected a video")
        rate = video.guessed_rate or video.average_rate
        if not rate:
            raise MediaError(f"{where}: its frame rate is unknown; expected a video with time stamps")
        fps = float(rate)
        length_s = (container.duration or 0) / av.time_base
        decoded = _Decoded(where, expected_frames=min(max(video.frames, round(length_s * fps), 1), 1000))
        hidden = _decode(container, video, audio, decoded)
        times = _show_times(decoded.times, fps)
        if container.format.name == "avi" and audio is not None:
            _undo_avi_start(times, fps)
        _check_complete(container, video, decoded, hidden, fps)
        frames = decoded.frames
        shown = _shown(times, fps, where)
        if not np.array_equal(shown, np.arange(len(frames))):
            frames = frames[shown]
        speech = decoded.speech(times[0])
        if len(speech) and "mp4" in container.format.name and audio.frames and audio.duration:
            end_s = float(((audio.start_time or 0) + audio.duration) * audio.time_base)
            speech = speech[: max(0, round((end_s - times[0]) * decoded.sample_rate))]  # not the codec's padding
    return frames, fps, speech, decoded.sample_rate


def read_sound(source: Path, where: str) -> tuple[np.ndarray, int]:
    """The sound of a wav file: float32 (N,) mono in [-1, 1], sample rate (Hz)."""
    decoded = _Decoded(f"{where}: {source.name}", expected_frames=1)
    with _open(source, decoded.where, expected="a wav file") as container:
        try:
            for block in container.decode(audio=0):
                decoded.add_sound(block)
        except (av.FFmpegError, IndexError) as error:
            raise MediaError(f"{decoded.where}: cannot be decoded: {error}; expected a wav file") from None
    return decoded.speech(0.0), decoded.sample_rate


def _open(source: Path, where: str, expected: str = "a video file") -> Any:
    try:
        with source.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(f"{where}: cannot be read: {error.strerror}; expected {expected}") from None
    if not head:
        raise MediaError(f"{where}: empty file (0 bytes); expected {expected}. Copy or render it again.")
    try:
        # A playlist in a video's clothes must not reach the network.
        return av.open(f"file:{source}", metadata_errors="replace", options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        fault = f"not {expected} ({error.strerror}); expected one"
        if head[4:8] == b"ftyp":
            fault = "cut short, its index (moov) is missing; expected a whole video. Copy or render it again."
        raise MediaError(f"{where}: {fault}") from None


# Memory of clips that are gone, for clips to come: touching fresh memory can take as long as decoding into it. No lock:
# each operation on the dict is atomic, and the garbage collector may give memory back in the middle of anything.
_spare: dict[int, np.ndarray] = {}


class _Loan:
    """Memory as arrays hold it: they keep the loan alive, and when the last of them is gone the memory is spare."""

    def __init__(self, memory: np.ndarray) -> None:
        self.__array_interface__ = memory.__array_interface__
        weakref.finalize(self, _keep, memory).atexit = False


def _keep(memory: np.ndarray) -> None:
    _spare[id(memory)] = memory
    spares = list(_spare.values())
    while sum(len(spare) for spare in spares) > _SPARE_BYTES:
        _spare.pop(id(spares.pop(0)), None)


def _borrow(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised uint8 array; its memory is handed out again only after it and every view of it are gone."""
    size = math.prod(shape)
    for memory in list(_spare.values()):
        if size <= len(memory) <= 2 * size and _spare.pop(id(memory), None) is not None:
            break
    else:
        memory = np.empty(size, np.uint8)
    return np.asarray(_Loan(memory))[:size].reshape(shape)


class _Decoded:
    """What one pass over a file gave: pictures in one array that grows, blocks of sound, and the times of both in s."""

    def __init__(self, where: str, expected_frames: int) -> None:
        self.where = where
        self.times: list[float | None] = []
        self.end_s = 0.0  # of the picture shown last
        self.sound: list[tuple[float | None, np.ndarray]] = []  # blocks are (channels, samples)
        self.sample_rate = 0
        self._frames = np.empty((expected_frames, 0, 0, 3), np.uint8)
        self._reformatter = VideoReformatter()

    @property
    def frames(self) -> np.ndarray:
        return self._frames[: len(self.times)]

    def damaged(self, fault: str) -> MediaError:
        """The error for a file that is cut short or damaged."""
        fault = f"{fault} ({len(self.times)} frames decoded)"
        return MediaError(f"{self.where}: {fault}; expected a whole video. Copy or render it again.")

    def add_frame(self, frame: Any) -> None:
        """Convert a picture to RGB, upright, straight into its place."""
        count = len(self.times)
        if frame.is_corrupt:
            raise self.damaged(f"frame {count} is corrupt")
        plane: Any = self._reformatter.reformat(frame, format="rgb24", threads=1).planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)[:, : 3 * frame.width]
        picture = rows.reshape(frame.height, frame.width, 3)
        if frame.rotation:
            picture = np.rot90(picture, round(frame.rotation / 90))
        if count == 0:
            self._frames = _borrow((len(self._frames), *picture.shape))
        elif picture.shape != self._frames.shape[1:]:
            size, first = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, self._frames.shape[1:]))
            raise MediaError(
                f"{self.where}: frame {count} is {size} after frames of {first}; expected one size. Render it again."
            )
        elif count == len(self._frames):
            full, self._frames = self._frames, _borrow((2 * count, *picture.shape))
            self._frames[:count] = full
        self._frames[count] = picture
        time = _seconds(frame)
        self.times.append(time)
        if time is not None:
            self.end_s = max(self.end_s, time + float(frame.duration * frame.time_base))

    def add_sound(self, block: Any) -> None:
        """Keep a block of samples as it is."""
        if self.sound and block.sample_rate != self.sample_rate:
            raise MediaError(
                f"{self.where}: the sound changes from {self.sample_rate} to {block.sample_rate} Hz; expected one rate"
            )
        self.sample_rate = block.sample_rate
        samples = block.to_ndarray()
        self.sound.append(
            (_seconds(block), samples if block.format.is_planar else samples.reshape(block.samples, -1).T)
        )

    def speech(self, start_s: float) -> np.ndarray:
        """The mean of the channels from start_s on: float32 (N,). Gaps are silent; what is earlier is cut."""
        pieces: list[np.ndarray] = []
        position = early = 0
        for (time, _), samples in zip(self.sound, _mono([block for _, block in self.sound]), strict=True):
            due = position if time is None else round((time - start_s) * self.sample_rate)
            gap = due - position
            if gap > MAX_GAP_S * self.sample_rate:
                fault = f"{gap / self.sample_rate:.1f} s without sound"
                raise MediaError(f"{self.where}: {fault}; expected at most {MAX_GAP_S:g} s")
            if not pieces and gap < 0:
                position, early = due, -due
            elif gap > (_SOUND_GAP_S * self.sample_rate if pieces else 0):
                pieces.append(np.zeros(gap, np.float32))
                position = due
            pieces.append(samples)
            position += len(samples)
        return np.concatenate(pieces)[early:] if pieces else np.empty(0, np.float32)


def _mono(blocks: list[np.ndarray]) -> list[np.ndarray]:
    """The mean of the channels of each block, float32 in [-1, 1]; blocks of one kind are averaged together."""
    mono: list[np.ndarray] = []
    for _, same in groupby(blocks, key=lambda block: (len(block), block.dtype)):
        group = list(same)
        samples = np.concatenate(group, axis=1)
        if samples.dtype == np.uint8:
            samples = samples.astype(np.float32) / 128 - 1
        elif samples.dtype.kind == "i":
            samples = samples.astype(np.float32) / 2.0 ** (8 * samples.dtype.itemsize - 1)
        ends = np.cumsum([block.shape[1] for block in group])[:-1]
        mono += np.split(samples.mean(axis=0).astype(np.float32), ends)
    return mono


def _seconds(frame: Any) -> float | None:
    return None if frame.pts is None else float(frame.pts * frame.time_base)


def _decode(container: Any, video: Any, audio: Any, decoded: _Decoded) -> int:
    """Fill decoded in one pass; returns the number of video packets that the container itself says not to show."""
    video.codec_context.thread_count = 1  # clips are decoded beside one another instead
    streams = [stream for stream in (video, audio) if stream is not None and stream.codec_context is not None]
    hidden, sound_error = 0, None
    try:
        for packet in container.demux(streams):
            if packet.is_corrupt:
                raise decoded.damaged(f"a packet of its {packet.stream.type} is cut short")
            if packet.stream.type == "video":
                hidden += packet.is_discard
                for frame in packet.decode():
                    decoded.add_frame(frame)
                continue
            try:
                blocks = packet.decode()
            except av.FFmpegError as error:
                sound_error = error.strerror
                continue
            for block in blocks:
                decoded.add_sound(block)
    except av.FFmpegError as error:
        raise decoded.damaged(f"decoding stopped: {error.strerror}") from None
    if not decoded.times:
        raise decoded.damaged("no frame can be decoded")
    if sound_error and decoded.sound:  # a stream of which nothing decodes is no sound
        raise decoded.damaged(f"its sound is damaged: {sound_error}")
    return hidden


def _check_complete(container: Any, video: Any, decoded: _Decoded, hidden: int, fps: float) -> None:
    """Compare what the container announces with what was decoded; MPEG streams announce nothing."""
    duration = re.fullmatch(r"(\d+):(\d+):([\d.]+)", video.metadata.get("DURATION", ""))
    missing = 0
    if "mp4" in container.format.name and video.frames:
        missing = len(video.index_entries) - hidden - len(decoded.times)
    elif container.format.name == "avi" and decoded.end_s:  # it announces slots of its grid, some of which are empty
        missing = video.frames - max(len(decoded.times), round(decoded.end_s * fps))
    elif duration and decoded.end_s:  # Matroska
        announced_s = sum(float(part) * unit for part, unit in zip(duration.groups(), (3600, 60, 1), strict=True))
        missing = round((announced_s - decoded.end_s) * fps)
    if missing > 0:
        announced = len(decoded.times) + missing
        raise decoded.damaged(
            f"cut short, its container announces at least {announced} frames, {missing} more than there are"
        )


def _show_times(times: list[float | None], fps: float) -> list[float]:
    """When each frame is shown, in s: a missing time follows the one before it; times that go back are not trusted."""
    stamps = [time for time in times if time is not None]
    if not stamps or any(later <= earlier for earlier, later in pairwise(stamps)):
        start = min(stamps, default=0.0)
        return [start + index / fps for index in range(len(times))]
    shown: list[float] = []
    start = stamps[0] - next(index for index, time in enumerate(times) if time is not None) / fps
    for time in times:
        shown.append(time if time is not None else shown[-1] + 1 / fps if shown else start)
    return shown


def _undo_avi_start(times: list[float], fps: float) -> None:
    """Put the first frame next to the second: AVI cannot start video late, so muxers that must hold the second back."""
    if len(times) > 1 and 1 / fps < times[1] - times[0] < _AVI_START_S:
        times[0] = times[1] - 1 / fps


def _shown(times: list[float], fps: float, where: str) -> np.ndarray:
    """The frame that each slot of the grid shows: int64 (slots,), not decreasing."""
    for index, (earlier, later) in enumerate(pairwise(times)):
        if later - earlier > MAX_GAP_S:
            raise MediaError(
                f"{where}: time stamps jump by {later - earlier:.1f} s after frame {index}; expected at most "
                f"{MAX_GAP_S:g} s. Encode it again at a constant frame rate."
            )
    slots = np.floor((np.array(times) - times[0]) * fps + 0.5).astype(np.int64)
    slots = np.maximum.accumulate(slots)
    return np.searchsorted(slots, np.arange(slots[-1] + 1), side="right") - 1
