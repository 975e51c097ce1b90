"""SyncNet v2: embeddings of five frames of a face and of the 0.2 s of sound that goes with them.

Chung & Zisserman 2016, Out of time: automated lip sync in the wild, with the layers of the authors' syncnet_v2.model.
Every batch norm is folded into its convolution. The first convolution of faces spans all five frames of a window and
no later one spans time, so it runs as a 2-D convolution over the 15 channels of the frames, and all windows as one
batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from lsbench.networks import checkpoint, weights

WIDTH = 1024  # numbers an embedding
FRAMES = 5  # pictures of a window
STEPS = 20  # MFCC frames of a window
REVISION = 2  # changes whenever an embedding may change


class Conv(nn.Conv2d):
    """A convolution, its folded batch norm as bias, and ReLU."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).relu_()


class SyncNet(nn.Module):
    """The two towers, layers named as in the authors' file; 1.6 G multiply-adds a window of faces, 0.24 G of sound."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnlip = _numbered(
            {
                0: Conv(3 * FRAMES, 96, 7, stride=2),
                3: nn.MaxPool2d(3, stride=2),
                4: Conv(96, 256, 5, stride=2, padding=1),
                7: nn.MaxPool2d(3, stride=2, padding=1),
                8: Conv(256, 256, 3, padding=1),
                11: Conv(256, 256, 3, padding=1),
                14: Conv(256, 256, 3, padding=1),
                17: nn.MaxPool2d(3, stride=2),
                18: Conv(256, 512, 6),
            }
        )
        self.netcnnaud = _numbered(
            {
                0: Conv(1, 64, 3, padding=1),
                4: Conv(64, 192, 3, padding=1),
                7: nn.MaxPool2d(3, stride=(1, 2)),
                8: Conv(192, 384, 3, padding=1),
                11: Conv(384, 256, 3, padding=1),
                14: Conv(256, 256, 3, padding=1),
                17: nn.MaxPool2d(3, stride=2),
                18: Conv(256, 512, (5, 4)),
            }
        )
        self.netfclip, self.netfcaud = _head(), _head()

    def faces(self, windows: Tensor) -> Tensor:
        """Embeddings (B, 1024) of windows float32 (B, 15, 224, 224), 0 to 255.

        Channel 5 c + t is colour c of frame t, in the order blue, green, red.
        """
        embeddings: Tensor = self.netfclip(self.netcnnlip(windows).flatten(1))
        return embeddings

    def sound(self, windows: Tensor) -> Tensor:
        """Embeddings (B, 1024) of MFCC windows float32 (B, 1, 13, 20)."""
        embeddings: Tensor = self.netfcaud(self.netcnnaud(windows).flatten(1))
        return embeddings


def load(path: Path, device: str = "cpu") -> SyncNet:
    """The network with the weights of a file such as `syncnet` of weights.py, loaded once for each content."""
    return _load(path, weights.sha256(path), device)


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str, device: str) -> SyncNet:
    """sha256 is there to tell a changed file from the one loaded."""
    network = checkpoint.load(SyncNet, path, _norm_of, eps=1e-5, biased=True)
    return network.to(device).to(memory_format=torch.channels_last)


def _norm_of(conv: str) -> str:
    """The batch norm behind a convolution of the file: the next layer of its tower."""
    tower, _, number = conv.rpartition(".")
    return f"{tower}.{int(number) + 1}" if number.isdigit() else f"batch norm behind {conv}"


def _numbered(layers: Mapping[int, nn.Module]) -> nn.Sequential:
    """Layers in a row under the numbers of the file, whose batch norms and ReLUs are not there."""
    tower = nn.Sequential()
    for number, layer in layers.items():
        tower.add_module(str(number), layer)
    return tower


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, WIDTH))
