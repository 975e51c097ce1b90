"""Visemes: closures and shapes against closed forms, at any frame rate; lost faces; segments; what is undefined."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lsbench.errors import MetricError
from lsbench.face.track import EYE_CORNERS, INNER_LIPS, OUTER_LIPS, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base import extras
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._visemes.lip_shapes import VisemeShapes, lip_shapes
from lsbench.metrics.visemes import VisemeClosure, VisemeLMD, viseme_closure
from lsbench.speech.transcript import Timed, Transcript, of_text
from lsbench.speech.visemes import VISEMES

PHONES = (
    ("B", 0.2, 0.28),
    ("AA", 0.28, 0.44),
    ("P", 0.44, 0.52),
    ("IY", 0.52, 0.6),
    ("V", 0.6, 0.68),
    ("EH", 0.68, 0.8),
)
OPENING = {"B": 0.01, "P": 0.01, "V": 0.04, "AA": 0.15, "EH": 0.12, "IY": 0.06, "": 0.06}


def face(apertures: np.ndarray, width: float = 0.5, eyes: float = 60.0, turn: float = 0.0) -> np.ndarray:
    """A face whose inner lips part by so many inter-ocular distances: float64 (T, 80, 2) px."""
    angle = np.pi - 2 * np.pi * np.arange(20) / 20
    points = np.zeros((len(apertures), POINTS, 2))
    for outline, more in ((OUTER_LIPS, 0.1), (INNER_LIPS, 0.0)):
        points[:, outline, 0] = (width + more) / 2 * np.cos(angle)
        points[:, outline, 1] = 1 + (apertures[:, None] + more) / 2 * np.sin(angle)
    points[:, EYE_CORNERS, 0] = (-0.5, -0.2, 0.2, 0.5)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return eyes * points @ rotation + 200


def course(fps: float, late_s: float = 0.0, duration_s: float = 1.0) -> np.ndarray:
    """How far the lips part in each frame, when they do what PHONES say."""
    apertures = []
    for time in np.arange(round(duration_s * fps)) / fps - late_s:
        name = next((name for name, start, end in PHONES if start - 1e-9 <= time < end - 1e-9), "")
        apertures.append(OPENING[name])
    return np.array(apertures)


@pytest.mark.parametrize("fps", [25, 29.97, 30, 50, 60])
def test_lips_that_do_what_is_said_have_one_at_any_frame_rate(fps: float) -> None:
    assert viseme_closure(face(course(fps)), PHONES, fps=fps) == pytest.approx(1, abs=1e-9)
    assert viseme_closure(face(course(fps), eyes=31, turn=0.3), PHONES, fps=fps) == pytest.approx(1, abs=1e-9)


def test_at_fifteen_frames_a_second_every_phone_has_a_frame() -> None:
    assert viseme_closure(face(course(15)), PHONES, fps=15) > 0.6


@pytest.mark.parametrize("aperture", [0.0, 0.01, 0.06, 0.2])
def test_a_still_mouth_has_about_none(aperture: float) -> None:
    # Of f and v half of it: less has to be shut there.
    assert abs(viseme_closure(face(np.full(25, aperture)), PHONES, fps=25)) <= 0.1


def test_the_value_is_closures_less_vowels() -> None:
    apertures = course(25)
    apertures[11:13] = 0.07  # at P, which looks half a frame further to both sides
    apertures[10] = apertures[13] = 0.08  # the first of them is the last of the four frames of AA
    closures, far = (1 + (0.1 - 0.07) / 0.075 + 1) / 3, (0.1 - 0.08) / 0.075 / 4
    assert viseme_closure(face(apertures), PHONES, fps=25) == pytest.approx(closures - far / 2, abs=1e-9)
    apertures[17:20] = 0.055  # at EH
    bed = (0.1 - 0.055) / 0.075
    assert viseme_closure(face(apertures), PHONES, fps=25) == pytest.approx(closures - (far + bed) / 2, abs=1e-9)


def test_late_lips_fall_and_a_little_late_falls_less() -> None:
    values = [viseme_closure(face(course(50, late)), PHONES, fps=50) for late in (0, 0.06, 0.12)]
    assert values[0] > values[1] > values[2]


def test_a_phone_without_a_face_is_wrong() -> None:
    points = face(course(25))
    points[7:11] = np.nan  # AA
    assert viseme_closure(points, PHONES, fps=25) == pytest.approx(0.5)
    assert viseme_closure(np.full_like(points, np.nan), PHONES, fps=25) == -1


def test_phones_beyond_the_video_do_not_count() -> None:
    beyond = (*PHONES, ("B", 1.2, 1.3), ("AA", -0.4, -0.2))
    assert viseme_closure(face(course(25)), beyond, fps=25) == pytest.approx(1)
    assert math.isnan(viseme_closure(face(course(25)), [("B", 0.2, 0.3), ("S", 0.3, 0.4)], fps=25))
    with pytest.raises(MetricError, match="viseme_closure: generated landmarks are"):
        viseme_closure(np.zeros((3, 68, 2)), PHONES, fps=25)


def pair(
    points: np.ndarray, phones: tuple[tuple[str, float, float], ...] = PHONES, said: Transcript | None = None
) -> ClipPair:
    said = said or Transcript(phones=tuple(Timed(*phone) for phone in phones))
    frames = np.broadcast_to(np.zeros(1, np.uint8), (len(points), 8, 8, 3))
    clip = Clip("s1/a", frames, np.zeros(16000, np.float32), 25.0, 16000, said)
    track = FaceTrack(points.astype(np.float32), np.isfinite(points).all(axis=(1, 2)), 400, 400)
    return ClipPair(clip, clip, landmarks=(track, track))


def learned(points: np.ndarray) -> dict[str, np.ndarray]:
    """The model of a clip said twice over."""
    own = pair(points)
    assert own.landmarks is not None
    learner = VisemeShapes()
    moments = learner.moments(learner.learn(own.generated, own.landmarks[1]))
    return dict(learner.solve({"a": moments, "b": moments}))


def test_shapes_are_those_of_a_level_face_of_one_size() -> None:
    flat = lip_shapes(face(course(25)))
    assert np.allclose(flat, lip_shapes(face(course(25), eyes=77, turn=-0.4)))
    assert np.allclose(flat.mean(axis=1), 0) and np.isnan(lip_shapes(np.full((1, POINTS, 2), np.nan))).all()


def test_the_speakers_own_shapes_have_no_distance_and_others_theirs() -> None:
    metric, real = VisemeLMD(), face(course(25))
    models = {VisemeShapes().signature: learned(real)}
    stats = metric.measure(replace(pair(real), models=models))
    assert metric.compute(stats) == pytest.approx(0, abs=1e-6) and stats.rows == 1 + len(PHONES)
    detail = metric.detail([stats, stats])
    assert np.array_equal(np.diag(detail["phones"]), detail["looks_like"])
    wide = face(course(25), width=0.7)
    expected = np.linalg.norm(lip_shapes(wide) - lip_shapes(real), axis=2).mean()
    assert metric.compute(metric.measure(replace(pair(wide), models=models))) == pytest.approx(expected, rel=1e-5)
    lost = real.copy()
    lost[5:11] = np.nan  # B and AA
    stats = metric.measure(replace(pair(lost), models=models))
    assert metric.compute(stats) == pytest.approx(2 * 0.25 / 6, abs=1e-6)
    assert "no face in 2 of 6 phones, counted as wrong" in str(metric.note(stats))


def test_relative_distances_forgive_what_is_always_off_and_have_none_where_lips_do_not_hear() -> None:
    metric, real = VisemeLMD(relative=True), face(course(25))
    models = {VisemeShapes().signature: learned(real)}

    def value(points: np.ndarray) -> float:
        return metric.compute(metric.measure(replace(pair(points), models=models)))

    assert value(real) < -0.01 and value(face(course(25), width=0.52)) < 0.8 * value(real)
    assert abs(value(face(np.full(25, 0.06)))) < 0.3 * abs(value(real))


def test_a_wrong_shape_is_filed_under_what_it_looks_like() -> None:
    real, shut = face(course(25)), face(np.full(25, 0.01))
    models = {VisemeShapes().signature: learned(real)}
    metric = VisemeLMD()
    detail = metric.detail([metric.measure(replace(pair(shut), models=models))])
    looks = np.array(detail["looks_like"])
    assert looks[:, VISEMES.index("PP")].sum() == looks.sum() == 6
    assert detail["distance"][VISEMES.index("PP")] < min(
        value for name, value in zip(VISEMES, detail["distance"], strict=True) if value is not None and name != "PP"
    )
    assert detail["distance"][VISEMES.index("CH")] is None


def test_visemes_said_once_are_not_learned() -> None:
    own = pair(face(course(25)))
    assert own.landmarks is not None
    learner = VisemeShapes()
    moments = learner.moments(learner.learn(own.generated, own.landmarks[1]))
    known = np.isfinite(learner.solve({"a": moments})["shape"]).all(axis=(1, 2))
    assert [VISEMES[each] for each in np.flatnonzero(known)] == ["PP"]


def test_what_is_undefined_says_why() -> None:
    silent = pair(face(course(25)), said=of_text("bin blue", "t"))
    unsaid = replace(silent, generated=replace(silent.generated, said=None))
    untaught = VisemeLMD()
    for metric, given, reason in (
        (VisemeClosure(), silent, "no sound above -60 dB"),
        (VisemeClosure(), unsaid, "nothing says which words are said; expected NAME.TextGrid"),
        (VisemeClosure(), pair(face(course(25)), (("S", 0, 0.1), ("B", 0.2, 0.3))), "no open vowel is said"),
        (VisemeClosure(), pair(face(course(25)), (("S", 0, 0.1), ("AA", 0.2, 0.3))), "no b, m, p, f or v is said"),
        (untaught, pair(face(course(25))), "no other clip of the speaker to learn from"),
        (
            untaught,
            replace(
                pair(face(course(25)), (("S", 0, 0.1),)), models={VisemeShapes().signature: learned(face(course(25)))}
            ),
            "none of the speaker's other clips says these visemes often enough",
        ),
    ):
        stats = metric.measure(given)
        assert math.isnan(metric.compute(stats)) and reason in str(metric.note(stats))


def test_segments_hold_the_phones_that_lie_in_them() -> None:
    metric = VisemeClosure()
    stats = metric.measure(pair(face(course(25))))
    parts = metric.segments(stats, np.array([0, 10, 25]), np.ones(25, bool))
    assert [part.rows for part in parts] == [3, 3]
    assert Stats.join(parts)["shut"].tobytes() == stats["shut"].tobytes()
    assert metric.compute(parts[0]) == pytest.approx(1)


def test_a_cut_clip_says_the_same_at_other_times() -> None:
    whole = pair(face(course(25))).generated
    assert whole.cut(5, 20).said == Transcript(phones=tuple(Timed(p, s - 0.2, e - 0.2) for p, s, e in PHONES))


def test_without_the_extra_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    expected = "pocketsphinx is not installed. pip install 'lsbench[visemes]'"
    assert VisemeClosure().lacking() == f"viseme_closure: {expected}"
