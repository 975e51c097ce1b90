"""Face tracks: gaps, side-cars, the cache, and MediaPipe's landmarker on real clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsbench.errors import FaceError, WeightsError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.landmarker import MESH_POINTS, Landmarker
from lsbench.face.track import MOUTH_CORNERS, PER_FRAME, POINTS, FaceTrack, Region
from lsbench.face.tracker import FaceTracker, fill_gaps, load_track, reference_track, save_track, sidecar
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, read_clip
from lsbench.media.film import Film
from lsbench.networks import weights

SPEAKERS = ["s1/bbaf2n", "s2/bbaf1n", "s3/bbaf1s", "s4/bbae9n", "s20/brbk7n", "s26/bgbsza", "s31/bgiq6p", "s33/bbac1s"]


@pytest.fixture(scope="session")
def tracker() -> FaceTracker:
    try:
        return FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")


def ramp(missing: list[int], frames: int = 30) -> FaceTrack:
    """A track whose every point moves 1 px a frame, with NaN in the missing frames."""
    landmarks = np.tile(np.arange(frames, dtype=np.float32)[:, None, None], (1, POINTS, 2))
    landmarks[missing] = np.nan
    found = np.ones(frames, bool)
    found[missing] = False
    return FaceTrack(landmarks, found, 100, 100)


@pytest.mark.parametrize("missing", [[7], [3, 4, 5, 6, 7], [10, 20, 21]])
def test_short_gaps_are_interpolated(missing: list[int]) -> None:
    filled = fill_gaps(ramp(missing), "a")
    assert np.allclose(filled.landmarks, ramp([]).landmarks)
    assert np.flatnonzero(~filled.found).tolist() == missing  # still told apart


def test_gaps_at_the_ends_repeat_the_nearest_frame() -> None:
    filled = fill_gaps(ramp([0, 1, 29]), "a").landmarks[:, 0, 0]
    assert filled[[0, 1, 2, 28, 29]].tolist() == [2, 2, 2, 28, 28]


def test_a_long_gap_is_an_error_that_names_its_frames() -> None:
    with pytest.raises(FaceError, match=r"clip s1/a: no face found in frames 4-9 of 0-29"):
        fill_gaps(ramp([1, *range(4, 10)]), "s1/a")


def test_no_face_at_all_is_an_error() -> None:
    with pytest.raises(FaceError, match=r"no face found in frames 0-2 of 0-2"):
        fill_gaps(ramp([0, 1, 2], frames=3), "s1/a")


def test_a_track_survives_the_disk(tmp_path: Path) -> None:
    track = ramp([3])
    save_track(tmp_path / "a" / "t.npz", track)
    again = load_track(tmp_path / "a" / "t.npz")
    assert np.array_equal(again.landmarks, track.landmarks, equal_nan=True)
    assert np.array_equal(again.found, track.found)
    assert (again.height, again.width) == (100, 100)


def test_what_else_is_known_of_a_track_survives_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shots, seen, covered = np.sort(rng.integers(0, 3, 30)), rng.integers(1, 3, 30), rng.random(30) < 0.5
    track = replace(ramp([3]), shots=shots, seen=seen, covered=covered, rule="0.5,0.25")
    save_track(tmp_path / "t.npz", track)
    again = load_track(tmp_path / "t.npz")
    for name in ("shots", "seen", "covered"):
        assert np.array_equal(getattr(again, name), getattr(track, name))
    assert (again.rule, again.notes()) == (track.rule, track.notes())
    save_track(tmp_path / "old.npz", ramp([3]))  # as written before any of it was known
    old = load_track(tmp_path / "old.npz")
    assert (old.shots, old.seen, old.covered, old.rule, old.notes()) == (None, None, None, "largest", ())


def test_what_a_face_does_goes_with_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes, pose = (rng.random((30, *PER_FRAME[name]), np.float32) for name in ("blendshapes", "pose"))
    shapes[3], pose[3] = np.nan, np.nan
    track = replace(ramp([3]), blendshapes=shapes, pose=pose)
    save_track(tmp_path / "t.npz", track)
    order = np.array([3, 3, 29, 0])
    for kept, places in (
        (load_track(tmp_path / "t.npz"), slice(None)),
        (track.taken(order), order),
        (track.cut(2, 9), slice(2, 9)),
        (fill_gaps(track, "a"), slice(None)),  # which makes up landmarks alone
    ):
        assert kept.blendshapes is not None
        assert kept.pose is not None
        assert np.array_equal(kept.blendshapes, shapes[places], equal_nan=True)
        assert np.array_equal(kept.pose, pose[places], equal_nan=True)
    save_track(tmp_path / "exact.npz", ramp([3]))
    exact = load_track(tmp_path / "exact.npz").cut(2, 9)
    assert (exact.blendshapes, exact.pose) == (None, None)
    with pytest.raises(FaceError, match=r"blendshapes is \(30, 51\); expected \(30, 52\)"):
        replace(track, blendshapes=shapes[:, 1:])
    with pytest.raises(FaceError, match=r"pose is \(29, 3, 3\); expected \(30, 3, 3\)"):
        replace(track, pose=pose[1:])


def test_gaps_of_each_shot_are_filled_from_that_shot() -> None:
    track = replace(ramp([8, 9, 10, 11, 20, 21, 22, 23, 24, 25]), shots=np.repeat([0, 1, 2], 10))
    assert np.flatnonzero(track.lost).tolist() == [20, 21, 22, 23, 24, 25]
    filled = fill_gaps(track, "a", faceless=0.2).landmarks[:, 0, 0]
    assert filled[[8, 9, 10, 11]].tolist() == [7, 7, 12, 12]
    with pytest.raises(FaceError, match=r"frames 20-25 of 0-29; .* in up to 10 % of the clip.* faceless = 0.2 leaves"):
        fill_gaps(track, "a", faceless=0.1)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 half of one"])
def test_a_damaged_track_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.npz").write_bytes(content)
    with pytest.raises(FaceError, match=r"t\.npz"):
        load_track(tmp_path / "t.npz")


def test_side_cars_lie_beside_files_and_folders(tmp_path: Path) -> None:
    assert sidecar(tmp_path / "a.b.mp4").name == "a.b.landmarks.npz"
    (tmp_path / "c.d").mkdir()
    assert sidecar(tmp_path / "c.d").name == "c.d.landmarks.npz"


def test_a_side_car_of_another_clip_is_refused(tmp_path: Path) -> None:
    save_track(tmp_path / "t.npz", ramp([], frames=4))
    clip = Clip("s1/a", np.zeros((5, 100, 100, 3), np.uint8), np.zeros(0, np.float32), 25.0)
    with pytest.raises(FaceError, match="delete or renew"):
        reference_track(clip, "0" * 64, tmp_path / "t.npz", None)


def test_frames_without_a_face_are_marked(tracker: FaceTracker) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 120, 160, 3), np.uint8)
    track = tracker.measure(Clip("a", noise, np.zeros(0, np.float32), 25.0))
    assert not track.found.any()
    assert np.isnan(track.landmarks).all()


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.task").write_bytes(b"no model")
    clip = Clip("a", np.zeros((1, 64, 64, 3), np.uint8), np.zeros(0, np.float32), 25.0)
    with pytest.raises(FaceError, match=r"m\.task"):
        FaceTracker(tmp_path / "m.task", "0" * 64).measure(clip)


@pytest.mark.slow
def test_blendshapes_and_pose_move_no_landmark(grid: Path, tracker: FaceTracker) -> None:
    """Bit for bit those of a landmarker that is asked for nothing else, as all were before; so is the signature."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(BaseOptions(model_asset_path=str(tracker.model)), num_faces=5)
    with vision.FaceLandmarker.create_from_options(options) as plain:
        for clip_id in SPEAKERS:
            clip = read_clip(grid / f"{clip_id}.mpg", clip_id)
            clip = replace(clip, frames=clip.frames[::25])
            track = tracker.measure(clip)
            for frame, points in zip(clip.frames, track.landmarks, strict=True):
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                mesh = plain.detect(image).face_landmarks[0]
                expected = np.array([(mesh[point].x, mesh[point].y) for point in MESH_POINTS]) * (360, 288) - 0.5
                assert np.array_equal(points, expected.astype(np.float32))
    assert tracker.signature.startswith(f"face_landmarker.2|sha256:{tracker.sha256[:16]}|mediapipe:")
    assert tracker.signature.endswith("|max_gap:5")


def test_blendshapes_are_in_the_order_of_the_landmarker(grid: Path, tracker: FaceTracker) -> None:
    import mediapipe

    frame = read_clip(grid / "s1/bbaf2n.mpg", "s1/bbaf2n").frames[0]
    with Landmarker(tracker.model) as landmarker:
        (face,) = landmarker.faces(frame)
        (shapes,) = landmarker._task.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, frame)).face_blendshapes
    assert tuple(shape.category_name for shape in shapes) == BLENDSHAPES
    assert face.blendshapes.tolist() == [np.float32(shape.score) for shape in shapes]


@pytest.mark.slow
@pytest.mark.parametrize("clip_id", SPEAKERS)
def test_every_real_speaker_is_found(grid: Path, tracker: FaceTracker, clip_id: str) -> None:
    clip = read_clip(grid / f"{clip_id}.mpg", clip_id).cut(0, 12)
    track = tracker.measure(clip)
    assert track.found.all()
    left, right = (track.landmarks[:, i] for i in MOUTH_CORNERS)
    width = np.linalg.norm(right - left, axis=1)
    assert (right[:, 0] > left[:, 0]).all()
    assert 0.3 < np.median(width / track.interocular()) < 0.8
    x0, y0, x1, y1 = track.box(Region.MOUTH)[0]
    assert x1 - x0 == y1 - y0 == np.rint(1.6 * np.median(width))
    assert track.box(Region.FACE)[0, 1] < y0 < y1 <= track.box(Region.FACE)[0, 3] + 10


def test_tracks_are_cached_by_content(grid: Path, tracker: FaceTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    source = grid / "s1/bbaf2n.mpg"
    clip, digest = read_clip(source, "s1/bbaf2n").cut(0, 5), content_sha256(source)
    first = tracker.measure_cached(clip, digest)
    monkeypatch.setattr(FaceTracker, "measure", lambda *_: pytest.fail("measured again"))
    assert np.array_equal(tracker.measure_cached(clip, digest).landmarks, first.landmarks)


def test_a_film_is_tracked_as_its_clip(grid: Path, tracker: FaceTracker) -> None:
    film = Film.of(read_clip(grid / "s1/bbaf2n.mpg", "s1/bbaf2n").cut(0, 20))
    whole = tracker.measure(film.clip())
    slow = replace(film, shown=np.repeat(np.arange(0, 20, 2), 3))
    assert np.array_equal(tracker.measure(slow).landmarks, whole.landmarks[slow.shown])


def test_a_cache_that_cannot_be_written_costs_only_time(
    tracker: FaceTracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "file"))  # a file where a folder should be
    clip = Clip("a", np.zeros((1, 64, 64, 3), np.uint8), np.zeros(0, np.float32), 25.0)
    assert not tracker.measure_cached(clip, "0" * 64).found.any()
