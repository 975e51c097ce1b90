"""A training step against a plain eager PyTorch loop of the same model, in one run: `python bench/training_step.py`.

The peer is the loop as it is usually written: batches in PyTorch's own memory layout, networks called one after the
other, losses from the same functions, Adam as it comes, every loss read with .item(). Both start from the same weights
and see the same batches; the losses are compared. Beside it our step without channels_last, and with a compiled
generator (--compile; it needs a C++ compiler and minutes). Rounds take turns; medians, of the clock and of the cores'
own time, which other jobs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from baselines.l1wgangp import loss as wgan
from baselines.lipgan import loss as lipgan
from baselines.training.batch import Batch, to_batch
from baselines.training.config import Config
from baselines.training.data import training_data
from baselines.training.group import Group
from baselines.training.loop import update
from baselines.training.recipe import Terms
from baselines.training.recipes import RECIPES
from baselines.training.sampler import Draw, Sampler
from baselines.training.state import State
from baselines.training.toy import toy_data

CPU = torch.device("cpu")
Step = Callable[[Draw, Batch], dict[str, float]]


def ours(config: Config, start: State) -> Step:
    """The step of baselines.training.loop."""
    state, group = State(config, CPU), Group(CPU)
    for name, network in state.networks.items():
        network.load_state_dict(start.networks[name].state_dict())
    state.compile()
    state.train()

    def step(draw: Draw, batch: Batch) -> dict[str, float]:
        terms: Terms = {}
        for turn in RECIPES[config.model].turns(config, draw.step, draw.coin):
            terms |= update(state, turn, [batch], group)
        state.step += 1
        return {name: term.item() for name, term in terms.items()}

    return step


def plain(config: Config, start: State) -> Step:
    """The usual loop."""
    generator, critic = (
        copy.deepcopy(start.networks[name]).to(memory_format=torch.contiguous_format)
        for name in ("generator", "critic")
    )
    betas = (config.beta1, config.beta2)
    g_optimiser = torch.optim.Adam(generator.parameters(), config.learning_rate, betas)
    d_optimiser = torch.optim.Adam(critic.parameters(), config.learning_rate, betas)
    generator.train()
    critic.train()

    def descend(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> float:
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    def lipgan_step(draw: Draw, batch: Batch) -> dict[str, float]:
        if draw.coin:
            with torch.no_grad():
                generated = generator(batch.face, batch.mel)
            values = {"L_face": descend(d_optimiser, lipgan.l_face(critic(generated, batch.mel)))}
        else:
            values = {"L_audio": descend(d_optimiser, lipgan.l_audio(critic(batch.target, batch.other_mel)))}
        values["L_real"] = descend(d_optimiser, lipgan.l_real(critic(batch.target, batch.mel)))
        generated = generator(batch.face, batch.mel)
        error, doubt = lipgan.l1(generated, batch.target), lipgan.l_g(critic(generated, batch.mel))
        values["L_G"] = descend(g_optimiser, lipgan.generator_loss(error, doubt))
        return values

    def wgan_step(draw: Draw, batch: Batch) -> dict[str, float]:
        with torch.no_grad():
            generated = generator(batch.face, batch.mel)
        gap = wgan.critic_gap(critic(batch.target, batch.mel), critic(generated, batch.mel))
        penalty = wgan.gradient_penalty(critic, batch.target, generated, batch.mel, batch.blend)
        values = {"L_D": descend(d_optimiser, wgan.critic_loss(gap, penalty))}
        if (draw.step + 1) % config.critic_steps == 0:
            generated = generator(batch.face, batch.mel)
            error = wgan.l_reg(generated, batch.target)
            values["L_G"] = descend(g_optimiser, wgan.generator_loss(critic(generated, batch.mel), error))
        return values

    return lipgan_step if config.model == "lipgan" else wgan_step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="prepared shards; the toy corpus if not given")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compile", action="store_true", help="a compiled generator too")
    options = parser.parse_args()
    data = options.data or toy_data()
    for model in ("lipgan", "l1wgangp"):
        settings = [f"width={options.width}", f"batch={options.batch}", "ema_decay=0"]
        config = Config.of(model, settings)
        start = State(config, CPU)
        sampler = Sampler(training_data(data, config).train, config)
        steps: dict[str, Step] = {
            "plain eager loop": plain(config, start),
            "ours": ours(config, start),
            "ours, not channels_last": ours(Config.of(model, [*settings, "channels_last=false"]), start),
        }
        if options.compile:
            steps["ours, compiled"] = ours(Config.of(model, [*settings, "compile=on"]), start)
        wall: dict[str, list[float]] = {name: [] for name in steps}
        core: dict[str, list[float]] = {name: [] for name in steps}
        apart = 0.0
        for number in range(options.rounds + 5):
            draw = sampler.draw(number)
            batch = to_batch(sampler.frames.read(draw.choice), draw.blend, config.size, CPU)
            values = {}
            for name, step in steps.items():
                begun = time.perf_counter(), time.process_time()
                values[name] = step(draw, batch)
                if number >= 5:  # of which one is a generator's too
                    wall[name].append(time.perf_counter() - begun[0])
                    core[name].append(time.process_time() - begun[1])
            if number == 0:
                first = values["plain eager loop"]
                apart = max(abs(values["ours"][name] / value - 1) for name, value in first.items() if value)
        print(
            f"{model}, width {options.width:g}, batch {options.batch}, {torch.get_num_threads()} threads; "
            f"losses of the first step differ by {apart:.0e}"
        )
        peers = [statistics.median(each["plain eager loop"]) for each in (wall, core)]
        for name in steps:
            taken, used = (statistics.median(each[name]) for each in (wall, core))
            print(
                f"  {name:24} {1000 * taken:7.0f} ms a step {peers[0] / taken:5.2f}x   {1000 * used:7.0f} core ms "
                f"{peers[1] / used:5.2f}x   {options.batch / taken:6.1f} samples/s"
            )


if __name__ == "__main__":
    main()
