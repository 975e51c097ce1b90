"""Face tracks: the landmark layout, and the boxes of regions that follow from landmarks.

Points are (x, y) in pixels: x along columns, y along rows, (0, 0) at the centre of the top left pixel. Boxes are
(x0, y0, x1, y1) in pixels with x1 and y1 exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsbench.errors import FaceError
from lsbench.face.expression import BLENDSHAPES

# The landmark layout that every FaceTrack uses: 80 points, closed outlines in drawing order.
# Lip outlines start at the corner on the left of the image, run along the lower lip to the right corner (point 10)
# and back along the upper lip; their points 5 and 15 are the middles of the lower and the upper lip.
FACE_OVAL = slice(0, 36)
OUTER_LIPS = slice(36, 56)
INNER_LIPS = slice(56, 76)
EYE_CORNERS = slice(76, 80)  # from left to right in the image: outer, inner, inner, outer
POINTS = 80
MAX_GAP = 5  # frames without a face that are interpolated
MOUTH_CORNERS = (OUTER_LIPS.start, OUTER_LIPS.start + 10)
OUTER_EYE_CORNERS = (EYE_CORNERS.start, EYE_CORNERS.start + 3)


SPANS = 5  # of frames, that a sentence names


class Region(Enum):
    """The part of a frame that a metric looks at."""

    WHOLE = "whole"
    FACE = "face"
    MOUTH = "mouth"


@dataclass(frozen=True)
class BoxRule:
    """How a region's box follows from landmarks.

    The box has one size per clip: `scale` times the clip's median extent of the outline. Its centre is the middle of
    the outline, smoothed over time within a shot, and the box is pushed inside the frame.

    Attributes:
        outline: of the landmarks, `face_oval` or `outer_lips`.
        scale: of the box to the outline's extent.
        square: the extent is the distance between the mouth corners, instead of width and height.
        smooth_frames: standard deviation of the Gaussian that smooths the centre (ends repeated), frames.
    """

    outline: str
    scale: float
    square: bool
    smooth_frames: float

    def __str__(self) -> str:
        shape = "square" if self.square else "rectangle"
        scale, smooth = (str(number).removesuffix(".0") for number in (self.scale, self.smooth_frames))
        return f"{shape}-{scale}x-{self.outline}-smooth{smooth}"


BOX_RULES = {
    Region.FACE: BoxRule(outline="face_oval", scale=1.1, square=False, smooth_frames=2.0),
    Region.MOUTH: BoxRule(outline="outer_lips", scale=1.6, square=True, smooth_frames=2.0),
}
_OUTLINES = {"face_oval": FACE_OVAL, "outer_lips": OUTER_LIPS}


# Fields of a FaceTrack, and the shape of each in a frame.
PER_FRAME: dict[str, tuple[int, ...]] = {
    "landmarks": (POINTS, 2),
    "found": (),
    "shots": (),
    "seen": (),
    "covered": (),
    "blendshapes": (len(BLENDSHAPES),),
    "pose": (3, 3),
}


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """Landmarks of one face of one clip, and what it does.

    Attributes:
        landmarks: float32 (T, 80, 2) px in the layout at the top of this file.
        found: bool (T,), False where the points of a frame were interpolated (or are NaN, where there was nothing to
            interpolate from).
        height: of the frames, px.
        width: of the frames, px.
        shots: int (T,), the shot that each frame is of, rising where the picture or the face is elsewhere of a sudden;
            None where there is one.
        seen: int (T,), faces in each frame, this one included; None where nobody counted.
        covered: bool (T,), where the mouth does not look as in the rest of its shot; None where nobody looked.
        rule: which of several faces this is: `largest`, `left`, `right`, or a point `x,y`.
        blendshapes: float32 (T, 52) in the order of lsbench.face.expression, 0 to 1, NaN where no face was found; None
            where nobody told, as in the exact side-cars of the toy corpus.
        pose: float32 (T, 3, 3), the head's rotation against the picture (see lsbench.face.pose), wherever in it the
            face is; NaN where no face was found, None where nobody told.

    Raises:
        FaceError: where an array has another shape.
    """

    landmarks: np.ndarray
    found: np.ndarray
    height: int
    width: int
    shots: np.ndarray | None = None
    seen: np.ndarray | None = None
    covered: np.ndarray | None = None
    rule: str = "largest"
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.landmarks.ndim != 3 or self.landmarks.shape[1:] != (POINTS, 2):
            raise FaceError(f"landmarks are {self.landmarks.shape}; expected (frames, {POINTS}, 2)")
        for name, shape in PER_FRAME.items():
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.landmarks), *shape):
                raise FaceError(f"{name} is {values.shape}; expected {(len(self.landmarks), *shape)}")

    def __len__(self) -> int:
        return len(self.landmarks)

    def taken(self, places: np.ndarray | slice) -> FaceTrack:
        """The frames at some places: int (n,), or a slice."""
        rows: dict[str, Any] = {name: getattr(self, name) for name in PER_FRAME}
        return replace(self, **{name: row[places] for name, row in rows.items() if row is not None})

    def cut(self, start: int, stop: int) -> FaceTrack:
        """Frames start..stop-1 (views)."""
        return self.taken(slice(start, stop))

    @property
    def lost(self) -> np.ndarray:
        """bool (T,): where there is no face for more than MAX_GAP frames running, or in all of a shot."""
        out = np.zeros(len(self), bool)
        for shot in self.by_shot():
            for run in runs(~self.found[shot]):
                out[shot][run] = len(run) > MAX_GAP or len(run) == len(out[shot])
        return out

    def by_shot(self) -> list[slice]:
        """The frames of each shot."""
        return parts(np.zeros(len(self), int) if self.shots is None else self.shots)

    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how the face was followed, a sentence each."""
        said = []
        if self.seen is not None and (several := self.seen > 1).any():
            least, most = int(self.seen[several].min()), int(self.seen[several].max())
            count = f"{most}" if least == most else f"{least} to {most}"
            which = {"largest": "the largest", "left": "the one on the left", "right": "the one on the right"}
            followed = which.get(self.rule, f"the one nearest to {self.rule}")
            said.append(f"{count} faces in frames {spans(several)}; {followed} was followed")
        if (point := self._missed_point()) is not None:
            said.append(f"no face at {point}; the nearest one was followed")
        if self.lost.any():
            said.append(f"no face in frames {spans(self.lost)}")
        if jumps := [shot.start for shot in self.by_shot()[1:]]:
            listed = ", ".join(map(str, jumps[:SPANS])) + (f" and {len(jumps) - SPANS} more" * (len(jumps) > SPANS))
            said.append(f"the picture or the face jumps at frame {listed}; the face is followed anew from there")
        if self.covered is not None and self.covered.any():
            said.append(
                f"the mouth looks covered or turned away in frames {spans(self.covered)}: unlike the rest of the clip"
            )
        return tuple(said)

    def _missed_point(self) -> str | None:
        """The point that the rule names, where no face is: the one that is followed is farther than its own size."""
        if "," not in self.rule or not self.found.any():
            return None
        point = np.array([float(share) for share in self.rule.split(",")]) * (self.width, self.height)
        oval = self.landmarks[self.found][:, FACE_OVAL]
        extent, centre = np.median(np.ptp(oval, axis=1), axis=0), np.median(oval.mean(axis=1), axis=0)
        return self.rule if np.linalg.norm(centre - point) > extent.max() else None

    def interocular(self) -> np.ndarray:
        """Distance between the outer eye corners: float64 (T,) px."""
        left, right = (self.landmarks[:, i].astype(np.float64) for i in OUTER_EYE_CORNERS)
        return np.asarray(np.linalg.norm(right - left, axis=1))

    def box(self, region: Region) -> np.ndarray:
        """Boxes of a region, of one size per clip, inside the frame (see BoxRule).

        Args:
            region: WHOLE is the frame itself.

        Returns:
            int64 (T, 4) px as x0, y0, x1, y1.

        Raises:
            FaceError: where landmarks are missing.
        """
        if region is Region.WHOLE:
            return np.tile(np.array([0, 0, self.width, self.height]), (len(self), 1))
        rule = BOX_RULES[region]
        outline = self.landmarks[:, _OUTLINES[rule.outline]].astype(np.float64)
        low, high = outline.min(axis=1), outline.max(axis=1)
        if rule.square:
            left, right = (self.landmarks[:, i].astype(np.float64) for i in MOUTH_CORNERS)
            extent = np.full(2, np.median(np.linalg.norm(right - left, axis=1)))
        else:
            extent = np.median(high - low, axis=0)
        if not np.isfinite(extent).all():
            raise FaceError(f"no {region.value} box: landmarks are missing in {np.count_nonzero(~self.found)} frames")
        limit = np.array([self.width, self.height])
        size = np.maximum(1, np.rint(rule.scale * extent).astype(np.int64))
        size = np.minimum(size, limit.min() if rule.square else limit)
        middle = (low + high) / 2
        smooth = [
            gaussian_filter1d(middle[shot], rule.smooth_frames, axis=0, mode="nearest") for shot in self.by_shot()
        ]
        centre = np.concatenate(smooth)
        # Pixel i covers i - 0.5 .. i + 0.5, so a box of n pixels that starts at s is centred on s + (n - 1) / 2.
        start = np.rint(centre - (size - 1) / 2).astype(np.int64)
        start = np.clip(start, 0, limit - size)
        return np.concatenate([start, start + size], axis=1)


def parts(shots: np.ndarray) -> list[slice]:
    """The frames of each shot, from the shot of each frame, int (T,)."""
    return [slice(*ends) for ends in pairwise([0, *(np.flatnonzero(np.diff(shots)) + 1).tolist(), len(shots)])]


def runs(mask: np.ndarray) -> list[np.ndarray]:
    """The places of each unbroken run of True: (T,) -> int (n,) each."""
    places = np.flatnonzero(mask)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []


def spans(mask: np.ndarray) -> str:
    """Which frames a mask (T,) names, for a sentence: `3, 10-30`."""
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs(mask)]
    return ", ".join(texts[:SPANS]) + (f" and {len(texts) - SPANS} more" * (len(texts) > SPANS))
