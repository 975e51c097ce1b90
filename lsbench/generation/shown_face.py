"""What a generator may see of a face: the true pose in every frame, and the mouth of other frames.

The field's own inference scripts feed the frame that is to be produced, mouth included; a generator that copies its
input then scores well. Here the lower face of every frame is replaced by that of another frame, moved to its pose, so
that tools which expect an ordinary talking-face video run as they are and cannot find the answer in it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import map_coordinates

from lsbench.errors import FaceError
from lsbench.face.patches import ramp
from lsbench.face.track import EYE_CORNERS, INNER_LIPS, OUTER_LIPS, FaceTrack, Region
from lsbench.media.clip import Clip

SHIFTED = "shifted:"
UPPER_OVAL = np.r_[0:10, 27:36]  # from ear to ear over the forehead
LOWER_OVAL = np.r_[10:27]
RIGID = np.r_[UPPER_OVAL, EYE_CORNERS]  # points that do not move with the mouth
MOVING = np.r_[LOWER_OVAL, OUTER_LIPS, INNER_LIPS]
_MARGIN = 0.1  # by which the hidden box is larger than the face box, at sides and chin, over the face's height
_FEATHER = 0.06  # width of its soft edge, over the face's height


def needs_face(identity: str) -> bool:
    """Whether a protocol's identity rule (see Protocol.identity) needs to know where the face is."""
    return identity != "first-frame"


def visible_face(clip: Clip, track: FaceTrack | None, identity: str) -> tuple[Clip, FaceTrack | None]:
    """What a generator sees of a clip by a protocol's identity rule (see Protocol.identity).

    first-frame: frame 0, repeated. Otherwise one video that shows no more than the rule's two pictures together: frame
    t, its masked part filled with the lower face of the identity frame. So a tool that wants a plain talking-face video
    gets one; one that masks the lower half itself finds the target's pose, and a whole face for the identity.

    Args:
        clip: the reference clip.
        track: its landmarks; None where the rule does not need them and nobody else does.
        identity: the rule.

    Returns:
        The clip as it is shown and its landmarks (None where none were given): copies, with the clip's own sound.

    Raises:
        FaceError: where the rule needs landmarks and there are none, or not one set a frame.
    """
    every = np.arange(len(clip))
    if not needs_face(identity):
        first = np.zeros_like(every)
        still = Clip(clip.id, clip.frames[first], clip.speech, clip.fps, clip.sample_rate)
        if track is None:
            return still, None
        return still, track.taken(first)
    if track is None:
        raise FaceError(f"clip {clip.id}: identity {identity} needs to know where the face is, to hide its mouth")
    sources = np.zeros_like(every)
    if identity.startswith(SHIFTED):
        step = int(identity.removeprefix(SHIFTED))
        sources = np.where(every >= step, every - step, np.minimum(every + step, len(clip) - 1))
    return with_mouth_of(clip, track, sources)


def play_to_and_fro(clip: Clip, track: FaceTrack | None, frames: int) -> tuple[Clip, FaceTrack | None]:
    """A clip, and its landmarks where there are some, for another number of frames: cut, or played to and fro.

    The sound is left as it is. Frames 0, 1, 2 for 7 frames are played as 0, 1, 2, 1, 0, 1, 2.
    """
    if frames == len(clip):
        return clip, track
    there_and_back = np.r_[0 : len(clip), len(clip) - 2 : 0 : -1]
    order = np.resize(there_and_back, frames)
    moved = Clip(clip.id, clip.frames[order], clip.speech, clip.fps, clip.sample_rate)
    if track is None:
        return moved, None
    return moved, track.taken(order)


def with_mouth_of(clip: Clip, track: FaceTrack, sources: np.ndarray) -> tuple[Clip, FaceTrack]:
    """A clip with the lower face of another frame in every frame.

    The lower face is the lower half of the face box with a margin around the chin. It is moved by the similarity
    (shift, turn, zoom) that fits eye corners and upper face outline of both frames best, and blended in over a soft
    edge outside the mouth.

    Args:
        clip: of T frames.
        track: its landmarks.
        sources: int (T,), the frame whose lower face frame t is given.

    Returns:
        The clip and its landmarks: copies.

    Raises:
        FaceError: where clip, track and sources differ in length.
    """
    if len(track) != len(clip) or len(sources) != len(clip):
        raise FaceError(f"clip {clip.id}: {len(clip)} frames, {len(track)} landmarks, {len(sources)} sources")
    frames, landmarks = clip.frames.copy(), track.landmarks.copy()
    boxes, feather = _lower_faces(track)
    for t, (source, (left, top, right, bottom)) in enumerate(zip(sources, boxes, strict=True)):
        turn, shift = _similarity(track.landmarks[t, RIGID], track.landmarks[source, RIGID])
        landmarks[t, MOVING] = (track.landmarks[source, MOVING] - shift) @ np.linalg.inv(turn).T
        rows, columns = np.mgrid[top:bottom, left:right]
        x, y = turn @ np.stack([columns.ravel(), rows.ravel()]) + shift[:, None]
        planes = np.moveaxis(clip.frames[source], 2, 0)
        moved = [map_coordinates(plane, [y, x], np.float64, order=1, mode="nearest") for plane in planes]
        opacity = ramp((bottom - top, right - left), feather)[..., None]
        patch = frames[t, top:bottom, left:right]
        patch[...] = np.rint(opacity * np.stack(moved, axis=1).reshape(patch.shape) + (1 - opacity) * patch)
    return Clip(clip.id, frames, clip.speech, clip.fps, clip.sample_rate), replace(track, landmarks=landmarks)


def _lower_faces(track: FaceTrack) -> tuple[np.ndarray, float]:
    """Boxes of the lower faces, int (T, 4) as x0, y0, x1, y1 inside the frame; the width of their soft edge, px."""
    left, top, right, bottom = track.box(Region.FACE).T
    height = int(bottom[0] - top[0])
    margin = round(_MARGIN * height)
    boxes = np.stack([left - margin, top + height // 2, right + margin, bottom + margin], axis=1)
    return np.clip(boxes, 0, [track.width, track.height, track.width, track.height]), _FEATHER * height


def _similarity(points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The similarity that takes points to targets, both (P, 2), by least squares: matrix (2, 2) and shift (2,)."""
    points, targets = points.astype(np.float64), targets.astype(np.float64)
    middle, goal = points.mean(axis=0), targets.mean(axis=0)
    (x, y), (u, v) = (points - middle).T, (targets - goal).T
    spread = np.sum(x * x + y * y)
    along, across = np.sum(x * u + y * v) / spread, np.sum(x * v - y * u) / spread
    turn = np.array([[along, -across], [across, along]])
    return turn, goal - turn @ middle
