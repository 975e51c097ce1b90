"""SyncNet's scores of lip sync: LSE-D, LSE-C and the offset, and what they hide: the distance as it stands.

A clip is W windows of five frames with the 0.2 s of sound that start with them. distances[15 + k], k = -15..15, is the
mean over windows i of the distance between the face of window i and the sound of window i + k.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import soxr

from lsbench.errors import FaceError, MetricError, WeightsError
from lsbench.face.track import MAX_GAP, Region
from lsbench.face.tracker import fill_gaps
from lsbench.media.clip import Clip
from lsbench.media.spectra import pcm16
from lsbench.metrics._base.landmarks import mean_defined
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._syncnet.syncnet_crop import FPS, at_25_fps, crop_squares, face_squares, is_25_fps
from lsbench.metrics._syncnet.syncnet_features import FRAME_SAMPLES, SAMPLE_RATE, face_embeddings, sound_embeddings

SHIFTS = 15  # windows either way
FEWEST_WINDOWS = 6  # that a mean over windows takes
PADDINGS = ("zero", "none")
LIPS_FRAMES = 5  # of a window, at 25 a second
_EPS = 1e-6  # of torch.nn.functional.pairwise_distance


def mean_distances(
    faces: np.ndarray, sound: np.ndarray, *, padding: str = "zero", seen: np.ndarray | None = None
) -> np.ndarray:
    """Mean distance |face - sound + 1e-6| at each shift from -15 to 15.

    Args:
        faces, sound: embeddings, floating point (W, d).
        seen: bool (W,), the windows that count: those that show the face; all if not given.
        padding: zero, sound beyond the ends counts as the zero vector, as in the authors' code; or none, windows
            without sound at that shift are left out, and W - |k| remain.

    Returns:
        float64 (31,); NaN where a shift has fewer than 6 windows.
    """
    if faces.shape != sound.shape or faces.ndim != 2 or faces.dtype.kind != "f" or sound.dtype.kind != "f":
        raise MetricError(
            f"SyncNet: embeddings are {faces.dtype} {faces.shape} of faces and {sound.dtype} {sound.shape} of sound; "
            "expected floating point (windows, numbers), the same for both"
        )
    if padding not in PADDINGS:
        raise MetricError(f"SyncNet: padding={padding}; expected one of {', '.join(PADDINGS)}")
    count = len(faces)
    seen = np.ones(count, bool) if seen is None else seen
    if count - SHIFTS * (padding == "none") < FEWEST_WINDOWS:
        return np.full(2 * SHIFTS + 1, np.nan)
    padded = np.pad(sound.astype(np.float64), ((SHIFTS, SHIFTS), (0, 0)))
    means = []
    for shift in range(-SHIFTS, SHIFTS + 1):
        first, last = (max(0, -shift), min(count, count - shift)) if padding == "none" else (0, count)
        counted = first + np.flatnonzero(seen[first:last])
        heard = padded[counted + shift + SHIFTS]
        enough = len(counted) >= FEWEST_WINDOWS
        means.append(np.linalg.norm(faces[counted] - heard + _EPS, axis=1).mean() if enough else math.nan)
    return np.array(means)


def lse_d(distances: np.ndarray) -> float:
    """The least of the mean distances.

    Args:
        distances: of mean_distances(), float64 (31,).

    Returns:
        0 or more; NaN where the distances are.
    """
    return float(distances.min())


def lse_c(distances: np.ndarray) -> float:
    """The median of the mean distances less the least.

    Args:
        distances: of mean_distances(), float64 (31,).

    Returns:
        0 or more; NaN where the distances are.
    """
    return math.nan if np.isnan(distances).any() else float(np.median(distances) - distances.min())


def av_offset(distances: np.ndarray) -> float:
    """By how much the video is late: minus the shift of the least distance.

    Args:
        distances: of mean_distances(), float64 (31,).

    Returns:
        Frames of 40 ms; NaN where the distances are.
    """
    return math.nan if np.isnan(distances).any() else float(SHIFTS - distances.argmin())


def lse_d0(distances: np.ndarray) -> float:
    """The mean distance at shift 0, as the clip is played.

    Args:
        distances: of mean_distances(), float64 (31,).

    Returns:
        0 or more; NaN where the distances are.
    """
    return float(distances[SHIFTS])


@dataclass(frozen=True, kw_only=True)
class SyncNet(Metric):
    """Base of SyncNet's scores: the mean over clips, NaN where no clip has a value.

    The face is cut from the generated video by the place of the reference's face oval, so that every generator is
    cropped alike; where there is no ground truth, by the video's own. The square is that of the authors' pipeline (see
    syncnet_crop), around the bounds of the oval where theirs is around a face detector's box, and is not encoded again.
    SyncNet takes 25 frames a second: at another rate the frames nearest to 0, 40, 80 ... ms are taken, and the note
    says so. Sound is resampled to 16 kHz and 16 bit. A clip of T frames and N samples has W = min(T, N // 640) - 5
    windows, and under 6 windows no value. Embeddings of faces are kept on disk by their pixels.
    """

    libraries: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    source: ClassVar[str] = "Chung & Zisserman 2016, Out of time; Prajwal et al. 2020, Wav2Lip, arXiv 2008.10010"
    regions: ClassVar[tuple[Region, ...]] = ()
    weights: ClassVar[tuple[str, ...]] = ("syncnet",)
    needs_speech: ClassVar[bool] = True
    paired: ClassVar[bool] = False

    @property
    def fewest(self) -> int:
        """Windows below which a clip has no value."""
        return FEWEST_WINDOWS

    @abstractmethod
    def value(self, distances: np.ndarray) -> float:
        """One clip's value from its mean distances, float64 (31,)."""

    @property
    def needs_track(self) -> bool:
        return True

    def reach_frames(self, fps: float) -> int:
        """Those of five frames at 25 a second."""
        return math.ceil(LIPS_FRAMES * fps / FPS)

    def look(self, pair: ClipPair) -> Stats:
        """lips: float32 (W, 1024), embeddings of those windows of five frames that start in the pair's own frames."""
        return pair.once("syncnet lips", lambda: Stats(lips=_lips(pair, self.name)))

    def conclude(self, seen: Stats, pair: ClipPair) -> Stats:
        """One row a clip, the same for all of SyncNet's scores.

        zero, none: float64 (1, 31) mean distances under each padding, NaN where undefined. frames, found: int64 (1,),
        how many there are and how many whose face was found. faceless: bool (1,), whether too many running were not.
        fps: float64 (1,).
        """
        return pair.once("syncnet", lambda: _distances(seen["lips"], pair, self.name))

    def measure(self, pair: ClipPair) -> Stats:
        """The row of conclude(), of a clip that is seen whole."""
        return self.conclude(self.look(pair), pair)

    def distances(self, stats: Stats) -> np.ndarray:
        """The mean distances of each clip that the score reads, float64 (clips, 31)."""
        return stats["zero"]

    def compute(self, stats: Stats) -> float:
        return mean_defined(np.array([self.value(distances) for distances in self.distances(stats)]))

    def note(self, stats: Stats) -> str | None:
        clips, faceless = stats.rows, stats["faceless"]
        short = np.isnan(self.distances(stats)).any(axis=1) & ~faceless
        uneven = ~is_25_fps(stats["fps"])
        seen, frames = stats["found"].sum(), stats["frames"].sum()
        notes = []
        if short.any():
            notes.append(
                f"undefined in {short.sum()} of {clips} clips: under {self.fewest} windows of 5 frames with sound"
            )
        if faceless.any():
            notes.append(
                f"undefined in {faceless.sum()} of {clips} clips: no face in the generated video for more than "
                f"{MAX_GAP} frames running"
            )
        if seen < frames:
            notes.append(f"face found in {seen} of {frames} frames")
        if uneven.any():
            notes.append(
                f"{uneven.sum()} of {clips} clips are not at 25 frames a second: frames repeated or left out to be so"
            )
        return "; ".join(notes) or None


@dataclass(frozen=True, kw_only=True)
class Shifting(SyncNet):
    """Base of the scores that look at all 31 shifts.

    padding=zero is the authors': near the ends the outer shifts meet zeros, so that values move with the length of the
    clip, and on the same crops they are those of the package syncnet-python within 1e-3. padding=none leaves such
    windows out: values do not depend on length, and a clip takes 21 windows.
    """

    padding: str = field(default=PADDINGS[0], metadata={"choices": PADDINGS})

    @property
    def fewest(self) -> int:
        return FEWEST_WINDOWS + (SHIFTS if self.padding == "none" else 0)

    def distances(self, stats: Stats) -> np.ndarray:
        return stats[self.padding]


@dataclass(frozen=True, kw_only=True)
class LSED(Shifting):
    """Lip-sync error, distance: the least over 31 shifts of the mean distance of face and sound; forgives a delay."""

    name: ClassVar[str] = "lse_d"
    asks: ClassVar[str] = "How far are lips and sound apart for SyncNet, at the shift where they fit best?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, distances: np.ndarray) -> float:
        return lse_d(distances)


@dataclass(frozen=True, kw_only=True)
class LSEC(Shifting):
    """Lip-sync error, confidence: by how much the best of 31 shifts beats the median one; forgives a delay."""

    name: ClassVar[str] = "lse_c"
    asks: ClassVar[str] = "How clearly does one shift of the sound fit the lips better than others, for SyncNet?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, distances: np.ndarray) -> float:
        return lse_c(distances)


@dataclass(frozen=True, kw_only=True)
class AVOffset(Shifting):
    """Frames of 40 ms by which the video is late against its sound, negative where it is early; -15 to 15 a clip.

    Minus the shift of least distance, as syncnet-python counts it. The mean over clips keeps its sign, so that a video
    that is late here and early there reads 0: offset_error_frames is what to rank by. Ranked by distance from 0.
    """

    name: ClassVar[str] = "av_offset"
    asks: ClassVar[str] = "How many frames late is the video, for SyncNet?"
    better: ClassVar[Literal["zero"]] = "zero"

    def value(self, distances: np.ndarray) -> float:
        return av_offset(distances)

    def note(self, stats: Stats) -> str | None:
        return "; ".join(
            filter(None, ["positive = video late; best at 0, rank by offset_error_frames", super().note(stats)])
        )


@dataclass(frozen=True, kw_only=True)
class OffsetError(Shifting):
    """How many frames of 40 ms video and sound are apart, late or early: the mean over clips of |av_offset|."""

    name: ClassVar[str] = "offset_error_frames"
    asks: ClassVar[str] = "How many frames are video and sound apart, for SyncNet?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, distances: np.ndarray) -> float:
        return abs(av_offset(distances))


@dataclass(frozen=True, kw_only=True)
class LSED0(SyncNet):
    """The mean distance of face and sound as the clip is played: lse_d without the choice of the best shift."""

    name: ClassVar[str] = "lse_d0"
    asks: ClassVar[str] = "How far are lips and sound apart for SyncNet, as the clip is played?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, distances: np.ndarray) -> float:
        return lse_d0(distances)


def _lips(pair: ClipPair, name: str) -> np.ndarray:
    """See SyncNet.look."""
    path, (_, squares) = _weights(pair, name), _squares(pair.whole, name)
    picks, count = _windows(pair.whole)
    first, stop, _ = pair.own.indices(len(pair))
    starts = np.flatnonzero((picks[:count] >= pair.place + first) & (picks[:count] < pair.place + stop))
    if count < FEWEST_WINDOWS or squares is None or not len(starts):
        return np.empty((0, 0), np.float32)
    picks = picks[starts[0] : starts[-1] + LIPS_FRAMES]
    faces = crop_squares(pair.generated.frames[picks - pair.place], squares[picks])
    return face_embeddings(faces, path, pair.device, keep=pair.reference_sha256 is not None)


def _distances(lips: np.ndarray, pair: ClipPair, name: str) -> Stats:
    """See SyncNet.conclude."""
    clip, (found, squares) = pair.generated, _squares(pair, name)
    distances = dict.fromkeys(PADDINGS, np.full(2 * SHIFTS + 1, np.nan))
    if len(lips):
        sound = sound_embeddings(_samples(clip), _weights(pair, name), pair.device)[: len(lips)]
        seen = _seen(pair, len(lips))
        distances = {padding: mean_distances(lips, sound, padding=padding, seen=seen) for padding in PADDINGS}
    return Stats(
        **{padding: values[None] for padding, values in distances.items()},
        frames=np.array([len(pair)]),
        found=np.array([found]),
        faceless=np.array([squares is None]),
        fps=np.array([clip.fps], np.float64),
    )


def _seen(pair: ClipPair, windows: int) -> np.ndarray:
    """Which windows of five frames show the face in each of them, as far as the reference's track knows: bool (W,)."""
    if pair.track is None:
        return np.ones(windows, bool)
    lost = pair.track.lost[pair.first_frame : pair.first_frame + len(pair)][_windows(pair)[0]]
    return ~np.asarray(np.lib.stride_tricks.sliding_window_view(lost, LIPS_FRAMES)[:windows].any(axis=1))


def _weights(pair: ClipPair, name: str) -> Path:
    if "syncnet" not in pair.weights:
        raise WeightsError(
            f"clip {pair.generated.id}: {name} needs the weights syncnet, and the pair names none; "
            "run lsbench weights fetch syncnet, or pass --weights syncnet=PATH"
        )
    return pair.weights["syncnet"]


def _windows(pair: ClipPair) -> tuple[np.ndarray, int]:
    """The frames of a clip that are seen, 25 a second, and in how many windows of them with their sound."""
    picks, clip = at_25_fps(len(pair), pair.generated.fps), pair.generated
    samples = pair.once("syncnet samples", lambda: len(_samples(clip)))
    return picks, max(0, min(len(picks), samples // FRAME_SAMPLES) - LIPS_FRAMES)


def _samples(clip: Clip) -> np.ndarray:
    """The sound of a clip, int16 (N,) at 16 kHz."""
    same = clip.sample_rate == SAMPLE_RATE or not len(clip.speech)
    return pcm16(clip.speech if same else soxr.resample(clip.speech, clip.sample_rate, SAMPLE_RATE))


def _squares(pair: ClipPair, name: str) -> tuple[int, np.ndarray | None]:
    """Frames of the pair whose face was found, and the face's place in each; None where too many running have none."""
    return pair.once("syncnet squares", lambda: _face_places(pair, name))


def _face_places(pair: ClipPair, name: str) -> tuple[int, np.ndarray | None]:
    if pair.track is not None:
        span = slice(pair.first_frame, pair.first_frame + len(pair))
        return int(np.count_nonzero(pair.track.found[span])), face_squares(pair.track)[span]
    if pair.landmarks is None:
        raise MetricError(f"clip {pair.generated.id}: {name} needs the face of the reference or of the generated clip")
    own = pair.landmarks[1]
    found = int(np.count_nonzero(own.found))
    try:
        return found, face_squares(fill_gaps(own, pair.generated.id))
    except FaceError:  # in a video that a generator made that is a finding, not a fault of the run
        return found, None
