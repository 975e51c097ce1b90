"""Laws that every registered metric keeps; a new metric is covered as soon as it is in the registry.

A metric of one's own is held to them by `pytest tests/metrics/test_metric_laws.py --metric py:mymetrics:MAE`.
Where a law cannot hold for a metric, the metric's name stands in that law's table below, with the reason.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from frames import noisy
from scipy.spatial.transform import Rotation

from lsbench import registry
from lsbench.errors import WeightsError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.track import EYE_CORNERS, FACE_OVAL, INNER_LIPS, OUTER_LIPS, POINTS, FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.networks import weights
from lsbench.run import windows

SIZE, FRAMES = 176, 6
NOISE = (0.0, 3.0, 12.0, 48.0)  # levels of pixel noise, and per mille of the frame size that landmarks jitter

BOXED = (Region.FACE, Region.MOUTH)
SYMMETRIC = {"psnr", "ssim", "lpips", "dists"}  # the same value to the bit with reference and generated exchanged
BEST = {  # the value of identical clips, where it is one known number
    "psnr": math.inf,
    **dict.fromkeys(("ssim", "mouth_aperture_corr", "closure_f1", "coverage"), 1.0),
    **dict.fromkeys(("blink_rate", "brow_motion", "head_motion", "lip_dynamics"), 1.0),
    **dict.fromkeys(("lmd", "jitter", "akd", "mouth_aperture_error", "lpips", "dists"), 0.0),
}
# Those that do not fall with pixel noise and landmark jitter, and why.
NOT_MONOTONE = {
    "seam": "ignores noise by design: only a step along a box counts",
    **dict.fromkeys(("fid", "kid", "fid_inf", "fd_efficientnet_lite0"), "features of strong noise come closer again"),
    **dict.fromkeys(("csim_dlib", "csim"), "made for faces; what a network sees in this texture may go any way"),
    "fvd": "needs windows of 16 frames, see test_fvd.py",
    "closure_f1": "counts frames, so that it falls in steps",
    "coverage": "a face in every frame, however noisy",
    "leak_corr": "noisy lips follow less, which is what it is after",
    **dict.fromkeys(("blink_rate", "brow_motion", "head_motion"), "neither landmarks nor pixels: what a face does"),
    "lip_dynamics": "trembling lips move more, and may come closer to the reference's speed",
    **dict.fromkeys(
        ("silence_motion", "lip_leak", "lse_d", "lse_c", "lse_d0", "av_offset", "offset_error_frames"),
        "a video and its sound, without a reference",
    ),
    **dict.fromkeys(
        ("sync_corr", "sync_lag", "sync_peak"), "need ten frames and a model, see tests/test_sync_motion.py"
    ),
    **dict.fromkeys(("viseme_closure", "viseme_lmd"), "need words that are said, see test_visemes.py"),
}
LOOKS_OUTSIDE: dict[str, str] = {}  # its region is more than the pixels inside the box

Law = TypeVar("Law", bound=Callable[..., None])
WHOSE: dict[Callable[..., None], Callable[[Metric], bool]] = {}  # of each law, for which metrics it holds


def metrics_where(holds: Callable[[Metric], bool]) -> Callable[[Law], Law]:
    def of(law: Law) -> Law:
        WHOSE[law] = holds
        return law

    return of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    specs = metafunc.config.getoption("--metric") or registry.table("metrics", registry.METRICS)
    metrics = [metric for metric in catalogue.metrics(specs, Region) if WHOSE[metafunc.function](metric)]
    metafunc.parametrize("metric", metrics, ids=lambda metric: metric.key)


every_metric = metrics_where(lambda _: True)


def outline(middle: np.ndarray, width: float, height: np.ndarray, points: int) -> np.ndarray:
    """A closed outline from the left corner along its lower half: (T, points, 2)."""
    angle = np.pi - 2 * np.pi * np.arange(points) / points
    x = middle[:, :1] + width / 2 * np.cos(angle)
    return np.stack([x, middle[:, 1:] + height[:, None] / 2 * np.sin(angle)], axis=2)


def face(seed: int) -> np.ndarray:
    """A talking face that sways: landmarks float32 (T, 80, 2) px."""
    time = np.arange(FRAMES) + 3 * seed
    middle = SIZE * (0.5 + 0.02 * np.stack([np.sin(time / 3), np.cos(time / 4)], axis=1))
    mouth = middle + np.array([0, 0.17 * SIZE])
    opening = SIZE * (0.03 + 0.03 * np.sin(time))
    points = np.empty((FRAMES, POINTS, 2), np.float32)
    points[:, FACE_OVAL] = outline(middle, 0.6 * SIZE, np.full(FRAMES, 0.8 * SIZE), 36)
    points[:, OUTER_LIPS] = outline(mouth, 0.24 * SIZE, opening + 0.06 * SIZE, 20)
    points[:, INNER_LIPS] = outline(mouth, 0.18 * SIZE, opening, 20)
    eyes = SIZE * np.array([[-0.2, -0.15], [-0.08, -0.15], [0.08, -0.15], [0.2, -0.15]])
    points[:, EYE_CORNERS] = middle[:, None] + eyes
    return points


def doing(track: FaceTrack) -> FaceTrack:
    """The same face with a blink, brows that rise and a head that turns by 2 degrees a frame, where it is found."""
    time = np.arange(FRAMES)
    shapes = np.zeros((FRAMES, len(BLENDSHAPES)), np.float32)
    shapes[2, [BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]] = 0.6, 0.5
    shapes[:, BLENDSHAPES.index("browInnerUp")] = time / 9
    pose = Rotation.from_rotvec(np.outer(time, (0, 2, 0)), degrees=True).as_matrix().astype(np.float32)
    shapes[~track.found], pose[~track.found] = np.nan, np.nan
    frozen(shapes, pose)
    return replace(track, blendshapes=shapes, pose=pose)


def moving_texture(seed: int) -> np.ndarray:
    """Coloured blocks of several sizes that drift: uint8 (T, SIZE, SIZE, 3)."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((SIZE + FRAMES, SIZE + FRAMES, 3))
    for block in (3, 12, 48):
        cells = -(-len(canvas) // block)
        texture = random.uniform(30, 225, (cells, cells, 3)).repeat(block, axis=0).repeat(block, axis=1)
        canvas += texture[: len(canvas), : len(canvas)] / 3
    return np.stack([canvas[i : SIZE + i, i // 2 : SIZE + i // 2] for i in range(FRAMES)]).astype(np.uint8)


def speech(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    loudness = np.abs(np.sin(np.linspace(seed, seed + FRAMES, FRAMES * 640)))
    return (0.2 * loudness * random.standard_normal(FRAMES * 640)).clip(-1, 1).astype(np.float32)


def frozen(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The arrays, read-only: a metric that writes into its input fails."""
    for array in arrays:
        array.flags.writeable = False
    return arrays


def build(frames: np.ndarray, generated: np.ndarray, points: np.ndarray, jittered: np.ndarray, seed: int) -> ClipPair:
    sound = speech(seed)
    frozen(frames, generated, points, jittered, sound)
    height, width = frames.shape[1:3]
    found = np.isfinite(points).all(axis=(1, 2)), np.isfinite(jittered).all(axis=(1, 2))
    one, other = (FaceTrack(each, seen, height, width) for each, seen in zip((points, jittered), found, strict=True))
    tracks = doing(one), doing(other)
    clips = (Clip(f"s{seed}/clip", pixels, sound, 25) for pixels in (frames, generated))
    return ClipPair(*clips, track=tracks[0], landmarks=tracks)


def make_pair(noise: float, seed: int = 0) -> ClipPair:
    """A clip and its copy under noise."""
    frames, points = moving_texture(seed), face(seed)
    jitter = np.random.default_rng(seed).normal(0, noise * SIZE / 1000, points.shape)
    return build(frames, noisy(frames, noise, seed), points, (points + jitter).astype(np.float32), seed)


def exchanged(pair: ClipPair) -> ClipPair:
    """The pair with its two clips exchanged, boxes where they were."""
    assert pair.landmarks is not None
    return replace(pair, reference=pair.generated, generated=pair.reference, landmarks=pair.landmarks[::-1])


def weight_files(metric: Metric) -> dict[str, Path]:
    """The weights that a metric needs; skips the test where they, or an extra, are not on this machine."""
    if reason := metric.lacking():
        pytest.skip(reason)
    try:
        return {name: weights.require(name, offline=True)[0] for name in metric.needed_weights}
    except WeightsError as missing:
        pytest.skip(str(missing))


def measure(metric: Metric, pair: ClipPair) -> Stats:
    """The statistics of a pair."""
    return metric.measure(replace(pair, weights=weight_files(metric)))


@cache
def shared_pair(noise: float, seed: int = 0) -> ClipPair:
    return make_pair(noise, seed)


@cache
def measured(metric: Metric, noise: float, seed: int = 0) -> Stats:
    """One clip's statistics, measured once for all laws."""
    return measure(metric, shared_pair(noise, seed))


def same(one: Stats, other: Stats) -> bool:
    return list(one) == list(other) and all(
        one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes() for name in one
    )


def bits(value: float) -> bytes:
    return np.float64(value).tobytes()


def other_values(metric: Metric) -> dict[str, Any]:
    """Another value for each field of a metric that takes more than one."""
    changes: dict[str, Any] = {}
    for option in fields(metric):
        value, choices = getattr(metric, option.name), option.metadata.get("choices")
        if option.name == "region":
            others = [region for region in metric.regions if region is not value]
        elif choices:
            others = [choice for choice in choices if choice != value]
        elif isinstance(value, bool):
            others = [not value]
        elif isinstance(value, int | float):
            others = [value + 2]
        else:
            others = [f"{value}-other"]
        if others:
            changes[option.name] = others[0]
    return changes


@every_metric
def test_it_says_what_it_is(metric: Metric) -> None:
    assert catalogue.kind(metric.filed_as) is type(metric)
    assert metric.better in ("higher", "lower", "zero")
    assert metric.asks and "\n" not in metric.asks
    assert metric.source and type(metric).__doc__
    assert metric.signature.startswith(f"{metric.filed_as}.{metric.revision}")


@every_metric
def test_every_field_changes_the_signature(metric: Metric) -> None:
    changes = other_values(metric)
    for option in fields(metric):
        assert option.name in changes or option.name == "region" or len(option.metadata["choices"]) == 1
    for name, value in metric.options().items():
        assert f"|{name}:{value}" in metric.signature
    seen = {metric.signature}
    for name, value in changes.items():
        changed = replace(metric, **{name: value})
        assert changed.signature not in seen, f"{name} does not show in {changed.signature}"
        assert changed.key != metric.key and changed != metric
        seen.add(changed.signature)


@every_metric
def test_its_spelling_gives_it_back(metric: Metric) -> None:
    options = {name: value for name, value in other_values(metric).items() if name != "region"}
    for spelled in (metric, replace(metric, **options)):
        assert catalogue.metrics([spelled.spec], [metric.region] if metric.region else []) == [spelled]
        region = f"/{metric.region.value}" if metric.region else ""
        assert spelled.key == f"{spelled.spec}{region}"


@every_metric
def test_it_pickles(metric: Metric) -> None:
    copy = pickle.loads(pickle.dumps(metric))
    assert copy == metric and copy.signature == metric.signature and hash(copy) == hash(metric)
    stats = measured(metric, NOISE[2])
    assert same(pickle.loads(pickle.dumps(stats)), stats)


@pytest.mark.slow
@every_metric
def test_order_and_sharding_do_not_change_a_bit(metric: Metric) -> None:
    a, b, c = clips = [measured(metric, NOISE[2], seed) for seed in range(3)]
    value, note = metric.fold(clips)
    assert bits(metric.compute(Stats.join(clips))) == bits(value) and metric.note(Stats.join(clips)) == note
    for joined in (a + b + c, a + (b + c), Stats.join([a + b, c])):
        assert same(joined, Stats.join(clips))
        assert bits(metric.compute(joined)) == bits(value)
    backwards = [measure(metric, make_pair(NOISE[2], seed)) for seed in (2, 1, 0)][::-1]
    assert all(same(again, clip) for again, clip in zip(backwards, clips, strict=True))


@every_metric
def test_windows_of_a_long_clip_give_the_bits_of_the_whole(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = shared_pair(NOISE[2])
    films = windows.FilmPair(
        Film.of(pair.reference),
        Film.of(pair.generated),
        pair.track,
        landmarks=pair.landmarks,
        weights=weight_files(metric),
    )
    monkeypatch.setattr(windows, "WINDOW_BYTES", 2 * films.generated.frame_bytes)
    assert same(windows.measured([metric], films)[metric.key], measured(metric, NOISE[2]))


@every_metric
def test_per_frame_values_have_a_row_each(metric: Metric) -> None:
    stats = measured(metric, NOISE[2])
    values = metric.per_frame(stats)
    assert isinstance(metric.compute(stats), float)
    assert values is None or (values.dtype == np.float64 and values.shape == (stats.rows,))


@every_metric
def test_segments_are_the_rows_of_the_clip_or_none_at_all(metric: Metric) -> None:
    """Cut and joined again they are the clip, to the bit; with frames left out, those of the rest."""
    stats, edges = measured(metric, 12.0), np.array([0, 1, 4, FRAMES])
    for seen in (np.ones(FRAMES, bool), np.arange(FRAMES) != 2):
        rest = metric.without(stats, ~seen) if metric.region in BOXED else stats
        parts = metric.segments(rest, edges, seen if metric.region in BOXED else np.ones(FRAMES, bool))
        if metric.segments(stats, edges, np.ones(FRAMES, bool)) is None:
            assert parts is None
            assert metric.per_frame(stats) is None
        else:
            assert parts is not None
            assert len(parts) == len(edges) - 1
            assert same(Stats.join(parts), rest)
    if metric.by_segment:
        assert not metric.needs_pictures


@metrics_where(lambda metric: metric.name not in NOT_MONOTONE)
def test_more_noise_is_worse_and_none_is_best(metric: Metric) -> None:
    values = [metric.compute(measured(metric, noise)) for noise in NOISE]
    if all(map(math.isnan, values)):
        pytest.skip(f"undefined here: {metric.note(measured(metric, NOISE[0]))}")
    falling = values if metric.better == "higher" else [-value for value in values]
    assert all(better > worse for better, worse in pairwise(falling)), values


@metrics_where(lambda metric: metric.name in BEST)
def test_identical_clips_have_the_best_value(metric: Metric) -> None:
    assert metric.compute(measured(metric, 0.0)) == BEST[metric.name]


@metrics_where(lambda metric: metric.name in SYMMETRIC)
def test_exchanging_the_clips_changes_no_bit(metric: Metric) -> None:
    stats = measured(metric, NOISE[2])
    assert bits(metric.compute(measure(metric, exchanged(shared_pair(NOISE[2]))))) == bits(metric.compute(stats))


@every_metric
def test_inputs_are_not_written_to(metric: Metric) -> None:
    pair, untouched = make_pair(NOISE[2]), make_pair(NOISE[2])
    measure(metric, pair)
    for ours, theirs in ((pair.reference, untouched.reference), (pair.generated, untouched.generated)):
        assert np.array_equal(ours.frames, theirs.frames) and np.array_equal(ours.speech, theirs.speech)
    assert pair.landmarks is not None and untouched.landmarks is not None
    for face, same in zip(pair.landmarks, untouched.landmarks, strict=True):
        for name in ("landmarks", "found", "blendshapes", "pose"):
            assert np.array_equal(getattr(face, name), getattr(same, name))


@metrics_where(lambda metric: not metric.paired)
def test_unpaired_metrics_do_not_look_at_the_reference(metric: Metric) -> None:
    pair = make_pair(NOISE[2])
    assert pair.landmarks is not None
    other = Clip("other", np.zeros((2, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 50)
    blind = FaceTrack(np.full((2, POINTS, 2), np.nan, np.float32), np.zeros(2, bool), 8, 8)
    alone = replace(pair, reference=other, landmarks=(blind, pair.landmarks[1]))
    assert same(measure(metric, alone), measured(metric, NOISE[2]))


@metrics_where(lambda metric: metric.region in BOXED and metric.name not in LOOKS_OUTSIDE)
def test_only_the_reference_says_where_to_look(metric: Metric) -> None:
    assert metric.region
    expected = measured(metric, 0.0)
    frames, points = moving_texture(0), face(0)
    track = FaceTrack(points, np.ones(FRAMES, bool), SIZE, SIZE)
    generated = 255 - frames
    for image, source, (x0, y0, x1, y1) in zip(generated, frames, track.box(metric.region), strict=True):
        image[y0:y1, x0:x1] = source[y0:y1, x0:x1]
    elsewhere = build(frames, generated, points, (points / 2).astype(np.float32), 0)
    assert same(measure(metric, elsewhere), expected)


@metrics_where(lambda metric: metric.region not in BOXED)  # without a face there is no box: that is a FaceError
@pytest.mark.parametrize("lost", ["size", "faces", "last frames' faces"])
def test_undefined_is_nan_with_a_reason(metric: Metric, lost: str) -> None:
    frames, points = moving_texture(0), face(0)
    if lost == "size":
        frames = frames[:, :6, :6].copy()
    jittered = points.copy()
    jittered[0 if lost == "faces" else FRAMES - 2 :] = np.nan
    stats = measure(metric, build(frames, noisy(frames, 9), points, jittered, 0))
    joined = measured(metric, NOISE[2], 1) + stats
    for one in (stats, joined):
        assert not math.isnan(metric.compute(one)) or metric.note(one)
    values = metric.per_frame(stats)
    assert values is None or not np.isnan(values).any() or metric.note(stats)
