"""The Inception network of FID: the 2048 features behind its last average pooling.

The 2015-12-05 Inception of TensorFlow as ported by pytorch-fid (Seitzer 2020), which differs from torchvision's in its
pools: averages leave the padding out, and the last block takes a maximum.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsbench.networks import checkpoint

INPUT = 299  # px, both sides


class Conv(nn.Conv2d):
    """A convolution, its folded batch norm as bias, and ReLU."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).relu_()


def same(channels: int, width: int, *kernel: int) -> Conv:
    """A convolution that keeps the image size; kernel: its side, or its height and width."""
    height, breadth = kernel if len(kernel) == 2 else kernel * 2
    return Conv(channels, width, (height, breadth), padding=(height // 2, breadth // 2))


def average(image: Tensor) -> Tensor:
    """Mean over 3x3 pixels, of those inside the image."""
    return functional.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)


def shrink(image: Tensor) -> Tensor:
    """Maximum over 3x3 pixels at every second one."""
    return functional.max_pool2d(image, 3, stride=2)


class BlockA(nn.Module):
    """35 x 35: branches of 1x1, 5x5, twice 3x3, and pooling."""

    def __init__(self, channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = same(channels, 64, 1)
        self.branch5x5_1 = same(channels, 48, 1)
        self.branch5x5_2 = same(48, 64, 5)
        self.branch3x3dbl_1 = same(channels, 64, 1)
        self.branch3x3dbl_2 = same(64, 96, 3)
        self.branch3x3dbl_3 = same(96, 96, 3)
        self.branch_pool = same(channels, pooled, 1)

    def forward(self, image: Tensor) -> Tensor:
        wide = self.branch5x5_2(self.branch5x5_1(image))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(image)))
        return torch.cat([self.branch1x1(image), wide, double, self.branch_pool(average(image))], 1)


class BlockB(nn.Module):
    """35 x 35 to 17 x 17."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = same(channels, 64, 1)
        self.branch3x3dbl_2 = same(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(image)))
        return torch.cat([self.branch3x3(image), double, shrink(image)], 1)


class BlockC(nn.Module):
    """17 x 17: branches of 1x1, 7x7 in two and in four strips, and pooling."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.branch1x1 = same(channels, 192, 1)
        self.branch7x7_1 = same(channels, width, 1)
        self.branch7x7_2 = same(width, width, 1, 7)
        self.branch7x7_3 = same(width, 192, 7, 1)
        self.branch7x7dbl_1 = same(channels, width, 1)
        self.branch7x7dbl_2 = same(width, width, 7, 1)
        self.branch7x7dbl_3 = same(width, width, 1, 7)
        self.branch7x7dbl_4 = same(width, width, 7, 1)
        self.branch7x7dbl_5 = same(width, 192, 1, 7)
        self.branch_pool = same(channels, 192, 1)

    def forward(self, image: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(image)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(image)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(image), single, double, self.branch_pool(average(image))], 1)


class BlockD(nn.Module):
    """17 x 17 to 8 x 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = same(channels, 192, 1)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = same(channels, 192, 1)
        self.branch7x7x3_2 = same(192, 192, 1, 7)
        self.branch7x7x3_3 = same(192, 192, 7, 1)
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        strips = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(image)))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(image)), self.branch7x7x3_4(strips), shrink(image)], 1)


class BlockE(nn.Module):
    """8 x 8: branches of 1x1, 3x3 as two strips side by side, the same behind another 3x3, and pooling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch1x1 = same(channels, 320, 1)
        self.branch3x3_1 = same(channels, 384, 1)
        self.branch3x3_2a = same(384, 384, 1, 3)
        self.branch3x3_2b = same(384, 384, 3, 1)
        self.branch3x3dbl_1 = same(channels, 448, 1)
        self.branch3x3dbl_2 = same(448, 384, 3)
        self.branch3x3dbl_3a = same(384, 384, 1, 3)
        self.branch3x3dbl_3b = same(384, 384, 3, 1)
        self.branch_pool = same(channels, 192, 1)

    def pool(self, image: Tensor) -> Tensor:
        return average(image)

    def forward(self, image: Tensor) -> Tensor:
        single = self.branch3x3_1(image)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(image))
        return torch.cat(
            [
                self.branch1x1(image),
                self.branch3x3_2a(single),
                self.branch3x3_2b(single),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(self.pool(image)),
            ],
            1,
        )


class LastBlockE(BlockE):
    """The last block, which pools by maximum."""

    def pool(self, image: Tensor) -> Tensor:
        return functional.max_pool2d(image, 3, stride=1, padding=1)


class Inception(nn.Module):
    """Images (B, 3, 299, 299) prepared by `prepare` to features float32 (B, 2048). 5.7 G multiply-adds an image."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = same(32, 64, 3)
        self.Conv2d_3b_1x1 = same(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b = BlockC(768, 128)
        self.Mixed_6c = BlockC(768, 160)
        self.Mixed_6d = BlockC(768, 160)
        self.Mixed_6e = BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b = BlockE(1280)
        self.Mixed_7c = LastBlockE(2048)

    def forward(self, image: Tensor) -> Tensor:
        image = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(image)))
        image = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(shrink(image)))
        image = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(shrink(image))))
        image = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(image)))))
        image = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(image)))
        return image.mean((2, 3))


def prepare(frames: Tensor) -> Tensor:
    """float32 (B, 3, H, W), 0 to 255, bilinear to 299 x 299 (no antialias, corners not aligned), to [-1, 1]."""
    image = functional.interpolate(frames / 255, (INPUT, INPUT), mode="bilinear", align_corners=False)
    return image.mul_(2).sub_(1)


def load(path: Path) -> Inception:
    """The network with the weights of a file such as `inception` of lsbench.networks.weights."""
    return checkpoint.load(Inception, path, lambda conv: conv.removesuffix("conv") + "bn")
