"""Stand-ins: each does its one fault and nothing else; rendered to mp4 they show what the paper found."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from frames import spoilt

import lsbench
from lsbench import registry
from lsbench.board.rank import leaderboard
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import GeneratorError, OutputError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker
from lsbench.generation import standins
from lsbench.generation.render import generate
from lsbench.media import film
from lsbench.media.clip import Clip, crop
from lsbench.metrics._base import catalogue
from lsbench.metrics.psnr import psnr_frames
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.run.folder import Run

Toy = tuple[Clip, FaceTrack]
NAMES = tuple(registry.STANDINS)


def outside(clip: Clip, boxes: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Where frames differ from the clip outside the boxes."""
    changed = (frames != clip.frames).any(axis=3)
    for picture, (x0, y0, x1, y1) in zip(changed, boxes, strict=True):
        picture[y0:y1, x0:x1] = False
    return changed


@pytest.mark.parametrize("name", NAMES)
def test_every_stand_in_is_pure_and_keeps_the_shape(toy: Toy, name: str) -> None:
    clip, track = toy
    before = clip.frames.copy()
    render = registry.load(registry.STANDINS[name])
    frames = spoilt(render, clip, track)
    assert frames.shape == clip.frames.shape
    assert frames.dtype == np.uint8
    assert np.array_equal(clip.frames, before)
    assert np.array_equal(spoilt(render, clip, track), frames)


@pytest.mark.parametrize("render", [standins.still_mouth, standins.blurred_mouth, standins.pasted_box])
def test_mouth_faults_stay_inside_the_mouth_box(toy: Toy, render: object) -> None:
    clip, track = toy
    boxes = track.box(Region.MOUTH)
    frames = spoilt(render, clip, track)  # type: ignore[arg-type]
    assert not outside(clip, boxes, frames).any()
    assert not np.array_equal(crop(frames, boxes)[1:], crop(clip.frames, boxes)[1:])


def test_the_blurred_mouth_differs_by_exactly_the_area_ratio(toy: Toy) -> None:
    clip, track = toy
    boxes = track.box(Region.MOUTH)
    frames = spoilt(standins.blurred_mouth, clip, track)
    side = boxes[0, 2] - boxes[0, 0]
    gap = psnr_frames(clip.frames, frames) - psnr_frames(crop(clip.frames, boxes), crop(frames, boxes))
    assert gap == pytest.approx(10 * np.log10(96 * 96 / side**2), abs=1e-9)


def test_the_still_mouth_is_the_first_one(toy: Toy) -> None:
    clip, track = toy
    boxes = track.box(Region.MOUTH)
    mouths = crop(spoilt(standins.still_mouth, clip, track), boxes)
    inner = slice(mouths.shape[1] // 4, -mouths.shape[1] // 4)
    assert (mouths[:, inner, inner] == mouths[:1, inner, inner]).all()


def test_late_is_late_by_four_frames(toy: Toy) -> None:
    clip, track = toy
    frames = spoilt(standins.late, clip, track)
    assert np.array_equal(frames[4:], clip.frames[:-4])
    assert (frames[:4] == clip.frames[0]).all()


def test_the_pasted_box_is_brighter_by_its_levels(toy: Toy) -> None:
    clip, track = toy
    boxes = track.box(Region.MOUTH)
    pasted = spoilt(standins.pasted_box, clip, track)
    before, after = (crop(frames, boxes).astype(int) for frames in (clip.frames, pasted))
    assert (after - before)[before <= 255 - standins.BOX_LEVELS].tolist() == [standins.BOX_LEVELS] * np.count_nonzero(
        before <= 255 - standins.BOX_LEVELS
    )


def test_an_unknown_generator_lists_near_matches(tmp_path: Path) -> None:
    write_corpus(tmp_path / "toy", speakers=1, clips=1, frames=5, size=64)
    with pytest.raises(GeneratorError, match="unknown generator 'late-4'; did you mean late"):
        generate("late-4", protocol.from_folder(tmp_path / "toy"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_reference_is_never_overwritten(tmp_path: Path) -> None:
    write_corpus(tmp_path / "toy", speakers=1, clips=1, frames=5, size=64)
    before = (tmp_path / "toy/t1/a0.mkv").read_bytes()
    for out in (tmp_path / "toy", tmp_path / "toy/../toy"):
        with pytest.raises(OutputError, match="is what lsbench generate late reads"):
            generate("late", protocol.from_folder(tmp_path / "toy"), out, lossless=True)
    assert (tmp_path / "toy/t1/a0.mkv").read_bytes() == before


@pytest.fixture(scope="module")
def real(grid: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real clip of each of four speakers."""
    folder = tmp_path_factory.mktemp("real")
    for clip_id in ("s1/bbaf2n", "s4/bbae9n", "s26/bgbsza", "s31/bgiq6p"):
        (folder / clip_id).parent.mkdir()
        shutil.copy(grid / f"{clip_id}.mpg", folder / f"{clip_id}.mpg")
    return folder


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    try:
        return FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")


@pytest.mark.slow
def test_on_real_clips_whole_frame_and_mouth_rank_the_stand_ins_differently(
    real: Path, tracker: FaceTracker, tmp_path: Path
) -> None:
    bench, pooled = protocol.from_folder(real), "psnr:pooling=mse"  # encoded again, many a frame is the same to the bit
    for name in ("reencoded", "blurred-mouth", "noisy-frame"):
        generate(name, bench, tmp_path / name, workers=2, tracker=tracker)
        lsbench.score(
            tmp_path / name, reference=real, metrics=["psnr", pooled, "ssim"], out=tmp_path / "runs", workers=2
        )
    board = leaderboard((tmp_path / "runs").iterdir(), f"{pooled}/whole")
    assert [row.generator for row in board.rows] == ["reencoded", "blurred-mouth", "noisy-frame"]
    assert {row.generator: board.disagreement(row, pooled) for row in board.rows} == {
        "reencoded": 0,
        "blurred-mouth": 1,
        "noisy-frame": -1,
    }
    run = Run(tmp_path / "runs/blurred-mouth")
    gaps = []
    for clip in bench.clips:
        partial = run.read_partial(clip.id)
        assert partial is not None
        whole, mouth = (partial.stats[f"psnr/{region}"] for region in ("whole", "mouth"))
        ratio = 10 * np.log10(whole["samples"][0] / mouth["samples"][0])
        psnr = catalogue.metrics(["psnr"], [Region.WHOLE])[0]
        gaps.append(psnr.compute(whole) - psnr.compute(mouth) - ratio)
    assert np.abs(gaps).max() < 0.5


@pytest.mark.parametrize("name", [*NAMES, "compressed", "swapped-audio"])
def test_a_long_clip_is_spoilt_as_a_short_one(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read window by window, with the same bytes, and never held whole."""
    write_corpus(tmp_path / "real", speakers=1, clips=2, frames=14, size=96)
    bench = protocol.from_folder(tmp_path / "real")
    (before, *_) = generate(name, bench, tmp_path / "short")
    monkeypatch.setattr(film, "HELD_BYTES", 1)
    monkeypatch.setattr(film, "WHOLE_BYTES", 1)
    monkeypatch.setattr(film, "READ_BYTES", 3 * 96 * 96 * 3)
    (after, *_) = generate(name, bench, tmp_path / "long")
    assert after.read_bytes() == before.read_bytes()
