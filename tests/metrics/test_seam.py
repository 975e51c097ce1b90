"""Seam: closed forms, edges of known strength on toy and real clips, changes that are no edge, and the box finder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import plain_seam
import pytest
from frames import noisy, spoilt

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.generation import standins
from lsbench.generation.render import generate
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, find_clips, read_clip, write_clip
from lsbench.media.film import Film
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._kernels.largest_sum import largest_sum
from lsbench.metrics._seam.paste_box import BLOCK, _blocks, found_boxes
from lsbench.metrics.seam import Seam, seam, seam_frames
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.run import windows

STEPS = (1, 2, 4, 8, 16)
BOX = (40, 30, 100, 80)
Toy = tuple[Clip, FaceTrack]


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    """Smooth coloured texture that drifts, far from black and white: uint8 (12, 120, 160, 3)."""
    rows, columns, time = np.arange(120)[:, None], np.arange(160), np.arange(12)[:, None, None]
    waves = [np.sin((rows * a + columns * b) / 9 + time / 3) for a, b in ((1, 0.4), (0.3, 1), (0.8, -0.7))]
    grain = np.random.default_rng(0).normal(0, 3, (12, 120, 160, 3))
    return np.rint(128 + 40 * np.stack(waves, axis=3) + grain).astype(np.uint8)


def levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def stepped(frames: np.ndarray, boxes: np.ndarray | tuple[int, ...], step: float, feather: int = 0) -> np.ndarray:
    """Frames with `step` levels more in their boxes, over `feather` px from the sides inwards."""
    out = frames.copy()
    for frame, (x0, y0, x1, y1) in zip(out, np.broadcast_to(boxes, (len(frames), 4)), strict=True):
        sides = (np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) for n in (y1 - y0, x1 - x0))
        opacity = np.clip(np.minimum.outer(*sides) / max(feather, 0.5), 0, 1)
        frame[y0:y1, x0:x1] = levels(frame[y0:y1, x0:x1] + step * opacity[..., None])
    return out


def pair(reference: np.ndarray, generated: np.ndarray, track: FaceTrack | None = None) -> ClipPair:
    sound = np.empty(0, np.float32)
    return ClipPair(*(Clip("clip", frames, sound, 25) for frames in (reference, generated)), track=track)


def found(reference: np.ndarray, generated: np.ndarray) -> float:
    metric = Seam()
    return metric.compute(metric.measure(pair(reference, generated)))


def encoded(frames: np.ndarray, crf: int, folder: Path) -> np.ndarray:
    write_clip(folder / "encoded.mp4", frames, np.empty(0, np.float32), 25, crf=crf)
    return read_clip(folder / "encoded.mp4", "encoded", sound="optional").frames


@pytest.mark.parametrize("step", STEPS)
def test_an_edge_reads_its_own_strength(texture: np.ndarray, step: int) -> None:
    generated = stepped(texture, BOX, step)
    assert seam_frames(texture, generated, BOX) == pytest.approx(np.full(12, step), abs=1e-6)
    assert seam(texture, generated, np.tile(BOX, (12, 1))) == pytest.approx(step, abs=1e-6)
    assert seam(texture, stepped(texture, BOX, -step), BOX) == pytest.approx(step, abs=1e-6)
    assert seam(texture[0], generated[0], BOX) == pytest.approx(step, abs=1e-6)
    assert found(texture, generated) == pytest.approx(step, abs=1e-6)


def test_a_colour_cast_and_a_part_of_the_sides_count_by_their_share(texture: np.ndarray) -> None:
    red = texture.copy()
    red[:, 30:80, 40:100, 0] += 12
    assert seam(texture, red, BOX) == pytest.approx(12 / np.sqrt(3), abs=1e-6)
    # On three sides this box lies on the frame's edge; the step of its only visible side is all there is.
    assert seam(texture, stepped(texture, (0, 60, 160, 120), 8), (0, 60, 160, 120)) == pytest.approx(8, abs=1e-6)
    # A step along the two upright sides, 10 of 24 pairs of segments, and on the ends of the other two.
    ramp = np.interp(np.arange(40, 100), [46, 56, 84, 94], [8.0, 0, 0, 8.0])
    upright = texture.copy()
    upright[:, 30:80, 40:100] = levels(upright[:, 30:80, 40:100] + ramp[:, None])
    assert 8 * np.sqrt(10 / 24) < seam(texture, upright, BOX) < 8


def test_untouched_and_shifted_frames_have_none(texture: np.ndarray) -> None:
    bright = levels(texture * 1.6)  # near white in many places
    assert (bright > 245).mean() > 0.01
    for frames in (texture, bright):
        for shift in (0, 10, -10, 40):
            moved = levels(frames + float(shift))
            assert seam(frames, moved, BOX) == 0
            assert found(frames, moved) == 0
    both = levels(stepped(texture, BOX, -8) + 10.0)
    assert seam(texture, both, BOX) == found(texture, both) == pytest.approx(8, abs=1e-6)


@pytest.mark.parametrize("size", [(120, 160), (117, 158)])
def test_windows_of_a_long_clip_give_the_bits_of_the_whole(
    texture: np.ndarray, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.concatenate([texture, texture[::-1], texture])[:, : size[0], : size[1]]
    boxes = np.tile(BOX, (len(frames), 1)) + 4 * (np.arange(len(frames)) // 9 % 2)[:, None]
    whole = pair(noisy(frames, 2), stepped(noisy(frames, 2, seed=1), boxes, 12))
    films = windows.FilmPair(Film.of(whole.reference), Film.of(whole.generated))
    monkeypatch.setattr(windows, "WINDOW_BYTES", 5 * films.generated.frame_bytes)
    expected = Seam().measure(whole)
    assert expected["found"].any()
    for name, values in windows.measured([Seam()], films)["seam"].items():
        assert values.tobytes() == expected[name].tobytes()


@pytest.mark.parametrize("sigma", [2, 4, 7])
def test_noise_hides_no_edge_and_makes_none(texture: np.ndarray, sigma: float) -> None:
    assert seam(texture, noisy(texture, sigma), BOX) < 0.5
    assert found(texture, noisy(texture, sigma)) < 0.5
    assert seam(texture, noisy(stepped(texture, BOX, 4), sigma), BOX) == pytest.approx(4, abs=0.3)
    assert found(texture, noisy(stepped(texture, BOX, 4), sigma)) == pytest.approx(4, abs=0.4)


def test_what_happens_well_inside_the_box_does_not_count(texture: np.ndarray) -> None:
    lips = stepped(texture, (58, 46, 82, 64), -30, feather=3)
    assert seam(texture, lips, BOX) == 0
    assert seam(texture, stepped(lips, BOX, 4), BOX) == pytest.approx(4, abs=1e-6)


def test_a_wider_feather_is_less_visible(texture: np.ndarray) -> None:
    readings = [seam(texture, stepped(texture, BOX, 16, feather), BOX) for feather in (0, 4, 6, 8, 12, 16)]
    assert readings[0] == pytest.approx(16, abs=1e-6)
    assert all(sharper > softer for sharper, softer in pairwise(readings))
    assert readings[-1] == pytest.approx(3, abs=0.5)  # 16 levels times 3 px of 16


def test_a_pasted_piece_that_is_off_place_counts(texture: np.ndarray) -> None:
    readings = []
    for shift in (0, 1, 2, 3):
        moved = texture.copy()
        moved[:, 30:80, 40:100] = np.roll(texture, (shift, shift), (1, 2))[:, 30:80, 40:100]
        readings.append(seam(texture, moved, BOX))
    assert readings[0] == 0
    assert readings[0] < readings[1] < readings[2] < readings[3]


def test_the_box_is_found_where_it_is_and_follows_it(texture: np.ndarray) -> None:
    frames = np.arange(12)[:, None]
    boxes = np.array(BOX) + frames * (1, 1, 1, 1)
    for generated in (stepped(texture, boxes, 3), noisy(stepped(texture, boxes, 8), 3)):
        assert (np.abs(found_boxes(texture, generated)[0] - boxes) <= 1).all()
    corner = (0, 70, 50, 120)
    assert (found_boxes(texture, stepped(texture, corner, 5))[0] == corner).all()


def test_no_box_is_found_where_nothing_was_pasted(texture: np.ndarray) -> None:
    metric = Seam()
    for generated in (texture, noisy(texture, 5), levels(texture + 9.0)):
        stats = metric.measure(pair(texture, generated))
        assert not stats["found"].any()
        assert metric.compute(stats) == 0
        assert (metric.per_frame(stats) == 0).all()
        assert metric.note(stats) == "no paste box found in 12 of 12 frames, counted as no seam"
    stats = metric.measure(pair(texture, texture[::-1].copy()))
    assert np.isnan(metric.compute(stats))
    assert "most of the picture differs; try box=face" in (metric.note(stats) or "")


def test_found_and_undefined_frames_join(texture: np.ndarray) -> None:
    metric = Seam()
    parts = [metric.measure(pair(texture, frames)) for frames in (stepped(texture, BOX, 6), texture)]
    value, note = metric.fold(parts)
    assert value == pytest.approx(6 / np.sqrt(2), abs=1e-6)
    assert note == "no paste box found in 12 of 24 frames, counted as no seam"
    undefined = metric.measure(pair(texture, texture[::-1].copy()))
    assert metric.fold([parts[0], undefined])[0] == pytest.approx(6, abs=1e-6)


def test_a_box_without_room_is_undefined(texture: np.ndarray) -> None:
    metric = Seam()
    for box in ((0, 0, 160, 120), (3, 3, 158, 117)):
        stats = metric.steps(texture, texture, box)
        assert np.isnan(metric.compute(stats))
        assert metric.note(stats) == "undefined in 12 of 12 frames: the box is too small or fills the frame"


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ((0.0, 0.0, 9.0, 9.0), r"boxes are float64 \(4,\); expected whole numbers x0, y0, x1, y1, \(12, 4\) or \(4,\)"),
        (np.zeros((3, 4), int), r"boxes are int64 \(3, 4\)"),
        ((100, 30, 40, 80), r"frame 0: box \(100, 30, 40, 80\); expected x0, y0, x1, y1 inside the 160 x 120 frame"),
        ((40, 30, 161, 80), r"frame 0: box \(40, 30, 161, 80\)"),
        ((-1, 30, 60, 80), r"frame 0: box \(-1, 30, 60, 80\)"),
    ],
)
def test_boxes_that_are_none_are_refused(texture: np.ndarray, boxes: object, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        seam(texture, texture, boxes)


def test_frames_and_options_are_checked(texture: np.ndarray) -> None:
    with pytest.raises(MetricError, match="seam: generated is float64"):
        seam(texture, texture / 255, BOX)
    with pytest.raises(MetricError, match="expected one shape"):
        seam(texture, texture[:3], BOX)
    with pytest.raises(MetricError, match="strip=0; expected 1 px or more"):
        seam(texture, texture, BOX, strip=0)
    with pytest.raises(MetricError, match="box=nose; expected one of found, face, mouth"):
        Seam(box="nose")


@pytest.mark.parametrize("region", [Region.FACE, Region.MOUTH])
def test_the_box_of_a_region_is_the_references(toy: Toy, region: Region) -> None:
    clip, track = toy
    generated = stepped(clip.frames, track.box(region), 6)
    metric = Seam(box=region.value)
    assert metric.needs_track and not Seam().needs_track
    value = metric.compute(metric.measure(pair(clip.frames, generated, track)))
    assert value == seam(clip.frames, generated, track.box(region)) == pytest.approx(6, abs=0.1)
    assert metric.key == f"seam:box={region.value}"


def test_of_the_stand_ins_the_pasted_box_shows_most(toy: Toy) -> None:
    clip, track = toy
    readings = {
        render.__name__: found(clip.frames, spoilt(render, clip, track))
        for render in (standins.reencoded, standins.noisy_frame, standins.blurred_mouth, standins.pasted_box)
    }
    assert readings["pasted_box"] == pytest.approx(standins.BOX_LEVELS, abs=0.5)
    assert readings["reencoded"] == 0
    assert readings["noisy_frame"] < 0.5
    assert readings["blurred_mouth"] < readings["pasted_box"] / 2


def test_it_is_scored_without_a_face_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "none"))
    write_corpus(tmp_path / "toy", speakers=2, clips=1, frames=8, size=96)
    generate("pasted-box", protocol.from_folder(tmp_path / "toy"), tmp_path / "out")
    for sidecar in (tmp_path / "toy").rglob("*.npz"):
        sidecar.unlink()
    result = lsbench.score(tmp_path / "out", reference=tmp_path / "toy", metrics=["seam"], offline=True)
    assert result.scores["seam"].value == pytest.approx(standins.BOX_LEVELS, abs=1)


def test_the_largest_sum_is_that_of_all_rectangles() -> None:
    random = np.random.default_rng(0)
    for shape in ((1, 1), (1, 6), (6, 1), (5, 7)):
        for _ in range(20):
            values = random.normal(-0.3, 1, shape)
            sums = {
                (left, top, right, bottom): values[top:bottom, left:right].sum()
                for top in range(shape[0])
                for bottom in range(top + 1, shape[0] + 1)
                for left in range(shape[1])
                for right in range(left + 1, shape[1] + 1)
            }
            best = max(sums, key=lambda box: sums[box])
            assert largest_sum(values) == (best if sums[best] > 0 else None)


@pytest.fixture(scope="module")
def real(grid: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The first frames and mouth boxes of one real clip of each speaker."""
    try:
        tracker = FaceTracker(*weights.require("face_landmarker", offline=True))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    clips = {}
    for clip_id, path in find_clips(grid).items():
        if (speaker := clip_id.split("/")[0]) not in clips:
            clip = read_clip(path, clip_id).cut(0, 6)
            track = fill_gaps(tracker.measure_cached(clip, content_sha256(path)), clip_id)
            clips[speaker] = clip.frames, track.box(Region.MOUTH)
    return clips


@pytest.mark.slow
def test_on_every_real_speaker_stronger_edges_read_higher(
    real: dict[str, tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    for speaker, (frames, boxes) in real.items():
        readings = [0.0, *(found(frames, stepped(frames, boxes, step)) for step in STEPS[::2])]
        assert readings == pytest.approx([0, *STEPS[::2]], rel=0.02), speaker
        after_coding = [seam(frames, encoded(stepped(frames, boxes, step), 23, tmp_path), boxes) for step in (0, 4, 16)]
        assert after_coding == sorted(after_coding), speaker
        assert after_coding[1:] == pytest.approx([4, 16], rel=0.15), speaker


@pytest.mark.slow
def test_on_every_real_speaker_harmless_changes_read_nothing(
    real: dict[str, tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    for speaker, (frames, boxes) in real.items():
        harmless = {
            "brighter": levels(frames + 10.0),
            "noise": noisy(frames, 7),
            "crf 12": encoded(frames, 12, tmp_path),
            "crf 23": encoded(frames, 23, tmp_path),
        }
        for name, generated in harmless.items():
            assert found(frames, generated) < 0.5, (speaker, name)
            assert seam(frames, generated, boxes) < 1, (speaker, name)


@pytest.mark.parametrize("size", [(64, 96), (62, 97), (3, 5)])
def test_blocks_are_summed_alike_whether_they_fit_or_not(size: tuple[int, int]) -> None:
    """To the bit: a box is found by thresholds, so the last digit of a mean can move it."""
    picture = np.random.default_rng(1).normal(0, 10, (*size, 3)).astype(np.float32)
    expected = picture
    for axis in (0, 1):
        starts = np.arange(0, expected.shape[axis], BLOCK)
        counts = np.diff([*starts, expected.shape[axis]]).astype(np.float32)
        expected = np.add.reduceat(expected, starts, axis=axis) / np.expand_dims(counts, (1 - axis, 2))
    assert np.array_equal(_blocks(picture), expected)


def test_a_guess_makes_the_search_for_the_largest_sum_no_other() -> None:
    random = np.random.default_rng(2)
    for values in (random.integers(-3, 3, (9, 12)).astype(float), random.normal(-0.3, 1, (12, 9)), -np.ones((3, 4))):
        expected = plain_seam.largest_sum(values)
        for left, top in random.integers(0, 8, (20, 2)).tolist():
            assert largest_sum(values, (left, top, left + 3, top + 2)) == expected
        assert largest_sum(values, expected) == largest_sum(values) == expected


@pytest.mark.parametrize("seed", [0, 1])
def test_boxes_and_steps_are_those_of_a_plain_search_to_the_bit(texture: np.ndarray, seed: int, tmp_path: Path) -> None:
    """Frames of odd size, a box that drifts and touches the edge, noise, a codec, saturated places."""
    random = np.random.default_rng(seed)
    frames = np.clip(texture[:, :110, :150].astype(int) + (seed * 60), 0, 255).astype(np.uint8)
    boxes = np.array([(60 * (1 - seed) + k, 30 - k, 110 + k, 80) for k in range(12)])
    generated = noisy(stepped(frames, boxes, 9 + 15 * seed, feather=3 * seed), 2)
    if seed:
        generated = encoded(generated[:, :, :, ::-1], 12, tmp_path)[:, :, :, ::-1]
    generated[random.integers(12)] = frames[0]
    stats = Seam().measure(pair(frames, generated))
    expected, step, floor = plain_seam.steps(frames, generated)
    assert expected.any(axis=1).sum() >= 6
    assert np.array_equal(found_boxes(frames, generated)[0], expected)
    shown = expected.any(axis=1)
    assert np.array_equal(stats["step"][shown], step[shown])
    assert np.array_equal(stats["floor"][shown], floor[shown])
