"""VGG16's convolutions, LPIPS on them, and DISTS, whose pooling differs.

Both have the first two convolutions in common to the bit, an eighth of the network's work, and nothing behind them:
LPIPS takes the maximum of 2 x 2 px there, DISTS the root of a weighted mean of squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsbench.networks import checkpoint, weights
from lsbench.networks.batches import Batching
from lsbench.networks.forms import unfit
from lsbench.networks.lpips import LPIPS, Scaled

CHANNELS = (3, 64, 128, 256, 512, 512)  # of the image and of the five layers that are compared
CONVOLUTIONS = (2, 2, 3, 3, 3)
PLACES = 4096  # of maps that are worked on together: more would leave the processor's cache
STEM = 4  # layers in front of the first pooling
SMALLEST = 16  # px a side, of which four poolings leave one
# Fastest on two AVX2 cores. A frame's maps of the first block alone take half a kilobyte a pixel.
BATCHING = Batching(frames=16, pixels=96 * 1024, pixel_bytes=2048, alone=64 * 1024)
EPS = 1e-6  # of DISTS, for maps without any activation

Pool = Callable[[Tensor], Tensor]


class VGG16(nn.Module):
    """Convolutions of VGG16 as torchvision numbers them; 2.8 G multiply-adds for 96 x 96 px, 32 G for 288 x 360.

    Source: Simonyan, Zisserman 2015, arXiv 1409.1556, configuration D.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for block, (before, width) in enumerate(pairwise(CHANNELS)):
            layers += [nn.MaxPool2d(2)] if block else []
            for place in range(CONVOLUTIONS[block]):
                layers += [nn.Conv2d(width if place else before, width, 3, padding=1), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)

    def stem(self, image: Tensor) -> Tensor:
        """What lies in front of the first pooling: (B, 3, H, W), scaled -> (B, 64, H, W)."""
        stem: Tensor = self.features[:STEM](image)
        return stem

    def rest(self, stem: Tensor, pool: Pool) -> Iterator[Tensor]:
        """The outputs of the other four blocks in turn, (B, channels, h, w). pool: in place of the maximum."""
        image = stem
        for layer in self.features[STEM:]:
            if not isinstance(layer, nn.MaxPool2d):
                image = layer(image)
                continue
            if image is not stem:
                yield image
            image = pool(image)
        yield image

    def forward(self, image: Tensor) -> Iterator[Tensor]:
        """The output of each of the five blocks in turn, as LPIPS takes them."""
        stem = self.stem(image)
        yield stem
        yield from self.rest(stem, largest)


class DISTS:
    """Deep image structure and texture similarity on one device: VGG16 and the two weights of each of 1,475 maps.

    Its attributes are those of LPIPS, but for weights: float64 (2, channels), texture and structure, of each layer.
    """

    smallest, batching = SMALLEST, BATCHING

    def __init__(self, trunk: VGG16, alpha: Tensor, beta: Tensor, device: str, digest: str) -> None:
        self.device = device
        self.identity: tuple[str, ...] = ("dists", digest)
        self._trunk, self._scaled = trunk, Scaled(device)
        both = torch.stack([alpha, beta]).double().to(device)
        self.weights = torch.split(both / both.sum(), list(CHANNELS), dim=1)

    def features(self, images: Tensor) -> Iterator[Tensor]:
        """The image in [0, 1] and the output of five blocks in turn: (B, 3, H, W), 0 to 255 -> (B, channels, h, w)."""
        yield images / 255
        stem = self._trunk.stem(self._scaled(images))
        yield stem
        yield from self._trunk.rest(stem, root_mean_square)

    def distance(self, reference: Iterable[Tensor], generated: Iterable[Tensor]) -> Tensor:
        """DISTS of features, float64 (B,)."""
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        for layer, (a, b) in enumerate(zip(reference, generated, strict=True)):
            total = total + self.apart(layer, a, b)
        return total

    def apart(self, layer: int, reference: Tensor, generated: Tensor) -> Tensor:
        """What a layer adds, float64 (B,): its maps' means and their changes over the frame, compared and weighted."""
        texture, structure = self.weights[layer]
        a, b = (maps.permute(0, 2, 3, 1).flatten(1, 2) for maps in (reference, generated))
        a_mean, b_mean = (places.mean(1, keepdim=True) for places in (a, b))
        changes, variances = (torch.zeros(len(a), a.shape[2], device=a.device, dtype=torch.float64) for _ in range(2))
        for a_part, b_part in zip(torch.split(a, PLACES, 1), torch.split(b, PLACES, 1), strict=True):
            a_rest, b_rest = a_part - a_mean, b_part - b_mean
            variances += a_rest.square().sum(1) + b_rest.square().sum(1)
            changes += a_rest.sub_(b_rest).square_().sum(1)
        unlike = changes / (variances + EPS * a.shape[1])
        a_mean, b_mean = a_mean[:, 0].double(), b_mean[:, 0].double()
        apart = (a_mean - b_mean) ** 2 / (a_mean**2 + b_mean**2 + EPS)
        return (texture * apart + structure * unlike).sum(1)


class LPIPSAndDISTS:
    """Both in one pass: the bits of one after the other, with the first block computed once."""

    smallest, batching = SMALLEST, BATCHING

    def __init__(self, lpips: LPIPS, dists: DISTS, trunk: VGG16) -> None:
        self.device = lpips.device
        self.identity: tuple[str, ...] = (*lpips.identity, *dists.identity)
        self._lpips, self._dists, self._trunk, self._scaled = lpips, dists, trunk, Scaled(lpips.device)

    def features(self, images: Tensor) -> Iterator[Tensor]:
        """The image in [0, 1], block 1, blocks 2 to 5 as LPIPS pools, and blocks 2 to 5 as DISTS does."""
        yield images / 255
        stem = self._trunk.stem(self._scaled(images))
        yield stem
        yield from self._trunk.rest(stem, largest)
        yield from self._trunk.rest(stem, root_mean_square)

    def distance(self, reference: Iterable[Tensor], generated: Iterable[Tensor]) -> Tensor:
        """LPIPS and DISTS of features, float64 (B, 2)."""
        lpips, dists = (torch.zeros((), device=self.device, dtype=torch.float64) for _ in range(2))
        for (of_lpips, of_dists), a, b in zip(_LAYERS, reference, generated, strict=True):
            if of_lpips is not None:
                lpips = lpips + self._lpips.apart(of_lpips, a, b)
            if of_dists is not None:
                dists = dists + self._dists.apart(of_dists, a, b)
        return torch.stack([lpips, dists], dim=1)


# Of LPIPSAndDISTS.features(): which layer of LPIPS each is, and which of DISTS.
_LAYERS = ((None, 0), (0, 1), *((layer, None) for layer in range(1, 5)), *((None, layer) for layer in range(2, 6)))


def largest(image: Tensor) -> Tensor:
    """The maximum of each 2 x 2 px."""
    return functional.max_pool2d(image, 2)


def root_mean_square(image: Tensor) -> Tensor:
    """The root of the mean square of 3 x 3 px, weighted 1, 2, 1 both ways, at every second one; 0 outside the image."""
    weights = torch.tensor([1.0, 2.0, 1.0], device=image.device)
    window = (torch.outer(weights, weights) / 16).expand(image.shape[1], 1, 3, 3)
    mean = functional.conv2d(image.square(), window, stride=2, padding=1, groups=image.shape[1])
    return mean.add_(1e-12).sqrt_()


def load(path: Path, device: str = "cpu") -> LPIPS:
    """LPIPS on the trunk of a file such as `vgg16` of weights.py, loaded once for each content."""
    sha256 = weights.sha256(path)
    return _lpips(path, sha256, device)


def load_dists(path: Path, own: Path, device: str = "cpu") -> DISTS:
    """DISTS on the trunk of a file such as `vgg16` of weights.py, with the weights of one such as `dists`."""
    return _dists(path, weights.sha256(path), own, weights.sha256(own), device)


def load_both(path: Path, own: Path, device: str = "cpu") -> LPIPSAndDISTS:
    """LPIPS and DISTS on one trunk; see load_dists()."""
    trunk = _trunk(path, weights.sha256(path), device)
    return LPIPSAndDISTS(load(path, device), load_dists(path, own, device), trunk)


@lru_cache(maxsize=2)
def _trunk(path: Path, sha256: str, device: str) -> VGG16:
    """sha256, here and below, is there to tell a changed file from the one loaded."""
    return checkpoint.load_trunk(VGG16, path).to(device).to(memory_format=torch.channels_last)


@lru_cache(maxsize=2)
def _lpips(path: Path, sha256: str, device: str) -> LPIPS:
    return LPIPS(_trunk(path, sha256, device), "vgg", device, sha256, SMALLEST, BATCHING)


@lru_cache(maxsize=2)
def _dists(path: Path, sha256: str, own: Path, own_sha256: str, device: str) -> DISTS:
    state = checkpoint.read_state(own)
    alpha, beta = (state[name].flatten() if name in state else torch.empty(0) for name in ("alpha", "beta"))
    if (len(alpha), len(beta)) != (sum(CHANNELS), sum(CHANNELS)):
        found = ", ".join(f"{name} {tuple(values.shape)}" for name, values in state.items())
        raise unfit(own, f"is not for DISTS: it holds {found}; expected alpha and beta of {sum(CHANNELS)}")
    if not alpha.sum() + beta.sum() > 0:
        raise unfit(own, "is not for DISTS: its weights add up to no positive number")
    return DISTS(_trunk(path, sha256, device), alpha, beta, device, sha256)
