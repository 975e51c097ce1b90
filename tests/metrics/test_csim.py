"""Similarity of faces: by an ArcFace network of random weights made here, and by dlib's on real clips."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import render
from lsbench.errors import MetricError, RunError, WeightsError
from lsbench.face.track import EYE_CORNERS, MOUTH_CORNERS, OUTER_LIPS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip, write_clip
from lsbench.media.film import Film
from lsbench.metrics._base import extras
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.csim import CSIM, CSIMDlib, face_similarity, face_similarity_frames
from lsbench.networks import arcface, dlib_face
from lsbench.run import windows
from lsbench.run.folder import Run

FRAMES = 12
CELL = 16  # px whose mean the test's network takes


def network_file(path: Path, *, shape: tuple[Any, ...] = (1, 3, 112, 112), first: str = "", seed: int = 0) -> Path:
    """An ONNX network that takes faces as ArcFace does: means of 16 x 16 px, times random weights, 64 numbers."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        *([helper.make_node(first, ["data", "half"], ["scaled"])] if first else []),
        helper.make_node(
            "AveragePool", ["scaled" if first else "data"], ["means"], kernel_shape=[CELL] * 2, strides=[CELL] * 2
        ),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
    ]
    kept = [
        onnx.numpy_helper.from_array(matrix(shape, seed), "weights"),
        onnx.numpy_helper.from_array(np.float32(0.5), "half"),
    ]
    graph = helper.make_graph(
        nodes,
        "face",
        [helper.make_tensor_value_info("data", floats, shape)],
        [helper.make_tensor_value_info("embedding", floats, (shape[0], 64))],
        kept,
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), str(path))
    return path


def matrix(shape: tuple[Any, ...], seed: int = 0) -> np.ndarray:
    inputs = int(np.prod([shape[1], *(-(-size // CELL) for size in shape[2:])]))
    return np.random.default_rng(seed).standard_normal((inputs, 64)).astype(np.float32)


def embedding(chip: np.ndarray) -> np.ndarray:
    """What the network of network_file() gives of a picture uint8 (112, 112, 3) RGB, worked out in float64."""
    planes = (chip.astype(np.float64).transpose(2, 0, 1) - 127.5) / 127.5
    means = planes.reshape(3, 7, CELL, 7, CELL).mean(axis=(2, 4))
    return np.asarray(means.reshape(-1) @ matrix((1, 3, 112, 112)).astype(np.float64))


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network_file(tmp_path_factory.mktemp("arcface") / "face.onnx")


@pytest.fixture(scope="module")
def faces() -> tuple[Clip, Clip, FaceTrack, FaceTrack]:
    """Two toy clips of two speakers, and their faces."""
    (one, track), (other, other_track) = (render(speaker, 0, frames=FRAMES, size=128) for speaker in (1, 2))
    return one, other, track, other_track


@pytest.fixture
def pair(faces: tuple[Clip, Clip, FaceTrack, FaceTrack], file: Path) -> ClipPair:
    one, other, track, other_track = faces
    return ClipPair(one, other, landmarks=(track, other_track), weights={"arcface": file})


def without_faces(track: FaceTrack, *places: int) -> FaceTrack:
    found = track.found.copy()
    found[list(places)] = False
    return replace(track, found=found)


def dots(points: np.ndarray) -> np.ndarray:
    """A frame, uint8 (256, 256, 3), dark but for soft dots at points (n, 2) px."""
    y, x = np.mgrid[:256, :256]
    light = sum(np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * 2.5**2)) for across, down in points)
    return np.repeat(np.clip(250 * light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def lights(chip: np.ndarray, places: np.ndarray, reach: int = 9) -> np.ndarray:
    """The centre of the light around each place (n, 2) of a chip, px."""
    centres = []
    for x0, y0 in np.rint(places).astype(int) - reach:
        part = chip[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1, 0].astype(np.float64)
        y, x = np.mgrid[: part.shape[0], : part.shape[1]]
        centres.append([(x * part).sum() / part.sum() + x0, (y * part).sum() / part.sum() + y0])
    return np.array(centres)


def turned(points: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    """Points turned and scaled about their middle, and moved to that of a frame of 256 px."""
    angle = math.radians(degrees)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray((points - points.mean(axis=0)) @ turn.T + 128)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (20, 0.8), (-35, 1.3), (180, 1.0)])
def test_dlibs_chip_shows_the_five_points_at_their_places(degrees: float, scale: float) -> None:
    pytest.importorskip("dlib")
    places = np.array(dlib_face.PLACES)
    landmarks = np.zeros((80, 2))
    landmarks[[*range(EYE_CORNERS.start, EYE_CORNERS.stop), OUTER_LIPS.start + 15]] = turned(places, degrees, scale)
    chip = dlib_face.chip(dots(turned(places, degrees, scale)), landmarks)
    assert chip.shape == (150, 150, 3)
    # Where nothing is to be resized or turned, dlib cuts at whole pixels.
    assert lights(chip, places) == pytest.approx(places, abs=0.7 if (degrees, scale) != (0, 1) else 1.2)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (20, 1.6), (-35, 0.9), (180, 1.0)])
def test_arcfaces_chip_shows_eyes_and_mouth_at_their_places(degrees: float, scale: float) -> None:
    """An eye is the middle of its corners."""
    points = turned(arcface.PLACES, degrees, scale)
    along = points[1] - points[0]
    landmarks = np.zeros((80, 2))
    landmarks[EYE_CORNERS] = [eye + side * along / 5 for eye in points[:2] for side in (-1, 1)]
    landmarks[list(MOUTH_CORNERS)] = points[2:]
    chip = arcface.chip(dots(points), landmarks)
    assert chip.shape == (112, 112, 3)
    assert lights(chip, arcface.PLACES) == pytest.approx(arcface.PLACES, abs=0.7)


def test_the_template_itself_is_left_as_it_is() -> None:
    landmarks = np.zeros((80, 2))
    landmarks[EYE_CORNERS] = np.repeat(arcface.PLACES[:2], 2, axis=0)
    landmarks[list(MOUTH_CORNERS)] = arcface.PLACES[2:]
    frame = np.random.default_rng(0).integers(0, 256, (150, 140, 3), dtype=np.uint8)
    assert np.array_equal(arcface.chip(frame, landmarks), frame[:112, :112])


def test_the_similarity_is_that_of_scikit_image() -> None:
    transform = pytest.importorskip("skimage.transform")
    random = np.random.default_rng(0)
    places = arcface.PLACES + random.normal(0, 4, (4, 2))
    points = turned(places, 50, 2.5) + random.normal(0, 9, (4, 2))
    expected = transform.estimate_transform("similarity", points, places).params[:2]
    assert arcface.similarity(points, places) == pytest.approx(expected, abs=1e-9)


def test_values_are_cosines_of_the_networks_output(pair: ClipPair, file: Path) -> None:
    """Against the same network in NumPy."""
    assert pair.landmarks is not None
    clips = pair.reference.frames, pair.generated.frames
    points = [track.landmarks for track in pair.landmarks]
    both = [
        [embedding(arcface.chip(frame, face.astype(np.float64))) for frame, face in zip(*side, strict=True)]
        for side in zip(clips, points, strict=True)
    ]
    expected = [cosine(one, other) for one, other in zip(*both, strict=True)]
    network = arcface.load(file)
    given = (*clips, points[0], points[1])
    assert face_similarity_frames(*given, network) == pytest.approx(expected, abs=1e-5)
    assert face_similarity(*given, network) == pytest.approx(np.mean(expected), abs=1e-5)
    stats = CSIM(every=1).measure(pair)
    assert stats["similarity"] == pytest.approx(expected, abs=1e-5)
    assert CSIM(every=1).compute(stats) == pytest.approx(np.mean(expected), abs=1e-5)
    assert max(expected) < 0.99
    assert face_similarity(clips[0], clips[0], points[0], points[0], network) == pytest.approx(1, abs=1e-12)


def test_embeddings_of_a_reference_are_kept_on_disk(pair: ClipPair, file: Path) -> None:
    """The second generator is compared with what was computed for the first."""
    assert pair.landmarks is not None
    seen: list[np.ndarray] = []
    network = arcface.load(file)

    def embed(chip: np.ndarray) -> np.ndarray:
        seen.append(chip)
        return network.embed(chip)

    counting = replace(network, embed=embed)
    given = pair.reference.frames[:3], pair.landmarks[0].landmarks[:3]
    first, again = (counting.embeddings(*given, keep=True) for _ in range(2))
    assert len(seen) == 3 and np.array_equal(first, again)
    counting.embeddings(*given)
    assert len(seen) == 6


def test_every_nth_frame_is_looked_at_from_the_middle_of_the_first_ones(pair: ClipPair) -> None:
    values = CSIM(every=1).measure(pair)["similarity"]
    for every, places in ((1, range(12)), (5, [2, 7]), (4, [2, 6, 10]), (25, [6])):
        metric = CSIM(every=every)
        stats = metric.measure(pair)
        assert np.flatnonzero(~np.isnan(metric.per_frame(stats))).tolist() == list(places)
        assert np.array_equal(stats["similarity"][list(places)], values[list(places)])
        note = f"measured in {len(places)} of 12 frames" if every > 1 else None
        assert metric.note(stats) == note


def test_a_lost_face_never_pays(pair: ClipPair) -> None:
    metric = CSIM(every=1)
    assert pair.landmarks is not None
    whole = metric.measure(pair)["similarity"]
    tracks = without_faces(pair.landmarks[0], 3, 4), without_faces(pair.landmarks[1], 4, 5, 6)
    stats = metric.measure(replace(pair, landmarks=tracks))
    expected = whole.copy()
    expected[[3, 4]], expected[[5, 6]] = np.nan, 0
    assert np.array_equal(stats["similarity"], expected, equal_nan=True)
    assert metric.compute(stats) == pytest.approx(np.nanmean(expected))
    assert metric.note(stats) == (
        "face found in 10 of 12 reference frames, the others left out; "
        "face found in 8 of 10 generated frames, the others counted as 0"
    )
    blind = metric.measure(replace(pair, landmarks=(without_faces(tracks[0], *range(12)), tracks[1])))
    assert math.isnan(metric.compute(blind)) and "face found in 0 of 12 reference frames" in str(metric.note(blind))


def test_against_the_clips_own_start(pair: ClipPair, file: Path) -> None:
    """With the mean direction of the frames before start_s, which have no value; the reference is not looked at."""
    assert pair.landmarks is not None
    track, frames = pair.landmarks[1], pair.generated.frames
    units = [
        made / np.linalg.norm(made)
        for made in map(embedding, map(arcface.chip, frames, track.landmarks.astype(np.float64)))
    ]
    mean = np.mean(units[:5], axis=0)
    metric = CSIM(every=1, against="start", start_s=0.2)
    nowhere = Clip("other", np.zeros((2, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 50)
    alone = replace(pair, reference=nowhere, landmarks=(track.cut(0, 2), track))
    stats = metric.measure(alone)
    assert stats["similarity"][5:] == pytest.approx([cosine(unit, mean) for unit in units[5:]], abs=1e-5)
    assert np.isnan(stats["similarity"][:5]).all()
    assert metric.note(stats) == "measured in 7 of 12 frames"
    lost = metric.measure(replace(alone, landmarks=(track, without_faces(track, 8))))
    assert np.flatnonzero(np.isnan(lost["similarity"])).tolist() == [0, 1, 2, 3, 4, 8]
    assert metric.note(lost) == "measured in 7 of 12 frames; face found in 6 of 7 generated frames, the others left out"
    for undefined in (
        metric.measure(replace(alone, landmarks=(track, without_faces(track, *range(5))))),
        replace(metric, start_s=9.0).measure(alone),
    ):
        assert math.isnan(metric.compute(undefined))
        assert "undefined: it takes a face in the first" in str(metric.note(undefined))


@pytest.mark.parametrize("against", ["reference", "start"])
@pytest.mark.parametrize("every", [1, 5])
def test_windows_give_the_bits_of_the_whole(
    pair: ClipPair, monkeypatch: pytest.MonkeyPatch, against: str, every: int
) -> None:
    metric = CSIM(against=against, every=every, start_s=0.16)
    films = windows.FilmPair(
        Film.of(pair.reference),
        Film.of(pair.generated),
        landmarks=pair.landmarks,
        weights=pair.weights,
        aligned=against == "reference",
    )
    monkeypatch.setattr(windows, "WINDOW_BYTES", 2 * films.generated.frame_bytes)
    seen, whole = windows.measured([metric], films)[metric.key], metric.measure(pair)
    for name in whole:
        assert np.array_equal(seen[name], whole[name], equal_nan=name == "similarity")


def test_clips_join_by_frames(pair: ClipPair) -> None:
    metric = CSIM(every=5)
    one, other = metric.measure(pair), metric.measure(replace(pair, generated=pair.reference))
    both = np.concatenate([one["similarity"], other["similarity"]])
    assert metric.compute(Stats.join([one, other])) == pytest.approx(np.nanmean(both), abs=1e-15)
    assert metric.influence([one, other]).sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shape": (1, 3, 128, 128)}, r"its input is data tensor\(float\) \(1, 3, 128, 128\); expected one, tensor"),
        ({"shape": (1, 112, 112, 3)}, r"its input is data tensor\(float\) \(1, 112, 112, 3\)"),
        ({"first": "Sub"}, "its first operation on the pixels is Sub, so that it scales them itself"),
    ],
)
def test_networks_of_another_kind_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    path = network_file(tmp_path / "other.onnx", **options)
    with pytest.raises(WeightsError, match=f"weights arcface: {path}: {said}"):
        arcface.load(path)


def test_a_batch_of_any_size_is_taken(tmp_path: Path) -> None:
    path = network_file(tmp_path / "any.onnx", shape=("faces", 3, 112, 112))
    assert arcface.load(path).width == 64


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08\x12\x00"])
def test_files_of_another_form_are_refused(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("onnxruntime")
    path = tmp_path / "face.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"weights arcface: {path}: "):
        arcface.load(path)


def test_a_file_that_is_no_network_of_dlib_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    path = tmp_path / "face.dat"
    path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=f"weights dlib_face: {path}: dlib cannot read it"):
        dlib_face.load(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"every": 0}, "every=0; expected 1 frame or more"), ({"start_s": 0.0}, "expected more than 0")],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(MetricError, match=said):
        CSIM(**options)


def test_without_a_reference_it_looks_at_the_start() -> None:
    for metric in (CSIM(every=3), CSIMDlib()):
        assert metric.paired and not metric.without_truth().paired
        assert metric.without_truth() == replace(metric, against="start")
    assert CSIMDlib().without_truth().key == "csim_dlib:against=start"


@pytest.mark.parametrize(
    ("metric", "module", "extra"), [("csim_dlib", "dlib", "identity"), ("csim", "onnxruntime", "onnx")]
)
def test_without_its_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, module: str, extra: str
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    clip, _ = render(1, 0, frames=3, size=64)
    write_clip(tmp_path / "clips" / "a.mkv", clip.frames, clip.speech, clip.fps)
    folder = str(tmp_path / "clips")
    outcome = CliRunner().invoke(
        main, ["score", folder, "--reference", folder, "--metric", metric, "--out", str(tmp_path), "--quiet"]
    )
    assert outcome.exit_code == 1
    assert outcome.output.strip() == f"lsbench: {metric}: {module} is not installed. pip install 'lsbench[{extra}]'"


@pytest.fixture(scope="module")
def speakers(grid: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first second of a clip of each of two speakers: `clips/a.mkv`, `clips/b.mkv`; exchanged in `swapped`."""
    root = tmp_path_factory.mktemp("speakers")
    sources = [next(iter(sorted((grid / speaker).glob("*.mpg")))) for speaker in ("s1", "s4")]
    for name, source in zip("ab", sources, strict=True):
        clip = read_clip(source, name).cut(0, 25)
        for path in (root / "clips" / f"{name}.mkv", root / "swapped" / f"{'ba'['ab'.index(name)]}.mkv"):
            path.parent.mkdir(exist_ok=True)
            write_clip(path, clip.frames, clip.speech, clip.fps, sample_rate=clip.sample_rate)
    return root


@pytest.mark.slow
def test_a_run_states_the_digest_of_the_users_file(
    speakers: Path, file: Path, tmp_path: Path, real_weights: Callable[[str], Path]
) -> None:
    files = {"face_landmarker": real_weights("face_landmarker")}
    asked: dict[str, Any] = {
        "reference": speakers / "clips",
        "metrics": ["csim:every=10"],
        "out": tmp_path,
        "name": "x",
    }
    result = lsbench.score(speakers / "clips", **asked, weight_files={**files, "arcface": file})
    assert result["csim:every=10"] == pytest.approx(1, abs=1e-6)
    request = Run.of(result).request()
    assert request["weights"]["arcface"] == hashlib.sha256(file.read_bytes()).hexdigest()
    other = network_file(tmp_path / "other.onnx", seed=1)
    with pytest.raises(RunError, match="was started with weights.arcface"):
        lsbench.score(speakers / "clips", **asked, weight_files={**files, "arcface": other})


@pytest.mark.slow
def test_videos_alone_are_compared_with_their_start(
    speakers: Path, file: Path, real_weights: Callable[[str], Path]
) -> None:
    files = {"face_landmarker": real_weights("face_landmarker"), "arcface": file}
    result = lsbench.score(speakers / "clips", metrics=["csim:every=5,start_s=0.5"], weight_files=files)
    assert list(result) == ["csim:against=start,every=5,start_s=0.5"]
    assert 0.9 < result["csim:against=start,every=5,start_s=0.5"] < 1


@pytest.mark.slow
def test_dlibs_network_tells_speakers_apart(speakers: Path, real_weights: Callable[[str], Path]) -> None:
    """One speaker reads above 0.95 under coding, another speaker below."""
    pytest.importorskip("dlib")
    files = {name: real_weights(name) for name in ("face_landmarker", "dlib_face")}
    asked: dict[str, Any] = {"reference": speakers / "clips", "metrics": ["csim_dlib"], "weight_files": files}
    same, swapped = (lsbench.score(speakers / name, **asked)["csim_dlib"] for name in ("clips", "swapped"))
    assert same == pytest.approx(1, abs=1e-6)
    assert swapped < 0.93


def test_the_users_file_must_be_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    clip, _ = render(1, 0, frames=3, size=64)
    write_clip(tmp_path / "clips" / "a.mkv", clip.frames, clip.speech, clip.fps)
    for offline in (False, True):
        with pytest.raises(WeightsError, match="weights arcface: .*--weights arcface=PATH"):
            lsbench.score(tmp_path / "clips", reference=tmp_path / "clips", metrics=["csim"], offline=offline)
