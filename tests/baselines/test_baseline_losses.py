"""The baselines' losses against hand-computed values, and the gradient penalty against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from baselines.l1wgangp import loss as wasserstein
from baselines.l1wgangp.model import Critic
from baselines.lipgan import loss as lipgan

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGE = (3, 4, 4)


def test_contrastive() -> None:
    distance = torch.tensor([0.2, 0.7, 1.5])
    assert lipgan.contrastive(distance, 0).item() == pytest.approx((0.04 + 0.49 + 2.25) / 3)
    assert lipgan.contrastive(distance, 1).item() == pytest.approx((0.64 + 0.09 + 0) / 3)
    assert lipgan.contrastive(distance, 1, margin=2.0).item() == pytest.approx((3.24 + 1.69 + 0.25) / 3)


def test_lipgan_terms_pull_the_right_way() -> None:
    for term, slope in ((lipgan.l_real, 1), (lipgan.l_g, 1), (lipgan.l_face, -1), (lipgan.l_audio, -1)):
        distance = torch.tensor([0.5], requires_grad=True)
        term(distance).backward()
        assert distance.grad is not None
        assert distance.grad.item() == pytest.approx(slope)


def test_lipgan_generator_loss() -> None:
    generated, target = torch.full((2, *IMAGE), 0.25), torch.full((2, *IMAGE), 0.75)
    error, doubt = lipgan.l1(generated, target), lipgan.l_g(torch.tensor([1.0, 2.0]))
    assert error.item() == pytest.approx(0.5)
    assert lipgan.generator_loss(error, doubt).item() == pytest.approx(0.5 + 0.01 * 2.5)


def test_wasserstein_terms() -> None:
    gap = wasserstein.critic_gap(torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0]))
    assert gap.item() == pytest.approx(1.5 - 4)
    assert wasserstein.critic_loss(gap, torch.tensor([0.5, 1.5])).item() == pytest.approx(-2.5 + 10 * 1)
    generated, target = torch.full((2, *IMAGE), 0.25), torch.full((2, *IMAGE), 0.75)
    error = wasserstein.l_reg(generated, target)
    assert error.item() == pytest.approx(0.5 * math.prod(IMAGE))
    score = torch.tensor([1.0, 2.0])
    assert wasserstein.generator_loss(score, error).item() == pytest.approx(error.item() - 1.5)
    assert wasserstein.generator_loss(score, error, 0).item() == pytest.approx(-1.5)


def samples(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return (
        torch.rand(count, *IMAGE),
        torch.rand(count, *IMAGE),
        torch.randn(count, 1, 80, 27),
        torch.rand(count),
    )


@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic(length: float) -> None:
    """The gradient of w . x is w everywhere, so every sample's penalty is (|w| - 1)^2."""
    weight = torch.randn(IMAGE)
    weight = nn.Parameter(weight * length / weight.norm())
    penalty = wasserstein.gradient_penalty(lambda face, _mel: (face * weight).sum((1, 2, 3)), *samples(5))
    assert penalty.tolist() == pytest.approx([(length - 1) ** 2] * 5, abs=1e-6)
    penalty.mean().backward()
    assert weight.grad is not None
    assert torch.allclose(weight.grad, 2 * (length - 1) * weight.detach() / length, atol=1e-5)


def test_penalty_of_a_quadratic_critic() -> None:
    """The gradient of |x|^2 / 2 is x itself: the point between is eps real + (1 - eps) generated, sample by sample."""
    real, generated, mel, epsilon = samples(4)
    penalty = wasserstein.gradient_penalty(
        lambda face, _mel: face.square().sum((1, 2, 3)) / 2, real, generated, mel, epsilon
    )
    between = torch.stack([e * x + (1 - e) * g for e, x, g in zip(epsilon, real, generated, strict=True)])
    assert torch.allclose(penalty, (between.flatten(1).norm(dim=1) - 1) ** 2, atol=1e-5)


def test_penalty_does_not_mix_samples() -> None:
    torch.manual_seed(0)
    critic = Critic(1 / 16, 24)
    real, generated, mel, epsilon = (
        torch.rand(3, 3, 24, 24),
        torch.rand(3, 3, 24, 24),
        torch.randn(3, 1, 80, 27),
        torch.rand(3),
    )
    together = wasserstein.gradient_penalty(critic, real, generated, mel, epsilon)
    alone = [
        wasserstein.gradient_penalty(critic, *(part[index : index + 1] for part in (real, generated, mel, epsilon)))
        for index in range(3)
    ]
    assert together.shape == (3,)
    assert torch.allclose(together, torch.cat(alone), rtol=1e-4)


def test_penalty_is_float32_under_autocast() -> None:
    torch.manual_seed(0)
    critic = Critic(1 / 16, 24)
    inputs = torch.rand(2, 3, 24, 24), torch.rand(2, 3, 24, 24), torch.randn(2, 1, 80, 27), torch.rand(2)
    plain, reference = wasserstein.gradient_penalty(critic, *inputs), critic(inputs[0], inputs[2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not torch.equal(critic(inputs[0], inputs[2]), reference)
        mixed = wasserstein.gradient_penalty(critic, *inputs)
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


def test_penalty_trains_the_critic() -> None:
    """Double backward reaches every parameter that the gradient depends on, and descent brings the norm to 1."""
    torch.manual_seed(0)
    critic = Critic(1 / 16, 24)
    inputs = torch.rand(4, 3, 24, 24), torch.rand(4, 3, 24, 24), torch.randn(4, 1, 80, 27), torch.rand(4)
    optimiser = torch.optim.Adam(critic.parameters(), 3e-3)
    values = []
    for _ in range(12):
        penalty = wasserstein.gradient_penalty(critic, *inputs).mean()
        optimiser.zero_grad()
        penalty.backward()
        optimiser.step()
        values.append(penalty.item())
    assert critic.face[0].weight.grad is not None
    assert values[-1] < 0.1 * values[0]
