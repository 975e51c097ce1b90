"""Stand-in generators: real clips with one known fault each, to read a board by.

Each is a pure function of a reference clip and its face track and returns frames of the same shape. They see the
answer, so they are no lip-sync generators; they show which metric notices which fault.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.ndimage import gaussian_filter

from lsbench.face.patches import feather, levels, paste
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip, crop

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
