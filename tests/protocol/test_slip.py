"""Slips in the middle of a video: found where they are, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from frames import spoilt

from lsbench.corpus.toy import render as synthetic
from lsbench.face.track import FaceTrack
from lsbench.generation import standins
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.media.film import Film
from lsbench.media.recode import recoded
from lsbench.protocol.lag import changes
from lsbench.protocol.slip import Slip, slips

NEAR = 3  # frames: where little moves for some frames, no picture says which of them is missing


@pytest.fixture(scope="module")
def toy_clip() -> tuple[Clip, FaceTrack]:
    return synthetic.render(1, 1, frames=75, size=96)


def found(reference: Clip, frames: np.ndarray) -> list[Slip]:
    return slips(changes(Film.of(reference), Film.of(replace(reference, frames=frames))))


def lost(place: int, count: int, frames: int = 1) -> np.ndarray:
    """Places of a clip of `count` frames without some, the last repeated."""
    every = np.arange(count)
    return np.minimum(np.where(every < place, every, every + frames), count - 1)


def doubled(place: int, count: int, frames: int = 1) -> np.ndarray:
    """Places of a clip of `count` frames with one shown again; the end is cut."""
    every = np.arange(count)
    return np.where(every < place, every, np.maximum(place - 1, every - frames))


@pytest.mark.parametrize("place", [12, 20, 37, 50, 60])
def test_a_lost_and_a_doubled_frame_are_found(toy_clip: tuple[Clip, FaceTrack], place: int) -> None:
    clip, _ = toy_clip
    for places, late in ((lost(place, 75), -1), (doubled(place, 75), 1)):
        (slip,) = found(clip, recoded(clip.frames[places], clip.fps, 12))
        assert slip.frames == late
        assert abs(slip.frame - place) <= NEAR


def test_two_slips_and_slips_of_two_frames(toy_clip: tuple[Clip, FaceTrack]) -> None:
    clip, _ = toy_clip
    places = lost(20, 75)
    places = places[doubled(50, 75)]
    assert [slip.frames for slip in found(clip, clip.frames[places])] == [-1, 1]
    (slip,) = found(clip, clip.frames[lost(30, 75, frames=2)])
    assert slip.frames == -2 and abs(slip.frame - 30) <= NEAR


def test_a_slip_is_said_in_words() -> None:
    assert str(Slip(37, -1)) == (
        "1 frame lost at about frame 37: from there on its pictures come 1 earlier than before, against the reference's"
    )
    assert str(Slip(37, 2)).startswith("2 frames too many at about frame 37")


@pytest.mark.parametrize("name", ["reencoded", "still_mouth", "blurred_mouth", "pasted_box", "late", "noisy_frame"])
def test_stand_ins_do_not_slip(toy_clip: tuple[Clip, FaceTrack], name: str) -> None:
    clip, track = toy_clip
    assert found(clip, spoilt(getattr(standins, name), clip, track)) == []


@pytest.mark.parametrize("frames", [10, 15, 20, 25])
@pytest.mark.parametrize("level", [0, 128])
def test_a_part_without_a_picture_is_no_slip(toy_clip: tuple[Clip, FaceTrack], frames: int, level: int) -> None:
    pictures = toy_clip[0].frames.copy()
    pictures[30 : 30 + frames] = level
    assert found(toy_clip[0], pictures) == []


@pytest.mark.parametrize("from_frame", [37, 45])
def test_a_part_that_is_mirrored_hides_no_slip_before_it_and_makes_none(
    toy_clip: tuple[Clip, FaceTrack], from_frame: int
) -> None:
    clip, _ = toy_clip

    def mirrored(frames: np.ndarray) -> np.ndarray:
        return np.concatenate([frames[:from_frame], frames[from_frame:, :, ::-1]])

    assert found(clip, mirrored(clip.frames)) == []
    (slip,) = found(clip, mirrored(clip.frames[lost(20, 75)]))
    assert slip.frames == -1 and abs(slip.frame - 20) <= NEAR


def test_another_clip_does_not_slip(toy_clip: tuple[Clip, FaceTrack]) -> None:
    for clip in (2, 3):
        assert found(toy_clip[0], synthetic.render(1, clip, frames=75, size=96)[0].frames) == []


def test_a_clip_of_few_frames_has_no_slips(toy_clip: tuple[Clip, FaceTrack]) -> None:
    few = toy_clip[0].cut(0, 8)
    assert found(few, few.frames[lost(4, 8)]) == []


@pytest.mark.slow
def test_real_clips(grid: Path) -> None:
    """No clip slips against itself or after a codec; one that does is found, another mouth or not."""
    for number, (clip_id, source) in enumerate(find_clips(grid).items()):
        clip = read_clip(source, clip_id)
        assert found(clip, clip.frames) == [], clip_id
        if number % 5:
            continue
        assert found(clip, recoded(clip.frames, clip.fps, 30)) == [], clip_id
        assert found(clip, clip.frames[np.maximum(np.arange(len(clip)) - 4, 0)]) == [], clip_id
        for place in (25, 45):
            spoilt = clip.frames[lost(place, len(clip))].copy()
            spoilt[:, 160:250, 110:250] = spoilt[0, 160:250, 110:250]
            assert [slip.frames for slip in found(clip, recoded(spoilt, clip.fps, 26))] == [-1], clip_id
