"""How good the generated faces are on fixed frames of held-out clips, and what trivial answers would score there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from baselines.training.batch import Batch, to_batch
from baselines.training.config import Config
from baselines.training.windows import Frames
from lsbench.metrics.psnr import psnr_frames
from lsbench.metrics.ssim import ssim_frames

SSIM_WINDOW = 11
_CHUNK = 32  # samples that pass through the generator together
_MEAN_OF = 512  # training frames that the mean mouth is taken from

Scores = Mapping[str, np.ndarray]  # "ssim/whole", "psnr/whole", "ssim/mouth", "psnr/mouth" -> float64, one a sample


@dataclass(frozen=True)
class Samples:
    """The fixed frames: as a batch, as 8-bit truth (N, size, size, 3), with their mouth boxes int (N, 4)."""

    batch: Batch
    truth: np.ndarray
    mouths: np.ndarray

    def score(self, faces: np.ndarray) -> Scores:
        """SSIM and PSNR of 8-bit faces (N, size, size, 3), whole crop and mouth; NaN where the mouth is too small."""
        threads = torch.get_num_threads()
        try:
            return self._score(faces)
        finally:
            torch.set_num_threads(threads)  # Numba sets its own number, for Torch too where both use one OpenMP

    def _score(self, faces: np.ndarray) -> Scores:
        scores = {"ssim/whole": ssim_frames(self.truth, faces), "psnr/whole": psnr_frames(self.truth, faces)}
        ssim, psnr = np.full((2, len(faces)), np.nan)
        for index, (x0, y0, x1, y1) in enumerate(self.mouths):
            truth, mouth = (frames[index, y0:y1, x0:x1] for frames in (self.truth, faces))
            psnr[index] = psnr_frames(truth, mouth)[0]
            if min(mouth.shape[:2]) >= SSIM_WINDOW:
                ssim[index] = ssim_frames(truth, mouth)[0]
        return {**scores, "ssim/mouth": ssim, "psnr/mouth": psnr}


def fixed_samples(frames: Frames, config: Config, device: torch.device) -> Samples:
    """Frames at equal distances over all held-out clips, their identity frames chosen by the seed."""
    count = min(config.validation_samples, len(frames))
    targets = np.linspace(0, len(frames) - 1, count).astype(np.int64)
    choice = frames.choose(targets, config.shift_frames, np.random.default_rng((config.seed, 3)))
    batch = to_batch(frames.read(choice), np.zeros(count, np.float32), config.size, device)
    return Samples(batch, to_levels(batch.target), mouth_boxes(frames, targets, config.size))


def mouth_boxes(frames: Frames, targets: np.ndarray, size: int) -> np.ndarray:
    """Where the mouth is in each of some frames, int64 (N, 4) in pixels of a face of `size`: x0, y0, x1, y1."""
    clips = frames.clip_of(targets)
    mouths = np.empty((len(targets), 4), np.int64)
    for number in np.unique(clips):
        shard, clip = frames.clips[number]
        chosen = clips == number
        mouths[chosen] = shard.mouth(clip, size)[targets[chosen] - frames.starts[number]]
    return mouths


@torch.no_grad()
def generate(generator: nn.Module, batch: Batch) -> np.ndarray:
    """What the generator, left in evaluation mode, makes of a batch: uint8 (N, size, size, 3)."""
    generator.eval()
    parts = zip(torch.split(batch.face, _CHUNK), torch.split(batch.mel, _CHUNK), strict=True)
    return np.concatenate([to_levels(generator(face, mel)) for face, mel in parts])


def to_levels(images: Tensor) -> np.ndarray:
    """Images in [0, 1] (N, 3, H, W) as 8-bit levels (N, H, W, 3)."""
    return (images.float() * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def trivial_answers(samples: Samples, train: Frames) -> dict[str, np.ndarray]:
    """Faces that need no learning: the identity frame as it is, and the target with the training faces' mean mouth."""
    size = samples.truth.shape[1]
    some = np.linspace(0, len(train) - 1, min(_MEAN_OF, len(train))).astype(np.int64)
    step = train.shards[0].face_size // size
    faces = train.faces(some).astype(np.float64).mean(0).reshape(size, step, size, step, 3).mean((1, 3))
    mean_mouth = samples.truth.copy()
    mean_mouth[:, size // 2 :] = np.rint(faces[size // 2 :]).astype(np.uint8)
    return {"identity frame": to_levels(samples.batch.face[:, :3]), "mean mouth": mean_mouth}


def means(scores: Scores) -> dict[str, float]:
    """The mean of every score over the samples that have one; NaN where none has."""
    finite = {key: values[~np.isnan(values)] for key, values in scores.items()}
    return {key: math.fsum(values) / len(values) if len(values) else math.nan for key, values in finite.items()}
