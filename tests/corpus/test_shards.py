"""Training shards: their arrays against the clips they were made from, and that they are complete or absent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lsbench.corpus import shards
from lsbench.corpus.shards import write_shards
from lsbench.corpus.toy.render import write_corpus
from lsbench.errors import LsbenchError
from lsbench.face.crops import crop_faces
from lsbench.face.track import OUTER_LIPS, Region
from lsbench.face.tracker import load_track
from lsbench.media.files import read_clip
from lsbench.media.lipgan_mel import lipgan_mel
from lsbench.protocol import protocol


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_corpus(folder, speakers=2, clips=2, frames=10, size=96)
    return folder


def test_arrays_hold_the_clips_one_after_the_other(corpus: Path, tmp_path: Path) -> None:
    bench = protocol.from_folder(corpus)
    folders = write_shards(bench.clips, tmp_path)
    assert [folder.relative_to(tmp_path).as_posix() for folder in folders] == ["shards/t1", "shards/t2"]
    for folder in folders:
        index = json.loads((folder / "clips.json").read_text())
        assert (index["format"], index["face_size"]) == (1, 96)
        faces, mels, landmarks, boxes = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("faces", "mels", "landmarks", "boxes")
        )
        assert faces.dtype == np.uint8 and faces.shape == (20, 96, 96, 3)
        assert landmarks.dtype == np.float32 and landmarks.shape == (20, 80, 2)
        assert boxes.dtype == np.int32 and boxes.shape == (20, 4)
        assert mels.dtype == np.float32 and mels.shape == (sum(clip["mel_steps"] for clip in index["clips"]), 80)
        for clip in index["clips"]:
            source = corpus / f"{clip['id']}.mkv"
            real, track = read_clip(source, clip["id"]), load_track(corpus / f"{clip['id']}.landmarks.npz")
            rows = slice(clip["first_frame"], clip["first_frame"] + clip["frames"])
            steps = slice(clip["first_mel"], clip["first_mel"] + clip["mel_steps"])
            box = track.box(Region.FACE)
            assert (faces[rows] == crop_faces(real.frames, box)).all()
            assert (boxes[rows] == box).all()
            assert (mels[steps] == lipgan_mel(real.speech, 16000)).all()
            assert clip["fps"] == 25
            # The lips' centre lies in the lower half of the face, where the crop shows it.
            lips = landmarks[rows, OUTER_LIPS].mean(axis=(0, 1))
            assert 30 < lips[0] < 66 and 50 < lips[1] < 90


def stamps(folder: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_a_second_run_writes_nothing(corpus: Path, tmp_path: Path) -> None:
    clips = protocol.from_folder(corpus).clips
    write_shards(clips, tmp_path / "one")
    before = stamps(tmp_path / "one")
    write_shards(clips, tmp_path / "one")
    assert stamps(tmp_path / "one") == before


def test_a_shard_is_made_again_when_its_clips_change(corpus: Path, tmp_path: Path) -> None:
    clips = [clip for clip in protocol.from_folder(corpus).clips if clip.speaker == "t1"]
    (folder,) = write_shards(clips, tmp_path)
    write_shards(clips[:1], tmp_path)
    assert len(np.load(folder / "faces.npy")) == 10
    (folder / "clips.json").write_text("{")
    write_shards(clips, tmp_path)
    assert len(np.load(folder / "faces.npy")) == 20


def test_a_full_disk_leaves_no_half_shard(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip for clip in protocol.from_folder(corpus).clips if clip.speaker == "t1"]
    calls = []

    def full(real: np.ndarray, rate: int) -> np.ndarray:
        calls.append(rate)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return lipgan_mel(real, rate)

    monkeypatch.setattr(shards, "lipgan_mel", full)
    with pytest.raises(OSError, match="No space left"):
        write_shards(clips, tmp_path)
    assert list((tmp_path / "shards").iterdir()) == []
    monkeypatch.undo()
    write_shards(clips, tmp_path)
    assert len(np.load(tmp_path / "shards/t1/faces.npy")) == 20


def test_a_clip_without_a_face_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1/a.mkv").write_bytes((corpus / "t1/a0.mkv").read_bytes())
    with pytest.raises(LsbenchError, match="clip s1/a"):
        write_shards(protocol.from_folder(tmp_path).clips, tmp_path / "out")
    assert list((tmp_path / "out/shards").iterdir()) == []
