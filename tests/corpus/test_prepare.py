"""Preparing GRID: every layout, every fault, and every interruption."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from click.testing import CliRunner
from grid_raw import BrightTracker, write_mpg

from lsbench.cli.main import main
from lsbench.corpus.grid.check import Record
from lsbench.corpus.grid.prepare import Prepared, prepare
from lsbench.errors import CorpusError, OutputError, WeightsError
from lsbench.face.tracker import FaceTracker
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.protocol.manifest import Reference, Select
from lsbench.protocol.protocol import Protocol
from lsbench.system.locks import exclusive

TRACKER = BrightTracker()
ALIGN = b"0 23750 sil\n23750 29500 bin\n"


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A usable clip of 360x288."""
    return write_mpg(tmp_path_factory.mktemp("grid") / "good.mpg")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A usable clip of 720x576."""
    return write_mpg(tmp_path_factory.mktemp("grid") / "large.mpg", size=(720, 576))


def lay(source: Path, *targets: Path) -> None:
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def spoilt(whole: bytes, start: float) -> bytes:
    """A file whose data is invalid from some part of its length on."""
    kept = int(start * len(whole))
    return whole[:kept] + random.Random(1).randbytes(len(whole) - kept)


def text(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ALIGN)


def index(out: Path) -> dict[str, Record]:
    rows = pandas.read_parquet(out / "index.parquet").to_dict("records")
    return {row["clip_id"]: Record(**{str(key): value for key, value in row.items()}) for row in rows}


def problems(prepared: Prepared) -> dict[str, str]:
    return {record.clip_id: record.problem for record in prepared.broken}


def stamps(out: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(out.rglob("*")) if path.is_file()}


def contents(out: Path) -> dict[str, bytes]:
    """Every file that a finished preparation leaves, by its place."""
    kept = (path for path in sorted(out.rglob("*")) if path.is_file() and ".prepare" not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in kept}


@pytest.mark.slow
def test_every_layout_is_understood(good: Path, large: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    with zipfile.ZipFile(raw / "s1.zip", "w") as file:
        file.write(good, "s1/bbaf2n.mpg")
        file.write(good, "__MACOSX/s1/._bbaf2n.mpg")
    with zipfile.ZipFile(raw / "alignments.zip", "w") as file:
        file.writestr("alignments/s1/bbaf2n.align", ALIGN)
    with tarfile.open(raw / "s2.mpg_vcd.tar.gz", "w:gz") as file:
        file.add(good, "./bbaf1n.mpg")
    with tarfile.open(raw / "s3.mpg_6000.part1.tar", "w") as file:
        file.add(large, "s3/video/mpg_6000/bbaf1s.mpg")
    with tarfile.open(raw / "s3.tar", "w") as file:
        info = tarfile.TarInfo("align/bbaf1s.align")
        info.size = len(ALIGN)
        file.addfile(info, io.BytesIO(ALIGN))
    lay(good, raw / "s4/bbae9n.mpg", raw / "s5/video/BBAF3N.MPG", raw / "video/s06/bbal8n.mpg")
    lay(good, raw / "s7/video/mpg_vcd/bbaf9n.mpg")
    lay(large, raw / "s7/video/mpg_6000/bbaf9n.mpg", raw / "a/s8/bbaf4n.mpg")
    lay(good, raw / "b/s8/bbaf4n.mpg", raw / "bbie8n.mpg", raw / "s9/notes.mpg", raw / "s21/bbaf2n.mpg")
    for place in ("s4/align/bbae9n", "align/s5/bbaf3n", "align/bbal8n", "s7/video/mpg_vcd/bbaf9n"):
        text(raw / f"{place}.align")

    prepared = prepare(raw, out, tracker=TRACKER)

    found = {record.clip_id: record for record in prepared.ready}
    assert set(found) == {
        f"s{k}" + name
        for k, name in enumerate(
            ("/bbaf2n", "/bbaf1n", "/bbaf1s", "/bbae9n", "/bbaf3n", "/bbal8n", "/bbaf9n", "/bbaf4n"), start=1
        )
    }
    assert prepared.complete
    assert {clip_id for clip_id, record in found.items() if record.width == 720} == {"s3/bbaf1s"}
    assert {clip_id for clip_id, record in found.items() if not record.alignment} == {"s2/bbaf1n", "s8/bbaf4n"}
    assert [fault.partition(":")[0] for fault in prepared.faults] == ["bbie8n.mpg", "s21/bbaf2n.mpg"]
    for clip_id, record in found.items():
        assert (out / f"{clip_id}.mpg").read_bytes() == (large if record.width == 720 else good).read_bytes()
        assert not record.alignment or (out / f"{clip_id}.align").read_bytes() == ALIGN
        assert (record.frames, record.fps, record.audio_rate, record.faces) == (75, 25.0, 44100, 75)
        assert (out / "shards" / record.speaker / "clips.json").is_file()
    assert index(out) == found

    before = stamps(out)
    assert prepare(raw, out, tracker=TRACKER).checked == 0
    assert stamps(out) == before

    bench = protocol.from_folder(out)
    assert {clip.id: clip.sha256 for clip in bench.clips} == {
        record.clip_id: record.sha256 for record in prepared.ready
    }


def test_broken_clips_are_named_and_the_rest_is_prepared(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    lay(good, raw / "s1/bbaf2n.mpg")
    whole = good.read_bytes()
    (raw / "s1/bbaf3s.mpg").write_bytes(b"")
    (raw / "s1/bbaf4p.mpg").write_bytes(b"<html>not found</html>" * 100)
    (raw / "s1/bbaf5a.mpg").write_bytes(spoilt(whole, 0.8))
    (raw / "s1/bbaszp.mpg").write_bytes(spoilt(whole, 0.94))
    (raw / "s1/bbal6n.mpg").write_bytes(bytes(17 << 20))
    write_mpg(raw / "s1/bbal7s.mpg", frames=74)
    write_mpg(raw / "s1/bbal8p.mpg", sound=False)
    write_mpg(raw / "s1/bbal9a.mpg", loudness=0)
    write_mpg(raw / "s1/bbas1s.mpg", level=10)
    write_mpg(raw / "s1/bbas2p.mpg", size=(320, 240))
    write_mpg(raw / "s1/bbas3a.mpg", sound_s=1.0)
    write_mpg(raw / "s1/bbaszn.mpg", fps=30)

    prepared = prepare(raw, out, tracker=TRACKER)

    expected = {
        "s1/bbaf3s": "empty file",
        "s1/bbaf4p": "not a video file",
        "s1/bbaf5a": "frames decoded",
        "s1/bbaszp": "of sound under 3 s",
        "s1/bbal6n": "17,825,792 bytes",
        "s1/bbal7s": "74 frames; expected 75",
        "s1/bbal8p": "no sound",
        "s1/bbal9a": "silent",
        "s1/bbas1s": "no face found",
        "s1/bbas2p": "320x240 px",
        "s1/bbas3a": "of sound under 3 s",
        "s1/bbaszn": "30 frames a second",
    }
    found = problems(prepared)
    assert set(found) == set(expected)
    for clip_id, words in expected.items():
        assert words in found[clip_id]
    assert [record.clip_id for record in prepared.ready] == ["s1/bbaf2n"]
    assert not prepared.complete
    assert sorted(path.name for path in (out / "s1").iterdir()) == ["bbaf2n.mpg"]
    assert len(np.load(out / "shards/s1/faces.npy", mmap_mode="r")) == 75
    assert {clip_id: record.problem for clip_id, record in index(out).items() if not record.ok} == found


def test_a_clip_that_was_mended_or_spoilt_is_checked_again(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    lay(good, raw / "s1/bbaf2n.mpg")
    (raw / "s1/bbaf3s.mpg").write_bytes(b"")
    assert set(problems(prepare(raw, out, tracker=TRACKER))) == {"s1/bbaf3s"}
    lay(good, raw / "s1/bbaf3s.mpg")
    (raw / "s1/bbaf2n.mpg").unlink()
    (raw / "s1/bbaf2n.mpg").write_bytes(b"spoilt")
    prepared = prepare(raw, out, tracker=TRACKER)
    assert prepared.checked == 2
    assert set(problems(prepared)) == {"s1/bbaf2n"}
    assert sorted(path.name for path in (out / "s1").iterdir()) == ["bbaf3s.mpg"]
    assert [clip["id"] for clip in json.loads((out / "shards/s1/clips.json").read_text())["clips"]] == ["s1/bbaf3s"]


def test_only_a_protocols_clips_are_prepared_and_missing_ones_named(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    lay(good, raw / "s1/bbaf2n.mpg", raw / "s1/bbaf3s.mpg")
    bench = Protocol(name="two", version="1", clips=(Reference("s1/bbaf2n", "s1"), Reference("s2/bbaf1n", "s2")))
    prepared = prepare(raw, out, tracker=TRACKER, protocols=[bench], shards=False)
    assert [record.clip_id for record in prepared.ready] == ["s1/bbaf2n"]
    assert prepared.missing == ("s2/bbaf1n",)
    assert not prepared.complete
    assert index(out)["s2/bbaf1n"].problem == "missing"
    assert not (out / "shards").exists()
    with pytest.raises(Exception, match="1 of 2 reference clips are not in .*: s2/bbaf1n"):
        bench.bind(out)
    lay(good, raw / "s2/bbaf1n.mpg")
    assert prepare(raw, out, tracker=TRACKER, protocols=[bench], shards=False).complete
    assert "s1/bbaf3s" not in index(out)
    assert len(bench.bind(out).clips) == 2


def test_a_rule_passes_over_broken_clips(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    names = [f"s1/{name}" for name in ("bbaf2n", "bbaf3s", "bbaf4p", "bbaf5a")]
    lay(good, *[raw / f"{name}.mpg" for name in names])
    bench = Protocol(name="rule", version="1", select=Select(("s1",), 2))
    first = bench.select.choose(names)["s1"]
    (raw / f"{first[0]}.mpg").write_bytes(b"")
    prepared = prepare(raw, out, tracker=TRACKER, protocols=[bench], shards=False)
    assert prepared.complete
    ready = {record.clip_id for record in prepared.ready}
    assert len(ready) == 2 and first[1] in ready and first[0] not in ready
    assert any("passed over by the rule of rule" in fault for fault in prepared.faults)
    assert {clip.id for clip in bench.bind(out).clips} == ready
    greedy = replace(bench, select=Select(("s1", "s2"), 4))
    prepared = prepare(raw, out, tracker=TRACKER, protocols=[greedy], shards=False)
    assert prepared.few == ("rule: s1 has 3 usable clips of 4", "rule: s2 has 0 usable clips of 4")


@pytest.mark.slow
def test_workers_change_nothing(good: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    lay(good, raw / "s1/bbaf2n.mpg", raw / "s2/bbaf1n.mpg")
    with zipfile.ZipFile(raw / "s3.zip", "w") as file:
        file.write(good, "s3/bbaf1s.mpg")
    (raw / "s2/bbal6s.mpg").write_bytes(b"")
    prepare(raw, tmp_path / "one", tracker=TRACKER)
    prepare(raw, tmp_path / "two", tracker=TRACKER, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_the_same(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    names = ("bbaf2n", "bbaf3s", "bbaf4p", "bbaf5a", "bbal6n", "bbal7s")
    lay(good, *[raw / f"s1/{name}.mpg" for name in names])
    with zipfile.ZipFile(raw / "s2.zip", "w") as file:
        for name in names:
            file.write(good, f"s2/{name}.mpg")
    (raw / "s1/bbal8p.mpg").write_bytes(b"")
    log, rng = out / ".prepare/checked.jsonl", random.Random(3)
    for kills in range(2):
        run = subprocess.Popen([sys.executable, Path(__file__).parents[1] / "support" / "grid_raw.py", raw, out])
        checked = 2 + 3 * kills
        while run.poll() is None and not (log.exists() and log.read_text().count("\n") >= checked):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        run.kill()
        run.wait()
    assert 0 < log.read_text().count("\n") < 13
    with log.open("a") as file:
        file.write('\n{"clip_id": "s1/half')  # as a kill may leave it
    prepared = prepare(raw, out, tracker=TRACKER)
    assert prepared.checked < 13
    prepare(raw, tmp_path / "straight", tracker=TRACKER)
    assert contents(out) == contents(tmp_path / "straight")
    assert sorted(path.name for path in (out / ".prepare").iterdir()) == ["archives.json"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to write more than `size` bytes to one file."""
    resource = pytest.importorskip("resource", reason="limits of file sizes exist on Unix only")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_stops_the_run_and_the_same_command_goes_on(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    lay(good, raw / "s1/bbaf2n.mpg")
    with zipfile.ZipFile(raw / "s2.zip", "w") as file:
        file.write(good, "s2/bbaf1n.mpg")
    with files_of_at_most(100_000), pytest.raises(CorpusError, match=f"{out}.*File too large.*same command again"):
        prepare(raw, out, tracker=TRACKER)  # nothing can be unpacked
    assert not list(out.rglob("*.mpg"))
    with files_of_at_most(1_000_000), pytest.raises(CorpusError, match="File too large.*same command again"):
        prepare(raw, out, tracker=TRACKER)  # faces do not fit
    assert sorted(path.name for path in (out / "shards").iterdir()) == []
    prepared = prepare(raw, out, tracker=TRACKER)
    assert prepared.complete and prepared.checked == 0
    assert len(np.load(out / "shards/s2/faces.npy", mmap_mode="r")) == 75


def test_a_folder_that_cannot_be_written(good: Path, tmp_path: Path) -> None:
    lay(good, tmp_path / "raw/s1/bbaf2n.mpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file is a file, no folder"):
        prepare(tmp_path / "raw", tmp_path / "file/data", tracker=TRACKER)
    if os.geteuid() == 0:
        return  # nothing is read-only to root
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(CorpusError, match="Permission denied"):
        prepare(tmp_path / "raw", tmp_path / "locked/data", tracker=TRACKER)


def test_a_folder_of_other_things_is_left_alone(good: Path, tmp_path: Path) -> None:
    lay(good, tmp_path / "raw/s1/bbaf2n.mpg")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match=r"is not of lsbench prepare: thesis\.tex stands there"):
        prepare(tmp_path / "raw", tmp_path / "data", tracker=TRACKER)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["thesis.tex"]


def test_one_process_at_a_time(good: Path, tmp_path: Path) -> None:
    lay(good, tmp_path / "raw/s1/bbaf2n.mpg")
    (tmp_path / "data/.prepare").mkdir(parents=True)
    with exclusive(tmp_path / "data/.prepare/lock", wait=False), pytest.raises(CorpusError, match="another process"):
        prepare(tmp_path / "raw", tmp_path / "data", tracker=TRACKER)


def test_an_archive_cannot_write_elsewhere(good: Path, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    (tmp_path / "secret.mpg").write_bytes(good.read_bytes())
    with tarfile.open(raw / "s1.tar", "w") as file:
        file.add(good, "s1/bbaf2n.mpg")
        file.add(good, "../s1/bbaf3s.mpg")
        link = tarfile.TarInfo("s1/bbaf5a.mpg")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.mpg")
        file.addfile(link)
        absolute = tarfile.TarInfo(str(tmp_path / "s1/bbal6n.mpg"))
        absolute.size = good.stat().st_size
        file.addfile(absolute, io.BytesIO(good.read_bytes()))
    before = sorted(path.name for path in tmp_path.iterdir())
    prepared = prepare(raw, out, tracker=TRACKER, shards=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "data"])
    ready = {record.clip_id for record in prepared.ready}
    assert ready == {"s1/bbaf2n"}
    assert sum("not a file" in fault or "leads out" in fault for fault in prepared.faults) == 3


@pytest.mark.parametrize(
    ("raw", "out", "message"),
    [
        ("raw", "raw/data", "would lie in"),
        ("raw", "raw", "is what lsbench prepare reads"),
        ("raw", ".", "raw, which it reads, stands there"),
        ("nowhere", "data", "no such folder"),
        ("empty", "data", "no clip, alignment or archive"),
    ],
)
def test_wrong_folders_are_refused(good: Path, tmp_path: Path, raw: str, out: str, message: str) -> None:
    lay(good, tmp_path / "raw/s1/bbaf2n.mpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises((CorpusError, OutputError), match=message):
        prepare(tmp_path / raw, tmp_path / out, tracker=TRACKER)


def test_the_command_prepares_real_clips(grid: Path, tmp_path: Path) -> None:
    """Two sound clips, and one as the corpus has it: its first 71 frames or so, then invalid data."""
    try:
        tracker = FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    raw, out = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    with zipfile.ZipFile(raw / "s1.zip", "w") as file:
        file.write(grid / "s1/bbaf2n.mpg", "s1/bbaf2n.mpg")
        file.write(grid / "s1/bbaf2n.align", "s1/align/bbaf2n.align")
    (raw / "s2").mkdir()
    (raw / "s2/bbaf1n.mpg").write_bytes(spoilt((grid / "s2/bbaf1n.mpg").read_bytes(), 0.93))
    arguments = ["prepare", "grid", str(raw), "--out", str(out), "--workers", "1", "-q"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3, done.output
    assert f"ready in {out}: 1 clips (1 360x288), 0 without alignment" in done.output
    assert "checked in this run: 2" in done.output
    assert "s2/bbaf1n.mpg: " in done.output and "frames decoded" in done.output
    again = CliRunner().invoke(main, arguments)
    assert "checked in this run: 0" in again.output
    faces = np.load(out / "shards/s1/faces.npy")
    assert faces.shape == (75, 96, 96, 3)
    assert tracker.signature in (out / "shards/s1/clips.json").read_text()
    lips = np.load(out / "shards/s1/landmarks.npy")[:, 36:56].mean(axis=(0, 1))
    assert 40 < lips[0] < 56 and 60 < lips[1] < 80
