"""A generated video of another size than its reference: refused, resized, cut out of padding, or cut to the face."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lsbench.errors import AlignmentError
from lsbench.face.eyes import eyes
from lsbench.face.track import OUTER_LIPS, FaceTrack, Region
from lsbench.media import looks
from lsbench.media.film import Film
from lsbench.protocol.padding import NO_BARS, Bars, bars_at_most, padding, same_shape, sampled
from lsbench.protocol.toml_file import Fit

Tracks = tuple[FaceTrack, FaceTrack]


@dataclass(frozen=True, eq=False)
class Cutting:
    """How frames were cut and scaled, for the points of a face in them.

    Attributes:
        start: float (T, 2) or (1, 2), where the cut begins, px from the left and the upper edge.
        scale: float (2,), across and down, after the cut.
        size: height and width of what came out, px; None where nothing was done.
    """

    start: np.ndarray = field(default_factory=lambda: np.zeros((1, 2)))
    scale: np.ndarray = field(default_factory=lambda: np.ones(2))
    size: tuple[int, int] | None = None

    def of(self, track: FaceTrack) -> FaceTrack:
        """A track of the frames as they were, in the frames as they are."""
        if self.size is None:
            return track
        points = (track.landmarks.astype(np.float64) + 0.5 - self.start[:, None]) * self.scale - 0.5
        return replace(track, landmarks=points.astype(np.float32), height=self.size[0], width=self.size[1])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A reference and a generated video of one size.

    Attributes:
        reference, generated: as they are compared.
        cuttings: what was done to the frames of either.
        notes: what was done to the generated video, each for a reader.
    """

    reference: Film
    generated: Film
    cuttings: tuple[Cutting, Cutting] = field(default_factory=lambda: (Cutting(), Cutting()))
    notes: tuple[str, ...] = ()


def fitted(reference: Film, generated: Film, how: Fit, tracks: Tracks | None = None) -> Fitted:
    """Bring a generated video to the size of its reference.

    Args:
        reference: the real video.
        generated: the video made of it; for `face`, frame by frame with the reference.
        how: strict: nothing is done, sizes must agree. resize: frames are resized, whatever their shape. pad: bars
            around the picture are cut, and what is left is resized where it is the reference's shape at another size.
            face: both are cut to the box of the reference's face; its place and size in the generated video follow from
            the eye corners.
        tracks: the faces of both, as long as the films; needed for `face` alone.

    Raises:
        AlignmentError: where the sizes differ in a way that is not asked for; it names what would help.
    """
    if how == "face":
        if tracks is None:
            raise AlignmentError(f"clip {reference.id}: --fit face needs the landmarks of both videos")
        return _faces(reference, generated, tracks)
    if reference.size == generated.size:
        return Fitted(reference, generated)
    if how == "strict":
        where = f"clip {reference.id}: generated {_px(generated.size)} px, reference {_px(reference.size)} px"
        raise AlignmentError(f"{where}: {likely_cause(reference, generated)}")
    bars = _bars(reference, generated) if how == "pad" else NO_BARS
    height, width = generated.size[0] - bars.top - bars.bottom, generated.size[1] - bars.left - bars.right
    notes = []
    film = generated
    if bars:
        film = film.looked_at(looks.cut(bars.top, bars.left, height, width))
        notes.append(f"padding cut off the generated frames: {bars}")
    if (height, width) != reference.size:
        film = film.looked_at(looks.resized(*reference.size))
        shape = "" if same_shape((height, width), reference.size) else ", which changes their shape"
        notes.append(
            f"generated frames resized from {width}x{height} to the reference's {_px(reference.size)}{shape} "
            f"({looks.METHOD})"
        )
    scale = np.array(reference.size[::-1]) / (width, height)
    cutting = Cutting(np.array([[bars.left, bars.top]]), scale, reference.size)
    return Fitted(reference, film, (Cutting(), cutting), tuple(notes))


def likely_cause(reference: Film, generated: Film) -> str:
    """Why a generated video has another size than its reference, and which option would make it comparable."""
    (height, width), own = reference.size, generated.size
    if bars := padding(*sampled(reference, generated, hint=True)):
        return f"padding of {bars}; --fit pad cuts it off"
    if same_shape(own, reference.size):
        return f"the same shape at another size; --fit resize brings it to {width}x{height}"
    if own[0] == own[1] and width != height:
        return (
            "another shape, square: a crop of the face? --fit face compares the faces; --fit resize would stretch it "
            f"to {width}x{height}"
        )
    ratio = (width / height) / (own[1] / own[0])
    why = _not_square(reference, generated) or "a pixel aspect ratio that was lost?"
    return (
        f"another shape, by a factor of {ratio:.3g} ({why}); --fit resize stretches it to {width}x{height}, --fit face "
        "compares the faces alone. Or re-render at the reference's size"
    )


def _not_square(reference: Film, generated: Film) -> str:
    """Which of two videos had pixels that are not square; nothing where both had, or none."""
    sides = {"reference": reference, "generated": generated}
    said = [f"{side}: {note}" for side, film in sides.items() for note in film.notes if "made square" in note]
    return said[0] if len(said) == 1 else ""


def _bars(reference: Film, generated: Film) -> Bars:
    """The padding of a generated video; AlignmentError where the cut of none would give the reference's shape."""
    frames, own = sampled(reference, generated)
    bars = padding(frames, own)
    if bars is None:
        most = bars_at_most(own)
        height, width = generated.size[0] - most.top - most.bottom, generated.size[1] - most.left - most.right
        left = f"; without them it is {width}x{height}" if most else ""
        raise AlignmentError(
            f"clip {reference.id}: generated {_px(generated.size)} px, reference {_px(reference.size)} px; --fit pad "
            f"found bars of {most}{left}, which is not the reference's shape. --fit resize stretches the frames, "
            "--fit face compares the faces alone"
        )
    return bars


def _faces(reference: Film, generated: Film, tracks: Tracks) -> Fitted:
    """Both cut to the box of the reference's face, as far as the generated frames show it.

    The box has the size of Region.FACE and stands at one distance from the middle of the eye corners, smoothed over
    time as boxes are. In the generated video it stands at the same distance from its own eye corners, times the ratio
    of their spreads, one for the clip: a video does not choose its crop frame by frame.
    """
    where = f"clip {reference.id}"
    (centre, spread), (own_centre, own_spread) = (eyes(track, reference.id) for track in tracks)
    scale = float(np.median(own_spread / spread))
    boxes = tracks[0].box(Region.FACE)
    size = boxes[0, 2:] - boxes[0, :2]
    distance = np.median((boxes[:, :2] + (size - 1) / 2) - centre, axis=0)
    limit = np.array(reference.size[::-1])
    start = np.clip(np.rint(centre + distance - (size - 1) / 2).astype(np.int64), 0, limit - size)
    own_start = own_centre + 0.5 + (start - 0.5 - centre) * scale  # px from the outer edge of the first pixel
    own_limit = np.array(generated.size[::-1])
    low = np.ceil(np.max(np.maximum(0, -own_start / scale), axis=0) - 1e-6).astype(np.int64)
    high = np.floor(np.min(np.minimum(size, (own_limit - own_start) / scale), axis=0) + 1e-6).astype(np.int64)
    lips = tracks[0].landmarks[:, OUTER_LIPS] - start[:, None]
    if np.any(np.nanmin(lips, (0, 1)) < low) or np.any(np.nanmax(lips, (0, 1)) > high - 1):
        raise AlignmentError(
            f"{where}: --fit face: the generated frames do not show the mouth in every frame; of the reference's face "
            f"box of {size[0]}x{size[1]} px they have {_px(tuple(np.maximum(0, high - low)[::-1].tolist()))}. "
            "Does the video show another part of the picture?"
        )
    width, height = (high - low).tolist()
    start, own_start = start + low, own_start + low * scale
    own_boxes = np.concatenate([own_start, own_start + (high - low) * scale], axis=1)
    own_boxes = np.clip(own_boxes, 0, np.tile(own_limit, 2))
    notes = [
        f"faces compared, not frames: the generated {_px(generated.size)} beside the reference's face box of "
        f"{width}x{height} px, scaled by {1 / scale:.3g} ({looks.METHOD})"
    ]
    if (width, height) != tuple(size.tolist()):
        notes.append(f"the generated frames show {width}x{height} of the face box of {size[0]}x{size[1]} px")
    return Fitted(
        reference.looked_at(looks.cropped(np.concatenate([start, start + (high - low)], axis=1))),
        generated.looked_at(looks.zoomed(own_boxes, height, width)),
        (Cutting(start, np.ones(2), (height, width)), Cutting(own_start, np.full(2, 1 / scale), (height, width))),
        tuple(notes),
    )


def _px(size: tuple[int, int]) -> str:
    """A size (height, width) as people write it."""
    return f"{size[1]}x{size[0]}"
