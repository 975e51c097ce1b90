"""Following one face: which candidates belong together, which is chosen, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from lsbench.errors import FaceError
from lsbench.face.covered import covered
from lsbench.face.cuts import Changes
from lsbench.face.follow import chosen, parse_rule, trails
from lsbench.face.track import FACE_OVAL, POINTS, FaceTrack

FPS = 25.0
Where = Callable[[int], tuple[float, float]]


def face(x: float, y: float, size: float = 100.0) -> np.ndarray:
    """80 points whose oval is a circle of this diameter, px."""
    angles = np.linspace(0, 2 * np.pi, FACE_OVAL.stop, endpoint=False)
    points = np.full((POINTS, 2), (x, y), np.float64)
    points[FACE_OVAL] += size / 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points


def followed(pictures: list[list[np.ndarray]], rule: str = "largest") -> list[tuple[int, int, int]]:
    """Place and centre of the chosen face in each picture where it is."""
    trail = chosen(trails(pictures, 0, FPS), rule, 480, 640)
    assert trail
    return [
        (place, *np.rint(points.mean(axis=0)).astype(int).tolist())
        for place, points in zip(trail.places, trail.faces, strict=True)
    ]


def test_the_order_of_the_candidates_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    pictures = [[face(150 + t, 200), face(450, 240)] for t in range(40)]
    shuffled = [[two[i] for i in rng.permutation(2)] for two in pictures]
    assert followed(shuffled, "left") == [(t, 150 + t, 200) for t in range(40)]
    assert followed(shuffled, "right") == [(t, 450, 240) for t in range(40)]


def test_the_largest_is_the_one_of_the_clip_and_not_of_the_frame() -> None:
    """A face that comes near for a while is not followed; one that is missed in some frames still is."""
    pictures = [[face(150, 200, 100), face(450, 240, 90 + 40 * (10 <= t < 20))] for t in range(60)]
    assert followed(pictures) == [(t, 150, 200) for t in range(60)]
    for t in (5, 6, 7, 30):
        del pictures[t][0]
    assert followed(pictures) == [(t, 150, 200) for t in range(60) if t not in (5, 6, 7, 30)]


def test_a_larger_but_fleeting_face_is_not_followed() -> None:
    pictures = [[face(150, 200)] + [face(450, 240, 180)] * (t % 9 == 4) for t in range(60)]
    assert followed(pictures) == [(t, 150, 200) for t in range(60)]


def test_two_faces_that_pass_each_other_do_not_change_places() -> None:
    pictures = [[face(100 + 8 * t, 180), face(500 - 8 * t, 260)] for t in range(50)]
    assert followed(pictures, "0.5,0.3") == [(t, 100 + 8 * t, 180) for t in range(50)]


def test_a_face_seen_again_where_it_was_goes_on_and_elsewhere_it_does_not() -> None:
    away = [[face(450, 240)] * (t >= 30) + [face(150, 200)] * (t < 20 or t >= 40) for t in range(60)]
    assert followed(away) == [(t, 150, 200) for t in range(60) if t < 20 or t >= 40]


def test_a_sudden_movement_is_a_jump_of_the_one_face_there_is() -> None:
    every = trails([[face(150 + 120 * (t >= 20), 200)] for t in range(40)], 0, FPS)
    assert [(len(trail.places), trail.jumps) for trail in every] == [(40, [20])]
    beside = trails([[face(150, 200)] * (t < 20) + [face(270, 200)] * (t >= 10) for t in range(40)], 0, FPS)
    assert [trail.places for trail in beside] == [[*range(20)], [*range(10, 40)]]


def test_the_only_face_there_is_may_be_anywhere() -> None:
    every = trails([[face(100 + 80 * (t % 2), 200)] for t in range(20)], 0, FPS)  # a shaking camera
    assert [(len(trail.places), trail.jumps) for trail in every] == [(20, [])]
    away = [[face(100 if t < 10 else 550, 200)] * (not 10 <= t < 40) for t in range(60)]
    assert [(len(trail.places), trail.jumps) for trail in trails(away, 0, FPS)] == [(30, [40])]


@pytest.mark.parametrize(
    ("rule", "expected"), [("left", 100), ("right", 560), ("0.5,0.5", 330), ("0,1", 100), ("largest", 560)]
)
def test_the_rule_chooses(rule: str, expected: int) -> None:
    pictures = [[face(560, 240, 120), face(330, 240, 60), face(100, 240, 90)] for _ in range(10)]
    pictures[3].append(face(20, 240, 30))  # seen once: no face to choose
    assert {x for _, x, _ in followed(pictures, rule)} == {expected}


@pytest.mark.parametrize("rule", ["", "smallest", "0.5", "0.5,1.5", "-0.1,0", "nan,0.5", "0.1,0.2,0.3"])
def test_a_rule_of_another_spelling_is_refused(rule: str) -> None:
    with pytest.raises(FaceError, match="expected largest, left, right, or x,y"):
        parse_rule(rule)


def pattern(seed: int) -> np.ndarray:
    """A picture of soft blobs: uint8 (120, 160, 3)."""
    blobs = gaussian_filter(np.random.default_rng(seed).normal(size=(120, 300)), 12)[..., None]
    return np.asarray(128 + 40 * blobs / blobs.std() + np.zeros(3))


A, B, GREY = pattern(0), pattern(1), np.full((120, 300, 3), 128.0)
CUT_CASES = {
    "still": ([A] * 20, []),
    "two cuts": ([A] * 8 + [B] * 9 + [A] * 6, [8, 17]),
    "a cut in a pan": (
        [np.roll(A, 3 * t, axis=1) for t in range(12)] + [np.roll(B, 3 * t, axis=1) for t in range(9)],
        [12],
    ),
    "a fast pan": ([np.roll(A, max(0, 6 * (t - 5)), axis=1) for t in range(20)], []),
    "a flash": ([A] * 8 + [255 + 0 * A] + [A] * 8, []),
    "a lost picture": ([A] * 8 + [GREY] + [A] * 8, []),
    "grey before the clip": ([GREY] * 5 + [A] * 12, [5]),
    "another half": ([A] * 8 + [np.hstack([A[:, :80], B[:, 80:]])] * 8, []),  # of a split screen
    "the light goes up": ([A * (0.3 + 0.05 * t) for t in range(14)], []),
    "the light is switched on": ([A * 0.4] * 8 + [A] * 8, []),
    "one picture": ([A], []),
}


@pytest.mark.parametrize("case", CUT_CASES)
def test_shots_begin_where_the_picture_changes_as_a_whole(case: str) -> None:
    pictures, cuts = CUT_CASES[case]
    rng = np.random.default_rng(0)
    changes = Changes()
    for picture in pictures:
        noisy = picture[:, :160] + rng.normal(0, 2, (120, 160, 3))
        changes.add(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    shots = changes.shots()
    assert np.flatnonzero(np.diff(shots)).tolist() == [cut - 1 for cut in cuts]
    assert len(shots) == len(pictures)


def test_covered_pictures_are_those_unlike_the_others() -> None:
    rng = np.random.default_rng(0)
    usual, other = (30 * rng.normal(size=(10, 20)) for _ in range(2))
    mouths = np.stack([usual + rng.normal(0, 5, (10, 20)) for _ in range(60)])
    assert not covered(mouths).any()
    mouths[15:25] = other  # a hand
    mouths[40] = other  # one picture alone says little
    mouths[50:] *= 0.01  # a flat patch
    assert np.flatnonzero(covered(mouths)).tolist() == [*range(15, 25), *range(50, 60)]
    assert covered(0.01 * mouths[:15]).all()


def test_notes_name_the_frames() -> None:
    found = np.ones(60, bool)
    found[[5, *range(40, 47)]] = False
    shots = (np.arange(60) >= 20).astype(int)
    seen = np.ones(60, int)
    seen[10:31] = 2
    hidden = np.zeros(60, bool)
    hidden[50:55] = True
    track = FaceTrack(np.zeros((60, POINTS, 2), np.float32), found, 480, 640, shots, seen, hidden, "left")
    assert track.notes() == (
        "2 faces in frames 10-30; the one on the left was followed",
        "no face in frames 40-46",
        "the picture or the face jumps at frame 20; the face is followed anew from there",
        "the mouth looks covered or turned away in frames 50-54: unlike the rest of the clip",
    )
    assert track.cut(31, 39).notes() == ()
    right = FaceTrack(np.stack([face(480, 240).astype(np.float32)] * 3), np.ones(3, bool), 480, 640)
    assert replace(right, rule="0.7,0.6").notes() == ()
    assert replace(right, rule="0.2,0.5").notes() == ("no face at 0.2,0.5; the nearest one was followed",)
    assert track.taken(np.repeat(np.arange(30, 35), 2)).notes()[0].startswith("2 faces in frames 0-1;")
