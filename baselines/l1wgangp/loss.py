"""The losses of L1-WGAN-GP, on scores float (N,) of the critic and on images float (N, 3, size, size).

L_critic = E[D(G(S, A), A)] - E[D(x, A)] + 10 E[(||grad D(x^, A)||_2 - 1)^2],  x^ = eps x + (1 - eps) G(S, A)
L_gen    = -E[D(G(S, A), A)] + L_reg,  L_reg = (1/N) sum_i ||x_i - G(S_i, A_i)||_1
Plain WGAN-GP leaves L_reg out (weight 0). Source: Geldhauser, Liljegren, Nordqvist 2022, arXiv 2212.13810; Gulrajani et
al. 2017 for the penalty.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PENALTY_WEIGHT = 10.0


def critic_gap(score_real: Tensor, score_generated: Tensor) -> Tensor:
    """E[D(G)] - E[D(x)]: minus the critic's estimate of the Wasserstein distance."""
    return score_generated.mean() - score_real.mean()


def gradient_penalty(
    critic: Callable[[Tensor, Tensor], Tensor], real: Tensor, generated: Tensor, mel: Tensor, epsilon: Tensor
) -> Tensor:
    """(||grad D(x^, A)||_2 - 1)^2 of each sample, float32 (N,), differentiable in the critic's parameters.

    The gradient is that of the face alone, over all its channels and pixels. epsilon: (N,) in [0, 1], the real image's
    share in x^. Computed in float32, also under autocast. No sample may depend on another: no batch norm.
    """
    with torch.autocast(real.device.type, enabled=False):
        share = epsilon.float().view(-1, 1, 1, 1)
        between = share * real.detach().float() + (1 - share) * generated.detach().float()
        between.requires_grad_(True)
        score = critic(between, mel.float())
        (gradient,) = torch.autograd.grad(score.sum(), between, create_graph=True)
        # The slope of a root at 0 is infinite, so norms end at 1e-6.
        norm = gradient.square().sum((1, 2, 3)).clamp_min(1e-12).sqrt()
        return (norm - 1).square()


def critic_loss(gap: Tensor, penalty: Tensor, penalty_weight: float = PENALTY_WEIGHT) -> Tensor:
    """gap + penalty_weight * mean penalty."""
    return gap + penalty_weight * penalty.mean()


def l_reg(generated: Tensor, target: Tensor) -> Tensor:
    """L1 norms of the whole images, summed over channels and pixels, their mean over the N samples.

    At 96 x 96 that is 27,648 times the mean absolute error of a value.
    """
    return (generated - target).abs().sum((1, 2, 3)).mean()


def generator_loss(score_generated: Tensor, l_reg: Tensor, l1_weight: float = 1.0) -> Tensor:
    """-E[D(G)] + l1_weight L_reg; l1_weight 0 is plain WGAN-GP."""
    return l1_weight * l_reg - score_generated.mean()
