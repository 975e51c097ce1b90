"""Protocols: what is read, what is refused, and what the digest covers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from lsbench import protocol
from lsbench.corpus.synthetic import write_corpus
from lsbench.errors import ProtocolError

GOOD = 'name = "mine"\nversion = "1"\nmanifest = "mine.csv"\n'


def write(folder: Path, toml: str = GOOD, manifest: str = "speaker,clip\ns1,a\ns1,b\n") -> Path:
    (folder / "mine.toml").write_text(toml)
    (folder / "mine.csv").write_text(manifest)
    return folder / "mine.toml"


def test_grid_test_is_the_published_list() -> None:
    bench = protocol.load("grid-test")
    assert len(bench.clips) == 80
    assert {clip.speaker for clip in bench.clips} == {"s1", "s2", "s20", "s22"}
    assert (bench.fps, bench.frames) == (25.0, 75)
    assert bench.clips[0].id == "s1/bgig7s"


def test_toy_matches_the_corpus(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    bench = protocol.load("toy").bind(tmp_path)
    assert len(bench.clips) == 12
    assert all(clip.landmarks and clip.sha256 for clip in bench.clips)


@pytest.mark.parametrize(
    ("toml", "manifest", "message"),
    [
        (GOOD + "fsp = 25\n", None, "unknown key 'fsp'; did you mean fps"),
        ('name = "mine"\nversion = "1"\n', None, "manifest"),
        (GOOD.replace("mine.csv", "../mine.csv"), None, "outside the protocol's folder"),
        (GOOD.replace("mine.csv", "/etc/passwd"), None, "outside the protocol's folder"),
        (GOOD + 'align = "loose"\n', None, "align = 'loose'"),
        (GOOD + 'regions = ["nose"]\n', None, "regions"),
        (GOOD + 'fps = "fast"\n', None, "fps = 'fast'"),
        (GOOD + "frames = true\n", None, "frames = True"),
        (GOOD, "speaker,clip\ns1,a\ns1,a\n", "line 3: clip s1/a is listed twice"),
        (GOOD, "speaker,clip\ns1,../a\n", "line 2: 's1/../a'"),
        (GOOD, "speaker,clip\ns1,\n", "line 2"),
        (GOOD, "speaker,clip\n", "lists no clips"),
        (GOOD, "speaker,film\ns1,a\n", "columns"),
        (GOOD.replace("mine.csv", "other.csv"), None, "not a readable manifest"),
        ("name = [", None, "not a readable protocol"),
    ],
)
def test_a_malformed_protocol_is_refused(tmp_path: Path, toml: str, manifest: str | None, message: str) -> None:
    path = write(tmp_path, toml, *([manifest] if manifest else []))
    with pytest.raises(ProtocolError) as caught:
        protocol.load(str(path))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_unknown_names_list_near_matches() -> None:
    with pytest.raises(ProtocolError, match="did you mean grid-test"):
        protocol.load("grid-tset")


def test_missing_clips_are_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "data/s1").mkdir(parents=True)
    (tmp_path / "data/s1/a.mp4").write_bytes(b"x")
    with pytest.raises(ProtocolError, match="1 of 2 reference clips are not in .*: s1/b"):
        protocol.load(str(write(tmp_path))).bind(tmp_path / "data")


def test_another_file_than_the_manifest_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data/s1").mkdir(parents=True)
    (tmp_path / "data/s1/a.mp4").write_bytes(b"x")
    manifest = f"speaker,clip,sha256\ns1,a,{hashlib.sha256(b'y').hexdigest()}\n"
    with pytest.raises(ProtocolError, match="clip s1/a: .* it is another file"):
        protocol.load(str(write(tmp_path, manifest=manifest))).bind(tmp_path / "data")


def folder_of(root: Path, **contents: bytes) -> Path:
    for name, content in contents.items():
        (root / "s1").mkdir(parents=True, exist_ok=True)
        (root / "s1" / f"{name}.mp4").write_bytes(content)
    return root


def test_the_digest_covers_what_can_move_a_number(tmp_path: Path) -> None:
    bench = protocol.from_folder(folder_of(tmp_path / "one", a=b"1", b=b"2"))
    digests = {
        bench.digest,
        protocol.from_folder(folder_of(tmp_path / "two", a=b"1", b=b"3")).digest,
        protocol.from_folder(folder_of(tmp_path / "three", a=b"1", c=b"2")).digest,
        replace(bench, align="trim").digest,
        replace(bench, fps=25.0).digest,
        replace(bench, frames=75).digest,
        replace(bench, sample_rate=8000).digest,
    }
    assert len(digests) == 7
    assert protocol.from_folder(folder_of(tmp_path / "elsewhere", a=b"1", b=b"2")).digest == bench.digest
    (tmp_path / "one/s1/a.landmarks.npz").write_bytes(b"track")
    assert protocol.from_folder(tmp_path / "one").digest not in digests


def test_a_folder_takes_its_speakers_from_its_sub_folders(tmp_path: Path) -> None:
    folder_of(tmp_path, a=b"1")
    (tmp_path / "lone.mp4").write_bytes(b"2")
    assert {clip.id: clip.speaker for clip in protocol.from_folder(tmp_path).clips} == {"s1/a": "s1", "lone": ""}
