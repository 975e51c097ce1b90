"""Stand-in generators: real clips with one known fault each, to read a board by.

Each fault is a pure function of a reference clip and its face track and returns frames of the same shape. Stand-ins see
the answer, so they are no lip-sync generators; they show which metric notices which fault. Two more are the real clip
compressed, and the real clip with the wrong sound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from lsbench.errors import FaceError
from lsbench.face.patches import feather, levels, paste
from lsbench.face.track import FaceTrack, Region
from lsbench.generation.generator import Generator, Rendered
from lsbench.media.clip import Clip, crop
from lsbench.media.recode import recoded


@dataclass(frozen=True)
class StandIn(Generator):
    """A real clip with one known fault: it is handed the answer and spoils it, so it is no lip-sync generator.

    Attributes:
        name: as it is registered.
        spoil: the fault, from the clip and its landmarks to uint8 frames (T, H, W, 3).
    """

    needs_track: ClassVar[bool] = True
    sees_answer: ClassVar[bool] = True

    name: str
    spoil: Callable[[Clip, FaceTrack], np.ndarray]

    @property
    def comment(self) -> str:  # type: ignore[override]
        """What the metadata of its videos say."""
        return f"synthetic: lsbench stand-in {self.name}, not a recording"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray:
        """The spoiled clip, uint8 (T, H, W, 3); FaceError where there are no landmarks."""
        if track is None:
            raise FaceError(f"clip {face.id}: stand-in {self.name} needs to know where the face is")
        return self.spoil(face, track)


class Compressed(Generator):
    """The real clip after H.264 as videos are passed on, 4:2:0 at quality 18: what encoding alone costs."""

    sees_answer: ClassVar[bool] = True
    comment = "synthetic: a real clip, compressed"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray:
        """The pictures after the codec."""
        return recoded(face.frames, face.fps)


class SwappedAudio(Generator):
    """The real pictures with the sound of another clip, of the same speaker where there is one: out of sync."""

    sees_answer: ClassVar[bool] = True
    swaps_sound: ClassVar[bool] = True
    comment = "synthetic: real pictures with the sound of another clip"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
        """The pictures as they are; the sound is cut, or silence added at its end, to last as long."""
        return Rendered(face.frames, speech=cut_or_pad(speech, round(len(face) * face.sample_rate / face.fps)))


def cut_or_pad(speech: np.ndarray, samples: int) -> np.ndarray:
    """Speech cut, or silence added at its end: float32 (samples,)."""
    return np.pad(speech[:samples], (0, max(0, samples - len(speech))))


BLUR_FACTOR = 0.2  # standard deviation of the blur over the side of the mouth box
BOX_LEVELS = 14  # brightness step of the pasted box, 8-bit levels
LATE_FRAMES = 4
NOISE_LEVELS = 7.0  # standard deviation of the noise, 8-bit levels


def reencoded(clip: Clip, track: FaceTrack) -> np.ndarray:
    """The clip itself: what lsbench's own encoding costs, next to nothing."""
    return clip.frames


def still_mouth(clip: Clip, track: FaceTrack) -> np.ndarray:
    """The mouth of the first frame in every frame, moved with the head and faded in over a tenth of the box."""
    boxes = track.box(Region.MOUTH)
    mouths = crop(clip.frames, boxes).astype(np.float64)
    opacity = feather(mouths.shape[1:3])[..., None]
    return paste(clip.frames, boxes, opacity * mouths[:1] + (1 - opacity) * mouths)


def blurred_mouth(clip: Clip, track: FaceTrack) -> np.ndarray:
    """A Gaussian blur inside the mouth box and nowhere else."""
    boxes = track.box(Region.MOUTH)
    mouths = crop(clip.frames, boxes).astype(np.float64)
    sigma = BLUR_FACTOR * mouths.shape[1]
    return paste(clip.frames, boxes, gaussian_filter(mouths, (0, sigma, sigma, 0), mode="nearest"))


def pasted_box(clip: Clip, track: FaceTrack) -> np.ndarray:
    """The mouth box pasted back too bright: the visible edge that the paper describes."""
    boxes = track.box(Region.MOUTH)
    return paste(clip.frames, boxes, crop(clip.frames, boxes).astype(np.float64) + BOX_LEVELS)


def late(clip: Clip, track: FaceTrack) -> np.ndarray:
    """Pictures four frames late against the sound; the first frame is held."""
    return clip.frames[np.maximum(np.arange(len(clip)) - LATE_FRAMES, 0)]


def noisy_frame(clip: Clip, track: FaceTrack) -> np.ndarray:
    """Gaussian noise over the whole frame, seeded by the clip's id: worse in every picture, harmless to the lips."""
    seed = int.from_bytes(hashlib.sha256(clip.id.encode()).digest()[:8], "big")
    noise = np.random.default_rng(seed).normal(0, NOISE_LEVELS, clip.frames.shape)
    return levels(clip.frames + noise)
