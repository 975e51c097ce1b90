"""LipGAN's losses, on distances float (N,) of the discriminator and on images float (N, 3, size, size).

The discriminator learns L_real and, by the toss of a coin, L_face or L_audio; the generator learns L1 and L_G.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

MARGIN = 1.0


def contrastive(distance: Tensor, label: float, margin: float = MARGIN) -> Tensor:
    """Mean of (1 - y) d^2 + y max(0, margin - d)^2; label y: 0 for a real pair in step, 1 for what should be far."""
    return ((1 - label) * distance.square() + label * (margin - distance).clamp_min(0).square()).mean()


def l_real(distance: Tensor) -> Tensor:
    """Of a real face with its own sound: they should be near."""
    return contrastive(distance, 0)


def l_face(distance: Tensor) -> Tensor:
    """Of a generated face (detached) with its sound: they should be far."""
    return contrastive(distance, 1)


def l_audio(distance: Tensor) -> Tensor:
    """Of a real face with another sample's sound: they should be far."""
    return contrastive(distance, 1)


def l_g(distance: Tensor) -> Tensor:
    """Of a generated face with its sound, for the generator: they should seem near."""
    return contrastive(distance, 0)


def l1(generated: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error over samples, channels and pixels."""
    return functional.l1_loss(generated, target)


def generator_loss(l1: Tensor, l_g: Tensor, l1_weight: float = 1.0, contrastive_weight: float = 0.01) -> Tensor:
    """l1_weight L1 + contrastive_weight L_G."""
    return l1_weight * l1 + contrastive_weight * l_g
