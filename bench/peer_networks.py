"""The networks of the peers, with the weights that lsbench has: the same numbers on both sides of a comparison."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import lpips
import pytorch_fid.inception as pytorch_fid
import torch
from torch import Tensor

from lsbench.errors import WeightsError
from lsbench.networks import weights
from lsbench.networks.checkpoint import read_state

NAMES = ("inception", "alexnet")
CONVOLUTIONS = (0, 3, 6, 8, 10)  # of AlexNet, as torchvision numbers its layers


def weight_files(folder: Path) -> tuple[dict[str, Path], str]:
    """The files of both networks and what they are: the real ones where both are there, else random ones in folder."""
    try:
        return {name: weights.require(name, offline=True)[0] for name in NAMES}, "real weights"
    except WeightsError:
        torch.manual_seed(0)
        inception = pytorch_fid_whole(None)
        for module in inception.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
        trunk = _lpips().net
        convolutions = [module for module in trunk.modules() if isinstance(module, torch.nn.Conv2d)]
        alexnet = {
            f"features.{place}.{part}": getattr(module, part).detach()
            for place, module in zip(CONVOLUTIONS, convolutions, strict=True)
            for part in ("weight", "bias")
        }
        for name, state in {"inception": inception.state_dict(), "alexnet": alexnet}.items():
            torch.save(state, folder / f"{name}.pth")
        return {name: folder / f"{name}.pth" for name in NAMES}, "random weights"


def pytorch_fid_whole(path: Path | None) -> torch.nn.Module:
    """pytorch-fid's whole Inception, with the weights of a file or those that it starts with."""
    state = None
    if path:
        state = {**read_state(path), "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    load = torch.nn.Module.load_state_dict if path else mock.Mock()
    with (
        mock.patch.object(pytorch_fid, "load_state_dict_from_url", lambda *_, **__: state),
        mock.patch.object(torch.nn.Module, "load_state_dict", load),
    ):
        whole: torch.nn.Module = pytorch_fid.fid_inception_v3()
    return whole


def pytorch_fid_network(path: Path) -> torch.nn.Module:
    """pytorch_fid.inception.InceptionV3 for its 2048 features."""
    whole = pytorch_fid_whole(path)
    with mock.patch.object(pytorch_fid, "fid_inception_v3", lambda: whole):
        network: torch.nn.Module = pytorch_fid.InceptionV3([3]).eval()
    return network


def lpips_network(path: Path) -> torch.nn.Module:
    """lpips.LPIPS on AlexNet: its own heads, the trunk of a file."""
    return _with_trunk(_lpips(), path)


def torchmetrics_metrics(files: dict[str, Path], device: str) -> dict[str, Any]:
    """torchmetrics' four metrics, for images float32 (B, 3, H, W) in [0, 1]; LPIPS' trunk and FID's network are given.

    SSIM is another definition there: it averages a border of reflected pixels too.
    """
    from torchmetrics import image as metrics

    trunk = torch.nn.Sequential(*_alexnet_layers())
    with mock.patch("torchmetrics.functional.image.lpips._get_tv_model_features", lambda *_, **__: trunk):
        lpips_metric = metrics.LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
    _with_trunk(lpips_metric.net, files["alexnet"])
    made = {
        "psnr": metrics.PeakSignalNoiseRatio(data_range=1.0, reduction="elementwise_mean", dim=(1, 2, 3)),
        "ssim": metrics.StructuralSimilarityIndexMeasure(data_range=1.0),
        "lpips": lpips_metric,
        "fid": metrics.FrechetInceptionDistance(feature=_Features(files["inception"]), normalize=True),
    }
    return {name: metric.to(device) for name, metric in made.items()}


class _Features(torch.nn.Module):
    """pytorch-fid's network as torchmetrics asks for it: of bytes (B, 3, H, W)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.network = pytorch_fid_network(path)
        self.num_features = 2048

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images.float() / 255)[0]
        return features[..., 0, 0]


def _alexnet_layers() -> list[torch.nn.Module]:
    """torchvision's AlexNet without its classifier, weights to be filled in."""
    from torch import nn

    widths = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
    layers: list[torch.nn.Module] = []
    for place, (channels, width, kernel, stride, padding) in enumerate(widths):
        layers += [nn.Conv2d(channels, width, kernel, stride, padding), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(3, 2)] if place in (0, 1, 4) else []
    return layers


def _lpips() -> Any:
    """lpips.LPIPS with a random trunk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision, on how lpips calls it
        return lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)


def _with_trunk(network: torch.nn.Module, path: Path) -> torch.nn.Module:
    """A network of LPIPS with the convolutions of a file, in eval mode."""
    state = read_state(path)
    trunk: Any = network.net
    convolutions = [module for module in trunk.modules() if isinstance(module, torch.nn.Conv2d)]
    for place, module in zip(CONVOLUTIONS, convolutions, strict=True):
        module.weight.data.copy_(state[f"features.{place}.weight"])
        module.bias.data.copy_(state[f"features.{place}.bias"])  # type: ignore[union-attr]
    return network.eval()
