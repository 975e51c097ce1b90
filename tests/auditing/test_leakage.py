"""The leakage probe: who copies the mouth that is shown is named, and who makes one is not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lsbench.auditing.leakage import COPIES, PARTLY, probe, survived
from lsbench.cli.main import main
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import GeneratorError, ProtocolError, WeightsError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, load_track
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip, write_clip
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.protocol.protocol import Protocol
from lsbench.system import strict_json

MAKERS = """
import numpy as np
from lsbench.face.track import Region
from lsbench.generation.generator import Generator

def copy(face, speech): return face.frames
def late(face, speech): return face.frames[np.maximum(np.arange(len(face)) - 3, 0)]
def noise(face, speech): return np.random.default_rng(len(speech)).integers(0, 256, face.frames.shape, np.uint8)

class Painter(Generator):
    '''Covers the mouth, in part, and paints one that opens with the loudness of the sound.'''
    needs_track = True
    share = 1.0
    def render(self, face, speech, track):
        hop = round(face.sample_rate / face.fps)
        loud = [float(np.abs(speech[i * hop : (i + 1) * hop]).mean()) for i in range(len(face))]
        frames = face.frames.copy()
        for frame, (x0, y0, x1, y1), level in zip(frames, track.box(Region.MOUTH), loud):
            y, x = np.mgrid[-1 : 1 : (y1 - y0) * 1j, -1 : 1 : (x1 - x0) * 1j]
            lips = (x / 0.6) ** 2 + (y / (0.05 + 2 * level)) ** 2 < 1
            painted = np.where(lips[..., None], (90, 20, 30), (200, 160, 140))
            patch = frame[y0:y1, x0:x1]
            patch[...] = self.share * painted + (1 - self.share) * patch
        return frames

class Half(Painter):
    share = 0.5
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    folder = tmp_path_factory.mktemp("leakage")
    write_corpus(folder / "real", speakers=2, clips=2, frames=30, size=96)
    (folder / "makers_of_leaks.py").write_text(MAKERS)
    return protocol.from_folder(folder / "real")


@pytest.fixture(autouse=True)
def here(bench: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.clips[0].file.parents[2])
    monkeypatch.syspath_prepend(str(bench.clips[0].file.parents[2]))


@pytest.mark.parametrize(
    ("text", "verdict", "survival", "lag"),
    [
        ("py:makers_of_leaks:copy", "copies its input", 1.0, 0),
        ("reencoded", "copies its input", 1.0, 0),
        ("pasted-box", "copies its input", 1.0, 0),
        ("py:makers_of_leaks:late", "copies its input", 0.9, 3),
        ("py:makers_of_leaks:Half", "partly copies its input", 0.5, 0),
        ("py:makers_of_leaks:Painter", "no leakage found", 0.0, None),
        ("py:makers_of_leaks:noise", "no leakage found", 0.0, None),
        ("still-mouth", "no leakage found", 0.0, None),
    ],
)
def test_who_copies_is_named(bench: Protocol, text: str, verdict: str, survival: float, lag: int | None) -> None:
    found = probe(text, bench, clips=2)
    assert found.verdict == verdict
    assert found.survival == pytest.approx(survival, abs=0.07)
    assert len(found.clips) == 2
    assert lag is None or {clip.lag_frames for clip in found.clips} == {lag}


def test_who_listens_is_told(bench: Protocol) -> None:
    assert probe("py:makers_of_leaks:Painter", bench, clips=2).listens > 0.5
    assert probe("py:makers_of_leaks:copy", bench, clips=2).listens == 0


def test_the_sound_of_another_clip_of_the_speaker_is_swapped_in(bench: Protocol) -> None:
    clips = probe("reencoded", bench, clips=4).clips
    assert [(clip.clip_id, clip.driver_id) for clip in clips] == [
        ("t1/a0", "t1/a1"),
        ("t1/a1", "t1/a0"),
        ("t2/a0", "t2/a1"),
        ("t2/a1", "t2/a0"),
    ]


def test_what_the_identity_rule_shows_is_told(bench: Protocol) -> None:
    from dataclasses import replace

    shown = {
        rule: probe("reencoded", replace(bench, identity=rule), clips=1).shown
        for rule in ("shifted:3", "masked-video", "first-frame")
    }
    assert shown["shifted:3"] > 0.9
    assert shown["masked-video"] < 0.2
    assert shown["first-frame"] == 0


def test_survived_is_the_slope_at_its_best_lag() -> None:
    rng = np.random.default_rng(0)
    shown = rng.normal(size=(40, 8, 8))
    for share in (0.0, 0.25, 1.0):
        for lag in (0, 2, 6):
            found = share * np.roll(shown, lag, axis=0) + rng.normal(size=shown.shape) * 0.1 + 7
            value, best = survived(shown, found)
            assert value == pytest.approx(share, abs=0.06)
            assert best == lag or share == 0
    assert survived(np.zeros((9, 2, 2)), np.ones((9, 2, 2))) == (0.0, 0)
    assert PARTLY < 0.25 < COPIES


def test_bad_requests_are_named(bench: Protocol) -> None:
    from dataclasses import replace

    with pytest.raises(ProtocolError, match="takes 2 clips or more"):
        probe("reencoded", replace(bench, clips=bench.clips[:1]))
    with pytest.raises(GeneratorError, match="unknown generator"):
        probe("reencode", bench)


def test_the_command_line_says_it(bench: Protocol, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path))
    arguments = ["audit", "leakage", "reencoded", "--reference", "real", "--clips", "1", "--workers", "1", "--offline"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "reencoded: copies its input; it does not listen to the sound"
    assert "shifted:6 shows" in done.stdout
    assert "lips of the made videos are not followed" in done.stderr
    told = strict_json.parse(CliRunner().invoke(main, [*arguments, "--format", "json"]).stdout)
    assert (told["verdict"], told["clips"][0]["lag_frames"]) == ("copies its input", 0)
    assert told["survival"] > 0.9
    listed = CliRunner().invoke(main, ["audit", "leakage", "--help"]).output
    assert "lsbench audit leakage" in listed.partition("Examples:")[2]


@pytest.mark.slow
def test_on_real_clips_with_their_lips_followed(grid: Path, tmp_path: Path) -> None:
    try:
        tracker = FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    for name in ("bbaf2n", "bgwu8p"):
        whole = read_clip(grid / f"s1/{name}.mpg", name)
        part = whole.cut(15, 45)
        write_clip(tmp_path / f"s1/{name}.mkv", part.frames, part.speech, part.fps)
    real = protocol.from_folder(tmp_path)
    found = {text: probe(text, real, tracker=tracker, clips=1) for text in ("reencoded", "still-mouth")}
    assert found["reencoded"].verdict == "copies its input"
    assert found["reencoded"].follows("swapped") > 0.95
    assert found["still-mouth"].verdict == "no leakage found"
    assert abs(found["still-mouth"].follows("silent")) < 0.5


def test_lips_cannot_be_followed_without_a_tracker(bench: Protocol, toy: tuple[Clip, FaceTrack]) -> None:
    assert math.isnan(probe("reencoded", bench, clips=1).follows("own"))


def test_grey_landmarks_are_not_taken_for_those_of_the_colour_clip(
    bench: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured on the pictures that a grey protocol shows is filed under those pictures."""
    from dataclasses import replace

    filed: list[str] = []

    def measured(self: FaceTracker, clip: Clip, content_sha256: str) -> FaceTrack:
        filed.append(content_sha256)
        return load_track(bench.clips[0].landmarks or Path())

    monkeypatch.setattr(FaceTracker, "measure_cached", measured)
    monkeypatch.setattr(FaceTracker, "measure", lambda self, clip: measured(self, clip, ""))
    bare = tuple(replace(clip, landmarks=None) for clip in bench.clips)
    grey = replace(bench, clips=bare, color="gray")
    probe("py:makers_of_leaks:copy", grey, tracker=FaceTracker(Path("model"), "0" * 64), clips=1)
    assert {grey.content(clip) for clip in bare[:2]} <= set(filed)
    assert not {clip.digest for clip in bare} & set(filed)
