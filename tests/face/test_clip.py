"""Crops and boxes: from the reference, one size, centred, inside the frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsbench.errors import FaceError, MediaError
from lsbench.face.track import MOUTH_CORNERS, OUTER_LIPS, POINTS, BoxRule, FaceTrack, Region
from lsbench.media.clip import Clip, crop
from lsbench.metrics._base.pair import ClipPair


def track_at(centres: np.ndarray, width: float = 20.0, size: tuple[int, int] = (100, 120)) -> FaceTrack:
    """A track whose lips are an ellipse `width` wide around the given centres (T, 2)."""
    angles = np.linspace(np.pi, -np.pi, 20, endpoint=False)
    outline = np.stack([np.cos(angles) * width / 2, np.sin(angles) * width / 4], axis=1)
    landmarks = np.tile(np.asarray(centres, np.float32)[:, None], (1, POINTS, 1))
    landmarks[:, OUTER_LIPS] += outline.astype(np.float32)
    return FaceTrack(landmarks, np.ones(len(landmarks), bool), *size)


def test_mouth_box_is_square_centred_and_1_6_mouth_widths_wide() -> None:
    boxes = track_at(np.tile([60.0, 50.0], (9, 1))).box(Region.MOUTH)
    assert boxes.shape == (9, 4)
    x0, y0, x1, y1 = boxes[0]
    assert x1 - x0 == y1 - y0 == 32  # 1.6 * 20
    assert abs((x0 + x1 - 1) / 2 - 60) <= 0.5
    assert abs((y0 + y1 - 1) / 2 - 50) <= 0.5


def test_mouth_width_is_the_corner_distance() -> None:
    track = track_at(np.tile([60.0, 50.0], (3, 1)))
    left, right = (track.landmarks[0, i] for i in MOUTH_CORNERS)
    assert left == pytest.approx([50, 50])
    assert right == pytest.approx([70, 50])


def test_box_follows_a_moving_head_smoothly_and_keeps_its_size() -> None:
    jitter = np.where(np.arange(40) % 2, 3.0, -3.0)
    centres = np.stack([40 + 0.5 * np.arange(40) + jitter, np.full(40, 50.0)], axis=1)
    boxes = track_at(centres).box(Region.MOUTH)
    assert len({(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes}) == 1
    middle = (boxes[:, 0] + boxes[:, 2] - 1) / 2
    assert np.abs(middle - (40 + 0.5 * np.arange(40)))[5:-5].max() <= 1.0
    assert np.abs(np.diff(middle)).max() <= 2


@pytest.mark.parametrize("centre", [(0, 0), (119, 99), (-30, 50), (60, 300)])
def test_box_stays_inside_the_frame(centre: tuple[float, float]) -> None:
    for x0, y0, x1, y1 in track_at(np.tile(centre, (4, 1))).box(Region.MOUTH):
        assert 0 <= x0 < x1 <= 120
        assert 0 <= y0 < y1 <= 100
        assert x1 - x0 == 32


def test_box_larger_than_the_frame_is_the_largest_square() -> None:
    assert track_at(np.tile([60.0, 50.0], (2, 1)), width=500).box(Region.MOUTH).tolist()[0][1::2] == [0, 100]


def test_whole_box_is_the_frame() -> None:
    assert track_at(np.zeros((2, 2))).box(Region.WHOLE).tolist() == [[0, 0, 120, 100]] * 2


def test_missing_landmarks_are_an_error() -> None:
    track = track_at(np.full((3, 2), np.nan))
    with pytest.raises(FaceError, match="mouth box"):
        track.box(Region.MOUTH)


def test_box_rules_print_their_numbers() -> None:
    assert str(BoxRule("outer_lips", 1.6, True, 2.0)) == "square-1.6x-outer_lips-smooth2"


def test_crop_takes_each_frame_at_its_own_box() -> None:
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    cut = crop(frames, np.array([[0, 0, 2, 2], [3, 2, 5, 4]]))
    assert np.array_equal(cut[0], frames[0, :2, :2])
    assert np.array_equal(cut[1], frames[1, 2:, 3:])


def test_pair_crops_both_at_the_reference_boxes_from_its_first_frame() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (10, 100, 120, 3), np.uint8)
    clip = Clip("a", frames, np.zeros(0, np.float32), 25.0)
    centres = np.stack([np.linspace(30, 80, 10), np.full(10, 50.0)], axis=1)
    track = track_at(centres)
    pair = ClipPair(clip.cut(4, 8), clip.cut(2, 6), track, first_frame=4)
    boxes = track.box(Region.MOUTH)[4:8]
    reference, generated = pair.crop(Region.MOUTH)
    assert np.array_equal(reference, crop(frames[4:8], boxes))
    assert np.array_equal(generated, crop(frames[2:6], boxes))
    assert pair.crop(Region.MOUTH)[0] is reference  # cut once
    assert np.shares_memory(pair.crop(Region.WHOLE)[0], pair.reference.frames)


def test_cut_keeps_the_speech_of_its_frames() -> None:
    clip = Clip("a", np.zeros((10, 2, 2, 3), np.uint8), np.arange(6400, dtype=np.float32), 25.0)
    assert clip.cut(2, 5).speech[[0, -1]].tolist() == [1280, 3199]


@pytest.mark.parametrize(
    ("frames", "speech", "fps"),
    [
        (np.zeros((1, 2, 2, 3), np.float32), np.zeros(1, np.float32), 25.0),
        (np.zeros((1, 2, 2, 4), np.uint8), np.zeros(1, np.float32), 25.0),
        (np.zeros((0, 2, 2, 3), np.uint8), np.zeros(1, np.float32), 25.0),
        (np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2), np.float32), 25.0),
        (np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.float32), 0.0),
    ],
)
def test_clip_refuses_what_it_is_not(frames: np.ndarray, speech: np.ndarray, fps: float) -> None:
    with pytest.raises(MediaError, match="clip a"):
        Clip("a", frames, speech, fps)


def test_boxes_are_smoothed_within_a_shot() -> None:
    """No box is dragged towards the face of another shot; without a shot's flags they are one."""
    centres = np.repeat([[40.0, 40.0], [80.0, 60.0]], 10, axis=0)
    smeared = track_at(centres)
    track = replace(smeared, shots=np.repeat([0, 1], 10))
    boxes = track.box(Region.MOUTH)
    assert len(np.unique(boxes[:10], axis=0)) == len(np.unique(boxes[10:], axis=0)) == 1
    assert len(np.unique(smeared.box(Region.MOUTH), axis=0)) > 2
    whole = replace(smeared, shots=np.zeros(20, int))
    assert np.array_equal(whole.box(Region.MOUTH), smeared.box(Region.MOUTH))
