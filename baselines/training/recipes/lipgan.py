"""LipGAN's step: the discriminator on a pair that is off (a generated face or another sound, by the toss of a coin) and
on a real one, then the generator."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from baselines.lipgan.copying import copy_identity
from baselines.lipgan.loss import generator_loss, l1, l_audio, l_face, l_g, l_real
from baselines.lipgan.model import Discriminator, Generator
from baselines.training.batch import Batch
from baselines.training.config import Config
from baselines.training.recipe import Networks, Recipe, Terms, Turn


def networks(config: Config) -> tuple[nn.Module, nn.Module]:
    return generator(config), Discriminator(config.width, config.size)


def generator(config: Config) -> Generator:
    """The generator of all models, with its first weights."""
    made = Generator(config.width, config.variant, config.size, config.floor)
    if config.start == "copying":
        copy_identity(made)
    return made


def turns(config: Config, step: int, coin: bool) -> Iterator[Turn]:
    yield Turn("critic", "L_face", face_terms) if coin else Turn("critic", "L_audio", audio_terms)
    yield Turn("critic", "L_real", real_terms)
    yield Turn("generator", "L_G", partial(generator_terms, config))


def face_terms(networks: Networks, batch: Batch) -> Terms:
    with torch.no_grad():
        generated = networks["generator"](batch.face, batch.mel)
    return {"L_face": l_face(networks["critic"](generated, batch.mel))}


def audio_terms(networks: Networks, batch: Batch) -> Terms:
    return {"L_audio": l_audio(networks["critic"](batch.target, batch.other_mel))}


def real_terms(networks: Networks, batch: Batch) -> Terms:
    return {"L_real": l_real(networks["critic"](batch.target, batch.mel))}


def generator_terms(config: Config, networks: Networks, batch: Batch) -> Terms:
    """L_G is the whole of the generator's loss, L1 its first part."""
    generated = networks["generator"](batch.face, batch.mel)
    error, doubt = l1(generated, batch.target), l_g(networks["critic"](generated, batch.mel))
    return {"L_G": generator_loss(error, doubt, config.l1_weight, config.adversarial_weight), "L1": error}


def totals(terms: Terms) -> Terms:
    """L_D: what the discriminator was trained on in a step."""
    return {"L_D": terms["L_real"] + (terms["L_face"] if "L_face" in terms else terms["L_audio"])}


LIPGAN = Recipe(networks, turns, totals)
