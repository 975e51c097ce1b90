"""What is seen of videos before they are scored, and that it is what scoring then does."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from lsbench.cli.main import main
from lsbench.errors import AlignmentError, LsbenchError, MediaError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import write_clip
from lsbench.networks import weights
from lsbench.run.doctor import examined
from lsbench.run.inspection import Faces, inspected
from lsbench.run.score import score

WILD = Path(__file__).parents[3] / "shared" / "wild"


@pytest.fixture
def clip(toy: tuple[Clip, FaceTrack]) -> Clip:
    """Ten frames or more with sound."""
    return toy[0]


@pytest.fixture
def tracker() -> FaceTracker:
    try:
        return FaceTracker(*weights.require("face_landmarker"))
    except LsbenchError as error:
        pytest.skip(f"no face landmarker here: {error}")


@pytest.fixture
def wild() -> Path:
    if not WILD.is_dir():
        pytest.skip(f"no files from the wild at {WILD}")
    return WILD


def written(path: Path, clip: Clip, fps: float | None = None, *, silent: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    speech = np.zeros(0, np.float32) if silent else clip.speech
    write_clip(path, clip.frames, speech, fps or clip.fps, sample_rate=clip.sample_rate)
    return path


def resized(clip: Clip, width: int, height: int) -> Clip:
    return replace(clip, frames=np.stack([cv2.resize(frame, (width, height)) for frame in clip.frames]))


def looked(*files: Path, **options: Any) -> Any:
    """examined() without a face tracker."""
    return examined(files, offline=True, **options)


@pytest.fixture(autouse=True)
def _no_weights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody looks for faces, but where a test asks for the tracker."""
    if "tracker" not in request.fixturenames:
        monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "no-weights"))


def doctor(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["doctor", "--offline", "--quiet", *map(str, arguments)])


def test_a_video_is_described_as_it_is_read(clip: Clip, tmp_path: Path) -> None:
    (seen,) = looked(written(tmp_path / "a.mp4", clip)).files
    height, width = clip.frames.shape[1:3]
    assert seen.shown is not None
    assert (seen.shown.width, seen.shown.height, seen.shown.frames, seen.shown.fps) == (width, height, len(clip), 25)
    assert seen.shown.fps_source == "as its container says"
    assert seen.container is not None
    assert seen.container.format == "mp4"
    assert [(stream.kind, stream.read) for stream in seen.container.streams] == [("video", True), ("audio", True)]
    assert seen.sound is not None
    assert seen.sound.level_db == pytest.approx(10 * math.log10(np.mean(clip.speech.astype(float) ** 2)), abs=1)
    assert seen.time_s > 0
    assert seen.memory_bytes > 0


def test_damaged_files_are_rows_and_the_others_are_seen(clip: Clip, tmp_path: Path) -> None:
    whole = written(tmp_path / "in/a.mp4", clip)
    (tmp_path / "in/b.mp4").write_bytes(whole.read_bytes()[:48])
    (tmp_path / "in/c.mp4").write_bytes(b"")
    seen = looked(tmp_path / "in")
    assert [file.error is None for file in seen.files] == [True, False, False]
    assert not seen.well
    done = doctor(tmp_path / "in")
    assert done.exit_code == 3
    assert "cannot be read" in done.output
    assert "empty file (0 bytes)" in done.output
    assert doctor(whole).exit_code == 0


def test_two_files_of_one_name_are_told_and_the_others_are_seen(clip: Clip, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "b.mp4"):
        written(tmp_path / "in" / name, clip)
    written(tmp_path / "elsewhere/b.mp4", clip)
    seen = looked(tmp_path / "in", tmp_path / "elsewhere")
    assert [file.source.name for file in seen.files] == ["a.mkv", "a.mp4", "b.mp4", "b.mp4"]
    assert [[path.name for path in twins] for twins in seen.twins] == [["a.mkv", "a.mp4"]] and not seen.well
    done = doctor(tmp_path / "in")
    assert done.exit_code == 3
    assert "a.mkv and " in done.output and "are one clip by name" in done.output
    content = json.loads(doctor(tmp_path / "in", "--format", "json").output)
    assert [Path(path).name for path in content["twins"][0]] == ["a.mkv", "a.mp4"]


def test_a_call_that_names_nothing_is_an_error_of_its_own(clip: Clip, tmp_path: Path) -> None:
    done = doctor(tmp_path / "nowhere.mp4")
    assert done.exit_code == 1
    assert "no such file" in done.output
    (tmp_path / "empty").mkdir()
    assert doctor(tmp_path / "empty").exit_code == 1
    video = written(tmp_path / "a.mp4", clip)
    assert doctor(video, "--fit", "resize").exit_code == 2  # says how to compare, and with nothing


def test_without_weights_it_says_how_to_get_them(clip: Clip, tmp_path: Path) -> None:
    seen = looked(written(tmp_path / "a.mp4", clip))
    assert seen.files[0].faces is None
    assert "lsbench weights fetch face_landmarker" in (seen.no_faces or "")
    assert "nobody looked for faces" in doctor(tmp_path / "a.mp4").output


def test_json_holds_all_of_it(clip: Clip, tmp_path: Path) -> None:
    written(tmp_path / "real/a.mp4", clip)
    written(tmp_path / "made/a.mp4", clip.cut(0, len(clip) - 2))
    written(tmp_path / "made/stray.mp4", clip, silent=True)
    done = doctor(tmp_path / "made", "--reference", tmp_path / "real", "--format", "json")
    assert done.exit_code == 3
    content = json.loads(done.output)
    assert [file["shown"]["frames"] for file in content["files"]] == [len(clip), len(clip) - 2]
    (pair,) = content["pairs"]
    assert (pair["ready"], pair["options"], pair["frames"]) == (False, ["--align trim"], len(clip) - 2)
    assert [Path(path).name for path in content["extra"]] == ["stray.mp4"]


def test_options_that_help_are_those_with_which_it_scores(clip: Clip, tmp_path: Path) -> None:
    """Another size, rate and length, and no sound: with what is named, the same frames are compared by score()."""
    height, width = clip.frames.shape[1:3]
    real, made = tmp_path / "real", tmp_path / "made"
    written(real / "a.mp4", clip)
    frames = np.repeat(clip.frames, 2, axis=0)[: 2 * len(clip) - 6]
    other = resized(replace(clip, frames=frames), width // 2, height // 2)
    written(made / "a.mp4", other, fps=50, silent=True)
    (found,) = looked(made, reference=real).prospects
    assert not found.ready
    assert [option.split()[0] for option in found.options] == ["--sound", "--rate", "--fit", "--align"]
    rules = {option.split()[0][2:]: option.split()[1] for option in found.options}
    with pytest.raises((AlignmentError, MediaError)):
        score(made, reference=real, metrics=["psnr"], regions=["whole"])
    result = score(made, reference=real, metrics=["psnr"], regions=["whole"], **rules)  # type: ignore[arg-type]
    assert (result.compared_frames, result.reference_frames) == (found.frames, found.reference_frames)
    assert doctor(made, "--reference", real, *" ".join(found.options).split()).exit_code == 0


def test_one_file_is_looked_at_beside_another_whatever_their_names(clip: Clip, tmp_path: Path) -> None:
    real, made = written(tmp_path / "real.mp4", clip), written(tmp_path / "made.mp4", clip)
    (found,) = looked(made, reference=real).prospects
    assert found.ready
    assert found.frames == len(clip)


def test_few_long_clips_are_told_of_segments(clip: Clip, tmp_path: Path) -> None:
    long = replace(clip, frames=np.resize(clip.frames, (520, *clip.frames.shape[1:])))
    real, made = written(tmp_path / "real.mp4", long), written(tmp_path / "made.mp4", long)
    assert "--segment" in doctor(made, "--reference", real).output
    written(tmp_path / "short.mp4", clip)
    assert "--segment" not in doctor(tmp_path / "short.mp4", "--reference", tmp_path / "short.mp4").output


def test_padding_is_told_from_another_size(clip: Clip, tmp_path: Path) -> None:
    written(tmp_path / "real/a.mp4", clip)
    padded = np.pad(clip.frames, ((0, 0), (0, 0), (0, 16), (0, 0)))
    written(tmp_path / "made/a.mp4", replace(clip, frames=padded))
    (found,) = looked(tmp_path / "made", reference=tmp_path / "real").prospects
    assert found.options == ("--fit pad",)
    assert found.frames == len(clip)


def test_a_dubbed_video_needs_neither_length_nor_sound_of_its_reference(clip: Clip, tmp_path: Path) -> None:
    written(tmp_path / "real/a.mp4", clip, silent=True)
    written(tmp_path / "made/a.mp4", clip.cut(0, len(clip) - 3))
    (asked,) = looked(tmp_path / "made", reference=tmp_path / "real").prospects
    assert asked.options == ("--sound optional", "--align trim")
    assert any("--task dubbing" in note for note in asked.notes)
    (dubbed,) = looked(tmp_path / "made", reference=tmp_path / "real", rules={"task": "dubbing"}).prospects
    assert dubbed.ready
    assert dubbed.frames == len(clip) - 3


def test_clips_without_a_video_and_videos_that_cannot_be_read(clip: Clip, tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / f"real/{name}.mp4", clip)
    (tmp_path / "made").mkdir()
    (tmp_path / "made/a.mp4").write_bytes(b"x" * 64)
    first, second = looked(tmp_path / "made", reference=tmp_path / "real").prospects
    assert "not a video file" in first.faults[0]
    assert "no generated video" in second.faults[0]
    assert (first.options, second.options) == ((), ())


def test_a_video_of_no_clip_is_not_well(clip: Clip, tmp_path: Path) -> None:
    for name in ("real/a", "made/a", "made/stray"):
        written(tmp_path / f"{name}.mp4", clip)
    done = doctor(tmp_path / "made", "--reference", tmp_path / "real")
    assert done.exit_code == 3
    assert "stray.mp4: matches no reference clip; --on-error skip" in done.output


@pytest.mark.parametrize(
    ("seen", "sampled", "said"),
    [(25, True, False), (21, True, True), (18, True, True), (3, True, False), (18, False, False)],
)
def test_a_sample_near_the_share_of_faces_that_may_be_lost_says_so(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: int, sampled: bool, said: bool
) -> None:
    """Of 25 frames 4 or 7 without a face: the video may have more than a quarter of them, or fewer."""

    def with_faces(*arguments: Any, **options: Any) -> Any:
        inspection, film = inspected(*arguments, **options)
        return replace(inspection, faces=Faces(25, seen, 1, 90.0, 1 - seen / 25, "3", sampled)), film

    monkeypatch.setattr("lsbench.run.doctor.inspected", with_faces)
    video = written(tmp_path / "a.mp4", clip)
    assert ("--full looks at every frame" in " ".join(doctor(video, "--reference", video).output.split())) == said


def test_a_folder_of_frames_is_one_video(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(clip.frames[:6]):
        cv2.imwrite(str(folder / f"{number:04}.png"), frame[..., ::-1])
    (seen,) = looked(folder).files
    assert seen.shown is not None
    assert (seen.shown.frames, seen.shown.fps, seen.container, seen.sound) == (6, 25, None, None)


@pytest.mark.slow
def test_faces_of_real_files_are_counted_and_measured(wild: Path, tracker: FaceTracker) -> None:
    def faces(name: str, **options: Any) -> Any:
        (seen,) = examined([wild / name], weight_files={"face_landmarker": tracker.model}, **options).files
        return seen.faces

    assert faces("two-faces.mp4").most == 2
    sampled, every = faces("garden-generated.mp4"), faces("garden-generated.mp4", every=True)
    assert sampled.looked == 25
    assert every.looked == 102
    assert (sampled.seen, every.seen) == (25, 102)
    assert sampled.size_px == pytest.approx(every.size_px, rel=0.05)


@pytest.mark.slow
def test_every_file_of_the_wild_is_read_or_named(wild: Path) -> None:
    seen = looked(*sorted(path for path in wild.iterdir() if path.suffix != ".md"))
    assert [file.source.name for file in seen.files if file.error] == ["cut-48-bytes.mp4"]
    by_name = {file.source.name: file for file in seen.files}
    turned = by_name["rotated-90.mov"]
    assert turned.container is not None
    assert turned.shown is not None
    assert (turned.container.streams[0].turned, turned.shown.width) == ("turned right by 90 degrees", 540)
    late = by_name["deep-odd-50fps-51.mkv"].sound
    assert late is not None
    assert late.late_s == pytest.approx(0.28, abs=0.01)
