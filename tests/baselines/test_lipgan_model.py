"""The baselines' networks: shapes and parameter counts of the published description, small variants, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from baselines.blocks import parameter_count, same_padding, scaled
from baselines.l1wgangp.model import Critic
from baselines.lipgan.copying import bent_logit, copy_identity
from baselines.lipgan.model import SIZES, Discriminator, Generator
from lsbench.errors import GeneratorError

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = 1 / 16
MEL = (1, 80, 27)


@pytest.mark.parametrize(("variant", "count"), [("residual", 49_543_123), ("basic", 21_469_843)])
def test_parameter_counts(variant: str, count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(Generator(variant=variant)) == count


def shapes(network: nn.Module, stages: nn.Module, *inputs: torch.Tensor) -> list[tuple[int, ...]]:
    """What comes out of each child of `stages` while the network runs, without the batch."""
    seen: list[tuple[int, ...]] = []
    for stage in stages.children():
        stage.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape[1:])))
    network(*inputs)
    return seen


def narrow(channels: int, *size: int) -> tuple[int, ...]:
    """The published shape of a stage in a network of WIDTH."""
    return (scaled(channels, WIDTH), *size)


def test_generator_stages() -> None:
    inputs = torch.rand(2, 6, 96, 96), torch.randn(2, *MEL)
    network = Generator(WIDTH)
    levels = [(32, 96), (64, 48), (128, 24), (256, 12), (512, 6), (512, 3)]
    assert shapes(network, network.face, *inputs) == [narrow(channels, size, size) for channels, size in levels]
    assert shapes(network, network.face_embedding, *inputs) == [narrow(512, 1, 1)] * 2
    decoded = [narrow(channels, size, size) for channels, size in reversed(levels)]
    assert shapes(network, network.decoder, *inputs) == decoded
    heard = [(32, 80, 27)] * 3 + [(64, 27, 9)] * 3 + [(128, 9, 9)] * 3 + [(256, 3, 3)] * 3 + [(512, 1, 1)] * 2
    assert shapes(network, network.audio, *inputs) == [narrow(*shape) for shape in heard]
    assert shapes(network, network.head, *inputs) == [narrow(16, 96, 96)] * 2 + [(3, 96, 96)]
    basic = Generator(WIDTH, "basic")
    assert shapes(basic, basic.face_embedding, *inputs) == [narrow(512, 1, 1), narrow(256, 1, 1)]


def test_discriminator_stages() -> None:
    inputs = torch.rand(2, 3, 96, 96), torch.randn(2, *MEL)
    network = Discriminator(WIDTH)
    levels = [(64, 48), (128, 24), (256, 12), (512, 6), (512, 3), (512, 1)]
    face = shapes(network, network.face, *inputs)
    assert face[:-1:3] == [narrow(channels, size, size) for channels, size in levels]
    heard = [(32, 80, 27), (64, 27, 9), (128, 9, 9), (256, 3, 3), (512, 1, 1), (512, 1, 1)]
    assert shapes(network, network.audio, *inputs)[:-1] == [narrow(*shape) for shape in heard]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variant", ["residual", "basic"])
def test_small_variants(variant: str, size: int) -> None:
    torch.manual_seed(0)
    mel = torch.randn(2, *MEL)
    generated = Generator(WIDTH, variant, size)(torch.rand(2, 6, size, size), mel)
    assert generated.shape == (2, 3, size, size)
    assert generated.dtype == torch.float32
    assert 0 <= generated.min() < generated.max() <= 1
    distance = Discriminator(WIDTH, size)(generated, mel)
    assert distance.shape == (2,)
    assert ((distance >= 0) & (distance <= 2)).all()
    score = Critic(WIDTH, size)(generated, mel)
    assert score.shape == (2,)
    (distance.sum() + score.sum()).backward()


def test_floor_keeps_channels_where_pictures_pass() -> None:
    inputs = torch.rand(2, 6, 96, 96), torch.randn(2, *MEL)
    network = Generator(WIDTH, floor=12)
    seen = [channels for channels, *_ in shapes(network, network.face, *inputs)]
    assert seen == [12, 12, 12, 16, 32, 32]
    assert [channels for channels, *_ in shapes(network, network.decoder, *inputs)] == seen[::-1]
    assert [channels for channels, *_ in shapes(network, network.head, *inputs)] == [12, 12, 3]
    assert shapes(network, network.audio, *inputs)[-1] == narrow(512, 1, 1)


@pytest.mark.parametrize("variant", ["residual", "basic"])
@pytest.mark.parametrize("size", [24, 96])
@pytest.mark.parametrize(("floor", "least"), [(7, 28), (16, 44), (24, 51)])
def test_copying_starts_with_the_identity_frame(variant: str, size: int, floor: int, least: float) -> None:
    torch.manual_seed(0)
    network = Generator(WIDTH, variant, size, floor).eval()
    copy_identity(network)
    faces = torch.rand(2, 6, size, size)
    with torch.no_grad():
        shown = network(faces, torch.randn(2, *MEL))
    assert -10 * torch.log10((shown - faces[:, :3]).square().mean()) > least


def test_copying_needs_six_channels() -> None:
    with pytest.raises(GeneratorError, match="copying takes 6 channels at full size, here 5; raise floor"):
        copy_identity(Generator(WIDTH, floor=5))


@pytest.mark.parametrize("count", [2, 5, 8, 10, 16])
def test_a_bent_line_is_nearly_the_logit(count: int) -> None:
    knots, slopes, offset = bent_logit(count)
    assert knots[0] == 0 and np.all(np.diff(knots) > 0) and knots[-1] < 1
    x = np.linspace(0, 1, 1001)
    line = offset + np.maximum(x[:, None] - knots, 0) @ slopes
    assert np.all(np.diff(line) > 0)
    assert np.abs(1 / (1 + np.exp(-line)) - x).max() < 0.4 / count**1.5


def test_generator_sees_both_images_and_hears() -> None:
    torch.manual_seed(0)
    network = Generator(WIDTH, size=24)
    face, mel = torch.rand(1, 6, 24, 24, requires_grad=True), torch.randn(1, *MEL, requires_grad=True)
    network.eval()(face, mel).sum().backward()
    assert face.grad is not None and mel.grad is not None
    assert all(face.grad[0, channel].abs().sum() > 0 for channel in range(6))
    assert (mel.grad[0, 0].abs().sum(0) > 0).all()


def test_critic_lets_no_samples_meet() -> None:
    torch.manual_seed(0)
    critic = Critic(WIDTH, 24)
    assert not [module for module in critic.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    face, mel = torch.rand(3, 3, 24, 24, requires_grad=True), torch.randn(3, *MEL)
    (gradient,) = torch.autograd.grad(critic(face, mel)[1], face)
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0
    assert torch.allclose(critic(face, mel)[:1], critic(face[:1], mel[:1]), atol=1e-6)


def test_critic_judges_face_and_sound_together() -> None:
    """D(x, A) - D(x, B) depends on the face: D is no sum of a face's and a sound's worth."""
    torch.manual_seed(0)
    critic = Critic(WIDTH, 24)
    faces, mel = torch.rand(2, 3, 24, 24), torch.randn(2, *MEL)
    change = [critic(faces, mel[[sound, sound]]) for sound in (0, 1)]
    difference = (change[0] - change[1]).detach()
    assert abs(float(difference[0] - difference[1])) > 1e-3


def test_critic_starts_with_open_ears() -> None:
    """Another sound moves the first score as much as another face does, within a factor of 10."""
    torch.manual_seed(0)
    critic = Critic(1 / 8, 24)
    faces, mels = torch.rand(16, 3, 24, 24), torch.randn(16, *MEL)
    by_sound = critic(faces[:1].expand(16, -1, -1, -1), mels).std()
    by_face = critic(faces, mels[:1].expand(16, -1, -1, -1)).std()
    assert 0.1 < by_sound / by_face < 10


def test_same_padding_is_lopsided() -> None:
    assert [same_padding(96, kernel, 2) for kernel in (3, 5, 7)] == [(0, 1), (1, 2), (2, 3)]
    assert [same_padding(size, 3, 3) for size in (80, 27)] == [(0, 1), (0, 0)]
    assert same_padding(27, 3, 1) == (1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "face size 100; expected one of 24, 48, 96 px"),
        ({"variant": "residul"}, "did you mean residual"),
        ({"width": 0.0}, "width 0.0; expected a factor above 0"),
        ({"width": float("nan")}, "width nan"),
    ],
)
def test_settings_that_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        Generator(**options)
