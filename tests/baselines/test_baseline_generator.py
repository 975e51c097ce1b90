"""Checkpoints as generators: in step with the sound, pasted where the box says, and refused where they do not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.generator import L1WGANGP, WGANGP, LipGAN
from baselines.training import checkpoint
from baselines.training.config import Config
from baselines.training.recipes import RECIPES
from lsbench.corpus.toy import render as synthetic
from lsbench.errors import GeneratorError, LsbenchError, MediaError, TrainingError, WeightsError
from lsbench.face.crops import crop_faces, paste_faces
from lsbench.face.track import FaceTrack, Region
from lsbench.generation.generator import perform
from lsbench.generation.render import generate
from lsbench.generation.source import Source, parse
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.protocol import protocol

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ("width=0.03", "size=24")


def save(path: Path, model: str = "lipgan", **changes: Any) -> Path:
    """A checkpoint of untrained networks, as training writes it."""
    torch.manual_seed(1)
    config = Config.of(model, SMALL)
    made, judge = RECIPES[model].networks(config)
    averaged, _ = RECIPES[model].networks(config)
    state: dict[str, Any] = dict.fromkeys(checkpoint.KEYS)
    state |= {"format": checkpoint.FORMAT, "model": model, "config": config.to_dict(), "step": 5, "lsbench": "0"}
    state |= {"generator": made.state_dict(), "critic": judge.state_dict(), "ema": averaged.state_dict()}
    checkpoint.write(path, state | changes)
    return path


class Echo(nn.Module):
    """A network that keeps what it is given, and answers white where the mel window is loudest in its middle."""

    def __init__(self) -> None:
        super().__init__()
        self.faces: list[Tensor] = []
        self.mels: list[Tensor] = []

    def forward(self, face: Tensor, mel: Tensor) -> Tensor:
        self.faces.append(face)
        self.mels.append(mel)
        white = (mel.sum((1, 2)).argmax(1) - 13).abs() <= 1
        return white.float()[:, None, None, None].expand(-1, 3, *face.shape[2:])


@pytest.fixture
def echo(tmp_path: Path) -> tuple[LipGAN, Echo]:
    """A generator around Echo."""
    made = LipGAN(str(save(tmp_path / "echo.pt")))
    made.network = network = Echo()
    return made, network


def still(toy: tuple[Clip, FaceTrack], frames: int, fps: float, clicks: list[int]) -> tuple[Clip, FaceTrack]:
    """A face that does not move, in silence but for a click at the instant of each of some frames."""
    clip, track = toy
    first = np.zeros(frames, int)
    speech = np.zeros(round(frames / fps * 16000), np.float32)
    for frame in clicks:
        speech[round(frame / fps * 16000)] = 0.9
    return (
        Clip("still", clip.frames[first], speech, fps),
        FaceTrack(track.landmarks[first], track.found[first], track.height, track.width),
    )


@pytest.mark.parametrize("fps", [25.0, 50.0, 29.97])
def test_mel_windows_are_centred_on_their_frames(
    echo: tuple[LipGAN, Echo], toy: tuple[Clip, FaceTrack], fps: float
) -> None:
    """One click, at a frame's instant: in that frame's window it lies within a step, 12.5 ms, of the middle one."""
    made, network = echo
    for frame in range(10, 20):
        network.mels.clear()
        clip, track = still(toy, 30, fps, [frame])
        made.render(clip, clip.speech, track)
        window = torch.cat(network.mels)[frame, 0]
        assert window.shape == (80, 27)
        loudness = window.sum(0) - window.sum(0).min()
        assert abs(float((loudness * torch.arange(27)).sum() / loudness.sum()) - 13) <= 1


def test_as_many_frames_out_as_in_and_in_step(echo: tuple[LipGAN, Echo], toy: tuple[Clip, FaceTrack]) -> None:
    made, _ = echo
    heard = [5, 20, 40, 60, 69]
    clip, track = still(toy, 75, 25.0, heard)
    rendered = perform(made, "lipgan", clip, clip.speech, track)
    assert rendered.frames.shape == (75, *clip.frames.shape[1:])
    x0, y0, x1, y1 = track.box(Region.FACE)[0]
    white = rendered.frames[:, y0:y1, x0:x1].min((1, 2, 3)) == 255
    assert np.flatnonzero(white).tolist() == heard


def test_network_sees_no_mouth_of_the_pose(echo: tuple[LipGAN, Echo], toy: tuple[Clip, FaceTrack]) -> None:
    made, network = echo
    clip, track = toy
    made.render(clip, clip.speech, track)
    identity, pose = torch.cat(network.faces).split(3, 1)
    assert identity.shape == (len(clip), 3, 24, 24)
    assert torch.equal(pose[:, :, :12], identity[:, :, :12])
    assert (pose[:, :, 12:] == 0).all()
    assert (identity[:, :, 12:] > 0).any()
    crops = crop_faces(clip.frames, track.box(Region.FACE))
    pooled = crops.reshape(-1, 24, 4, 24, 4, 3).mean((2, 4)) / 255
    assert np.allclose(identity.permute(0, 2, 3, 1).numpy(), pooled, atol=1e-6)


def test_only_the_box_changes(tmp_path: Path, toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    before = clip.frames.copy()
    rendered = LipGAN(str(save(tmp_path / "c.pt"))).render(clip, clip.speech, track)
    assert np.array_equal(clip.frames, before)
    assert np.array_equal(rendered.boxes, track.box(Region.FACE))
    for made, real, (x0, y0, x1, y1) in zip(rendered.frames, clip.frames, track.box(Region.FACE), strict=True):
        inside = np.zeros(real.shape[:2], bool)
        inside[y0:y1, x0:x1] = True
        assert np.array_equal(made[~inside], real[~inside])
        assert not np.array_equal(made[inside], real[inside])


def test_any_number_of_threads_gives_the_same_bits(tmp_path: Path, toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    made = L1WGANGP(str(save(tmp_path / "c.pt", "l1wgangp")))
    one = made.render(clip, clip.speech, track).frames
    torch.set_num_threads(2)
    assert np.array_equal(made.render(clip, clip.speech, track).frames, one)


def test_the_averaged_generator_is_shown(tmp_path: Path, toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    config = Config.of("lipgan", SMALL)
    torch.manual_seed(9)
    other = RECIPES["lipgan"].networks(config)[0].state_dict()
    shown = LipGAN(str(save(tmp_path / "a.pt"))).render(clip, clip.speech, track).frames
    same = LipGAN(str(save(tmp_path / "b.pt", generator=other))).render(clip, clip.speech, track).frames
    last = LipGAN(str(save(tmp_path / "c.pt", ema=None))).render(clip, clip.speech, track).frames
    assert np.array_equal(shown, same)
    assert not np.array_equal(shown, last)


def test_paste_and_feather() -> None:
    frames, boxes = np.zeros((2, 40, 50, 3), np.uint8), np.array([[10, 5, 40, 35]] * 2)
    faces = np.full((2, 96, 96, 3), 200, np.uint8)
    plain = paste_faces(frames, boxes, faces)
    assert not frames.any()
    assert (plain[:, 5:35, 10:40] == 200).all()
    assert plain.sum() == 2 * 30 * 30 * 3 * 200
    soft = paste_faces(frames, boxes, faces, feather_px=4)
    assert soft[0, 20, 9:16, 0].tolist() == [0, 40, 80, 120, 160, 200, 200]
    assert soft[0, 20, 34:41, 0].tolist() == [200, 200, 160, 120, 80, 40, 0]
    assert soft[0, 5:10, 20, 0].tolist() == [40, 80, 120, 160, 200]


def test_paste_undoes_crop(toy: tuple[Clip, FaceTrack]) -> None:
    """On smooth pictures, so that resizing twice costs next to nothing: no shift, no flip."""
    clip, track = toy
    rows, columns = np.mgrid[:96, :96]
    smooth = np.stack([rows * 2, columns * 2, 255 - rows - columns], axis=2).astype(np.uint8)
    frames = np.repeat(smooth[None], len(clip), axis=0)
    boxes = track.box(Region.FACE)
    back = paste_faces(frames, boxes, crop_faces(frames, boxes)).astype(int)
    x0, y0, x1, y1 = boxes[0]
    assert np.abs(back - frames)[0, y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].max() <= 1


def test_published_weights_see_blue_first(
    tmp_path: Path, toy: tuple[Clip, FaceTrack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that keeps only its first channel keeps blue."""

    class KeepFirst(nn.Module):
        def forward(self, face: Tensor, _mel: Tensor) -> Tensor:
            return face[:, :3] * torch.tensor([1.0, 0, 0])[:, None, None]

    file = tmp_path / "lipgan.h5"
    file.write_bytes(b"")
    monkeypatch.setattr("baselines.lipgan.keras.load", lambda _path: KeepFirst())
    faces = np.random.default_rng(0).integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
    made = LipGAN(str(file)).speak(faces, np.zeros((9, 27, 80), np.float32))
    assert np.array_equal(made[..., 2], faces[..., 2])
    assert not made[..., :2].any()


def test_videos_say_what_they_are(tmp_path: Path) -> None:
    synthetic.write_corpus(tmp_path / "toy", speakers=1, clips=1, frames=20, size=96)
    path = save(tmp_path / "checkpoint.pt", "wgangp")
    (video,) = generate(
        f"wgangp:{path}:feather=3", protocol.from_folder(tmp_path / "toy"), tmp_path / "out", lossless=True
    )
    with av.open(str(video)) as container:
        comment = {key.lower(): value for key, value in container.metadata.items()}["comment"]
    assert comment.startswith("synthetic: mouth made by wgangp")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in comment
    clip = read_clip(video, "t1/a0")
    assert len(clip) == 20
    assert len(clip.speech) > 0


@pytest.mark.parametrize("options", ["", ":feather=3", ":feather=3,device=cpu"])
def test_a_checkpoint_is_known_by_its_content(tmp_path: Path, options: str) -> None:
    path = save(tmp_path / "c.pt")
    source = parse(f"lipgan:{path}{options}")
    assert isinstance(source, Source)
    assert source.signature["files"][str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("kind", "argument", "error", "message"),
    [
        (LipGAN, "", GeneratorError, "lipgan needs a checkpoint: lipgan:CHECKPOINT"),
        (LipGAN, "{tmp}/none.pt", GeneratorError, "none.pt is no file"),
        (LipGAN, "{tmp}/l1wgangp.pt", GeneratorError, "checkpoint of l1wgangp, not of lipgan; say l1wgangp:"),
        (WGANGP, "{tmp}/wide.pt", GeneratorError, "does not fit the residual generator of width 0.06 and 24 px.*face"),
        (LipGAN, "{tmp}/bare.pt", GeneratorError, "bare.pt: does not fit the None generator of width None"),
        (LipGAN, "{tmp}/cut.pt", TrainingError, "cut.pt: not a readable checkpoint"),
        (LipGAN, "{tmp}/weights.pt", TrainingError, "not a checkpoint of lsbench train"),
        (LipGAN, "{tmp}/cut.h5", WeightsError, "cut.h5: not a readable Keras HDF5 file"),
        (WGANGP, "{tmp}/cut.h5", GeneratorError, "only lipgan has published weights"),
        (LipGAN, "{tmp}/good.pt:fether=3", GeneratorError, "did you mean feather"),
        (LipGAN, "{tmp}/good.pt:feather=-3", GeneratorError, "feather=-3; expected whole pixels"),
        (LipGAN, "{tmp}/good.pt:device=gpu", GeneratorError, "device=gpu: PyTorch cannot use it"),
    ],
)
def test_checkpoints_that_are_refused(
    tmp_path: Path, kind: type[LipGAN], argument: str, error: type[LsbenchError], message: str
) -> None:
    save(tmp_path / "l1wgangp.pt", "l1wgangp")
    save(tmp_path / "wide.pt", "wgangp", config=Config.of("wgangp", ("width=0.06", "size=24")).to_dict())
    save(tmp_path / "bare.pt", config={})
    good = save(tmp_path / "good.pt")
    (tmp_path / "cut.pt").write_bytes(good.read_bytes()[:20000])
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n cut")
    torch.save({"face": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(error, match=message):
        kind(argument.format(tmp=tmp_path))


def test_a_network_that_gives_nan_is_named(tmp_path: Path, toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    made = LipGAN(str(save(tmp_path / "c.pt")))
    torch.nn.init.constant_(made.network.head[2].bias, float("nan"))  # type: ignore[index,union-attr]
    with pytest.raises(GeneratorError, match="NaN"):
        made.render(clip, clip.speech, track)


def test_a_sound_too_short_to_hear_is_named(echo: tuple[LipGAN, Echo], toy: tuple[Clip, FaceTrack]) -> None:
    made, _ = echo
    clip, track = toy
    with pytest.raises(MediaError, match=r"clip t1/a0: speech is float32 \(100,\)"):
        made.render(clip, clip.speech[:100], track)
