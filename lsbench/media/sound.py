"""The sound of a file -> speech: one channel, mixed down and resampled as it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.media.container import LATE_STREAM, audio_stream, choice, damaged, opened

_ROUNDING_S = 0.02  # time stamps that stray less than this from the count of samples are rounding
_BATCH = 1 << 16  # samples that are mixed and resampled at once
_CANCELLED = 0.1  # a mix with less than this share of its channels' mean power has lost them
_SURROUND = 0.5**1.5  # a channel behind or beside the listener: 3 dB below one in front (ITU-R BS.775)
_UNNAMED = {
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}  # as in FFmpeg
_LEVELS = {"FC": 1.0, "FL": 0.5, "FR": 0.5, "LFE": 0.0, "LFE2": 0.0}


@dataclass(frozen=True, eq=False)
class Speech:
    """What is heard in a file.

    Attributes:
        samples: float32 (N,) mono in [-1, 1], from the first frame on; empty where there is no sound.
        sample_rate: of samples, Hz.
        source_rate: of the file's sound, Hz; 0 where it has none.
        notes: what was done to it that a listener would not expect.
    """

    samples: np.ndarray
    sample_rate: int
    source_rate: int = 0
    notes: tuple[str, ...] = ()

    @classmethod
    def silence(cls, sample_rate: int) -> Speech:
        """Of a file without sound."""
        return cls(np.empty(0, np.float32), sample_rate)


def read_speech(
    source: Path,
    where: str,
    sample_rate: int,
    most_s: float = limits.MOST_LENGTH_S,
    start_s: float = 0.0,
    kind: str = "video",
) -> Speech:
    """The sound of a file from start_s on, in one channel.

    Mono is taken as it is, and of stereo and of channels whose place is not known the mean; six or eight such channels
    are 5.1 or 7.1, as in players. A sound with a channel for the centre or for low frequencies is mixed as ITU-R BS.775
    has it, with the centre at its own level: front left and right at a half each, those behind and beside at 0.354, low
    frequencies left out. Where less than a tenth of the channels' mean power is left by that, since opposite channels
    cancel, the loudest channel is taken alone.

    Gaps between time stamps are silent. It is resampled by soxr in pieces, which gives the bits of the whole at once.

    Args:
        source: the file.
        where: the start of every error message.
        sample_rate: to give, Hz.
        most_s: how long it may be, s.
        start_s: the time stamp of the first frame, in seconds; what is earlier is cut.
        kind: of file that it should be, for the errors.

    Raises:
        MediaError: where the sound is damaged, too long, of an unusual or a changing rate, or has a gap of more than
            limits.MAX_GAP_S.
    """
    mix = partial(_Mix, where, sample_rate, most_s, start_s)
    heard = _hear(source, kind, mix())
    channel = heard.loudest_of_cancelled()
    if channel is not None:
        count = len(heard.power)
        heard = _hear(source, kind, mix(channel))
        lost = f"{count} channels of sound lose most of it in one: the loudest, channel {channel + 1}, is heard"
        heard.notes[lost] = None
    return Speech(heard.samples(), sample_rate, heard.source_rate, tuple(heard.notes))


def _hear(source: Path, kind: str, mix: _Mix) -> _Mix:
    """One pass over the sound of a file, into an empty mix."""
    where = mix.where
    with opened(source, where, kind) as container:
        audio = audio_stream(container)
        if audio is None:
            return mix
        _demand_usual(audio.codec_context.sample_rate, audio.codec_context.layout.nb_channels, where)
        mix.notes = dict.fromkeys(choice(container, audio))
        if "mp4" in container.format.name and audio.frames and audio.duration:  # not the codec's padding
            mix.end_s = float(((audio.start_time or 0) + audio.duration) * audio.time_base)
        fault = None
        pipes = container.format.name == "wav"  # may not know how long it is; see whole.py
        try:
            for packet in container.demux(audio):
                if packet.is_corrupt and not pipes:
                    raise damaged(where, "a packet of its sound is cut short", kind=kind)
                try:
                    blocks = packet.decode()
                except av.FFmpegError as error:
                    fault = error.strerror
                    continue
                for block in blocks:
                    mix.add(block)
        except av.FFmpegError as error:
            raise damaged(where, f"decoding of its sound stopped: {error.strerror}", kind=kind) from None
        except IndexError:  # PyAV knows no stream that begins later
            raise damaged(where, LATE_STREAM, kind=kind) from None
        if fault and mix.source_rate:  # a stream of which nothing decodes is no sound
            raise damaged(where, f"its sound is damaged: {fault}", kind=kind)
        mix.flush()
        return mix


def _demand_usual(sample_rate: int, channels: int, where: str) -> None:
    """MediaError for sound that is hardly any: of a rate far from speech's, or of many channels."""
    least, most = limits.SAMPLE_RATES
    if sample_rate and not least <= sample_rate <= most:
        raise MediaError(f"{where}: sound at {sample_rate} Hz; expected {least} to {most}. Resample it.")
    if channels > limits.MOST_CHANNELS:
        expected = f"expected at most {limits.MOST_CHANNELS}. Mix it down."
        raise MediaError(f"{where}: sound in {channels} channels; {expected}")


class _Mix:
    """One channel that grows block by block.

    Args:
        where: the start of every error message.
        sample_rate: to give, Hz.
        most_s: how much it may become, s.
        start_s: of the first sample to give.
        channel: to take alone, from 0.
    """

    def __init__(self, where: str, sample_rate: int, most_s: float, start_s: float, channel: int | None = None) -> None:
        self.where, self.sample_rate, self.start_s = where, sample_rate, start_s
        self._most_s, self._given = most_s, 0  # seconds; samples at the source's rate
        self.source_rate = 0
        self.end_s: float | None = None
        self.power = np.zeros(0)  # of each channel, summed
        self.notes: dict[str, None] = {}
        self._mixed_power = 0.0
        self._channel = channel
        self._layout: tuple[str, ...] = ()
        self._pending: list[np.ndarray] = []  # blocks of one kind, (channels, samples)
        self._waiting = 0  # samples in them
        self._position: int | None = None  # of the next sample, counted from start_s at the source's rate
        self._early = 0  # samples before start_s that are still to be cut
        self._left: int | None = None  # samples until end_s
        self._stream: Any = None
        self._pieces: list[np.ndarray] = []

    def add(self, block: Any) -> None:
        """Put a block of samples in its place in time."""
        _demand_usual(block.sample_rate, block.layout.nb_channels, self.where)
        if not self.source_rate:
            self.source_rate = block.sample_rate
            if self.end_s is not None:
                self._left = max(0, round((self.end_s - self.start_s) * self.source_rate))
            if self.source_rate != self.sample_rate:
                self._stream = soxr.ResampleStream(self.source_rate, self.sample_rate, 1, dtype="float32")
        elif block.sample_rate != self.source_rate:
            raise MediaError(
                f"{self.where}: the sound changes from {self.source_rate} to {block.sample_rate} Hz; expected one rate"
            )
        self._wait(None if block.pts is None else float(block.pts * block.time_base))
        layout = tuple(channel.name for channel in block.layout.channels)
        try:
            samples = block.to_ndarray()
        except ValueError:
            fault = f"sound in samples of the kind {block.format.name}"
            raise MediaError(f"{self.where}: {fault}; expected 8 to 32 bits. Encode it again.") from None
        if not block.format.is_planar:
            samples = samples.reshape(block.samples, -1).T
        last = self._pending[-1] if self._pending else samples
        if layout != self._layout or last.dtype != samples.dtype or len(last) != len(samples):
            self.flush()
            self._layout = layout
        self._pending.append(samples)
        self._waiting += samples.shape[1]
        self._position = (self._position or 0) + samples.shape[1]
        if self._waiting >= _BATCH:
            self.flush()

    def _wait(self, time: float | None) -> None:
        """Silence until the time stamp of the next block."""
        first, position = self._position is None, self._position or 0
        due = position if time is None else round((time - self.start_s) * self.source_rate)
        gap = due - position
        if gap > limits.MAX_GAP_S * self.source_rate:
            fault = f"{gap / self.source_rate:.1f} s without sound"
            raise MediaError(f"{self.where}: {fault}; expected at most {limits.MAX_GAP_S:g} s")
        if first and gap < 0:
            self._position, self._early = due, -due
        elif gap > (0 if first else _ROUNDING_S * self.source_rate):
            self.flush()
            self._give(np.zeros(gap, np.float32))
            self._position = due

    def flush(self) -> None:
        """Mix the blocks that wait."""
        if not self._pending:
            return None
        samples = np.concatenate(self._pending, axis=1)
        self._pending, self._waiting = [], 0
        if samples.dtype == np.uint8:
            samples = samples.astype(np.float32) / 128 - 1
        elif samples.dtype.kind == "i":
            samples = samples.astype(np.float32) / 2.0 ** (8 * samples.dtype.itemsize - 1)
        elif not np.isfinite(samples).all():
            raise MediaError(f"{self.where}: its sound holds values that are no finite numbers; expected [-1, 1]")
        if len(samples) == 1:
            return self._give(samples[0].astype(np.float32))
        levels = self._levels(len(samples))
        power = np.einsum("cn,cn->c", samples, samples, dtype=np.float64) * (levels > 0)
        self.power = self.power + power if len(self.power) == len(power) else power
        mixed = samples.mean(axis=0) if (levels == levels[0]).all() else np.einsum("c,cn->n", levels, samples)
        self._mixed_power += float(np.einsum("n,n->", mixed, mixed, dtype=np.float64))
        return self._give(mixed.astype(np.float32))

    def _levels(self, channels: int) -> np.ndarray:
        """By which each channel is multiplied, (channels,)."""
        if self._channel is not None:
            return np.eye(channels, dtype=np.float32)[min(self._channel, channels - 1)]
        layout = self._layout if "NONE" not in self._layout else _UNNAMED.get(channels, ())
        if not {"FC", "LFE"} & set(layout) or len(layout) != channels:
            return np.full(channels, 1 / channels, np.float32)
        self.notes[f"sound in {channels} channels: the centre at its level, the others below it"] = None
        return np.array([_LEVELS.get(name, _SURROUND) for name in layout], np.float32)

    def loudest_of_cancelled(self) -> int | None:
        """The channel to take alone, from 0, where the mix has lost them; else None."""
        heard = self.power[self.power > 0]
        return int(np.argmax(self.power)) if len(heard) and self._mixed_power < _CANCELLED * heard.mean() else None

    def _give(self, samples: np.ndarray) -> None:
        """Samples that follow those given before, at the source's rate."""
        cut = min(self._early, len(samples))
        self._early -= cut
        samples = samples[cut:]
        if self._left is not None:
            samples = samples[: self._left]
            self._left -= len(samples)
        self._given += len(samples)
        if self._given > self._most_s * self.source_rate:
            raise MediaError(
                f"{self.where}: more than {self._most_s:.0f} s of sound. Cut it to the length of its pictures"
            )
        if len(samples):
            self._pieces.append(samples if self._stream is None else self._stream.resample_chunk(samples))

    def samples(self) -> np.ndarray:
        """All of it, float32 (N,) in [-1, 1]; nothing can be added any more."""
        self.flush()
        if self._stream is not None:
            self._pieces.append(self._stream.resample_chunk(np.empty(0, np.float32), last=True))
        samples = np.concatenate(self._pieces) if self._pieces else np.empty(0, np.float32)
        self._pieces = []
        return np.clip(samples, -1, 1, out=samples)
