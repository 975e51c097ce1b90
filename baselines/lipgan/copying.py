"""First weights with which the generator gives the identity frame back, so that it need not learn to copy."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from baselines.blocks import Conv
from baselines.lipgan.model import SHOWN, Generator
from lsbench.errors import GeneratorError

COLOURS = 3


@torch.no_grad()
def copy_identity(generator: Generator) -> None:
    """Let the layers at full size hand the identity frame on; all other weights stay random.

    The first two of them hand on both pictures. The third bends the identity frame's colours, each in as many places as
    it has channels for, and the last adds up what undoes the sigmoid: 16 channels copy even noise to 44 dB, 24 to 51.
    Batch norms must be frozen, and then do nothing. GeneratorError where there are fewer than 6 channels.
    """
    stages = generator.face[0], generator.head
    stem, before, bend, last = (layer for stage in stages for layer in stage.modules() if isinstance(layer, Conv))
    fewest = min(stem.out_channels, bend.out_channels)
    if fewest < SHOWN:
        raise GeneratorError(f"start=copying takes {SHOWN} channels at full size, here {fewest}; raise floor")
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.fill_(1 - module.eps)

    knots, slopes, offset = bent_logit(bend.out_channels // COLOURS)
    colours, each = torch.eye(COLOURS), torch.ones(len(knots), 1)
    for layer, weights in (
        (stem, torch.eye(SHOWN)),
        (before, torch.eye(SHOWN)),
        (bend, torch.kron(colours, each)),
        (last, torch.kron(colours, torch.from_numpy(slopes)[None])),
    ):
        rows, columns = weights.shape
        middle = layer.kernel_size[0] // 2
        layer.weight[:rows] = 0
        layer.weight[:rows, :columns, middle, middle] = weights
    if bend.bias is not None and last.bias is not None:
        bend.bias[: COLOURS * len(knots)] = -torch.from_numpy(np.tile(knots, COLOURS))
        last.bias[:] = offset


def bent_logit(count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Knots (count,), slopes (count,) and offset of the bent line that the sigmoid turns into the 256 levels again.

    logit(x) is about offset + sum of slopes * max(x - knots, 0). The knots lie denser near 0 and 1, where logit bends;
    the rest has the least square error behind the sigmoid, whose slope at logit(x) is x (1 - x).
    """
    even = np.arange(count) / count
    knots = np.where(even < 0.5, (2 * even) ** 1.5 / 2, 1 - (2 - 2 * even) ** 1.5 / 2)
    levels = (np.arange(256) + 0.5) / 256
    terms = np.column_stack([np.ones(256), np.maximum(levels[:, None] - knots, 0)])
    weight = levels * (1 - levels)
    offset, *slopes = np.linalg.lstsq(terms * weight[:, None], np.log(levels / (1 - levels)) * weight, rcond=None)[0]
    return knots, np.array(slopes), float(offset)
