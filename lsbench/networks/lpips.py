"""The network of LPIPS: a trunk's convolutions, and the linear heads that weigh what they see."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from lsbench.errors import WeightsError
from lsbench.networks.batches import Batching
from lsbench.networks.checkpoint import read_state

HEADS_SHA256 = {  # of lpips/weights/v0.1/NET.pth
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}
EPS = 1e-10
SHIFT = (-0.030, -0.088, -0.188)  # of images in [-1, 1]
SCALE = (0.458, 0.448, 0.450)


class LPIPS:
    """A trunk and its heads on one device.

    Attributes:
        device: where they are.
        identity: of the features: the network, and the digests of its weights.
        smallest: px a side that the trunk can take.
        batching: of frames on the CPU.
        heads: float32 (channels, 1, 1), the weights of each layer.
    """

    def __init__(
        self,
        trunk: Callable[[Tensor], Iterator[Tensor]],
        net: str,
        device: str,
        digest: str,
        smallest: int,
        batching: Batching,
    ) -> None:
        """trunk: from scaled images to the output of five layers in turn. net: `alex` or `vgg`."""
        self.device = device
        self.identity: tuple[str, ...] = (net, digest)
        self.smallest, self.batching = smallest, batching
        self.heads = [head.view(-1, 1, 1).to(device) for head in heads(net)]
        self._trunk = trunk
        self._scaled = Scaled(device)

    def features(self, images: Tensor) -> Iterator[Tensor]:
        """Activations layer by layer: (B, 3, H, W), 0 to 255 -> (B, channels, h, w)."""
        return self._trunk(self._scaled(images))

    def distance(self, reference: Iterable[Tensor], generated: Iterable[Tensor]) -> Tensor:
        """LPIPS of features, float64 (B,)."""
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        for layer, (a, b) in enumerate(zip(reference, generated, strict=True)):
            total = total + self.apart(layer, a, b)
        return total

    def apart(self, layer: int, reference: Tensor, generated: Tensor) -> Tensor:
        """What a layer adds, float64 (B,): squared differences, weighted, averaged over places."""
        weighted = _unit(reference).sub_(_unit(generated)).square_().mul_(self.heads[layer])
        # Along the memory of each frame: sums over channels and places apart would depend on the size of the batch.
        return weighted.permute(0, 2, 3, 1).flatten(1).sum(1).double() / weighted[0, 0].numel()


class Scaled:
    """Images (B, 3, H, W), 0 to 255, as trunks take them: of about zero mean and unit deviation over ImageNet."""

    def __init__(self, device: str) -> None:
        self._shift, self._scale = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (SHIFT, SCALE))

    def __call__(self, images: Tensor) -> Tensor:
        return images.div(127.5).sub_(1).sub_(self._shift).div_(self._scale)


def heads(net: str) -> list[Tensor]:
    """The heads of version 0.1, float32 (channels,) a layer, which come with the lpips package; its code is not run."""
    package = find_spec("lpips")
    if package is None or not package.submodule_search_locations:
        raise WeightsError("LPIPS takes its linear heads from the package lpips, which is missing: pip install lpips")
    path = Path(package.submodule_search_locations[0], "weights", "v0.1", f"{net}.pth")
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}); pip install --force-reinstall lpips==0.1.4") from error
    expected = HEADS_SHA256[net]
    if found != expected:
        raise WeightsError(
            f"{path} has sha256 {found[:12]}, expected {expected[:12]}; pip install --force-reinstall lpips==0.1.4"
        )
    return [head.flatten() for head in read_state(path).values()]


def _unit(layer: Tensor) -> Tensor:
    """Activations of unit length at each place."""
    return layer / (torch.linalg.vector_norm(layer, dim=1, keepdim=True) + EPS)
