"""The lip shape of each viseme of a speaker, as the mean over real clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.face.track import OUTER_EYE_CORNERS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import LIPS, tracked_landmarks
from lsbench.metrics._base.learner import Learner, Model, Moments
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._visemes.spoken import on_frames
from lsbench.speech.aligner import REVISION as ALIGNED
from lsbench.speech.aligner import align
from lsbench.speech.visemes import VISEMES

LEAST = 2  # phones of a viseme, for a mean
POINTS = LIPS.stop - LIPS.start


def lip_shapes(landmarks: np.ndarray) -> np.ndarray:
    """Lips about their own mean, upright and in distances between the outer eye corners: (T, 80, 2) px -> (T, 40, 2).

    Each frame is turned and scaled so that its outer eye corners lie at a distance of 1 on a level line; NaN where
    points are NaN.
    """
    points = landmarks.astype(np.float64)
    flat = points[..., 0] + 1j * points[..., 1]
    left, right = (flat[:, corner] for corner in OUTER_EYE_CORNERS)
    eyes = np.where(np.abs(right - left) > 0, right - left, np.nan)
    with np.errstate(invalid="ignore"):  # frames without a face
        lips = (flat[:, LIPS] - flat[:, LIPS].mean(axis=1, keepdims=True)) / eyes[:, None]
    return np.stack([lips.real, lips.imag], axis=-1)


def phone_shapes(shapes: np.ndarray, said: list[tuple[int, int]]) -> np.ndarray:
    """The mean shape of each phone over its frames (first, stop) that show a face: (P, 40, 2), NaN where none does."""
    means = np.full((len(said), *shapes.shape[1:]), np.nan)
    for place, (first, stop) in enumerate(said):
        shown = shapes[first:stop][np.isfinite(shapes[first:stop]).all(axis=(1, 2))]
        if len(shown):
            means[place] = shown.mean(axis=0)
    return means


@dataclass(frozen=True)
class VisemeShapes(Learner):
    """The mean lip shape of each viseme over the phones of real clips, each phone the mean of its frames."""

    needs_pictures: ClassVar[bool] = False
    needs_words: ClassVar[bool] = True
    of_own_speaker: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        return f"viseme_shapes.1|aligned:{ALIGNED}"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        """shape: float64 (14, 40, 2), sums over phones; phones: float64 (14,)."""
        shape, phones = np.zeros((len(VISEMES), POINTS, 2)), np.zeros(len(VISEMES))
        heard = align(clip.speech, clip.sample_rate, clip.said)
        said = [each for each in on_frames(heard.phones, len(track), clip.fps) if each.viseme >= 0]
        shown = phone_shapes(lip_shapes(tracked_landmarks(track)), [(each.first, each.stop) for each in said])
        for each, mean in zip(said, shown, strict=True):
            if np.isfinite(mean).all():
                shape[each.viseme] += mean
                phones[each.viseme] += 1
        return Stats(shape=shape, phones=phones)

    def moments(self, stats: Stats) -> Moments:
        """The same sums."""
        return {"shape": np.array(stats["shape"]), "phones": np.array(stats["phones"])}

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        """shape: float64 (14, 40, 2), the mean of each viseme, NaN where it was said less than twice; phones (14,)."""
        phones = sum((moments["phones"] for moments in groups.values()), np.zeros(len(VISEMES)))
        total = sum((moments["shape"] for moments in groups.values()), np.zeros((len(VISEMES), POINTS, 2)))
        enough = (phones >= LEAST)[:, None, None]
        return {"shape": np.where(enough, total / np.maximum(phones, 1)[:, None, None], np.nan), "phones": phones}
