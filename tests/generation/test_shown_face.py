"""What a generator sees: the pose of every frame, and never the mouth it has to make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import FaceError
from lsbench.face.track import OUTER_LIPS, FaceTrack, Region
from lsbench.generation.shown_face import RIGID, play_to_and_fro, visible_face, with_mouth_of
from lsbench.media.clip import Clip, crop
from lsbench.metrics._base.landmarks import aperture

Toy = tuple[Clip, FaceTrack]
RULES = ("shifted:2", "shifted:6", "masked-video", "first-frame")


def spoiled(toy: Toy, frame: int) -> Clip:
    """The clip with another mouth in one frame: noise."""
    clip, track = toy
    frames = clip.frames.copy()
    lips = track.landmarks[frame, OUTER_LIPS]
    (left, top), (right, bottom) = np.floor(lips.min(axis=0)).astype(int) - 1, np.ceil(lips.max(axis=0)).astype(int) + 2
    noise = np.random.default_rng(frame).integers(0, 256, (bottom - top, right - left, 3), np.uint8)
    frames[frame, top:bottom, left:right] = noise
    return replace(clip, frames=frames)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("frame", [1, 5, 11])
def test_the_mouth_of_a_frame_never_reaches_that_frame(toy: Toy, rule: str, frame: int) -> None:
    clip, track = toy
    changed = spoiled(toy, frame)
    assert not np.array_equal(changed.frames[frame], clip.frames[frame])
    with_noise, without = (visible_face(shown, track, rule)[0].frames[frame] for shown in (changed, clip))
    assert np.array_equal(with_noise, without)


def test_the_mouth_of_a_shifted_rule_is_that_of_the_shifted_frame(toy: Toy) -> None:
    clip, track = toy
    sources = [2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    shown, marks = visible_face(clip, track, "shifted:2")
    assert marks is not None
    assert np.allclose(aperture(marks.landmarks), aperture(track.landmarks)[sources], atol=0.01)
    for frame, source in enumerate(sources):
        changed = visible_face(spoiled(toy, source), track, "shifted:2")[0].frames[frame]
        assert not np.array_equal(changed, shown.frames[frame])


def test_the_upper_face_and_its_landmarks_are_the_true_ones(toy: Toy) -> None:
    clip, track = toy
    shown, marks = visible_face(clip, track, "masked-video")
    assert marks is not None
    face = track.box(Region.FACE)
    for frame, (_, top, _, bottom) in enumerate(face):
        middle = top + (bottom - top) // 2
        assert np.array_equal(shown.frames[frame, :middle], clip.frames[frame, :middle])
    assert np.array_equal(marks.landmarks[:, RIGID], track.landmarks[:, RIGID])
    assert np.ptp(aperture(marks.landmarks)) < 0.01


def test_a_frame_with_its_own_mouth_is_itself(toy: Toy) -> None:
    clip, track = toy
    same, marks = with_mouth_of(clip, track, np.arange(len(clip)))
    assert np.array_equal(same.frames, clip.frames)
    assert np.allclose(marks.landmarks, track.landmarks, atol=1e-4)


def test_a_moved_mouth_lies_where_the_pose_puts_it() -> None:
    """Turned, moved and zoomed by a known similarity, a still face is found again within the noise of resampling."""
    clip, track = synthetic.render(1, 0, frames=2, size=96)
    angle, zoom, shift = 0.05, 1.03, np.array([2.5, -1.5])
    middle = np.array([48.0, 48.0])
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (track.landmarks[0] - middle) @ turn.T + middle + shift
    moved = FaceTrack(np.stack([track.landmarks[0], points.astype(np.float32)]), track.found, 96, 96)
    blank = replace(clip, frames=np.stack([clip.frames[0], np.full_like(clip.frames[0], 127)]))
    shown, marks = with_mouth_of(blank, moved, np.array([0, 0]))
    assert np.allclose(marks.landmarks[1], points, atol=1e-3)
    boxes = moved.box(Region.MOUTH) + np.array([4, 4, -4, -4])
    before, after = crop(shown.frames, boxes).astype(float)
    assert abs(before.mean() - after.mean()) < 4


def test_still_needs_no_face(toy: Toy) -> None:
    clip, _ = toy
    shown, marks = visible_face(clip, None, "first-frame")
    assert marks is None
    assert (shown.frames == clip.frames[0]).all()
    with pytest.raises(FaceError, match="needs to know where the face is"):
        visible_face(clip, None, "masked-video")


def test_a_face_lasts_as_long_as_the_sound(toy: Toy) -> None:
    clip, track = toy
    longer, marks = play_to_and_fro(clip, track, 30)
    assert (len(longer), len(marks or ())) == (30, 30)
    order = [*range(12), *range(10, 0, -1), *range(8)]
    assert np.array_equal(longer.frames, clip.frames[order])
    assert len(play_to_and_fro(clip, track, 5)[0]) == 5
    one = replace(clip, frames=clip.frames[:1])
    assert len(play_to_and_fro(one, None, 4)[0]) == 4
