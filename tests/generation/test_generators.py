"""Generators: every spelling, what each is given, and everything that can go wrong with another's code."""

from __future__ import annotations

import json
import os
import shlex
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
import pytest
from click.testing import CliRunner

import lsbench
from lsbench import registry
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import AlignmentError, FaceError, GeneratorError, LsbenchError
from lsbench.face.track import FaceTrack
from lsbench.generation.generator import Generator, Rendered, perform
from lsbench.generation.render import generate
from lsbench.generation.source import Source, parse, parse_generator
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.protocol import protocol
from lsbench.protocol.protocol import Protocol

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TOOL = """
import os, shutil, signal, subprocess, sys, time
mode, video, audio, output = sys.argv[1:5]

def rewritten(change):
    import numpy as np
    from lsbench.media.files import read_clip, write_clip
    clip = read_clip(video, "x")
    write_clip(output, change(clip.frames), clip.speech, clip.fps)

print("the tool says hello")
if mode == "copy":
    shutil.copy(video, output)
elif mode == "crash":
    sys.exit("no kernel image is available")
elif mode == "segfault":
    shutil.copy(video, output)
    os.kill(os.getpid(), signal.SIGSEGV)
elif mode == "elsewhere":
    shutil.copy(video, output.replace("output.mp4", "result.avi"))
elif mode == "half":
    content = open(video, "rb").read()
    open(output, "wb").write(content[: len(content) // 2])
elif mode == "text":
    open(output, "w").write("not a video")
elif mode == "short":
    rewritten(lambda frames: frames[:-1])
elif mode == "small":
    rewritten(lambda frames: frames[:, ::2, ::2])
elif mode == "chatter":
    for line in range(60000):
        print("warning: deprecated " * 5, line, file=sys.stderr)
    shutil.copy(video, output)
elif mode == "child":
    subprocess.Popen(["sleep", "600"])
    shutil.copy(video, output)
    open(sys.argv[5], "w").write(str(os.getpgid(0)))
elif mode == "hang":
    subprocess.Popen(["sleep", "600"])
    open(sys.argv[5], "w").write(str(os.getpgid(0)))
    time.sleep(600)
"""
MAKERS = """
import numpy as np
from lsbench.generation.generator import Generator, Rendered

def copy(face, speech): return face.frames
def dark(face, speech):
    face.frames[...] //= 2
    return face.frames
def nan(face, speech):
    frames = face.frames.astype(np.float32) / 255
    frames[3] = np.nan
    return frames
def floats(face, speech): return face.frames / 255
def gray(face, speech): return face.frames[..., 0]
def short(face, speech): return face.frames[:-1]
def small(face, speech): return face.frames[:, ::2, ::2]
def nothing(face, speech): return None
def raises(face, speech): raise ValueError("first line\\nweights do not fit")
def leaves(face, speech): raise SystemExit(7)
number = 3

class Callable:
    def __call__(self, face, speech): return face.frames
class Broken:
    def __init__(self): raise OSError("no checkpoint")
class Boxed(Generator):
    comment = "synthetic: by Boxed"
    def render(self, face, speech, track):
        return Rendered(face.frames, boxes=np.tile([1, 2, 3, 4], (len(face), 1)))
class Named(Generator):
    def __init__(self, argument="default"): self.argument = argument
    def render(self, face, speech, track): raise RuntimeError(f"made with {self.argument}")
instance = Boxed()
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with spaces and letters of any script in its name: clips, a program, a Python module."""
    folder = tmp_path_factory.mktemp("work") / "mein Ordner クリップ"
    write_corpus(folder / "real", speakers=1, clips=2, frames=8, size=64)
    (folder / "tool 1.py").write_text(TOOL)
    (folder / "makers_of_tests.py").write_text(MAKERS)
    return folder


@pytest.fixture
def bench(work: Path, monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """The clips, seen from the working directory."""
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "path", [*sys.path])
    whole = protocol.from_folder(work / "real")
    return replace(whole, clips=whole.clips[:1])


def tool(mode: str, *more: object) -> str:
    extra = "".join(f" {shlex.quote(str(item))}" for item in more)
    return f"cmd:{shlex.quote(sys.executable)} 'tool 1.py' {mode} {{video}} {{audio}} {{output}}{extra}"


def maker(name: str) -> str:
    return f"py:makers_of_tests:{name}"


def summary(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "generation.json").read_text()))


def running(group: int) -> bool:
    """Whether any process of a group runs."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if member == str(group) and state != "Z":
            return True
    return False


def gone(group: int, patience_s: float = 20) -> bool:
    deadline = time.monotonic() + patience_s
    while running(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not running(group)


@pytest.mark.parametrize("text", [tool("copy"), maker("copy"), maker("Callable"), maker("instance"), maker("Boxed")])
def test_every_kind_makes_what_it_is_shown(bench: Protocol, tmp_path: Path, text: str) -> None:
    (path,) = generate(text, bench, tmp_path, lossless=True)
    real, made = (read_clip(file, "x") for file in (bench.clips[0].file, path))
    assert (made.frames.shape, made.fps) == (real.frames.shape, real.fps)
    assert np.array_equal(made.speech, real.speech)
    assert 0 < np.mean((made.frames != real.frames).any(axis=3)) < 0.5  # the face is there, its mouth is another
    found = summary(tmp_path)
    assert (found["generator"], found["made"], found["failed"], found["sees_answer"]) == (text, 1, {}, False)
    assert found["frames_per_second"] > 0
    assert found["peak_memory_bytes"] > 1 << 20


def test_a_program_and_a_callable_see_the_same(bench: Protocol, tmp_path: Path) -> None:
    made = [
        generate(text, bench, tmp_path / str(n), lossless=True) for n, text in enumerate((tool("copy"), maker("copy")))
    ]
    one, other = (read_clip(paths[0], "x").frames for paths in made)
    assert np.array_equal(one, other)


FAULTY = {
    "crash": (
        GeneratorError,
        r"exited with code 1\. Its last words: no kernel image is available\. All .*a0\.log",
    ),
    "segfault": (GeneratorError, "was killed by SIGSEGV"),
    "nothing": (GeneratorError, r"ended well but wrote no {output}, output\.mp4\. Its last words: the tool says hello"),
    "elsewhere": (GeneratorError, r"wrote no {output}, output\.mp4 \(but result\.avi beside it\)"),
    "half": (GeneratorError, "wrote a video that cannot be used .*expected a whole video"),
    "text": (GeneratorError, "wrote a video that cannot be used .*not a video file"),
    "short": (AlignmentError, r"generated 7 frames, reference has 8; strict alignment allows no drift"),
    "small": (AlignmentError, "generated 32x32 px, reference 64x64 px"),
}


@pytest.mark.parametrize("mode", FAULTY)
def test_a_faulty_program_is_named(bench: Protocol, tmp_path: Path, mode: str) -> None:
    error, message = FAULTY[mode]
    with pytest.raises(error, match=message) as caught:
        generate(tool(mode), bench, tmp_path)
    assert str(caught.value).startswith("clip t1/a0: ")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.mp4"))
    assert summary(tmp_path)["failed"] == {"t1/a0": str(caught.value)}
    assert "the tool says hello" in (tmp_path / "logs/t1/a0.log").read_text()


RAISING = {
    "nan": (GeneratorError, r"returned float32 \(8, 64, 64, 3\) with 12288 values that are NaN; expected uint8"),
    "floats": (GeneratorError, r"returned float64 \(8, 64, 64, 3\); expected uint8"),
    "gray": (GeneratorError, r"returned uint8 \(8, 64, 64\); expected uint8 \(frames, height, width, 3\)"),
    "nothing": (GeneratorError, "returned a NoneType; expected uint8"),
    "raises": (GeneratorError, r"failed with ValueError: weights do not fit \(.*makers_of_tests\.py, line \d+\)"),
    "leaves": (GeneratorError, "failed with SystemExit: 7"),
    "Broken": (GeneratorError, r"py:makers_of_tests:Broken cannot be made: OSError: no checkpoint"),
    "short": (AlignmentError, "generated 7 frames, reference has 8"),
    "small": (AlignmentError, "generated 32x32 px, reference 64x64 px"),
}


@pytest.mark.parametrize("name", RAISING)
def test_a_faulty_callable_is_named(bench: Protocol, tmp_path: Path, name: str) -> None:
    error, message = RAISING[name]
    with pytest.raises(error, match=message):
        generate(maker(name), bench, tmp_path)
    assert not list(tmp_path.rglob("*.mp4"))


@pytest.mark.slow
def test_a_program_that_hangs_is_killed_with_its_children(bench: Protocol, tmp_path: Path) -> None:
    group = tmp_path / "group"
    with pytest.raises(GeneratorError, match=r"took more than 2 s and was killed; see --timeout"):
        generate(tool("hang", group), bench, tmp_path, timeout_s=2)
    assert gone(int(group.read_text()))


def test_a_program_leaves_nothing_behind(bench: Protocol, tmp_path: Path) -> None:
    group = tmp_path / "group"
    generate(tool("child", group), bench, tmp_path)
    assert gone(int(group.read_text()))


RUN = """
import sys
from pathlib import Path
from lsbench.generation.process import run_program
run_program(sys.argv[2:], Path(sys.argv[1]), 600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphans_when_we_are_ended(work: Path, tmp_path: Path, number: int) -> None:
    group = tmp_path / "group"
    command = [sys.executable, str(work / "tool 1.py"), "hang", "v", "a", "o", str(group)]
    us = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path / "log"), *command],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    deadline = time.monotonic() + 30
    while not (group.exists() and group.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert running(int(group.read_text()))
    os.kill(us.pid, number)
    us.wait()
    assert gone(int(group.read_text()))


def test_of_megabytes_on_stderr_the_first_and_the_last_are_kept(bench: Protocol, tmp_path: Path) -> None:
    generate(tool("chatter"), bench, tmp_path)
    text = (tmp_path / "logs/t1/a0.log").read_bytes()
    assert 2 << 20 <= len(text) < (2 << 20) + 200 and b"bytes are left out here]" in text


def test_alignment_may_forgive_a_lost_frame(bench: Protocol, tmp_path: Path) -> None:
    (path,) = generate(maker("short"), replace(bench, align="trim"), tmp_path)
    assert len(read_clip(path, "x")) == 7


def test_boxes_and_comment_are_kept(bench: Protocol, tmp_path: Path) -> None:
    (path,) = generate(maker("Boxed"), bench, tmp_path)
    assert json.loads((tmp_path / "logs/t1/a0.json").read_text())["boxes"] == [[1, 2, 3, 4]] * 8
    import av

    with av.open(str(path)) as container:
        assert container.metadata["comment"] == "synthetic: by Boxed"


def test_what_is_whole_is_kept_and_the_rest_made_anew(bench: Protocol, work: Path, tmp_path: Path) -> None:
    script = Path(shutil.copy(work / "tool 1.py", tmp_path / "own.py"))
    text = f"cmd:{sys.executable} {script} copy {{video}} {{audio}} {{output}}"
    out = tmp_path / "out"
    path = out / "t1/a0.mp4"

    def made() -> bool:
        before = path.stat().st_mtime_ns if path.exists() else 0
        generate(text, bench, out)
        return path.stat().st_mtime_ns != before

    assert made()
    assert not made()
    path.write_bytes(path.read_bytes()[:-100])
    assert made()
    script.write_text(f"{TOOL}\n# another version")
    assert made()
    bench = replace(bench, identity="masked-video")
    assert made()
    path.unlink()
    assert made()
    assert not made()


def test_a_dubbed_face_hears_the_other_clip(bench: Protocol, work: Path) -> None:
    whole = protocol.from_folder(work / "real")
    others = whole.clips[::-1]
    clips = [replace(clip, audio=other.id) for clip, other in zip(whole.clips, others, strict=True)]
    dub = replace(whole, task="dubbing", clips=tuple(clips))
    out = work / "dubbed"
    made = generate(maker("copy"), dub, out, lossless=True)
    for path, clip in zip(made, others, strict=True):
        assert np.array_equal(read_clip(path, "x").speech, read_clip(clip.file, "x").speech)


def test_stand_ins_see_the_answer_and_say_so(bench: Protocol, tmp_path: Path) -> None:
    (path,) = generate("late", bench, tmp_path, lossless=True)
    assert np.array_equal(read_clip(path, "x").frames[4:], read_clip(bench.clips[0].file, "x").frames[:-4])
    assert summary(tmp_path)["sees_answer"] is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cmd:tool-that-is-not-there {video} {output}", "no program tool-that-is-not-there can be found"),
        ("cmd:", "no program is named"),
        ("cmd:true {video}", "expected {output}"),
        ("cmd:true {output}", "expected {video} or {audio}"),
        ("cmd:true {vidoe} {output}", "unknown place {vidoe}; did you mean {video}"),
        ("cmd:true 'unclosed {video} {output}", "cannot be split into arguments: No closing quotation"),
        ("py:makers_of_tests", "expected py:module:attribute"),
        ("py:no_such_module:f", "module no_such_module cannot be imported: ModuleNotFoundError"),
        ("py:makers_of_tests:nope", "module makers_of_tests has no attribute nope"),
        ("py:makers_of_tests:number", "number is a int; expected a callable or a Generator"),
        ("stil-mouth", "unknown generator 'stil-mouth'; did you mean still-mouth"),
        ("late:4", "late takes no argument"),
        ("some/folder", "is a folder or a path"),
    ],
)
def test_wrong_spellings_are_named_before_any_work(bench: Protocol, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        parse_generator(text)
    if text != "some/folder":
        with pytest.raises(GeneratorError, match=message):
            lsbench.score(text, protocol=bench, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_braces_that_are_no_places_are_left_alone(bench: Protocol, tmp_path: Path) -> None:
    """And a place may stand inside an argument."""
    script = tmp_path / "braces.py"
    script.write_text(
        "import shutil, sys\n"
        "assert sys.argv[1] == '{}{x}$HOME;', sys.argv\n"
        "shutil.copy(sys.argv[2].removeprefix('--in={').removesuffix('}'), sys.argv[3])\n"
    )
    program = f"cmd:{sys.executable} {script} '{{}}{{x}}$HOME;' --in={{{{video}}}} {{output}}"
    (path,) = generate(program, bench, tmp_path / "out")
    assert path.exists()


def test_labels(bench: Protocol) -> None:
    assert parse_generator("late").label == "late"
    assert parse_generator(f"cmd:{sys.executable} -u 'my tool.py' {{video}} {{output}}").label == "my-tool"
    assert parse_generator("py:makers_of_tests:Named").label == "makers_of_tests-Named"


def test_registered_names_take_an_argument(bench: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.GENERATORS, "named", "makers_of_tests:Named")
    monkeypatch.syspath_prepend(Path.cwd())  # as an installed package's
    for text, argument in {"named": "default", "named:a/b:c.pt": "a/b:c.pt"}.items():
        with pytest.raises(GeneratorError, match=f"failed with RuntimeError: made with {argument}"):
            generate(text, bench, tmp_path)
    assert parse_generator("named:a/step 9.pt").label == "named-step-9"


def test_a_folder_goes_before_a_name(work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(parse("late"), Source)
    (tmp_path / "late").mkdir()
    assert parse("late") == Path("late")


def test_scoring_a_generator_is_scoring_its_videos(bench: Protocol, work: Path, tmp_path: Path) -> None:
    both = protocol.from_folder(work / "real")
    scored = lsbench.score(tool("copy"), protocol=both, metrics=["flicker"], name="tool", out=tmp_path / "runs")
    generate(tool("copy"), both, tmp_path / "videos", lossless=True)
    folder = lsbench.score(tmp_path / "videos", protocol=both, metrics=["flicker"], name="tool", out=tmp_path / "b")
    assert scored.scores == folder.scores
    first, second = ((tmp_path / where / "tool/result.json").read_bytes() for where in ("runs", "b"))
    assert first == second
    request = json.loads((tmp_path / "runs/tool/run.json").read_text())
    assert request["generated"] == tool("copy")
    videos = tmp_path / "runs/tool/videos"
    stamps = {path: path.stat().st_mtime_ns for path in videos.rglob("*.mkv")}
    (tmp_path / "runs/tool/clips/t1/a1.npz").unlink()
    again = lsbench.score(tool("copy"), protocol=both, metrics=["flicker"], name="tool", out=tmp_path / "runs")
    assert again.scores == scored.scores
    assert {path: path.stat().st_mtime_ns for path in videos.rglob("*.mkv")} == stamps
    assert len(stamps) == 2


def test_one_bad_clip_does_not_take_the_others_with_it(bench: Protocol, work: Path, tmp_path: Path) -> None:
    script = tmp_path / "half.py"
    script.write_text(
        "import pathlib, shutil, sys\nmark = pathlib.Path(sys.argv[3])\n"
        "if mark.exists(): sys.exit('enough')\nmark.mkdir()\nshutil.copy(*sys.argv[1:3])\n"
    )
    text = f"cmd:{sys.executable} {script} {{video}} {{output}} {tmp_path / 'mark'}"
    arguments: dict[str, Any] = {"reference": work / "real", "metrics": ["flicker"], "out": tmp_path / "runs"}
    with pytest.raises(GeneratorError, match=r"clip t1/a1: .* exited with code 1\. Its last words: enough"):
        lsbench.score(text, **arguments)
    result = lsbench.score(text, on_error="skip", **arguments)
    assert (result.clips, result.expected) == (1, 2)
    assert list(result.failed) == ["t1/a1"]
    assert summary(tmp_path / "runs/half")["failed"].keys() == {"t1/a1"}
    (tmp_path / "mark").rmdir()
    assert lsbench.score(text, **arguments).complete
    assert summary(tmp_path / "runs/half")["failed"] == {}


def test_workers_make_the_same_videos(bench: Protocol, work: Path, tmp_path: Path) -> None:
    both = protocol.from_folder(work / "real")
    one, two = (generate(maker("dark"), both, tmp_path / str(n), lossless=True, workers=n) for n in (1, 2))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_third_party_filters_are_generators(bench: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's filters by a program, OpenCV's by a callable: neither knows of lsbench's insides."""
    script = EXAMPLES / "ffmpeg_filter.py"
    program = (
        f"cmd:{sys.executable} {shlex.quote(str(script))} {{video}} {{audio}} {{output}} gblur=sigma=2,hflip,hflip"
    )
    monkeypatch.syspath_prepend(str(EXAMPLES))
    plain = read_clip(generate(maker("copy"), bench, tmp_path / "plain", lossless=True)[0], "x").frames
    for n, text in enumerate((program, "py:opencv_filter:smooth")):
        smooth = read_clip(generate(text, bench, tmp_path / str(n), lossless=True)[0], "x").frames
        grain = [np.abs(np.diff(frames.astype(float), axis=2)).mean() for frames in (smooth, plain)]
        assert grain[0] < 0.8 * grain[1]


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg here")
def test_ffmpeg_itself_is_a_generator(bench: Protocol, tmp_path: Path) -> None:
    text = "cmd:ffmpeg -y -i {video} -i {audio} -map 0:v -map 1:a -vf gblur=sigma=2 -c:v libx264 -qp 0 {output}"
    assert generate(text, bench, tmp_path)


class Lambda(Generator):
    def __init__(self, render: Callable[[], Any]) -> None:
        self.made = render

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        made: np.ndarray = self.made()
        return made


def test_what_comes_back_is_checked(toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    for made, message in {
        lambda: Rendered(clip.frames, boxes=np.zeros((3, 4))): r"boxes of \(3, 4\); expected \(12, 4\)",
        lambda: clip.frames[:0]: r"returned uint8 \(0, 96, 96, 3\)",
        lambda: clip.frames.tolist(): "returned a list",
        lambda: clip.frames.astype(np.int64): "returned int64",
    }.items():
        with pytest.raises(GeneratorError, match=message):
            perform(Lambda(made), "it", clip, clip.speech, track)

    def named() -> np.ndarray:
        raise FaceError("no face")

    with pytest.raises(LsbenchError, match="^no face$"):
        perform(Lambda(named), "it", clip, clip.speech, track)


def test_the_command_line_names_the_fault(bench: Protocol, work: Path, tmp_path: Path) -> None:
    from lsbench.cli.main import main

    done = CliRunner().invoke(
        main,
        [
            "score",
            tool("crash"),
            "--reference",
            str(work / "real"),
            "--out",
            str(tmp_path),
            "--workers",
            "1",
            "--metric",
            "psnr",
        ],
    )
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "exited with code 1. Its last words: no kernel image" in done.stderr
