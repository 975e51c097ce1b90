"""A region of a user's own videos, cut out as lsbench cuts it."""

from __future__ import annotations

import numpy as np

from lsbench import registry
from lsbench.errors import FaceError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.media.clip import Clip
from lsbench.media.clip import crop as crop_boxes


def crop(
    real: Clip | np.ndarray,
    fake: Clip | np.ndarray,
    region: str | Region = Region.MOUTH,
    *,
    track: FaceTrack | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The face or mouth of a real video, and the same boxes of a generated one.

    The boxes come from the real video alone, so that every generator is cropped alike; they have one size per video.

        mouth, other_mouth = lsbench.crop(real, fake, "mouth")

    Args:
        real: a Clip, or uint8 (T, H, W, 3) RGB.
        fake: the same of the generated video, as large and as long.
        region: `mouth`, `face` or `whole`.
        track: where the face of `real` is; found by the face landmarker if not given, whose weights are fetched where
            they are not there.

    Returns:
        Two arrays, uint8 (T, h, w, 3): copies.

    Raises:
        FaceError: where no face is found, or the videos differ in size or length.
        WeightsError: where the landmarker's weights cannot be had.
    """
    names = [known.value for known in Region]
    if isinstance(region, str):
        if region not in names:
            raise FaceError(registry.unknown("region", region, names))
        region = Region(region)
    clips = [_clip(name, video) for name, video in (("real", real), ("fake", fake))]
    shapes = [clip.frames.shape for clip in clips]
    if shapes[0] != shapes[1]:
        raise FaceError(f"real has the shape {shapes[0]}, fake {shapes[1]}; expected one size and length")
    if region is Region.WHOLE:
        return clips[0].frames.copy(), clips[1].frames.copy()
    track = track or _found(clips[0])
    if (len(track), track.height, track.width) != shapes[0][:3]:
        raise FaceError(f"the track is of {len(track)} frames, {track.width} x {track.height} px; real is {shapes[0]}")
    boxes = fill_gaps(track, clips[0].id).box(region)
    return crop_boxes(clips[0].frames, boxes), crop_boxes(clips[1].frames, boxes)


def _clip(name: str, video: Clip | np.ndarray) -> Clip:
    if isinstance(video, Clip):
        return video
    frames = np.asarray(video)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3:] != (3,) or 0 in frames.shape:
        raise FaceError(
            f"{name} is {frames.dtype} {frames.shape}; expected a Clip, or uint8 (frames, height, width, 3)"
        )
    return Clip(name, frames, np.empty(0, np.float32), 25.0)


def _found(clip: Clip) -> FaceTrack:
    from lsbench.networks import weights

    return FaceTracker(*weights.require("face_landmarker")).measure(clip)
