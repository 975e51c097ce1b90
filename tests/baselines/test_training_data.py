"""Training windows: what is shown, what is heard and when, who is held out, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.training.batch import to_batch
from baselines.training.config import Config
from baselines.training.data import held_out, training_data
from baselines.training.sampler import Sampler, batches
from baselines.training.shards import ShardClip, open_shard, open_shards
from baselines.training.windows import MEL_STEPS, Frames, window_starts
from lsbench.errors import TrainingError
from lsbench.media.lipgan_mel import SETTINGS, lipgan_mel

CPU = torch.device("cpu")
TINY = ("batch=4", "size=24", "width=0.0625", "validation_share=0.2")


@pytest.fixture
def copy(shards: Path, tmp_path: Path) -> Path:
    """Shards that a test may damage."""
    return Path(shutil.copytree(shards, tmp_path / "data"))


def frames_of(shards: Path) -> Frames:
    return Frames([(shard, clip) for shard in open_shards(shards) for clip in shard.clips])


def shard_of_mels(folder: Path, mels: np.ndarray, frames: int) -> Frames:
    """Frames of one clip with these mels and black faces."""
    folder.mkdir(parents=True)
    np.save(folder / "faces.npy", np.zeros((frames, 96, 96, 3), np.uint8))
    np.save(folder / "mels.npy", mels)
    row = {"id": "s/c", "frames": frames, "first_frame": 0, "mel_steps": len(mels), "first_mel": 0, "fps": 25.0}
    index = {"format": 1, "face_size": 96, "mel": SETTINGS, "clips": [{**row, "sha256": ""}]}
    (folder / "clips.json").write_text(json.dumps(index))
    shard = open_shard(folder)
    return Frames([(shard, shard.clips[0])])


@pytest.mark.parametrize("frame", [4, 5, 6, 7, 8, 20, 33])
def test_a_click_at_a_frames_instant_is_in_the_middle_of_its_window(frame: int, tmp_path: Path) -> None:
    speech = np.zeros(40 * 640, np.float32)
    speech[frame * 640] = 0.9  # 16,000 / 25 samples a frame
    frames = shard_of_mels(tmp_path / "s", lipgan_mel(speech, 16000), 40)
    loudness = frames.mel(np.arange(40)).mean(axis=2)
    middle = (MEL_STEPS - 1) / 2
    assert abs(loudness[frame].argmax() - middle) <= 1
    heard_by = np.flatnonzero(loudness.max(axis=1) > loudness.min() + 0.5)
    assert abs(loudness[frame + 1].argmax() - middle) > 2  # one frame is 3.2 steps: its neighbour hears it off centre
    assert heard_by.min() < frame < heard_by.max()


def test_window_starts_are_lipgans() -> None:
    frames = np.arange(4, 75)
    assert window_starts(frames).tolist() == [int(3.2 * (frame - 4) + 1e-9) for frame in frames]


def test_beyond_the_ends_of_a_clip_its_own_first_and_last_step_are_heard(shards: Path) -> None:
    frames = frames_of(shards)
    first = int(frames.starts[1])  # of the second clip, whose mels lie between those of others
    shard, clip = frames.clips[1]
    mels = shard.mels[clip.first_mel : clip.first_mel + clip.mel_steps]
    at_start, at_end = frames.mel(np.array([first, first + clip.frames - 1]))
    assert (at_start[:12] == mels[0]).all() and (at_end[-5:] == mels[-1]).all()


def test_windows_are_the_rows_of_their_clips(shards: Path) -> None:
    frames = frames_of(shards)
    assert len(frames) == 6 * 16
    shard, clip = frames.clips[3]
    assert np.array_equal(frames.faces(np.array([3 * 16 + 7]))[0], shard.faces[clip.first_frame + 7])
    start = clip.first_mel + int(3.2 * (7 - 4))
    assert np.array_equal(frames.mel(np.array([3 * 16 + 7]))[0], shard.mels[start : start + MEL_STEPS])


def test_identity_frames_are_one_to_six_away_in_the_same_clip(shards: Path) -> None:
    frames = frames_of(shards)
    targets = np.tile(np.arange(len(frames)), 60)
    choice = frames.choose(targets, 6, np.random.default_rng(0))
    assert (frames.clip_of(choice.identities) == frames.clip_of(targets)).all()
    inner = (targets % 16 >= 6) & (targets % 16 < 10)
    shifts, counts = np.unique((choice.identities - targets)[inner], return_counts=True)
    assert shifts.tolist() == [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6]
    assert counts.min() > 0.6 * counts.mean()


def test_the_other_sound_is_of_another_clip_any_of_them(shards: Path) -> None:
    frames = frames_of(shards)
    targets = np.tile(np.arange(len(frames)), 40)
    choice = frames.choose(targets, 6, np.random.default_rng(0))
    assert (frames.clip_of(choice.others) != frames.clip_of(targets)).all()
    assert set(frames.clip_of(choice.others[targets == 0])) == {1, 2, 3, 4, 5}


def test_a_batch_shows_the_identity_and_the_upper_half_of_the_target(shards: Path) -> None:
    frames = frames_of(shards)
    windows = frames.read(frames.choose(np.array([3, 40]), 6, np.random.default_rng(1)))
    batch = to_batch(windows, np.zeros(2, np.float32), 96, CPU)
    expected = torch.from_numpy(windows.target).permute(0, 3, 1, 2) / 255
    assert torch.equal(batch.target, expected)
    assert torch.equal(batch.face[:, :3], torch.from_numpy(windows.identity).permute(0, 3, 1, 2) / 255)
    assert torch.equal(batch.face[:, 3:, :48], expected[:, :, :48])
    assert not batch.face[:, 3:, 48:].any()
    assert batch.mel.shape == (2, 1, 80, 27)
    assert torch.equal(batch.mel[0, 0].T, torch.from_numpy(windows.mel[0]))


def test_smaller_faces_are_averages_of_blocks(shards: Path) -> None:
    frames = frames_of(shards)
    windows = frames.read(frames.choose(np.array([3]), 6, np.random.default_rng(1)))
    small = to_batch(windows, np.zeros(1, np.float32), 24, CPU).target[0, :, 2, 5]
    assert np.allclose(small, windows.target[0, 8:12, 20:24].mean((0, 1)) / 255, atol=1e-6)


def test_a_step_draws_the_same_whenever_it_is_asked(shards: Path) -> None:
    frames, config = frames_of(shards), Config.of("lipgan", TINY)
    straight = [Sampler(frames, config).draw(step) for step in range(60)]
    sampler = Sampler(frames, config)
    for step in (59, 3, 24, 23):
        again = sampler.draw(step)
        assert np.array_equal(again.choice.targets, straight[step].choice.targets)
        assert np.array_equal(again.choice.identities, straight[step].choice.identities)
        assert np.array_equal(again.blend, straight[step].blend) and again.coin == straight[step].coin
    assert 15 < sum(draw.coin for draw in straight) < 45


def test_every_frame_is_a_target_once_an_epoch(shards: Path) -> None:
    frames, config = frames_of(shards), Config.of("lipgan", [*TINY, "batch=10"])
    sampler = Sampler(frames, config)
    targets = np.concatenate([sampler.draw(step).choice.targets for step in range(29)])
    epochs = targets[: 3 * len(frames)].reshape(3, len(frames))  # an epoch ends within a batch
    assert (np.sort(epochs, axis=1) == np.arange(len(frames))).all()
    assert not np.array_equal(epochs[0], epochs[1])


def test_processes_share_a_batch_without_overlap(shards: Path) -> None:
    frames, config = frames_of(shards), Config.of("lipgan", [*TINY, "batch=12"])
    whole = Sampler(frames, config).draw(5).choice.targets
    seen = []
    for rank in range(2):
        ((draw, parts),) = batches(Sampler(frames, config), 5, 6, rank, 2, 3)
        assert draw.step == 5 and len(parts) == 3
        for part, windows in parts:
            assert np.array_equal(windows.target, frames.faces(part.choice.targets))
            seen += part.choice.targets.tolist()
    assert sorted(seen) == sorted(whole.tolist())


@pytest.mark.parametrize("by", ["clip", "speaker"])
def test_what_is_held_out_is_never_trained_on(by: str, shards: Path) -> None:
    data = training_data(shards, Config.of("lipgan", [*TINY, f"validation_by={by}", "test_speakers=t3"]))
    named = [
        {(shard.speaker, clip.id if by == "clip" else "") for shard, clip in part.clips}
        for part in (data.train, data.validation)
    ]
    assert named[0] and named[1] and not named[0] & named[1]
    assert "t3" not in {speaker for part in named for speaker, _ in part}


def test_held_out_follows_from_seed_and_names() -> None:
    names = [f"s{k}" for k in range(50)]
    assert held_out(names, 0.1, 1) == held_out(list(reversed(names)), 0.1, 1)
    assert len(held_out(names, 0.1, 1)) == 5 and held_out(names, 0.1, 1) != held_out(names, 0.1, 2)
    assert held_out(names[:3], 0.0, 1)  # at least one


def test_test_speakers_are_refused_by_name(shards: Path) -> None:
    with pytest.raises(TrainingError, match="t1 is for testing"):
        training_data(shards, Config.of("lipgan", ["speakers=t1,t2", "test_speakers=t1"]))
    with pytest.raises(TrainingError, match="no shards of speaker t9; there are t1, t2, t3"):
        training_data(shards, Config.of("lipgan", ["speakers=t9"]))
    with pytest.raises(TrainingError, match="0 clips to train on"):
        training_data(shards, Config.of("lipgan", ["test_speakers=t1,t2,t3"]))


def test_no_data(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lsbench prepare grid"):
        open_shards(tmp_path)


def edit(copy: Path, **changes: object) -> None:
    path = copy / "shards" / "t2" / "clips.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_shards_of_another_version(copy: Path) -> None:
    edit(copy, format=2)
    with pytest.raises(TrainingError, match="t2/clips.json: shards of format 2; this lsbench reads format 1"):
        open_shards(copy)
    edit(copy, format=1, mel={**SETTINGS, "hop": 160})
    with pytest.raises(TrainingError, match="'hop': 160"):
        open_shards(copy)
    (copy / "shards" / "t2" / "clips.json").write_text("{")
    with pytest.raises(TrainingError, match="prepare the data again"):
        open_shards(copy)


def test_clips_at_another_frame_rate(copy: Path) -> None:
    path = copy / "shards" / "t2" / "clips.json"
    clips = json.loads(path.read_text())["clips"]
    edit(copy, clips=[{**clips[0], "fps": 30}])
    with pytest.raises(TrainingError, match="t2/a0 has 30 frames a second; expected 25"):
        open_shards(copy)


def checked(data: Path, *settings: str) -> None:
    config = Config.of("lipgan", [*TINY, *settings])
    training_data(data, config)


def test_nan_in_the_sound(copy: Path) -> None:
    checked(copy)
    mels = np.lib.format.open_memmap(copy / "shards" / "t2" / "mels.npy", mode="r+")
    mels[70, 3] = np.nan
    mels.flush()
    with pytest.raises(TrainingError, match=r"t2: clip t2/a1: mels are not all within \+-4; prepare the data again"):
        checked(copy)


def test_arrays_cut_short(copy: Path) -> None:
    path = copy / "shards" / "t3" / "faces.npy"
    np.save(path, np.load(path)[:20])
    with pytest.raises(TrainingError, match="clip t3/a1: rows are missing"):
        checked(copy)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TrainingError, match="faces.npy: .*prepare the data again"):
        checked(copy)


def test_arrays_of_another_kind(copy: Path) -> None:
    np.save(copy / "shards" / "t1" / "faces.npy", np.zeros((32, 96, 96, 3), np.float32))
    with pytest.raises(TrainingError, match=r"faces.npy: float32 .*; expected uint8 \(rows, 96, 96, 3\)"):
        checked(copy)


def test_clips_too_short_to_have_an_identity_frame(copy: Path) -> None:
    clips = json.loads((copy / "shards" / "t2" / "clips.json").read_text())["clips"]
    edit(copy, clips=[{**clips[0], "frames": 1}, *clips[1:]])
    with pytest.raises(TrainingError, match="t2/a0 has 1 frames"):
        checked(copy)


def test_mouth_boxes_lie_on_the_mouth(shards: Path) -> None:
    shard = open_shards(shards)[0]
    clip: ShardClip = shard.clips[0]
    for size in (96, 48):
        boxes = shard.mouth(clip, size)
        centre = (boxes[:, :2] + boxes[:, 2:] - 1) / 2
        lips = shard.landmarks[clip.first_frame : clip.first_frame + clip.frames, 36:56].mean(1)
        assert np.abs(centre - ((lips + 0.5) * size / 96 - 0.5)).max() < 3 * size / 96
        assert (boxes[:, 3] - boxes[:, 1] > size / 4).all()
