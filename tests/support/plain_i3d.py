"""I3D as its paper draws it, in plain PyTorch: separate batch norms, zero padding by hand, 3-D convolutions.

What lsbench.networks.i3d is held to, and timed against. Nothing here is folded, rearranged or kept. Its tensors are
named as in the weight file.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

MIXED = {  # channels in, and of the six convolutions: 1x1; 1x1, 3x3; 1x1, 3x3; 1x1 behind the pool
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


def padded(clip: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """TensorFlow's "SAME": as many zeros as the last step needs, the odd one at the end."""
    margins: list[int] = []
    for size, width, step in reversed(list(zip(clip.shape[2:], kernel, stride, strict=True))):
        total = max(0, (-(-size // step) - 1) * step + width - size)
        margins += [total // 2, total - total // 2]
    return functional.pad(clip, margins)


class Unit(nn.Module):
    """Convolution, batch norm without scale, ReLU."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, width, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(width, eps=1e-3)
        self.bn.register_parameter("weight", None)

    def forward(self, clip: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(padded(clip, self.conv.kernel_size, self.conv.stride))))


def pooled(clip: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    return functional.max_pool3d(padded(clip, kernel, stride), kernel, stride)


class Branch(nn.Module):
    """Units one behind the other, by their names in the file."""

    def __init__(self, **units: Unit) -> None:
        super().__init__()
        for name, unit in units.items():
            self.add_module(name, unit)

    def forward(self, clip: Tensor) -> Tensor:
        for unit in self.children():
            clip = unit(clip)
        return clip


class Mixed(nn.Module):
    def __init__(self, channels: int, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
        super().__init__()
        self.Branch_0 = Branch(Conv3d_0a_1x1=Unit(channels, a, 1))
        self.Branch_1 = Branch(Conv3d_0a_1x1=Unit(channels, b, 1), Conv3d_0b_3x3=Unit(b, c, 3))
        self.Branch_2 = Branch(Conv3d_0a_1x1=Unit(channels, d, 1), Conv3d_0b_3x3=Unit(d, e, 3))
        self.Branch_3 = Branch(Conv3d_0b_1x1=Unit(channels, f, 1))

    def forward(self, clip: Tensor) -> Tensor:
        shrunk = pooled(clip, (3, 3, 3), (1, 1, 1))
        branches = (self.Branch_0(clip), self.Branch_1(clip), self.Branch_2(clip), self.Branch_3(shrunk))
        return torch.cat(branches, 1)


class PlainI3D(nn.Module):
    """Clips float32 (B, 3, T, 224, 224) in [-1, 1] to logits (B, 400), averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(*widths))
        self.Logits = nn.ModuleDict({"Conv3d_0c_1x1": nn.ModuleDict({"conv": nn.Conv3d(1024, 400, 1)})})

    def forward(self, clip: Tensor) -> Tensor:
        clip = pooled(self.Conv3d_1a_7x7(clip), (1, 3, 3), (1, 2, 2))
        clip = pooled(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(clip)), (1, 3, 3), (1, 2, 2))
        clip = pooled(self._mixed(clip, "3b", "3c"), (3, 3, 3), (2, 2, 2))
        clip = pooled(self._mixed(clip, "4b", "4c", "4d", "4e", "4f"), (2, 2, 2), (2, 2, 2))
        clip = self._mixed(clip, "5b", "5c")
        clip = functional.avg_pool3d(clip, (2, 7, 7), 1)
        logits: Tensor = self.get_submodule("Logits.Conv3d_0c_1x1.conv")(clip)
        return logits[:, :, :, 0, 0].mean(2)

    def _mixed(self, clip: Tensor, *names: str) -> Tensor:
        for name in names:
            clip = self.get_submodule(f"Mixed_{name}")(clip)
        return clip


def seeded(seed: int = 0) -> PlainI3D:
    """The network with random weights that keep activations in range, batch norm statistics included."""
    network, random = PlainI3D().eval(), torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=random)
        if isinstance(module, Unit):
            norm = module.bn.state_dict()
            norm["running_var"].uniform_(0.8, 1.2, generator=random)
            for part in ("bias", "running_mean"):
                norm[part].normal_(0, 0.1, generator=random)
    return network
