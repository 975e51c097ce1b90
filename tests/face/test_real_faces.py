"""The tracker on pictures made of real clips: several faces, small faces, lost faces, cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsbench.errors import FaceError, WeightsError
from lsbench.face.follow import trails
from lsbench.face.landmarker import Face, Landmarker
from lsbench.face.search import PATIENCE, SEARCH_EVERY, Search
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.networks import weights

FRAMES = 12
Scene = tuple[np.ndarray, np.ndarray]  # pictures (T, H, W, 3), and the landmarks of their one face


@pytest.fixture(scope="session")
def tracker() -> FaceTracker:
    try:
        return FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")


def clip_of(frames: np.ndarray) -> Clip:
    return Clip("a", frames, np.zeros(0, np.float32), 25.0)


@pytest.fixture(scope="session")
def speakers(grid: Path, tracker: FaceTracker) -> tuple[Scene, Scene]:
    """The first frames of a woman's and a man's clip, 360x288."""
    scenes = []
    for clip_id in ("s4/bbae9n", "s26/bgbsza"):
        frames = read_clip(grid / f"{clip_id}.mpg", clip_id).frames[:FRAMES]
        scenes.append((frames, tracker.measure(clip_of(frames)).landmarks))
    return scenes[0], scenes[1]


def put(frames: np.ndarray, width: int, height: int, left: int, top: int) -> np.ndarray:
    """Pictures with others in them, the rest grey."""
    out = np.full((len(frames), height, width, 3), 90, np.uint8)
    out[:, top : top + frames.shape[1], left : left + frames.shape[2]] = frames
    return out


def apart(track: FaceTrack, expected: np.ndarray) -> np.ndarray:
    """Mean distance of the points of each frame, in inter-ocular distances."""
    distance = np.linalg.norm(track.landmarks - expected, axis=2).mean(axis=1)
    return np.asarray(distance / np.linalg.norm(expected[:, 76] - expected[:, 79], axis=1))


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "shift"), [("left", 0), ("right", 360), ("0.25,0.5", 0), ("0.75,0.5", 360)])
def test_one_of_two_people_is_followed(
    speakers: tuple[Scene, Scene], tracker: FaceTracker, rule: str, shift: int
) -> None:
    (one, left), (other, right) = speakers
    frames = np.concatenate([one, other], axis=2)
    track = FaceTracker(tracker.model, tracker.sha256, rule).measure(clip_of(frames))
    expected = (left, right)[shift > 0] + np.float32([shift, 0])
    assert apart(track, expected).max() < 0.02
    assert (track.seen == 2).all()
    assert track.notes()[0].startswith("2 faces in frames 0-11; ")
    assert f"|face:{rule}" in FaceTracker(tracker.model, tracker.sha256, rule).signature


@pytest.mark.slow
def test_one_person_shown_twice_is_one_face(speakers: tuple[Scene, Scene], tracker: FaceTracker) -> None:
    """A split screen with a mirror: the two are equally large and equally sure."""
    (one, left), _ = speakers
    track = tracker.measure(clip_of(np.concatenate([one, one[:, :, ::-1]], axis=2)))
    assert track.found.all()
    centres = track.landmarks.mean(axis=1)
    assert np.abs(np.diff(centres, axis=0)).max() < 10
    sides = left.mean(axis=(0, 1))[0], 720 - left.mean(axis=(0, 1))[0]
    assert min(abs(centres[0, 0] - side) for side in sides) < 10


@pytest.mark.slow
@pytest.mark.parametrize(("left", "top"), [(1203, 417), (0, 0), (1560, 792), (805, 390)])
def test_a_small_face_is_found_anywhere_in_a_large_frame(
    speakers: tuple[Scene, Scene], tracker: FaceTracker, left: int, top: int
) -> None:
    (frames, landmarks), _ = speakers
    track = tracker.measure(clip_of(put(frames, 1920, 1080, left, top)))
    assert track.found.all()
    assert apart(track, landmarks + np.float32([left, top])).max() < 0.02
    assert track.notes() == ()


@pytest.mark.slow
def test_a_small_face_that_moves_through_a_large_frame_is_not_lost(
    speakers: tuple[Scene, Scene], tracker: FaceTracker
) -> None:
    (frames, landmarks), _ = speakers
    steps = 20 * np.arange(FRAMES)
    moved = np.concatenate(
        [put(frame[None], 1920, 1080, 100 + step, 300) for frame, step in zip(frames, steps, strict=True)]
    )
    track = tracker.measure(clip_of(moved))
    places = np.stack([100 + steps, np.full(FRAMES, 300)], axis=1).astype(np.float32)
    assert apart(track, landmarks + places[:, None]).max() < 0.02


@pytest.mark.slow
def test_a_small_face_beside_a_large_one_is_found_at_a_point(
    speakers: tuple[Scene, Scene], tracker: FaceTracker
) -> None:
    """A picture in a picture: the inset is too small to be found at once."""
    (frames, _), (other, _) = speakers
    large = np.stack([np.asarray(Image.fromarray(frame).resize((1080, 864))) for frame in other])
    large[:, 20:193, 840:1056] = np.stack([np.asarray(Image.fromarray(frame).resize((216, 173))) for frame in frames])
    track = FaceTracker(tracker.model, tracker.sha256, "0.9,0.15").measure(clip_of(large))
    assert track.found.all()
    centres = track.landmarks.mean(axis=1)
    assert (np.abs(centres - (948, 110)) < 40).all()
    assert tracker.measure(clip_of(large)).landmarks.mean(axis=(0, 1))[0] < 700


def test_a_video_without_a_face_is_searched_now_and_then(tracker: FaceTracker) -> None:
    class Blind(Landmarker):
        looked = 0

        def faces(self, picture: np.ndarray) -> list[Face]:
            self.looked += 1
            return []

    blind = Blind(tracker.model)
    search = Search(blind)
    picture = np.zeros((270, 480, 3), np.uint8)
    looks = []
    for _ in range(PATIENCE + 10 * SEARCH_EVERY):
        assert search.faces(picture) == []
        looks.append(blind.looked)
    tiles = 3 * 2  # of half the width; smaller ones would be too small
    made = np.flatnonzero(np.diff([0, *looks]) == 1 + tiles)
    assert made.tolist() == [*range(0, PATIENCE, SEARCH_EVERY), PATIENCE, PATIENCE + 5 * SEARCH_EVERY]
    assert looks[-1] == len(looks) + tiles * len(made)


@pytest.mark.parametrize(("sizes", "looks"), [((26, 27) * 4, 8), ((24, 26) * 4, 16), ((24, 31) * 4, 12)])
def test_a_face_of_about_the_size_to_be_looked_at_from_near_is_looked_at_in_one_way(
    tracker: FaceTracker, sizes: tuple[int, ...], looks: int
) -> None:
    """In a picture 100 px wide whose levels say how large its face is, from 24 px to 31."""

    class Round(Landmarker):
        looked = 0

        def faces(self, picture: np.ndarray) -> list[Face]:
            self.looked += 1
            angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
            circle = np.resize(np.stack([np.cos(angles), np.sin(angles)], axis=1), (80, 2))
            return [Face(np.array(picture.shape[1::-1]) / 2 + picture[0, 0, 0] / 2 * circle)]

    landmarker = Round(tracker.model)
    search = Search(landmarker)
    for size in sizes:
        (seen,) = search.faces(np.full((80, 100, 3), size, np.uint8))
        assert np.ptp(seen.points, axis=0).max() == pytest.approx(size, rel=0.01)
    assert landmarker.looked == looks


@pytest.mark.slow
def test_a_cut_restarts_the_track(speakers: tuple[Scene, Scene], tracker: FaceTracker) -> None:
    (one, first), (other, second) = speakers
    small = np.stack([np.asarray(Image.fromarray(frame).resize((180, 144))) for frame in other])
    frames = np.concatenate([one, put(small, 360, 288, 150, 100)])
    track = tracker.measure(clip_of(frames))
    assert track.shots is not None
    assert track.shots.tolist() == [0] * FRAMES + [1] * FRAMES
    assert track.found.all()
    assert apart(track.cut(0, FRAMES), first).max() < 0.02
    assert apart(track.cut(FRAMES, 2 * FRAMES), (second + 0.5) / 2 - 0.5 + np.float32([150, 100])).max() < 0.05
    assert track.notes() == (f"the picture or the face jumps at frame {FRAMES}; the face is followed anew from there",)


@pytest.mark.slow
def test_flat_frames_before_a_clip_are_lost(speakers: tuple[Scene, Scene], tracker: FaceTracker) -> None:
    """Five frames may be interpolated, but not where the picture is another one: there is nothing in them."""
    (frames, _), _ = speakers
    track = tracker.measure(clip_of(np.concatenate([np.full_like(frames[:5], 128), frames])))
    assert np.flatnonzero(track.lost).tolist() == [0, 1, 2, 3, 4]
    assert track.notes()[0] == "no face in frames 0-4"
    with pytest.raises(FaceError, match=r"clip a: no face found in frames 0-4 of 0-16; .* faceless = 0.3 leaves"):
        fill_gaps(track, "a")
    assert not np.isnan(fill_gaps(track, "a", faceless=0.5).landmarks).any()


@pytest.mark.slow
@pytest.mark.parametrize("patch", ["grey", "skin", "hand"])
def test_a_patch_over_the_mouth_is_noticed(grid: Path, tracker: FaceTracker, patch: str) -> None:
    """Landmarks are found behind it all the same: nothing else would tell."""
    frames = read_clip(grid / "s4/bbae9n.mpg", "s4/bbae9n").frames.copy()
    track = tracker.measure(clip_of(frames))
    assert track.covered is not None
    assert not track.covered.any()  # lips are pressed together in some of the frames
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: frames.shape[1], : frames.shape[2]]
    for place in range(20, 41):
        (x, y), width = track.landmarks[place, 36:56].mean(axis=0), np.ptp(track.landmarks[place, 36:56, 0])
        inside = ((columns - x) / width) ** 2 + ((rows - y) / (0.7 * width)) ** 2 < 1
        cheek = frames[place, int(y - width / 2), int(x - width)]
        texture = rng.normal(0, 3, (*rows.shape, 1)) + 30 * np.sin(rows / 3 + columns / 9)[..., None]
        colour = {"grey": 128, "skin": cheek, "hand": cheek + texture}[patch]
        frames[place][inside] = np.broadcast_to(np.clip(colour, 0, 255), frames[place].shape)[inside]
    track = tracker.measure(clip_of(frames))
    assert track.found.all()
    assert track.notes() == ("the mouth looks covered or turned away in frames 20-40: unlike the rest of the clip",)


def test_trails_of_nothing_are_none() -> None:
    assert trails([[], []], 0, 25.0) == []
