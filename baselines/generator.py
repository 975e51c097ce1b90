"""Trained baselines as generators: `lipgan:CHECKPOINT`, `l1wgangp:CHECKPOINT`, `wgangp:CHECKPOINT`.

CHECKPOINT is what `lsbench train` wrote, or for lipgan the authors' Keras weights, FILE.h5. Options follow behind
another colon: `lipgan:checkpoint.pt:feather=6,device=cuda`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soxr
import torch
from torch import nn

import lsbench
from baselines.lipgan import keras
from baselines.lipgan.model import Generator as Network
from baselines.training import checkpoint
from baselines.training.batch import to_batch
from baselines.training.windows import Windows, window_rows
from lsbench.errors import FaceError, GeneratorError, MediaError
from lsbench.face.crops import FACE_SIZE, crop_faces, paste_faces
from lsbench.face.track import FaceTrack, Region
from lsbench.generation.generator import Generator, Rendered
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256
from lsbench.media.lipgan_mel import SAMPLE_RATE, lipgan_mel
from lsbench.networks.batches import each
from lsbench.registry import unknown

KERAS_SUFFIXES = (".h5", ".hdf5")
BATCH_FRAMES = 8
OPTIONS = {"feather": "0", "device": "cpu"}


class Baseline(Generator):
    """A trained network that makes every frame's face anew, its lower half unseen, and pastes it back at the face box.

    Options: feather, width of a soft edge inside the box, px; device, where the network runs.
    """

    needs_track: ClassVar[bool] = True
    model: ClassVar[str]

    def __init__(self, argument: str = "") -> None:
        path, options = parse(self.model, argument)
        if not options["feather"].isdecimal():
            raise GeneratorError(f"{self.model}: option feather={options['feather']}; expected whole pixels, 0 or more")
        self.feather_px, self.device = int(options["feather"]), demand_device(self.model, options["device"])
        self.keras = path.suffix.lower() in KERAS_SUFFIXES
        self.size = FACE_SIZE
        if not path.is_file():
            raise GeneratorError(f"{self.model}: {path} is no file; expected the checkpoint.pt of a training run")
        if self.keras:
            network: nn.Module = self._published(path)
        else:
            network, self.size = trained(self.model, path)
        self.network = network.eval().requires_grad_(False).to(self.device)
        self.comment = (
            f"synthetic: mouth made by {self.model} of lsbench {lsbench.__version__}, not a recording; "
            f"checkpoint {path.name}, sha256 {content_sha256(path)}"
        )

    def _published(self, path: Path) -> nn.Module:
        raise GeneratorError(f"{self.model}: {path} is a Keras file; only lipgan has published weights of that kind")

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
        """Frames with the new faces, one for each frame of `face`, and the boxes in which they were pasted.

        Frame t is made of frame t as it is seen (the identity), the same with its lower half black (the pose), and the
        27 mel steps of `speech` centred on t / fps; before the first and after the last step, that step is repeated.
        """
        if track is None:
            raise FaceError(f"clip {face.id}: {self.model} needs to know where the face is")
        boxes = track.box(Region.FACE)
        if len(speech) and face.sample_rate != SAMPLE_RATE:
            speech = soxr.resample(speech, face.sample_rate, SAMPLE_RATE)
        try:
            mel = lipgan_mel(speech, SAMPLE_RATE)
        except MediaError as error:
            raise MediaError(f"clip {face.id}: {error}") from error
        windows = mel[window_rows(np.arange(len(face)), len(mel), face.fps)]
        faces = self.speak(crop_faces(face.frames, boxes), windows, face.id)
        return Rendered(paste_faces(face.frames, boxes, faces, self.feather_px), boxes)

    def speak(self, faces: np.ndarray, mel: np.ndarray, clip_id: str = "") -> np.ndarray:
        """Face crops uint8 (T, 96, 96, 3) RGB and mel windows float32 (T, 27, 80) -> uint8 (T, size, size, 3) RGB."""
        shown = np.ascontiguousarray(faces[..., ::-1]) if self.keras else faces

        def generate(part: slice) -> np.ndarray:
            windows = Windows(identity=shown[part], target=shown[part], mel=mel[part], other_mel=mel[part])
            batch = to_batch(windows, np.zeros(len(shown[part]), np.float32), self.size, self.device)
            values: torch.Tensor = self.network(batch.face, batch.mel)
            if not values.isfinite().all():
                raise GeneratorError(f"clip {clip_id}: {self.model}: the network gives NaN; train it anew")
            return (values * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

        parts = [slice(start, start + BATCH_FRAMES) for start in range(0, len(shown), BATCH_FRAMES)]
        made = np.concatenate(each(generate, parts, self.device.type))
        return made[..., ::-1] if self.keras else made


class LipGAN(Baseline):
    """LipGAN (KR et al. 2019), as `lsbench train lipgan` trained it, or with its authors' Keras weights (FILE.h5)."""

    model: ClassVar[str] = "lipgan"

    def _published(self, path: Path) -> nn.Module:
        return keras.load(path)


class L1WGANGP(Baseline):
    """L1-WGAN-GP (Geldhauser et al. 2022), as `lsbench train l1wgangp` trained it."""

    model: ClassVar[str] = "l1wgangp"


class WGANGP(Baseline):
    """Plain WGAN-GP without an L1 term, as `lsbench train wgangp` trained it."""

    model: ClassVar[str] = "wgangp"


def parse(model: str, argument: str) -> tuple[Path, dict[str, str]]:
    """CHECKPOINT, or CHECKPOINT:option=value,option=value -> the path, and every option."""
    file, _, text = argument.rpartition(":")
    if not file or "=" not in text:
        file, text = argument, ""
    if not file:
        raise GeneratorError(
            f"{model} needs a checkpoint: {model}:CHECKPOINT, such as the checkpoint.pt of a training run"
        )
    options = dict(OPTIONS)
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        if name not in OPTIONS:
            raise GeneratorError(f"{model}: {unknown('option', name, OPTIONS)}")
        options[name] = value
    return Path(file), options


def demand_device(model: str, name: str) -> torch.device:
    """The device of a name; GeneratorError where PyTorch cannot use it."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise GeneratorError(f"{model}: device={name}: PyTorch cannot use it ({reason}); leave it out") from None


def trained(model: str, path: Path) -> tuple[nn.Module, int]:
    """The generator of a checkpoint, averaged over its training where that was kept, and the size of its faces, px."""
    saved: dict[str, Any] = checkpoint.read(path)
    if saved["model"] != model:
        raise GeneratorError(f"{path}: checkpoint of {saved['model']}, not of {model}; say {saved['model']}:{path}")
    width, variant, size, floor = (saved["config"].get(name) for name in ("width", "variant", "size", "floor"))
    try:
        with torch.device("meta"):
            network = Network(width, variant, size, floor)
        state = saved["ema"] or saved["generator"]
        for name, expected in network.state_dict().items():
            if name in state and state[name].dtype != expected.dtype:
                raise TypeError(f"{name} is {state[name].dtype}, expected {expected.dtype}")
        network.load_state_dict(state, assign=True)
    except (RuntimeError, ArithmeticError, TypeError, ValueError, AttributeError, GeneratorError) as error:
        raise GeneratorError(
            f"{path}: does not fit the {variant} generator of width {width} and {size} px that its configuration "
            f"names: {' '.join(str(error).split()[:40])}"
        ) from error
    return network, size
