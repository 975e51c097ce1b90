"""The step of L1-WGAN-GP, and of plain WGAN-GP, whose L1 weight is 0: the critic, each fifth time the generator too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from baselines.l1wgangp.loss import critic_gap, critic_loss, generator_loss, gradient_penalty, l_reg
from baselines.l1wgangp.model import Critic
from baselines.training.batch import Batch
from baselines.training.config import Config
from baselines.training.recipe import Networks, Recipe, Terms, Turn
from baselines.training.recipes.lipgan import generator


def networks(config: Config) -> tuple[nn.Module, nn.Module]:
    return generator(config), Critic(config.width, config.size)


def turns(config: Config, step: int, coin: bool) -> Iterator[Turn]:
    yield Turn("critic", "L_D", partial(critic_terms, config))
    if (step + 1) % config.generator_every == 0:
        yield Turn("generator", "L_G", partial(generator_terms, config))


def critic_terms(config: Config, networks: Networks, batch: Batch) -> Terms:
    """critic: E[D(G)] - E[D(x)]; penalty: without its weight; L_D: their sum."""
    critic = networks["critic"]
    with torch.no_grad():
        generated = networks["generator"](batch.face, batch.mel)
    gap = critic_gap(critic(batch.target, batch.mel), critic(generated, batch.mel))
    penalty = gradient_penalty(critic, batch.target, generated, batch.mel, batch.blend)
    return {"L_D": critic_loss(gap, penalty, config.penalty_weight), "critic": gap, "penalty": penalty.mean()}


def generator_terms(config: Config, networks: Networks, batch: Batch) -> Terms:
    """L_G is the whole of the generator's loss; L1 is the mean error of a value, L_reg over its number."""
    generated = networks["generator"](batch.face, batch.mel)
    error = l_reg(generated, batch.target)
    score = networks["critic"](generated, batch.mel)
    return {"L_G": generator_loss(score, error, config.l1_weight), "L1": error / batch.target[0].numel()}


def totals(terms: Terms) -> Terms:
    return {}


L1WGANGP = Recipe(networks, turns, totals)
