"""The network of LPIPS: AlexNet's convolutions, and the linear heads that weigh what they see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from lsbench.errors import WeightsError
from lsbench.networks import checkpoint, weights
from lsbench.networks.forms import unfit

HEADS_SHA256 = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"  # of lpips/weights/v0.1/alex.pth
EPS = 1e-10
SHIFT = (-0.030, -0.088, -0.188)  # of images in [-1, 1]
SCALE = (0.458, 0.448, 0.450)


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


class LPIPS:
    """AlexNet and heads on one device.

    heads: float32 (channels, 1, 1), the weights of each of the five layers.
    """

    def __init__(self, trunk: AlexNet, heads: list[Tensor], device: str) -> None:
        self.device = device
        self.heads = [head.view(-1, 1, 1).to(device) for head in heads]
        self._trunk = trunk.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self._shift, self._scale = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (SHIFT, SCALE))

    def features(self, images: Tensor) -> Iterator[Tensor]:
        """Activations layer by layer, of unit length at each place: (B, 3, H, W), 0 to 255 -> (B, channels, h, w)."""
        scaled = images.div(127.5).sub_(1).sub_(self._shift).div_(self._scale)
        for layer in self._trunk(scaled):
            yield layer / (torch.linalg.vector_norm(layer, dim=1, keepdim=True) + EPS)

    def distance(self, reference: Iterable[Tensor], generated: Iterable[Tensor]) -> Tensor:
        """LPIPS of features, float64 (B,): squared differences, weighted, averaged over places, added up."""
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        for head, a, b in zip(self.heads, reference, generated, strict=True):
            weighted = (a - b).square_().mul_(head)
            # Along the memory of each frame: sums over channels and places apart would depend on the size of the batch.
            total = total + weighted.permute(0, 2, 3, 1).flatten(1).sum(1).double() / weighted[0, 0].numel()
        return total


def load(path: Path, device: str = "cpu") -> LPIPS:
    """The network with the trunk of a file such as `alexnet` of weights.py, loaded once for each content."""
    return _load(path, weights.sha256(path), device)


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str, device: str) -> LPIPS:
    """sha256 is there to tell a changed file from the one loaded."""
    with torch.device("meta"):
        trunk = AlexNet()
    try:
        trunk.load_state_dict(checkpoint.read_state(path), assign=True)
    except RuntimeError as error:
        raise unfit(path, f"does not hold AlexNet ({' '.join(str(error).split())[:200]})") from error
    return LPIPS(trunk, _heads(), device)


def _heads() -> list[Tensor]:
    """The heads of version 0.1, which come with the lpips package; its code is not run."""
    package = find_spec("lpips")
    if package is None or not package.submodule_search_locations:
        raise WeightsError("LPIPS takes its linear heads from the package lpips, which is missing: pip install lpips")
    path = Path(package.submodule_search_locations[0], "weights", "v0.1", "alex.pth")
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}); pip install --force-reinstall lpips==0.1.4") from error
    if found != HEADS_SHA256:
        raise WeightsError(
            f"{path} has sha256 {found[:12]}, expected {HEADS_SHA256[:12]}; pip install --force-reinstall lpips==0.1.4"
        )
    return [head.flatten() for head in checkpoint.read_state(path).values()]
