"""AlexNet's convolutions, and LPIPS on them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from lsbench.networks import checkpoint, weights
from lsbench.networks.batches import Batching
from lsbench.networks.lpips import LPIPS

SMALLEST = 31  # px a side, the least that it can take
BATCHING = Batching(frames=20, pixels=8 * 288 * 360, pixel_bytes=256)  # fastest on two AVX2 cores


class AlexNet(nn.Module):
    """Convolutions of AlexNet as torchvision numbers them; 0.2 G multiply-adds for 96 x 96 px, 1.4 G for 288 x 360.

    Source: Krizhevsky 2014, arXiv 1404.5997.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: Tensor) -> Iterator[Tensor]:
        """The output of each of the five ReLUs in turn, (B, channels, height, width)."""
        for layer in self.features:
            image = layer(image)
            if isinstance(layer, nn.ReLU):
                yield image


def load(path: Path, device: str = "cpu") -> LPIPS:
    """LPIPS on the trunk of a file such as `alexnet` of weights.py, loaded once for each content."""
    return _load(path, weights.sha256(path), device)


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str, device: str) -> LPIPS:
    """sha256 is there to tell a changed file from the one loaded."""
    trunk = checkpoint.load_trunk(AlexNet, path).to(device).to(memory_format=torch.channels_last)
    return LPIPS(trunk, "alex", device, sha256, SMALLEST, BATCHING)
