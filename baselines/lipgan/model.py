"""LipGAN's generator and its contrastive discriminator.

Faces are float (N, channels, size, size) in [0, 1]; mel is float (N, 1, 80, 27) in [-4, 4], 80 bands by 27 steps of
12.5 ms, centred on the frame. Source: KR et al., "Towards Automatic Face-to-Face Translation", ACM MM 2019, in the form
of the authors' Keras code (branch fully_pythonic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.blocks import BATCH_NORM_EPS, LEAK, Conv, conv, initialise, residuals, scaled, tconv
from lsbench.errors import GeneratorError
from lsbench.registry import unknown

SIZES = (24, 48, 96)  # px; a smaller face leaves out the deepest levels


@dataclass(frozen=True)
class Level:
    """One resolution of the face encoder: the conv that leads to it, and the residual blocks there."""

    channels: int
    kernel: int = 3
    residuals: int = 0


@dataclass(frozen=True)
class Plan:
    """What the two variants of the generator differ in.

    levels: of the face encoder, 96, 48, 24, 12, 6 and 3 px. decoded: residual blocks at each level of the decoder but
    the first and the last. heard: residual blocks in an audio stage; where there is none, two more convs.
    face_embedding: channels.
    """

    levels: tuple[Level, ...]
    decoded: int
    heard: int
    face_embedding: int


PLANS = {
    "residual": Plan(
        levels=(Level(32, 7), Level(64, 5, 2), Level(128, 3, 3), Level(256, 3, 2), Level(512, 3, 2), Level(512)),
        decoded=2,
        heard=2,
        face_embedding=512,
    ),
    "basic": Plan(
        levels=(Level(32, 11), Level(64, 7), Level(128, 5), Level(256), Level(512), Level(512)),
        decoded=0,
        heard=0,
        face_embedding=256,
    ),
}
EMBEDDING = 512
SHOWN = 6  # channels of identity frame and pose prior
# Channels and stride of the audio stages, which lead to 80 x 27, 27 x 9, 9 x 9 and 3 x 3.
AUDIO: tuple[tuple[int, int | tuple[int, int]], ...] = ((32, 1), (64, 3), (128, (3, 1)), (256, 3))
# Channels and kernel of the discriminator's face stages, stride 2, which lead to 48, 24, 12, 6 and 3 px.
JUDGED = ((64, 7), (128, 5), (256, 3), (512, 3), (512, 3))


def halvings(size: int) -> int:
    """How often a face of `size` px is halved down to 3 px; GeneratorError for a size that is not offered."""
    if size not in SIZES:
        raise GeneratorError(f"face size {size}; expected one of {', '.join(map(str, SIZES))} px")
    return (size // 3).bit_length() - 1


class Generator(nn.Module):
    """Face and sound to a face whose mouth says it: 49,543,123 parameters (basic variant: 21,469,843).

    width: factor on all channels. variant: `residual`, or `basic` without residual blocks. size: of the face, px.
    floor: least channels of the layers that a picture goes through, face encoder, decoder and head: few blur it.
    """

    def __init__(self, width: float = 1.0, variant: str = "residual", size: int = 96, floor: int = 1) -> None:
        super().__init__()
        if variant not in PLANS:
            raise GeneratorError(unknown("generator variant", variant, PLANS))
        if not 0 < width < float("inf"):
            raise GeneratorError(f"generator width {width}; expected a factor above 0")
        plan = PLANS[variant]
        levels = plan.levels[: halvings(size) + 1]
        channels = [max(floor, scaled(level.channels, width)) for level in levels]
        seen, heard, deepest = (scaled(count, width) for count in (plan.face_embedding, EMBEDDING, 512))

        # In the order in which the Keras code makes its layers: baselines.lipgan.keras relies on it.
        self.face = nn.ModuleList()
        for before, here, level in zip([SHOWN, *channels], channels, levels, strict=False):
            first = conv(before, here, level.kernel, stride=2 if len(self.face) else 1)
            self.face.append(nn.Sequential(first, *residuals(here, level.residuals)))
        self.face_embedding = nn.Sequential(conv(channels[-1], deepest, padding="valid"), conv(deepest, seen, kernel=1))
        self.audio = audio_encoder(width, plan.heard)
        self.decoder = nn.ModuleList([nn.Sequential(tconv(seen + heard, channels[-1], stride=3))])
        for depth in reversed(range(len(levels) - 1)):
            blocks = residuals(channels[depth], plan.decoded if depth else 0)
            self.decoder.append(nn.Sequential(tconv(2 * channels[depth + 1], channels[depth]), *blocks))
        last = max(floor, scaled(16, width))
        self.head = nn.Sequential(conv(2 * channels[0], last), conv(last, last), Conv(last, 3, kernel=1))
        initialise(self)

    def forward(self, face: Tensor, mel: Tensor) -> Tensor:
        """face (N, 6, size, size): identity frame, then pose prior; mel -> float32 (N, 3, size, size) in [0, 1]."""
        levels = []
        for stage in self.face:
            face = stage(face)
            levels.append(face)
        image = torch.cat([self.face_embedding(face), self.audio(mel)], 1)
        for stage, level in zip(self.decoder, reversed(levels), strict=True):
            image = torch.cat([level, stage(image)], 1)
        return torch.sigmoid(self.head(image).float())


def audio_encoder(width: float, blocks: int) -> nn.Sequential:
    """mel -> (N, 512 width, 1, 1)."""
    layers: list[nn.Module] = []
    before = 1
    for channels, stride in AUDIO:
        here = scaled(channels, width)
        layers.append(conv(before, here, stride=stride))
        layers += residuals(here, blocks) if blocks else [conv(here, here), conv(here, here)]
        before = here
    last = scaled(EMBEDDING, width)
    return nn.Sequential(*layers, conv(before, last, padding="valid"), conv(last, last, kernel=1))


class Discriminator(nn.Module):
    """How far a face is from a sound: the Euclidean distance of two embeddings of length 1, so from 0 to 2.

    The last conv of either branch stands alone: a norm would blank its single pixel, a ReLU hide most of the sphere.
    """

    def __init__(self, width: float = 1.0, size: int = 96) -> None:
        super().__init__()
        self.face = face_branch(width, size)
        self.audio = audio_branch(width, batch_norm=True)
        initialise(self)

    def forward(self, face: Tensor, mel: Tensor) -> Tensor:
        """face (N, 3, size, size), mel -> distance float32 (N,)."""
        seen, heard = functional.normalize(self.face(face).float()), functional.normalize(self.audio(mel).float())
        # The slope of a root at 0 is infinite, so distances end at 1e-6.
        return (seen - heard).square().sum(1).clamp_min(1e-12).sqrt()


def face_branch(width: float, size: int) -> nn.Sequential:
    """A face (N, 3, size, size) -> float (N, 512 width). Instance norms look at one sample only."""
    layers: list[nn.Module] = []
    before = 3
    for channels, kernel in JUDGED[: halvings(size)]:
        here = scaled(channels, width)
        norm = nn.InstanceNorm2d(here, BATCH_NORM_EPS, affine=True)
        layers += [Conv(before, here, kernel, stride=2), norm, nn.LeakyReLU(LEAK)]
        before = here
    return nn.Sequential(*layers, Conv(before, scaled(EMBEDDING, width), padding="valid"), nn.Flatten())


def audio_branch(width: float, *, batch_norm: bool) -> nn.Sequential:
    """mel -> float (N, 512 width), by conv blocks, or by convs and leaky ReLU where no sample may meet another."""

    def block(channels_in: int, channels_out: int, **options: Any) -> nn.Sequential:
        if batch_norm:
            return conv(channels_in, channels_out, **options)
        return nn.Sequential(Conv(channels_in, channels_out, **options), nn.LeakyReLU(LEAK))

    layers: list[nn.Module] = []
    before = 1
    for channels, stride in AUDIO:
        here = scaled(channels, width)
        layers.append(block(before, here, stride=stride))
        before = here
    last = scaled(EMBEDDING, width)
    return nn.Sequential(*layers, block(before, last, padding="valid"), Conv(last, last, kernel=1), nn.Flatten())
