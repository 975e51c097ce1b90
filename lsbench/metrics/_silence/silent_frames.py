"""Which frames of a video are silent: by the level of the sound, or by a network that hears speech in noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.landmarks import LOST, tracked_landmarks
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.networks.silero import SAMPLE_RATE, WINDOW, VoiceActivity, load

LOWEST_HZ = 100  # hum and rumble below do not count as sound
SHORTEST_S = 0.2  # the pause in a stop consonant is shorter, and no silence
SPEECH = 0.5  # probability of it, from which on a window is no silence


def silent_frames(
    speech: np.ndarray,
    frames: int,
    *,
    fps: float,
    sample_rate: int = 16000,
    below_db: float = 30.0,
    network: VoiceActivity | None = None,
) -> np.ndarray:
    """Which video frames are silent, in runs of 0.2 s or more.

    By level: far quieter than the loudest frame. By a network: no window of 32 ms that a frame touches is speech to it,
    with a probability of 0.5 or more, however loud the rest is.

    Args:
        speech: floating point (N,) mono, from frame 0 on; after its end it is silent.
        frames: of the video.
        fps: of the video.
        sample_rate: of the sound, Hz.
        below_db: by level, how far the mean power above 100 Hz lies below that of the loudest frame.
        network: of lsbench.networks.silero.load(); None to go by level.

    Returns:
        bool (frames,); False throughout where there is no sound at all.

    Raises:
        MetricError: where speech, rates or below_db are not of this kind.
    """
    if not below_db > 0:
        raise MetricError(f"below_db={below_db}; expected more than 0")
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MetricError(f"speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    if not fps > 0 or not sample_rate > 2 * LOWEST_HZ:
        raise MetricError(
            f"{fps} frames and {sample_rate} samples a second; expected more than 0, and more than {2 * LOWEST_HZ}"
        )
    if not len(speech):
        return np.zeros(frames, bool)
    from scipy.ndimage import binary_opening

    if network is None:
        quiet = _quiet(speech, frames, fps, sample_rate, below_db)
    else:
        quiet = _unspoken(network.speech_probability(speech, sample_rate), frames, fps)
    pauses: np.ndarray = binary_opening(quiet, np.ones(math.ceil(SHORTEST_S * fps)))
    return pauses


@dataclass(frozen=True, kw_only=True)
class SilenceMetric(Metric):
    """Base of the metrics that look at the mouth of a video in the frames in which its sound is silent.

    vad=level: a frame is silent where the sound above 100 Hz is `below_db` or more below the clip's loudest frame for
    0.2 s or more. vad=silero: where Silero's network hears no speech for 0.2 s or more, however loud it is; below_db
    does not count then.
    """

    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    paired: ClassVar[bool] = False

    below_db: float = 30.0
    vad: str = field(default="level", metadata={"choices": ("level", "silero")})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.below_db > 0:
            raise MetricError(f"metric {self.name}: option below_db={self.below_db}; expected more than 0")

    @property
    def needed_weights(self) -> tuple[str, ...]:
        """Silero's, where it listens."""
        return ("silero_vad",) if self.vad == "silero" else ()

    def mouth(self, pair: ClipPair) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The landmarks of the generated clip, NaN where there is no face, (T, 80, 2) px; and for the statistics

        found (a face), silent, heard (the clip has sound): bool (T,).
        """
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.generated.id}: {self.name} needs the landmarks of the generated clip")
        points = tracked_landmarks(pair.landmarks[1])
        return points, {
            "found": np.isfinite(points).all(axis=(1, 2)),
            "silent": pair.once(("silent", self.vad, self.below_db), lambda: self._silent(pair, len(points))),
            "heard": np.full(len(points), len(pair.generated.speech) > 0),
        }

    def note(self, stats: Stats) -> str | None:
        """Lost faces, missing sound, and that there is no silence."""
        silent = np.count_nonzero(stats["silent"])
        shown = np.count_nonzero(stats["silent"] & stats["found"])
        notes = []
        if shown < silent:
            notes.append(f"face found in {shown} of {silent} silent frames, {self.lost}")
        if not stats["heard"].all():
            notes.append(f"no sound in {np.count_nonzero(~stats['heard'])} frames")
        if not silent:
            falls = f"falls {self.below_db:g} dB below its loudest" if self.vad == "level" else "pauses"
            notes.append(f"undefined: the speech never {falls} for {SHORTEST_S} s")
        return "; ".join(notes) or None

    lost: ClassVar[str] = f"the others counted as {LOST} inter-ocular distances each"

    def _silent(self, pair: ClipPair, frames: int) -> npt.NDArray[np.bool_]:
        clip = pair.generated
        network = load(*self.weight_files(pair)) if self.vad == "silero" else None
        return silent_frames(
            clip.speech,
            frames,
            fps=clip.fps,
            sample_rate=clip.sample_rate,
            below_db=self.below_db,
            network=network,
        )


def _quiet(speech: np.ndarray, frames: int, fps: float, sample_rate: int, below_db: float) -> npt.NDArray[np.bool_]:
    """Frames in which the power above 100 Hz is so far below that of the loudest frame."""
    from scipy.signal import butter, sosfilt

    power = sosfilt(butter(2, LOWEST_HZ, "highpass", fs=sample_rate, output="sos"), speech.astype(np.float64)) ** 2
    edges = np.rint(np.arange(frames + 1) * sample_rate / fps).astype(np.int64)
    sums = np.append(0, np.cumsum(power))[np.minimum(edges, len(power))]
    level = np.diff(sums) / np.diff(edges)
    quiet: npt.NDArray[np.bool_] = level <= level.max() * 10 ** (-below_db / 10)
    return quiet


def _unspoken(probability: np.ndarray, frames: int, fps: float) -> npt.NDArray[np.bool_]:
    """Frames that touch no window with speech. probability: of each window (W,)."""
    spoken = np.append(0, np.cumsum(probability >= SPEECH))
    edges = np.arange(frames + 1) * SAMPLE_RATE / (fps * WINDOW)
    first, stop = np.floor(edges[:-1]), np.ceil(edges[1:])
    first, stop = (np.minimum(edge, len(probability)).astype(np.int64) for edge in (first, stop))
    unspoken: npt.NDArray[np.bool_] = spoken[stop] == spoken[first]
    return unspoken
