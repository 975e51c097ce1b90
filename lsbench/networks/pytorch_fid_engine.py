"""FID's features by pytorch-fid's own class, for reviewers who want the peer's code and not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from lsbench.networks import checkpoint
from lsbench.networks.forms import unfit


def load(path: Path, device: str = "cpu") -> Callable[[Tensor], Tensor]:
    """pytorch_fid.inception.InceptionV3 with the weights of a file.

    The class fetches its weights when it is made; here it is handed those of `path` instead.

    Args:
        path: pt_inception-2015-12-05-6726825d.pth, or a file of the same tensors.
        device: where it runs.

    Returns:
        A function of float32 (B, 3, H, W) images, levels 0 to 255, that gives features, float32 (B, 2048).

    Raises:
        WeightsError: where the file does not hold the network.
    """
    from pytorch_fid import inception

    state = checkpoint.read_state(path)
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}  # a classifier that is not asked
    with mock.patch.object(inception, "load_state_dict_from_url", lambda *_, **__: state):
        try:
            network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise unfit(path, f"is not for pytorch-fid's InceptionV3: {reason}") from error
    network = network.to(device).eval()

    def features(images: Tensor) -> Tensor:
        with torch.inference_mode():
            pooled: Tensor = network(images / 255)[0]
            return pooled[..., 0, 0]

    return features
