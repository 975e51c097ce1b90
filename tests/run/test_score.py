"""Scoring from end to end: what comes out, what is refused, and that nothing but the input moves a number."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import noisy
from PIL import Image

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import (
    AlignmentError,
    FaceError,
    LsbenchError,
    MatchError,
    MediaError,
    MetricError,
    ProtocolError,
    RunError,
    WeightsError,
)
from lsbench.face.track import Region
from lsbench.face.tracker import load_track, sidecar
from lsbench.generation.render import generate
from lsbench.media.clip import Clip, crop
from lsbench.media.files import find_clips, read_clip, write_clip
from lsbench.metrics.psnr import psnr_frames
from lsbench.metrics.ssim import ssim_frames
from lsbench.protocol import protocol
from lsbench.run.folder import Run
from lsbench.run.result import Pace
from lsbench.system import pool

METRICS = ["psnr", "ssim", "ssim:color=luma"]
# Of every kind but the networks', which have tests of their own: they take seconds of each process.
LIGHT = ["psnr", "ssim", "seam", "lmd", "mouth_aperture_error", "silence_motion", "sync_corr", "sync_lag"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("score") / "reference"
    write_corpus(folder, speakers=2, clips=2, frames=10, size=96)
    return folder


@pytest.fixture(scope="module")
def finished(reference: Path) -> Path:
    """A generated folder without fault, to be copied, never changed."""
    folder = reference.parent / "finished"
    generate("noisy-frame", protocol.from_folder(reference), folder, lossless=True)
    return folder


@pytest.fixture
def generated(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "generated"))


def rewrite(path: Path, change: Callable[[Clip], Clip], fps: float | None = None, suffix: str = ".mkv") -> None:
    """Replace a video by a changed version of itself."""
    clip = change(read_clip(path, "x", sound="optional"))
    path.unlink()
    write_clip(path.with_suffix(suffix), clip.frames, clip.speech, fps or clip.fps)


def numbers(run: Path) -> tuple[str, str]:
    """Everything that a run says, but for its name: result.json, and clips.parquet as text, where NaN equals NaN."""
    content = json.loads((run / "result.json").read_text())
    content.pop("name")
    return json.dumps(content), repr(pd.read_parquet(run / "clips.parquet").values.tolist())


def test_the_numbers_are_those_of_the_metrics(reference: Path, finished: Path) -> None:
    result = lsbench.score(finished, reference=reference, metrics=METRICS, regions=["whole", "mouth"])
    assert result.complete
    assert list(result.scores) == [
        "psnr/whole",
        "psnr/mouth",
        "ssim/whole",
        "ssim/mouth",
        "ssim:color=luma/whole",
        "ssim:color=luma/mouth",
    ]
    whole, mouth, luma = [], [], []
    for clip_id, source in find_clips(reference).items():
        clip = read_clip(source, clip_id)
        rendered = read_clip(finished / f"{clip_id}.mkv", clip_id)
        boxes = load_track(sidecar(source)).box(Region.MOUTH)
        cut = crop(clip.frames, boxes), crop(rendered.frames, boxes)
        whole += psnr_frames(clip.frames, rendered.frames).tolist()
        mouth += ssim_frames(*cut).tolist()
        luma += ssim_frames(*cut, color="luma").tolist()
    assert result["psnr/whole"] == pytest.approx(np.mean(whole), abs=1e-12)
    assert result["ssim/mouth"] == pytest.approx(np.mean(mouth), abs=1e-12)
    assert result["ssim:color=luma/mouth"] == pytest.approx(np.mean(luma), abs=1e-12)


@pytest.mark.slow
def test_the_run_folder_keeps_what_was_asked_and_every_clip(reference: Path, finished: Path, tmp_path: Path) -> None:
    result = lsbench.score(finished, reference=reference, name="mine", out=tmp_path, metrics=LIGHT)
    run = json.loads((tmp_path / "mine/run.json").read_text())
    assert run["generated"] == str(finished.resolve())
    assert run["metrics"]["ssim/mouth"] == result.scores["ssim/mouth"].signature
    assert "square-1.6x-outer_lips" in run["metrics"]["ssim/mouth"]
    assert run["protocol"]["digest"] == protocol.from_folder(reference).digest
    assert {"av", "numpy", "mediapipe"} <= set(run["versions"])
    rows = pd.read_parquet(tmp_path / "mine/clips.parquet")
    assert list(rows.columns) == ["clip_id", "speaker", "metric", "region", "value", "frames", "influence"]
    assert rows[(rows.metric == "psnr") & (rows.region == "mouth")].clip_id.tolist() == [
        "t1/a0",
        "t1/a1",
        "t2/a0",
        "t2/a1",
    ]
    assert set(rows.speaker) == {"t1", "t2"}
    assert set(rows.frames) == {10}
    partial = Run(tmp_path / "mine").read_partial("t1/a0")
    assert partial is not None
    assert all(partial.stats[key].rows == 10 for key in ("psnr/mouth", "ssim/whole", "lmd"))  # per-frame values


@pytest.mark.slow
def test_workers_order_and_containers_do_not_move_a_bit(reference: Path, generated: Path, tmp_path: Path) -> None:
    for workers in (1, 2, 4):
        lsbench.score(generated, reference=reference, out=tmp_path / str(workers), workers=workers, metrics=LIGHT)
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in sorted(generated.rglob("*.mkv"), reverse=True):  # written last to first, another spelling of the ids
        shutil.copy(path, flat / f"{path.parent.name}_{path.name}")
    lsbench.score(flat, reference=reference, name="generated", out=tmp_path / "flat-run", workers=2, metrics=LIGHT)
    first = numbers(tmp_path / "1/generated")
    for other in ("2", "4", "flat-run"):
        assert numbers(tmp_path / other / "generated") == first


def test_threads_that_share_a_device_do_not_move_a_bit(
    reference: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On `cpu:0`, which goes the way of devices; no process is started, so that networks are loaded once."""
    options: dict[str, Any] = {"reference": reference, "metrics": [*METRICS, "gmsd"], "regions": ["whole"]}
    alone = lsbench.score(generated, device="cpu:0", out=tmp_path / "alone", **options)
    monkeypatch.setattr(pool, "ProcessPoolExecutor", None)
    together = lsbench.score(generated, device="cpu:0", workers=3, out=tmp_path / "together", **options)
    assert numbers(alone.path) == numbers(together.path)
    on_cpu = lsbench.score(generated, **options)
    assert {key: together[key] for key in ("psnr/whole", "ssim/whole")} == {
        key: on_cpu[key] for key in ("psnr/whole", "ssim/whole")
    }
    assert together["gmsd/whole"] == pytest.approx(on_cpu["gmsd/whole"], abs=1e-6)


def test_the_pace_is_of_what_was_measured(reference: Path, generated: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"reference": reference, "metrics": ["psnr"], "out": tmp_path / "runs"}
    first = lsbench.score(generated, **options)
    assert first.pace is not None
    assert (first.pace.frames, first.pace.device, first.pace.doing) == (40, "cpu", "measured")
    assert first.pace.seconds > 0
    again = lsbench.score(generated, **options)
    assert again.pace is None and again == first
    next((tmp_path / "runs/generated/clips").rglob("*.npz")).unlink()
    rest = lsbench.score(generated, workers=2, **options)
    assert rest.pace is not None and rest.pace.frames == 10
    assert "pace" not in (tmp_path / "runs/generated/result.json").read_text()
    made = lsbench.score("blurred-mouth", **options)
    assert str(made.pace).startswith("40 frames made and measured in ")


@pytest.mark.parametrize(("frames", "rate"), [(5625, "450 a second"), (15, "1.2 a second")])
def test_the_pace_is_said_in_a_line(frames: int, rate: str) -> None:
    assert (
        str(Pace("measured", frames, 12.5, "cuda")) == f"{frames} frames measured in 12.5 s, {rate}, networks on cuda"
    )


def test_a_partial_run_is_taken_up_and_ends_the_same(reference: Path, generated: Path, tmp_path: Path) -> None:
    lsbench.score(generated, reference=reference, name="whole", out=tmp_path, metrics=METRICS)
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    request = json.loads((tmp_path / "part/run.json").read_text()) | {"name": "part"}
    (tmp_path / "part/run.json").write_text(json.dumps(request))
    (tmp_path / "part/result.json").unlink()
    (tmp_path / "part/clips/t1/a1.npz").unlink()
    damaged = tmp_path / "part/clips/t2/a0.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    kept = tmp_path / "part/clips/t1/a0.npz"
    before = kept.stat().st_mtime_ns
    seen: list[tuple[str, int, int]] = []
    options: dict[str, Any] = {"metrics": METRICS, "progress": lambda *step: seen.append(step)}
    lsbench.score(generated, reference=reference, name="part", out=tmp_path, **options)
    assert seen == [("", 2, 4), ("t1/a1", 3, 4), ("t2/a0", 4, 4)]
    assert kept.stat().st_mtime_ns == before
    assert numbers(tmp_path / "part") == numbers(tmp_path / "whole")


def test_a_video_rendered_anew_is_scored_anew(reference: Path, generated: Path, tmp_path: Path) -> None:
    first = lsbench.score(generated, reference=reference, out=tmp_path / "runs", metrics=["psnr"])
    rewrite(generated / "t1/a0.mkv", lambda clip: replace(clip, frames=noisy(clip.frames, 30)))
    seen: list[str] = []
    second = lsbench.score(
        generated,
        reference=reference,
        out=tmp_path / "runs",
        metrics=["psnr"],
        progress=lambda what, *_: seen.append(what),
    )
    assert seen == ["", "t1/a0"]
    assert second["psnr/whole"] < first["psnr/whole"]


def test_the_advice_of_an_error_can_be_followed(reference: Path, generated: Path, tmp_path: Path) -> None:
    rewrite(generated / "t1/a0.mkv", shorter)
    arguments: dict[str, Any] = {"reference": reference, "out": tmp_path / "runs", "metrics": ["psnr"]}
    with pytest.raises(AlignmentError, match="--align trim"):
        lsbench.score(generated, **arguments)
    assert lsbench.score(generated, align="trim", **arguments).complete
    with pytest.raises(RunError, match=r"protocol\.align trim, now asked with lag"):
        lsbench.score(generated, align="lag", **arguments)


def test_metrics_may_be_added_to_a_run(reference: Path, generated: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"reference": reference, "out": tmp_path / "runs"}
    lsbench.score(generated, metrics=["psnr"], **arguments)
    both = lsbench.score(generated, metrics=["psnr", "ssim"], **arguments)
    assert both.scores == lsbench.score(generated, reference=reference, metrics=["psnr", "ssim"]).scores


def test_a_result_does_not_outlive_its_videos(reference: Path, generated: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"reference": reference, "out": tmp_path / "runs", "metrics": ["psnr"]}
    lsbench.score(generated, **arguments)
    (generated / "t1/a0.mkv").unlink()
    with pytest.raises(MatchError):
        lsbench.score(generated, **arguments)
    left = Run(tmp_path / "runs/generated").result()
    assert (left.scores, left.complete) == ({}, False)


def test_few_frames_are_said_and_fewer_than_half_refused(reference: Path, generated: Path) -> None:
    rewrite(generated / "t1/a0.mkv", lambda clip: clip.cut(0, 6))
    result = lsbench.score(generated, reference=reference, metrics=["psnr"], align="trim")
    assert (result.compared_frames, result.reference_frames) == (36, 40)
    rewrite(generated / "t1/a0.mkv", lambda clip: clip.cut(0, 4))
    with pytest.raises(AlignmentError, match="only 4 can be compared"):
        lsbench.score(generated, reference=reference, metrics=["psnr"], align="trim")


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_time_alone(
    reference: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"reference": reference, "metrics": ["psnr", "coverage", "sync_corr"]}
    first = lsbench.score(generated, out=tmp_path / "first", **options)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path / "file" / "cache"))
    second = lsbench.score(generated, out=tmp_path / "second", **options)
    assert set(first.scores) == set(second.scores)
    assert numbers(tmp_path / "first/generated") == numbers(tmp_path / "second/generated")


def test_a_changed_reference_is_another_run(reference: Path, generated: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(reference, tmp_path / "mine"))
    lsbench.score(generated, reference=mine, out=tmp_path / "runs", metrics=["psnr"])
    rewrite(mine / "t1/a0.mkv", lambda clip: replace(clip, frames=noisy(clip.frames, 3)))
    with pytest.raises(RunError, match=r"protocol\.manifest_sha256"):
        lsbench.score(generated, reference=mine, out=tmp_path / "runs", metrics=["psnr"])


SCORE = f"""
import sys, lsbench
if __name__ == "__main__":
    lsbench.score(sys.argv[1], reference=sys.argv[2], out=sys.argv[3], workers=int(sys.argv[4]), metrics={LIGHT})
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_and_the_same_command_equals_an_uninterrupted_run(
    reference: Path, generated: Path, tmp_path: Path, workers: int
) -> None:
    lsbench.score(generated, reference=reference, out=tmp_path / "whole", metrics=LIGHT)
    script = tmp_path / "score.py"
    script.write_text(SCORE)
    command = [sys.executable, str(script), str(generated), str(reference), str(tmp_path / "killed"), str(workers)]
    subprocess.run([sys.executable, "-c", "import lsbench; lsbench.score"], check=True, cwd=tmp_path)
    for finished_clips in (1, 2):
        process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "killed").rglob("*.npz"))) < finished_clips and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its workers must end by themselves
        process.wait()
    deadline = time.monotonic() + 20
    while workers > 1 and _alive(process.pid):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.1)
    subprocess.run(command, check=True)
    assert numbers(tmp_path / "killed/generated") == numbers(tmp_path / "whole/generated")
    leftovers = list((tmp_path / "killed").rglob("*.tmp"))
    assert len(leftovers) <= 2 * workers


def _alive(group: int) -> bool:
    """Whether any process of a process group runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    states = [
        stat.rpartition(")")[2].split()[0]
        for path in Path("/proc").glob("[0-9]*/stat")
        if (stat := _read(path)) and stat.rpartition(")")[2].split()[2] == str(group)
    ]
    return any(state != "Z" for state in states)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def no_sound(clip: Clip) -> Clip:
    return replace(clip, speech=clip.speech[:0])


def smaller(clip: Clip) -> Clip:
    return replace(clip, frames=clip.frames[:, ::2, ::2])


def shorter(clip: Clip) -> Clip:
    return clip.cut(0, len(clip) - 1)


BAD = {
    "missing clip": (lambda path: path.unlink(), MatchError, "clip t1/a1: no generated video in"),
    "extra clip": (
        lambda path: shutil.copy(path, path.with_name("zz.mkv")),
        MatchError,
        r"match no reference clip: t1/zz\.mkv",
    ),
    "wrong size": (
        lambda path: rewrite(path, smaller),
        AlignmentError,
        "clip t1/a1: generated 48x48 px, reference 96x96",
    ),
    "wrong length": (
        lambda path: rewrite(path, shorter),
        AlignmentError,
        "clip t1/a1: generated 9 frames, reference has 10",
    ),
    "wrong rate": (
        lambda path: rewrite(path, lambda clip: clip, fps=30.0),
        AlignmentError,
        "clip t1/a1: generated 30 frames a second",
    ),
    "no sound": (lambda path: rewrite(path, no_sound), MediaError, "t1/a1.*sound"),
    "truncated file": (
        lambda path: (rewrite(path, lambda clip: clip, suffix=".mp4"), _halve(path.with_suffix(".mp4"))),
        MediaError,
        "t1/a1",
    ),
    "text file": (lambda path: path.write_text("not a video"), MediaError, "t1/a1"),
    "empty file": (lambda path: path.write_bytes(b""), MediaError, "t1/a1"),
    "two candidates": (
        lambda path: shutil.copy(path, path.parents[1] / "t1_a1.mkv"),
        MatchError,
        "clip t1/a1: .* both match",
    ),
}


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_clip_is_named_and_the_others_are_kept(
    reference: Path, generated: Path, tmp_path: Path, fault: str
) -> None:
    spoil, error, message = BAD[fault]
    spoil(generated / "t1/a1.mkv")
    with pytest.raises(error, match=message) as caught:
        lsbench.score(generated, reference=reference, out=tmp_path / "runs", metrics=["psnr"])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs/generated/result.json").exists()
    if fault == "two candidates":
        return  # never a matter of skipping: which of the two is meant is for the user to say
    result = lsbench.score(generated, reference=reference, out=tmp_path / "runs", metrics=["psnr"], on_error="skip")
    if fault == "extra clip":
        assert result.complete
        assert [Path(path).name for path in result.extra] == ["zz.mkv"]
        return
    assert (result.clips, result.expected, result.complete) == (3, 4, False)
    assert list(result.failed) == ["t1/a1"]
    rows = pd.read_parquet(tmp_path / "runs/generated/clips.parquet")
    assert set(rows.clip_id) == {"t1/a0", "t2/a0", "t2/a1"}


def test_failed_clips_are_tried_again(reference: Path, finished: Path, generated: Path, tmp_path: Path) -> None:
    (generated / "t1/a1.mkv").write_text("not a video")
    arguments: dict[str, Any] = {"reference": reference, "out": tmp_path / "runs", "metrics": ["psnr"]}
    assert not lsbench.score(generated, on_error="skip", **arguments).complete
    shutil.copy(finished / "t1/a1.mkv", generated / "t1/a1.mkv")
    assert lsbench.score(generated, on_error="skip", **arguments).complete


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(reference: Path, generated: Path) -> None:
    (generated / "t1/a1.mkv").chmod(0)
    with pytest.raises(MediaError, match="t1/a1"):
        lsbench.score(generated, reference=reference, metrics=["psnr"])


def test_silent_videos_are_welcome_when_sound_is_optional(reference: Path, generated: Path) -> None:
    rewrite(generated / "t1/a1.mkv", no_sound)
    assert lsbench.score(generated, reference=reference, metrics=["psnr"], sound="optional").complete


def test_a_folder_of_frames_is_a_video_at_the_references_rate(reference: Path, generated: Path) -> None:
    before = lsbench.score(generated, reference=reference, metrics=["psnr"])
    clip = read_clip(generated / "t1/a1.mkv", "x")
    (generated / "t1/a1.mkv").unlink()
    (generated / "t1/a1").mkdir()
    for number, frame in enumerate(clip.frames, start=1):
        Image.fromarray(frame).save(generated / f"t1/a1/{number:04}.png")
    after = lsbench.score(generated, reference=reference, metrics=["psnr"])
    assert {key: score.value for key, score in after.scores.items()} == {
        key: score.value for key, score in before.scores.items()
    }


def test_trim_and_lag_score_what_both_have(reference: Path, generated: Path, tmp_path: Path) -> None:
    rewrite(generated / "t1/a1.mkv", lambda clip: clip.cut(3, len(clip)))
    trimmed = lsbench.score(generated, reference=reference, align="trim", out=tmp_path / "trim", metrics=["psnr"])
    lagged = lsbench.score(generated, reference=reference, align="lag", out=tmp_path / "lag", metrics=["psnr"])
    assert lagged["psnr/whole"] > trimmed["psnr/whole"]
    assert lagged.lag_frames == {"t1/a0": 0, "t1/a1": -3, "t2/a0": 0, "t2/a1": 0}
    assert trimmed.scores["psnr/whole"].frames == lagged.scores["psnr/whole"].frames == 37
    mouth = Run(tmp_path / "lag/generated").read_partial("t1/a1", ["psnr/mouth"])
    assert mouth is not None
    assert mouth.frames == 7


def test_ids_with_spaces_and_letters_of_any_script(reference: Path, tmp_path: Path) -> None:
    odd = "sprecher ä/クリップ 1 'x'"
    for folder in ("real", "made"):
        (tmp_path / folder / odd).parent.mkdir(parents=True)
        shutil.copy(reference / "t1/a0.mkv", tmp_path / folder / f"{odd}.mkv")
    shutil.copy(reference / "t1/a0.landmarks.npz", tmp_path / "real" / f"{odd}.landmarks.npz")
    result = lsbench.score(tmp_path / "made", reference=tmp_path / "real", out=tmp_path / "runs", metrics=["ssim"])
    assert result["ssim/mouth"] == 1
    assert (tmp_path / "runs/made/clips" / f"{odd}.npz").exists()


def test_a_reference_without_a_face_is_named(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, 96, 96, 3), np.uint8)
    for folder in ("real", "made"):
        write_clip(tmp_path / folder / "s1/noface.mkv", frames, np.zeros(5120, np.float32), 25.0)
    arguments: dict[str, Any] = {"reference": tmp_path / "real", "metrics": ["psnr"]}
    try:
        with pytest.raises(FaceError, match=r"clip s1/noface: no face found in frames 0-7 of 0-7"):
            lsbench.score(tmp_path / "made", regions=["mouth"], **arguments)
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    assert lsbench.score(tmp_path / "made", regions=["whole"], **arguments)["psnr/whole"] == np.inf


def test_missing_weights_spare_what_does_not_need_them(
    reference: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "none"))
    bare = tmp_path / "bare"
    for clip_id, source in find_clips(reference).items():  # the reference without its side-cars
        (bare / clip_id).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, bare / f"{clip_id}.mkv")
    result = lsbench.score(generated, reference=bare, offline=True)
    assert list(result.scores) == ["psnr/whole", "ssim/whole", "seam"]
    assert {"psnr/mouth", "ssim/face", "lmd", "lpips/whole", "fid/mouth"} <= set(result.unavailable)
    assert "lsbench weights fetch face_landmarker" in result.unavailable["ssim/mouth"]
    assert "lsbench weights fetch inception" in result.unavailable["fid/whole"]
    assert "lmd" in lsbench.score(generated, reference=bare, offline=True, regions=["whole"]).unavailable
    with pytest.raises(WeightsError, match="lsbench weights fetch face_landmarker"):
        lsbench.score(generated, reference=bare, offline=True, metrics=["psnr"], regions=["mouth"])
    with pytest.raises(WeightsError):
        lsbench.score(generated, reference=bare, offline=True, metrics=["lmd"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metrics": ["psrn"]}, MetricError, "unknown metric 'psrn'; did you mean psnr"),
        ({"metrics": ["ssim:colour=luma"]}, MetricError, "unknown option 'colour=luma'"),
        ({"metrics": ["ssim:color=blue"]}, MetricError, "color=blue; expected one of rgb, luma"),
        ({"align": "Strict"}, LsbenchError, "unknown align 'Strict'; did you mean strict"),
        ({"regions": ["mouths"]}, LsbenchError, "unknown region 'mouths'; did you mean mouth"),
        ({"workers": 0}, LsbenchError, "workers 0"),
        ({"weight_files": {"face_landmarker": Path("nope")}}, WeightsError, "nope is not a file"),
        ({"device": "quantum"}, LsbenchError, "device quantum: PyTorch cannot use it"),
        ({"name": "../elsewhere"}, RunError, "plain folder name"),
        ({"reference": None, "protocol": "toy"}, ProtocolError, "--data"),
        ({"protocol": "toy", "data": "x"}, ProtocolError, "either reference"),
    ],
)
def test_wrong_arguments_are_errors(
    reference: Path, finished: Path, arguments: dict[str, Any], error: type[LsbenchError], message: str
) -> None:
    with pytest.raises(error, match=message):
        lsbench.score(finished, **{"reference": reference, **arguments})


def test_missing_folders_are_errors(reference: Path, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(MediaError, match=folder.name):
            lsbench.score(folder, reference=reference)
        with pytest.raises(LsbenchError, match=folder.name):
            lsbench.score(finished, reference=folder)


def test_a_full_disk_is_named_and_the_run_goes_on_later(
    reference: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, write: Any) -> None:
        if path.suffix == ".npz" and "a1" in path.name:
            raise OSError(28, "No space left on device")
        write_atomically(path, write)

    from lsbench.system.cache import write_atomically

    with monkeypatch.context() as patch:
        patch.setattr("lsbench.run.folder.write_atomically", full)
        with pytest.raises(RunError, match=r"clip t1/a1: .*No space left"):
            lsbench.score(generated, reference=reference, out=tmp_path / "runs", metrics=["psnr"])
    assert lsbench.score(generated, reference=reference, out=tmp_path / "runs", metrics=["psnr"]).complete
