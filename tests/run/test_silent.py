"""Protocols that silence drives: what generators hear, which videos pass, what is measured of them, and real mouths."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench.cli.main import main
from lsbench.corpus.toy.render import render
from lsbench.errors import AlignmentError, GeneratorError, ProtocolError
from lsbench.face.track import Region
from lsbench.face.tracker import save_track, sidecar
from lsbench.generation.function import Function
from lsbench.generation.generator import Rendered
from lsbench.generation.render import generate
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip, write_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.protocol import protocol
from lsbench.protocol.protocol import Protocol
from lsbench.run.bundle import pack
from lsbench.run.folder import Run
from lsbench.run.needs import untrue
from lsbench.run.verify import verify


@dataclass(frozen=True, kw_only=True)
class Heard(Metric):
    """The loudest sample that metrics are given of a video, NaN where they are given none."""

    name: ClassVar[str] = "heard"
    asks: ClassVar[str] = "What do metrics hear?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "test"
    regions: ClassVar[tuple[Region, ...]] = ()
    paired: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = False

    def measure(self, pair: ClipPair) -> Stats:
        return Stats(loudest=np.array([np.abs(pair.generated.speech).max(initial=-1)]))

    def compute(self, stats: Stats) -> float:
        return float(stats["loudest"].max())


HEARD = "py:test_silent:Heard"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speaking toy clips with their landmarks."""
    folder = tmp_path_factory.mktemp("silent")
    for number in range(2):
        clip, track = render(1, number, frames=12, size=64)
        write_clip(folder / f"s1/a{number}.mkv", clip.frames, clip.speech, clip.fps)
        save_track(sidecar(folder / f"s1/a{number}.mkv"), track)
    return folder


@pytest.fixture
def bench(real: Path) -> Protocol:
    return replace(protocol.from_folder(real), drive="silence")


def listener(face: Clip, speech: np.ndarray) -> np.ndarray:
    """White where anything is to be heard."""
    heard = np.any(speech) or np.any(face.speech) or len(speech) != 12 * 640
    return np.full_like(face.frames, 255 if heard else 0)


def talker(face: Clip, speech: np.ndarray) -> Rendered:
    """One that makes a sound of its own."""
    return Rendered(face.frames, speech=np.full_like(speech, 0.5))


def test_generators_hear_silence_as_long_as_the_clip(real: Path, bench: Protocol, tmp_path: Path) -> None:
    for path in generate(Function(listener), bench, tmp_path / "a", lossless=True):
        made = read_clip(path, "x")
        assert not made.frames.any() and not made.speech.any() and len(made.speech) == 12 * 640
    for path in generate(Function(listener), None, tmp_path / "b", reference=real, drive="silence", lossless=True):
        assert not read_clip(path, "x").frames.any()
    for path in generate(Function(listener), None, tmp_path / "c", reference=real, lossless=True):
        assert read_clip(path, "x").frames.min() > 200
    (path, _) = generate("reencoded", bench, tmp_path / "d", lossless=True)
    assert not read_clip(path, "x").speech.any()
    with pytest.raises(GeneratorError, match="clip s1/a0: silence drives it, so there is no sound to be swapped"):
        generate("swapped-audio", bench, tmp_path / "e")


def test_references_without_sound_will_do(tmp_path: Path) -> None:
    clip, track = render(1, 0, frames=12, size=64)
    write_clip(tmp_path / "real/a.mkv", clip.frames, np.empty(0, np.float32), clip.fps)
    save_track(sidecar(tmp_path / "real/a.mkv"), track)
    result = lsbench.score(Function(listener), reference=tmp_path / "real", drive="silence", metrics=[Heard])
    assert result[HEARD] == 0


@pytest.mark.parametrize("sound", ["absent", "silent", "speech"])
def test_finished_videos_pass_whatever_they_sound_like(real: Path, tmp_path: Path, sound: str) -> None:
    """Metrics hear silence; a video with a sound of its own is named."""
    for number in range(2):
        clip, _ = render(1, number, frames=12, size=64)
        speech = {"absent": clip.speech[:0], "silent": 0 * clip.speech, "speech": clip.speech}[sound]
        write_clip(tmp_path / f"made/s1/a{number}.mkv", clip.frames, speech, clip.fps)
    result = lsbench.score(tmp_path / "made", reference=real, drive="silence", metrics=[Heard], out=tmp_path / "runs")
    assert result.complete and result[HEARD] == 0
    assert result.protocol["drive"] == "silence"
    notes = json.dumps(json.loads((Run.of(result).path / "result.json").read_text()))
    said = "it has sound, which is not listened to: silence is said to have driven it"
    assert (said in notes) == (sound == "speech")
    bundle = pack(Run.of(result).path, tmp_path / "a.zip")
    assert verify(bundle, str(tmp_path / "made"), reference=real).rescored


def test_videos_are_as_long_as_the_clips(real: Path, tmp_path: Path) -> None:
    for number in range(2):
        clip, _ = render(1, number, frames=12, size=64)
        write_clip(tmp_path / f"made/s1/a{number}.mkv", clip.frames[:11], clip.speech[:0], clip.fps)
    options = {"reference": real, "drive": "silence", "metrics": [Heard]}
    with pytest.raises(AlignmentError, match="generated 11 frames, the driving clip s1/a0 has 12"):
        lsbench.score(tmp_path / "made", **options)
    assert lsbench.score(tmp_path / "made", align="trim", **options).complete


def test_what_needs_speech_or_the_reference_s_pictures_is_refused(real: Path, bench: Protocol) -> None:
    specs = ("psnr/whole", "mouth_aperture_corr", "sync_corr", "lse_c", "silence_motion", "lip_leak", "leak_corr")
    metrics = [lsbench.metric(spec) for spec in specs]
    no_truth = "it compares with the reference's own pictures, which speak, and what hears silence should not"
    no_speech = "it needs speech, and silence drives the videos"
    assert untrue(metrics, bench) == {
        "psnr/whole": no_truth,
        "mouth_aperture_corr": no_truth,
        "sync_corr": no_speech,
        "lse_c": no_speech,
    }
    spoken = untrue(metrics, protocol.from_folder(real))
    assert list(spoken) == ["leak_corr"] and "pass --drive silence" in spoken["leak_corr"]
    with pytest.raises(ProtocolError, match="--drive silence with --task dubbing"):
        lsbench.score(real, reference=real, drive="silence", task="dubbing")
    with pytest.raises(ProtocolError, match="--drive silence: there are no reference clips"):
        lsbench.score(real, drive="silence")
    with pytest.raises(ProtocolError, match="silence drives its clips: nothing to audit by"):
        lsbench.audit(protocol=bench)
    outcome = CliRunner().invoke(main, ["score", str(real), "--reference", str(real), "--drive", "noise"])
    assert outcome.exit_code == 2 and "'noise' is not one of 'sound', 'silence'" in outcome.output


@pytest.mark.slow
def test_a_real_mouth_leaks_a_still_one_does_not_and_boards_have_anchors(
    grid: Path, real_weights: Callable[[str], Path], tmp_path: Path
) -> None:
    """Half a second of one clip, in the middle of its words; the anchors are those that have no sound to be swapped."""
    weights = f"face_landmarker={real_weights('face_landmarker')}"
    clip = read_clip(grid / "s1/bbaf2n.mpg", "a")
    for folder, frames in (("real", clip.frames[30:43]), ("rest", np.repeat(clip.frames[30:31], 13, axis=0))):
        write_clip(tmp_path / folder / "a.mkv", frames, clip.speech[: 13 * 640], clip.fps)
    write_clip(tmp_path / "copy/a.mkv", clip.frames[30:43], clip.speech[:0], clip.fps)
    write_clip(tmp_path / "still/a.mkv", np.repeat(clip.frames[30:31], 13, axis=0), clip.speech[:0], clip.fps)
    command = ["score", "copy", "still", "--reference", "real", "--drive", "silence", "--workers", "1", "--offline"]
    command += ["-q", "--weights", weights, "--metric", "lip_leak", "--metric", "leak_corr", "--out", "runs"]
    command = [str(tmp_path / word) if word in ("copy", "still", "real", "runs") else word for word in command]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "not measured" not in done.output
    scores = {name: Run(tmp_path / "runs" / name).result() for name in ("copy", "still")}
    assert scores["copy"]["lip_leak"] > 0.7 and scores["copy"]["leak_corr"] == pytest.approx(1, abs=1e-9)
    assert scores["still"]["lip_leak"] == 0 and scores["still"]["leak_corr"] == 0
    anchors = {path.parent.name for path in (tmp_path / "runs/.anchors").glob("*/*/result.json")}
    assert anchors == {"compressed", "still-mouth"}
