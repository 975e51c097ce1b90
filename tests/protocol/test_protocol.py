"""Protocols: what is read, what is refused, and what the digest covers."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import lsbench
from lsbench import registry
from lsbench.cli.main import main
from lsbench.corpus.toy.render import render, write_corpus
from lsbench.errors import ProtocolError
from lsbench.face.tracker import save_track
from lsbench.media.clip import gray
from lsbench.media.files import write_clip
from lsbench.protocol import protocol
from lsbench.protocol.manifest import Select

GOOD = 'name = "mine"\nversion = "1"\nmanifest = "mine.csv"\n'
DUB = GOOD + 'task = "dubbing"\n'
RULE = 'name = "mine"\nversion = "1"\n[select]\nspeakers = ["s1", "s2"]\nclips_per_speaker = 2\n'


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
    write_corpus(tmp_path, frames=2, size=32)
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
        (GOOD + "fps = nan\n", None, "fps = nan"),
        (GOOD + "fps = inf\n", None, "fps = inf"),
        (GOOD + "sample_rate = 0\n", None, "sample_rate = 0"),
        (GOOD + "metrics = []\n", None, "metrics = []"),
        (GOOD + 'metrics = ["psnr", 3]\n', None, "metrics ="),
        (GOOD + 'metrics = ["psnr", "psnr"]\n', None, "each name once"),
        (GOOD + 'metrics = ["psnrr"]\n', None, "unknown metric 'psnrr'; did you mean psnr"),
        (GOOD + 'regions = ["moth"]\n', None, "did you mean mouth"),
        (GOOD + 'rank_by = "vif/mouth"\n', None, "rank_by = 'vif/mouth'"),
        (GOOD + 'rank_by = "ssim/nose"\n', None, "rank_by = 'ssim/nose'"),
        (GOOD + 'task = "dub"\n', None, "task = 'dub'; expected one of reconstruction, still, dubbing"),
        (GOOD + 'drive = "noise"\n', None, "drive = 'noise'; expected one of sound, silence"),
        (DUB + 'drive = "silence"\n', None, "drive = 'silence'; task dubbing is driven by the sound of other clips"),
        (GOOD + 'color = "grey"\n', None, "color = 'grey'; expected one of rgb, gray"),
        (GOOD + 'identity = "shifted:0"\n', None, "identity = 'shifted:0'; task reconstruction expects shifted:N"),
        (GOOD + 'identity = "first-frame"\n', None, "identity = 'first-frame'"),
        (GOOD + 'task = "still"\n', None, "identity = 'shifted:6'; task still expects first-frame"),
        (GOOD + 'task = "dubbing"\n', None, "clip s1/a: audio ''; task dubbing expects the audio of another clip"),
        (GOOD.replace("mine.csv", "mine\\u0007.csv"), None, "printable"),
        (GOOD.replace('version = "1"', "version = 1"), None, "version = 1; expected a text"),
        (GOOD.replace('"mine"', '" "'), None, "name = ' '"),
        (GOOD + '[select]\nspeakers = ["s1"]\n', None, "either manifest (a CSV file) or a table select"),
        (RULE.replace("speakers", "speaker"), None, "select: unknown key 'speaker'; did you mean speakers"),
        (RULE.replace('["s1", "s2"]', "[]"), None, "select: speakers = []"),
        (RULE.replace('"s2"', '"s1"'), None, "names one twice"),
        (RULE.replace("= 2", "= 0"), None, "clips_per_speaker = 0"),
        (RULE.replace("= 2", "= true"), None, "clips_per_speaker = True"),
        (RULE.replace("[select]", 'task = "dubbing"\n[select]'), None, "expects a manifest with a column audio"),
        (GOOD, "speaker,clip,audio\ns1,a,s1/b\ns1,b,\n", "clip s1/a: audio 's1/b'; task reconstruction expects no"),
        (DUB, "speaker,clip,audio\ns1,a,s1/b\ns1,b,s1/c\n", "clip s1/b: its audio 's1/c' is no clip"),
        (DUB, "speaker,clip,audio\ns1,a,s1/b\ns1,b,s1/b\n", "clip s1/b: audio 's1/b'; task dubbing expects"),
        (GOOD, "speaker,clip,clip\ns1,a,b\n", "columns"),
        (GOOD, "speaker,clip\ns1,a,b\n", "line 2: expected 2 cells"),
        (GOOD, "speaker,clip\ns1\n", "line 2: expected 2 cells"),
        (GOOD, "speaker,clip,sha256\ns1,a,abc\n", "line 2: sha256 'abc'; expected 64"),
        (GOOD, "speaker,clip\ns1,./a\n", "line 2: 's1/./a'"),
        (GOOD, "speaker,clip\n/etc,passwd\n", "line 2: '/etc/passwd'"),
        (GOOD, "speaker,clip\ns1,a\\b\n", "line 2"),
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


def test_texts_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "mine.csv").write_bytes(b"speaker,clip\ns1,\xff\n")
    with pytest.raises(ProtocolError, match="mine.csv: not a readable manifest .* expected UTF-8"):
        protocol.load(str(path))
    path.write_bytes(b'name = "\xff"\n')
    with pytest.raises(ProtocolError, match="mine.toml: not a readable protocol .* expected UTF-8"):
        protocol.load(str(path))


def test_a_manifest_linked_from_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere/mine.toml")
    (tmp_path / "elsewhere/mine.csv").symlink_to(tmp_path / "mine.csv")
    with pytest.raises(ProtocolError, match="points outside the protocol's folder"):
        protocol.load(str(tmp_path / "elsewhere/mine.toml"))


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
        replace(bench, task="still").digest,
        replace(bench, identity="shifted:5").digest,
        replace(bench, color="gray").digest,
        replace(bench, faceless=0.5).digest,
        replace(bench, clips=(replace(bench.clips[0], audio="s1/b"), bench.clips[1])).digest,
        replace(bench, clips=bench.clips[::-1]).digest,
    }
    assert len(digests) == 13
    assert replace(bench, name="other", version="2", metrics=("psnr",)).digest == bench.digest
    assert protocol.from_folder(folder_of(tmp_path / "elsewhere", a=b"1", b=b"2")).digest == bench.digest
    (tmp_path / "one/s1/a.landmarks.npz").write_bytes(b"track")
    assert protocol.from_folder(tmp_path / "one").digest not in digests


def test_a_folder_takes_its_speakers_from_its_sub_folders(tmp_path: Path) -> None:
    folder_of(tmp_path, a=b"1")
    (tmp_path / "lone.mp4").write_bytes(b"2")
    assert {clip.id: clip.speaker for clip in protocol.from_folder(tmp_path).clips} == {"s1/a": "s1", "lone": ""}


def test_every_shipped_protocol_is_readable_and_stands_in_the_table() -> None:
    shipped = {path.stem for path in Path(protocol.__file__).parents[2].joinpath("protocols").glob("*.toml")}
    assert shipped == set(registry.PROTOCOLS)
    for name in registry.PROTOCOLS:
        assert protocol.load(name).name == name


def test_dubbing_takes_the_sound_of_the_speakers_next_clip() -> None:
    bench, plain = protocol.load("grid-test-dub"), protocol.load("grid-test")
    assert [clip.id for clip in bench.clips] == [clip.id for clip in plain.clips]
    for speaker in ("s1", "s2", "s20", "s22"):
        mine = [clip for clip in bench.clips if clip.speaker == speaker]
        assert [clip.audio for clip in mine] == [clip.id for clip in (*mine[1:], mine[0])]
    assert bench.driver(bench.clips[0]) == bench.clips[1]
    assert plain.driver(plain.clips[0]) == plain.clips[0]


def test_the_training_subsets_leave_the_test_speakers() -> None:
    test = {clip.speaker for clip in protocol.load("grid-test").clips}
    for name, count in (("grid-small", 100), ("grid-full", None)):
        rule = protocol.load(name).select
        assert rule is not None
        assert rule.clips_per_speaker == count
        assert len(rule.speakers) == 29 and test.isdisjoint(rule.speakers) and "s21" not in rule.speakers


def test_grid_test_follows_the_rule_that_it_states(grid: Path) -> None:
    """Its clips are those with the smallest sha256 among all the clips of its speakers."""
    lists = grid.parent / "grid-lists/clips.csv"
    if not lists.exists():
        pytest.skip(f"no list of the corpus at {lists}")
    with lists.open() as file:
        ids = [f"{row['speaker']}/{row['clip']}" for row in csv.DictReader(file)]
    chosen = Select(("s1", "s2", "s20", "s22"), 20).clips(ids)
    assert [clip.id for clip in chosen] == [clip.id for clip in protocol.load("grid-test").clips]
    small = protocol.load("grid-small").select
    assert small is not None and len(small.clips(ids)) == 2900


def test_a_rule_takes_the_clips_with_the_smallest_sha256(tmp_path: Path) -> None:
    for speaker in ("s1", "s2", "s3"):
        for name in "abcde":
            (tmp_path / "data" / speaker).mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / speaker / f"{name}.mp4").write_bytes(name.encode())
    bench = protocol.load(str(write(tmp_path, RULE)))
    assert not bench.is_bound and bench.clips == ()
    bound = bench.bind(tmp_path / "data")
    assert bound.is_bound
    for speaker in ("s1", "s2"):
        ids = sorted((f"{speaker}/{name}" for name in "abcde"), key=lambda i: hashlib.sha256(i.encode()).hexdigest())
        assert [clip.id for clip in bound.clips if clip.speaker == speaker] == sorted(ids[:2])
    assert len(bound.clips) == 4
    assert (
        len(
            protocol.load(str(write(tmp_path, RULE.replace("clips_per_speaker = 2\n", ""))))
            .bind(tmp_path / "data")
            .clips
        )
        == 10
    )
    with pytest.raises(ProtocolError, match="at least 6 clips of each of 2 speakers; s1 has 5, s2 has 5"):
        protocol.load(str(write(tmp_path, RULE.replace("= 2", "= 6")))).bind(tmp_path / "data")
    with pytest.raises(ProtocolError, match="pass --data"):
        lsbench.score(tmp_path / "data", protocol=bench)


def test_an_installed_package_adds_protocols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip leaves of a package: the package, and its metadata with the entry points."""
    package, metadata = tmp_path / "their_package", tmp_path / "their_package-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    write(package)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    points = "theirs = their_package:mine.toml\nlost = no_such_package:mine.toml\n"
    (metadata / "entry_points.txt").write_text(f"[lsbench.protocols]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    assert [clip.id for clip in protocol.load("theirs").clips] == ["s1/a", "s1/b"]
    with pytest.raises(ProtocolError, match="protocol lost: its package no_such_package cannot be imported"):
        protocol.load("lost")
    shown = CliRunner().invoke(main, ["protocols"]).output
    assert "theirs" in shown and "not usable: protocol lost" in " ".join(shown.split())
    with pytest.raises(ProtocolError, match="did you mean theirs"):
        protocol.load("their")


def test_faceless_is_a_rule_where_it_is_not_0(tmp_path: Path) -> None:
    path = write(tmp_path)
    strict = protocol.load(str(path))
    assert strict.faceless == 0 and "faceless" not in strict.rules
    path = write(tmp_path, GOOD + "faceless = 0.1\n")
    lenient = protocol.load(str(path))
    assert lenient.rules == {**strict.rules, "faceless": 0.1}
    assert protocol.recall(protocol.describe(replace(lenient, clips=()))).faceless == 0.1
    path = write(tmp_path, GOOD + "faceless = 0\n")
    assert protocol.load(str(path)).rules == strict.rules


def test_show_prints_rules_digests_and_clips(tmp_path: Path) -> None:
    write_corpus(tmp_path, speakers=4, clips=3, frames=2, size=32)
    show = CliRunner().invoke(main, ["protocols", "show", "toy", "--data", str(tmp_path)])
    bound = protocol.load("toy").bind(tmp_path)
    assert show.exit_code == 0
    for text in (
        bound.digest,
        bound.manifest_sha256,
        "shifted:6",
        "reconstruction",
        "t4/a2",
        bound.clips[0].digest[:16],
    ):
        assert text in show.output
    plain = CliRunner().invoke(main, ["protocols", "show", "grid-test-dub"]).output
    assert "dubbing" in plain and "s1/bgwu7s" in plain and "with --data" in plain
    lost = CliRunner().invoke(main, ["protocols", "show", "toyy"])
    assert lost.exit_code == 1 and "did you mean toy" in lost.output


def test_a_grey_protocol_compares_with_luma(tmp_path: Path) -> None:
    """A grey video is perfect under it; what is generated is compared as it is."""
    clip, track = render(1, 0, frames=4, size=64)
    write_clip(tmp_path / "real/t1/a0.mkv", clip.frames, clip.speech, clip.fps)
    save_track(tmp_path / "real/t1/a0.landmarks.npz", track)
    luma = np.rint(clip.frames @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(gray(clip.frames)[..., 0] - luma).max() == 0
    assert (gray(clip.frames)[..., 0] == gray(clip.frames)[..., 2]).all()
    write_clip(tmp_path / "grey/t1/a0.mkv", gray(clip.frames), clip.speech, clip.fps)
    write_clip(tmp_path / "colour/t1/a0.mkv", clip.frames, clip.speech, clip.fps)
    bench = replace(protocol.from_folder(tmp_path / "real"), color="gray", metrics=("psnr",))
    scores = {
        name: lsbench.score(tmp_path / name, protocol=bench, regions=["whole"])["psnr/whole"]
        for name in ("grey", "colour")
    }
    error = np.mean((gray(clip.frames).astype(float) - clip.frames) ** 2, axis=(1, 2, 3))
    assert scores["grey"] == np.inf
    assert scores["colour"] == pytest.approx(np.mean(10 * np.log10(255**2 / error)), abs=1e-9)


def test_what_drives_a_protocol_is_a_rule_of_its_own_that_older_digests_do_not_know() -> None:
    spoken, silent = protocol.load("grid-test"), protocol.load("grid-test-silent")
    assert "drive" not in spoken.rules and silent.rules["drive"] == "silence"
    assert spoken.has_truth and not silent.has_truth and silent.is_silent
    assert [clip.id for clip in silent.clips] == [clip.id for clip in spoken.clips]
    assert protocol.recall(silent.rules).is_silent and not protocol.recall(spoken.rules).is_silent
