"""VMAF: ffmpeg's own command line as the oracle, windows, and a process that is missing, fails or hangs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from frames import noisy

from lsbench.cli.main import main
from lsbench.corpus.toy.render import render
from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.metrics._base import extras
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._vmaf import libvmaf
from lsbench.metrics.vmaf import VMAF, vmaf, vmaf_frames
from lsbench.run import windows


@pytest.fixture(scope="module")
def program() -> str:
    """An ffmpeg that has libvmaf."""
    if reason := libvmaf.why_not():
        pytest.skip(reason)
    return libvmaf._program()


@pytest.fixture(scope="module")
def pair() -> ClipPair:
    """A toy clip and its copy under noise that grows, so that neighbouring frames have other values."""
    clip, track = render(1, 0, frames=8, size=96)
    noise = np.concatenate([noisy(clip.frames[place : place + 1], 3 + 4 * place) for place in range(8)])
    return ClipPair(clip, Clip("generated", noise, clip.speech, clip.fps), track=track)


def lossless(path: Path, frames: np.ndarray, luma: np.ndarray | None = None) -> None:
    """Frames as FFV1: in RGB, or with their luma alone."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0" if luma is None else "yuv420p"
        for place, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.pix_fmt)
            if luma is not None:
                frame.planes[0].update(np.pad(luma[place], ((0, 0), (0, frame.planes[0].line_size - luma.shape[2]))))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def asked(program: str, folder: Path, model: str, convert: str = "null") -> np.ndarray:
    """What ffmpeg's command line says of the files `generated.mkv` and `reference.mkv` in a folder."""
    log = f"libvmaf=model=version=vmaf_{model}:log_fmt=json:log_path=log.json"
    graph = f"[0:v]{convert}[generated];[1:v]{convert}[reference];[generated][reference]{log}"
    files = ["-i", "generated.mkv", "-i", "reference.mkv"]
    subprocess.run([program, "-v", "error", *files, "-lavfi", graph, "-f", "null", "-"], cwd=folder, check=True)
    return np.array([row["metrics"]["vmaf"] for row in json.loads((folder / "log.json").read_text())["frames"]])


@pytest.mark.parametrize("model", ["v0.6.1", "v0.6.1neg"])
def test_it_has_the_values_of_the_command_line_of_ffmpeg(
    program: str, pair: ClipPair, tmp_path: Path, model: str
) -> None:
    """On lossless files of the same luma, worked out here in floating point."""
    for name, clip in (("reference", pair.reference), ("generated", pair.generated)):
        luma = 16 + 219 / 255 * (clip.frames.astype(np.float64) @ (0.299, 0.587, 0.114))
        lossless(tmp_path / f"{name}.mkv", clip.frames, np.rint(luma).astype(np.uint8))
    expected = asked(program, tmp_path, model)
    values = vmaf_frames(pair.reference.frames, pair.generated.frames, model=model)
    assert np.ptp(expected) > 5
    assert values == pytest.approx(expected, abs=1e-6)
    assert vmaf(pair.reference.frames, pair.generated.frames, model=model) == pytest.approx(values.mean())


def test_lossless_files_in_rgb_have_the_same_values_but_for_rounding(
    program: str, pair: ClipPair, tmp_path: Path
) -> None:
    """swscale rounds luma otherwise, by one level in some pixels."""
    for name, clip in (("reference", pair.reference), ("generated", pair.generated)):
        lossless(tmp_path / f"{name}.mkv", clip.frames)
    convert = "scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd,format=yuv420p"
    expected = asked(program, tmp_path, "v0.6.1", convert)
    assert vmaf_frames(pair.reference.frames, pair.generated.frames) == pytest.approx(expected, abs=0.5)


def test_luma_has_the_levels_of_bt601_in_limited_range() -> None:
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 90, 201]], np.uint8)
    red, green, blue = colours.T.astype(np.float64)
    expected = 16 + 219 / 255 * (0.299 * red + 0.587 * green + 0.114 * blue)
    assert libvmaf.luma(colours[None])[0].tolist() == np.rint(expected).tolist() == [16, 235, 81, 145, 41, 83]


def test_windows_with_one_neighbour_give_the_values_of_the_whole(
    program: str, pair: ClipPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = windows.FilmPair(Film.of(pair.reference), Film.of(pair.generated), pair.track)
    whole = {region: VMAF(region=region).measure(pair)["vmaf"] for region in (Region.WHOLE, Region.FACE)}
    monkeypatch.setattr(windows, "WINDOW_BYTES", 3 * films.generated.frame_bytes)
    for region, values in whole.items():
        assert np.array_equal(windows.measured([VMAF(region=region)], films)[f"vmaf/{region.value}"]["vmaf"], values)
    alone = vmaf_frames(pair.reference.frames[3:6], pair.generated.frames[3:6])
    assert not np.array_equal(alone, whole[Region.WHOLE][3:6])  # so the neighbours matter


def test_a_crop_and_an_odd_size_are_taken(program: str, pair: ClipPair) -> None:
    crop = [clip.frames[:, 10:55, 20:61] for clip in (pair.reference, pair.generated)]
    assert np.all(vmaf_frames(*crop) > 0)
    assert vmaf(crop[0], crop[0]) > vmaf(*crop)


def test_a_crop_under_32_px_has_no_value(program: str, pair: ClipPair) -> None:
    small = pair.reference.frames[:, :31, :40]
    with pytest.raises(MetricError, match="vmaf: frames are 40 x 31; expected at least 32 px a side"):
        vmaf(small, small)
    clip = Clip("small", small, pair.reference.speech, 25)
    stats = VMAF().measure(ClipPair(clip, clip))
    assert np.isnan(stats["vmaf"]).all() and stats.rows == 8
    assert VMAF().note(stats) == "undefined: in 8 of 8 frames the crop is under 32 px"
    just = pair.reference.frames[:, :32, :32]
    assert vmaf(just, just) > 90


def ffmpeg(folder: Path, body: str) -> Path:
    """A program that says it has libvmaf, and otherwise does what `body` says."""
    path = folder / "ffmpeg"
    path.write_text(
        f"#!{sys.executable}\nimport sys, time\nif '-filters' in sys.argv:\n    print(' .. libvmaf  VV->V ')\n"
        f"    sys.exit(0)\n{body}\n"
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print('out of luck', file=sys.stderr); sys.exit(3)", r"exited with code 3: out of luck. pip install"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "died of signal 11"),
        ("sys.exit(0)", "the log of libvmaf cannot be read"),
        ("open('values', 'w').write('{\"frames\": [{\"metrics\": {\"vmaf\": 1}}]}')", "gave 1 values for 8 frames"),
        ("open('values', 'w').write('[]')", "the log of libvmaf cannot be read"),
    ],
)
def test_a_process_that_fails_is_named(
    pair: ClipPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg(tmp_path, body)))
    with pytest.raises(MetricError, match=said):
        vmaf(pair.reference.frames, pair.generated.frames)


def test_a_process_that_hangs_is_killed(pair: ClipPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg(tmp_path, "time.sleep(600)")))
    assert libvmaf.why_not() is None  # asked with the usual limit
    monkeypatch.setattr(libvmaf, "SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(MetricError, match="took more than 0 s and was killed"):
        vmaf(pair.reference.frames, pair.generated.frames)
    assert time.monotonic() - started < 300


def test_without_the_extra_one_line_says_what_to_install(
    pair: ClipPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    said = "vmaf: imageio_ffmpeg is not installed. pip install 'lsbench[vmaf]'"
    with pytest.raises(MetricError) as raised:
        vmaf(pair.reference.frames, pair.generated.frames)
    assert str(raised.value) == said
    for name in ("reference", "generated"):
        lossless(tmp_path / name / "a.mkv", pair.reference.frames)
    score = ["score", str(tmp_path / "generated"), "--reference", str(tmp_path / "reference"), "--out", str(tmp_path)]
    outcome = CliRunner().invoke(main, [*score, "--metric", "vmaf", "--region", "whole", "--quiet"])
    assert outcome.exit_code == 1
    assert outcome.output.strip() == f"lsbench: {said}"


def test_an_ffmpeg_without_libvmaf_is_refused(pair: ClipPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        pytest.skip("the extra vmaf is not installed")
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ' .. scale  V->V '\n")
    other.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(other))
    said = f"vmaf: {other} has no libvmaf. Unset IMAGEIO_FFMPEG_EXE"
    assert (VMAF().lacking() or "").startswith(said)
    with pytest.raises(MetricError, match="has no libvmaf"):
        vmaf(pair.reference.frames, pair.generated.frames)
