"""Artifacts: each does what it says, by the strength that is asked, and nothing at strength 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsbench.auditing.artifacts.artifact import Artifact, Subject
from lsbench.auditing.artifacts.catalogue import ARTIFACTS, artifact
from lsbench.corpus.toy import render as synthetic
from lsbench.errors import ArtifactError
from lsbench.face.track import INNER_LIPS, FaceTrack, Region
from lsbench.media.clip import Clip, crop
from lsbench.metrics.psnr import psnr_frames

EVERY = list(ARTIFACTS.values())


@pytest.fixture(scope="module")
def subject() -> Subject:
    clip, track = synthetic.render(1, 0, frames=25, size=96)
    return Subject(clip, track, synthetic.render(2, 1, frames=25, size=96)[0].speech)


def same(one: Clip, other: Clip) -> bool:
    return np.array_equal(one.frames, other.frames) and np.array_equal(one.speech, other.speech)


def outside(clip: Clip, made: Clip, boxes: np.ndarray) -> np.ndarray:
    changed = (clip.frames != made.frames).any(axis=3)
    for frame, (left, top, right, bottom) in zip(changed, boxes, strict=True):
        frame[top:bottom, left:right] = False
    return changed


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_every_artifact_is_pure_seeded_and_nothing_at_strength_0(subject: Subject, one: Artifact) -> None:
    before = subject.clip.frames.copy(), subject.clip.speech.copy()
    assert same(one(subject, 0), subject.clip)
    made = one(subject, one.strengths[-1], seed=3)
    assert same(made, one(subject, one.strengths[-1], seed=3))
    assert not same(made, subject.clip)
    assert made.frames.shape == subject.clip.frames.shape and made.frames.dtype == np.uint8
    assert made.speech.shape == subject.clip.speech.shape and made.speech.dtype == np.float32
    assert np.array_equal(before[0], subject.clip.frames) and np.array_equal(before[1], subject.clip.speech)
    if one.hears_only:
        assert np.array_equal(made.frames, subject.clip.frames)
    else:
        assert np.array_equal(made.speech, subject.clip.speech)


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.name)
def test_ladders_rise_and_strengths_out_of_range_are_refused(subject: Subject, one: Artifact) -> None:
    assert list(one.strengths) == sorted(set(one.strengths)) and one.strengths[0] > 0
    assert one.strengths[-1] <= one.most
    for strength in (-1.0, float("inf"), float("nan"), *([one.most + 1] if one.most < float("inf") else [])):
        with pytest.raises(ArtifactError, match=rf"{one.name}: strength"):
            one(subject, strength)


@pytest.mark.parametrize("name", [one.name for one in EVERY if one.group == "mouth"])
def test_mouth_artifacts_stay_in_the_mouth_box_and_grow(subject: Subject, name: str) -> None:
    boxes = subject.track.box(Region.MOUTH)
    one = artifact(name)
    distances = []
    for strength in one.strengths:
        made = one(subject, strength)
        assert not outside(subject.clip, made, boxes).any()
        apart = made.frames.astype(float) - subject.clip.frames
        distances.append(float(np.square(apart).sum()))
    assert distances[0] > 0 and distances == sorted(distances)


@pytest.mark.parametrize("name", ["box-colour", "box-edge", "box-shift", "box-feather", "flicker"])
def test_box_artifacts_stay_in_the_face_box(subject: Subject, name: str) -> None:
    one = artifact(name)
    assert not outside(subject.clip, one(subject, one.strengths[-1]), subject.track.box(Region.FACE)).any()


def test_a_colour_step_is_as_many_levels_as_it_says(subject: Subject) -> None:
    made = artifact("box-colour")(subject, 8)
    boxes = subject.track.box(Region.FACE)
    apart = crop(made.frames, boxes).astype(int) - crop(subject.clip.frames, boxes)
    free = (crop(subject.clip.frames, boxes) > 8) & (crop(subject.clip.frames, boxes) < 247)
    assert set(np.unique(apart[free])) in ({8}, {-8})


def test_an_edge_is_one_pixel_wide(subject: Subject) -> None:
    made = artifact("box-edge")(subject, 16)
    boxes = subject.track.box(Region.FACE)
    changed = (crop(made.frames, boxes) != crop(subject.clip.frames, boxes)).any(axis=3)
    assert not changed[:, 1:-1, 1:-1].any() and changed[:, 0].mean() > 0.9


def test_a_shifted_mouth_is_moved_by_whole_pixels(subject: Subject) -> None:
    made = crop(artifact("mouth-shift")(subject, 2).frames, subject.track.box(Region.MOUTH)).astype(int)
    mouths = crop(subject.clip.frames, subject.track.box(Region.MOUTH)).astype(int)
    middle = np.s_[:, 6:-6, 6:-6]  # where nothing is faded
    moved = {way: np.roll(mouths, way, (1, 2)) for way in ((2, 0), (-2, 0), (0, 2), (0, -2))}
    assert sum(np.array_equal(made[middle], each[middle]) for each in moved.values()) == 1


def test_blur_on_a_known_picture_is_a_gaussian(subject: Subject) -> None:
    frames = np.full_like(subject.clip.frames, 100)
    boxes = subject.track.box(Region.MOUTH)
    x, y = (boxes[0, :2] + boxes[0, 2:]) // 2
    frames[0, y, x] = 200
    made = artifact("mouth-blur")(replace(subject, clip=replace(subject.clip, frames=frames)), 2)
    rows = np.arange(-4, 5)
    expected = 100 + 100 * np.exp(-(rows**2) / 8) / (2 * np.pi * 4)
    assert np.abs(made.frames[0, y - 4 : y + 5, x, 0] - expected).max() <= 0.6


@pytest.mark.parametrize(("name", "strength", "frames"), [("late", 3, 25), ("late", 8, 25)])
def test_late_pictures_are_so_many_frames_late(subject: Subject, name: str, strength: int, frames: int) -> None:
    made = artifact(name)(subject, strength)
    assert np.array_equal(made.frames[strength:], subject.clip.frames[:-strength])
    assert (made.frames[:strength] == subject.clip.frames[0]).all()


def test_dropped_frames_come_early_and_repeated_ones_late(subject: Subject) -> None:
    clip = replace(
        subject.clip, frames=np.arange(25, dtype=np.uint8)[:, None, None, None] * np.ones((1, 96, 96, 3), np.uint8)
    )
    numbered = replace(subject, clip=clip)
    dropped = artifact("dropped")(numbered, 0.2).frames[:, 0, 0, 0].astype(int)
    repeated = artifact("repeated")(numbered, 0.2).frames[:, 0, 0, 0].astype(int)
    assert len(set(dropped)) == 20 and (np.diff(dropped[:20]) >= 1).all() and (dropped[20:] == dropped[19]).all()
    assert (np.diff(repeated) <= 1).all() and (np.diff(repeated) >= 0).all() and (repeated <= np.arange(25)).all()


def test_frozen_and_wrong_mouths_are_frames_of_the_clip(subject: Subject) -> None:
    boxes = subject.track.box(Region.MOUTH)
    mouths = crop(subject.clip.frames, boxes)
    middle = np.s_[8:-8, 8:-8]
    frozen = crop(artifact("mouth-freeze")(subject, 1).frames, boxes)
    assert all(np.array_equal(mouth[middle], mouths[0][middle]) for mouth in frozen)
    wrong = crop(artifact("mouth-wrong")(subject, 1).frames, boxes)
    for t, mouth in enumerate(wrong):
        sources = [s for s in range(25) if np.array_equal(mouth[middle], mouths[s][middle])]
        assert sources and max(abs(s - t) for s in sources) >= 10


def test_reversed_and_shuffled_mouths_are_those_of_the_clip_in_another_order(subject: Subject) -> None:
    boxes = subject.track.box(Region.MOUTH)
    middle = tuple(side // 2 for side in crop(subject.clip.frames, boxes).shape[1:3])

    def centres(clip: Clip) -> list[bytes]:
        """The middle of each mouth, where nothing is faded in."""
        return [
            mouth[middle[0] - 3 : middle[0] + 3, middle[1] - 3 : middle[1] + 3].tobytes()
            for mouth in crop(clip.frames, boxes)
        ]

    before = centres(subject.clip)
    assert centres(artifact("mouth-reverse")(subject, 1)) == before[::-1]
    shuffled = centres(artifact("mouth-shuffle")(subject, 1))
    assert sorted(shuffled) == sorted(before) and shuffled not in (before, before[::-1])
    for name in ("mouth-reverse", "mouth-shuffle"):
        half = centres(artifact(name)(subject, 0.5))
        moved = [t for t, (one, other) in enumerate(zip(half, before, strict=True)) if one != other]
        assert len(moved) >= 2 and moved[-1] - moved[0] < round(len(before) / 2)
        assert sorted(half) == sorted(before)


def test_a_narrow_mouth_opens_less(subject: Subject) -> None:
    """Dark pixels between the lips are a measure of the opening that knows nothing of the warp."""
    track = subject.track
    gap = track.landmarks[:, INNER_LIPS.start + 5, 1] - track.landmarks[:, INNER_LIPS.start + 15, 1]
    t = int(np.argmax(gap))
    column = round(float(track.landmarks[t, INNER_LIPS.start + 5, 0]))
    top, bottom = (round(float(track.landmarks[t, INNER_LIPS.start + place, 1])) for place in (15, 5))

    def dark(frames: np.ndarray) -> int:
        line = frames[t, top - 2 : bottom + 3, column].astype(float).mean(axis=1)
        limit = (line.max() + line.min()) / 2
        return int(np.count_nonzero(line < limit))

    assert gap[t] > 4
    openings = [dark(artifact("mouth-narrow")(subject, strength).frames) for strength in (0, 0.5, 1)]
    assert openings[0] > openings[1] > openings[2]


def test_sounds_are_swapped_delayed_silenced_and_quieted_as_asked(subject: Subject) -> None:
    speech, other = subject.clip.speech, subject.other
    assert np.array_equal(artifact("sound-swapped")(subject, 1).speech, np.resize(other, len(speech)))
    late = artifact("sound-late")(subject, 80).speech
    assert not late[:1280].any() and np.array_equal(late[1280:], speech[:-1280])
    silent = artifact("sound-silent")(subject, 0.5).speech
    assert np.count_nonzero(silent != speech) <= len(speech) / 2 + 1
    quiet = artifact("sound-quieter")(subject, 20).speech
    assert np.allclose(quiet, speech / 10)


def test_noise_and_brightness_are_as_strong_as_they_say(subject: Subject) -> None:
    grey = replace(subject, clip=replace(subject.clip, frames=np.full_like(subject.clip.frames, 128)))
    noisy = artifact("frame-noise")(grey, 8).frames.astype(float) - 128
    assert noisy.std() == pytest.approx(8, rel=0.02) and abs(noisy.mean()) < 0.1
    bright = artifact("frame-brightness")(grey, 5).frames
    assert set(np.unique(bright)) in ({133}, {123})


@pytest.mark.parametrize("name", ["frame-jpeg", "frame-h264", "frame-blur", "frame-resize"])
def test_whole_frame_faults_cost_more_the_stronger_they_are(subject: Subject, name: str) -> None:
    one = artifact(name)
    scores = [float(psnr_frames(subject.clip.frames, one(subject, s).frames).mean()) for s in one.strengths]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1] + 1


def test_chance_depends_on_seed_clip_and_artifact_but_not_on_strength(subject: Subject) -> None:
    wrong = artifact("mouth-wrong")
    assert not same(wrong(subject, 1, seed=0), wrong(subject, 1, seed=1))
    renamed = replace(subject, clip=replace(subject.clip, id="other"))
    assert not np.array_equal(wrong(subject, 1).frames, wrong(renamed, 1).frames)
    few = (wrong(subject, 0.25).frames != subject.clip.frames).any(axis=(1, 2, 3))
    many = (wrong(subject, 0.5).frames != subject.clip.frames).any(axis=(1, 2, 3))
    assert (few <= many).all() and few.sum() < many.sum()


def test_unknown_artifacts_list_near_names() -> None:
    with pytest.raises(ArtifactError, match="mouth-blur"):
        artifact("mouth-blurr")


def test_a_clip_of_one_frame_and_one_without_speech_do_no_harm(subject: Subject) -> None:
    short = Subject(
        Clip("short", subject.clip.frames[:1], np.empty(0, np.float32), 25.0),
        FaceTrack(subject.track.landmarks[:1], subject.track.found[:1], 96, 96),
        np.empty(0, np.float32),
    )
    for one in EVERY:
        made = one(short, one.strengths[-1])
        assert made.frames.shape == (1, 96, 96, 3) and made.speech.shape == (0,)
