"""The training loop, one for all models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from baselines.training import checkpoint
from baselines.training.batch import Batch, to_batch
from baselines.training.data import training_data
from baselines.training.device import local_device
from baselines.training.group import Group, LostProcess
from baselines.training.losses import Losses, NonFiniteLoss
from baselines.training.pace import Pace
from baselines.training.recipe import Terms, Turn
from baselines.training.recipes import RECIPES
from baselines.training.records import Records
from baselines.training.sampler import Sampler, batches
from baselines.training.start import configured
from baselines.training.state import State
from baselines.training.termination import termination
from baselines.training.validation import fixed_samples
from lsbench.system.ranks import Ranks

_LOOK = {"cpu": 1, "cuda": 20}  # steps between two looks at the losses: a look makes a GPU wait

Report = Callable[[int, int, str], None]  # steps done, of how many, and how it goes


@dataclass(frozen=True)
class Outcome:
    """Where a run was left: after its last step, or before it by SIGTERM or SIGINT."""

    out: Path
    step: int
    steps: int


def train(
    model: str,
    data: Path,
    out: Path,
    *,
    defaults: Iterable[str] = (),
    settings: Iterable[str] = (),
    resume: bool = False,
    device: str = "auto",
    report: Report | None = None,
) -> Outcome:
    """Train a model on prepared shards until its last step or a SIGTERM.

    The checkpoint is whole at any time. A resumed run goes on bit for bit on a CPU. Under torchrun all its processes
    share every batch.

    Args:
        model: lipgan, l1wgangp or wgangp.
        data: A folder of shards, as `lsbench prepare grid` makes it.
        out: The run's folder, for checkpoint, log and sample sheets.
        defaults: `key=value` settings of a new run, over the model's own.
        settings: `key=value` settings over the defaults, or over those of the run that is resumed.
        resume: Go on from the checkpoint in `out`, where there is one.
        device: auto, cpu, cuda or cuda:N; auto is a GPU where there is one.
        report: Told of steps done, of how many, and how it goes.

    Returns:
        Where the run was left.

    Raises:
        TrainingError: Before step 0 where data, settings and checkpoint do not fit; at the first loss that is not
            finite; where another process is lost.
    """
    ranks = Ranks.of_training()
    here = local_device(device, ranks)
    group = Group.joined(here, ranks)
    with termination() as asked_to_stop:
        config, saved = configured(model, data, out, defaults, settings, resume, group.ranks.size)
        dataset = training_data(data, config)
        state = State(config, here)
        if saved:
            checkpoint.demand_same_run(out, saved, config, dataset.digest)
            state.load(out, saved)
        group.any(False)  # until all have looked for a checkpoint, before one is written
        records = Records(out, state, dataset, fixed_samples(dataset.validation, config, here))
        if group.writes:
            records.begin()
        state.compile()

        recipe, losses, pace, stopped = RECIPES[config.model], Losses(group), Pace(here), False
        sampler = Sampler(dataset.train, config)
        steps = batches(sampler, state.step, config.steps, group.ranks.rank, group.ranks.size, config.accumulate)
        try:
            for draw, parts in steps:
                state.train()
                state.cool()
                batch = [to_batch(shown, part.blend, config.size, here) for part, shown in parts]
                terms: Terms = {}
                for turn in recipe.turns(config, draw.step, draw.coin):
                    terms |= update(state, turn, batch, group)
                losses.add(draw.step, terms | recipe.totals(terms))
                state.step += 1
                pace.add(config.batch)

                if state.due(_LOOK[here.type]) or any(map(state.due, records.intervals)):
                    losses.settle()
                    stopped = group.any(asked_to_stop.is_set())
                    if report:
                        report(state.step, config.steps, f"{losses}, {pace}")
                if group.writes:
                    records.after_step(losses, pace, stopped)
                if stopped:
                    break
        except LostProcess as error:
            raise LostProcess(f"step {state.step}: {error}; {records}. Go on with --resume automatic") from error
        except NonFiniteLoss as error:
            raise NonFiniteLoss(
                f"{error}; {records}. Go on from there with --resume automatic and a smaller --set learning_rate"
            ) from error
        finally:
            records.close()
    return Outcome(out, state.step, config.steps)


def update(state: State, turn: Turn, parts: Sequence[Batch], group: Group) -> Terms:
    """One step of one network, on the mean gradient over all parts of all processes; the terms' means."""
    optimiser = state.optimisers[turn.network]
    for name, network in state.networks.items():
        network.requires_grad_(name == turn.network)
    optimiser.zero_grad(set_to_none=True)
    sums: Terms = {}
    for batch in parts:
        with state.autocast():
            terms = turn.terms(state.networks, batch)
        torch.autograd.backward(terms[turn.minimises] / len(parts))
        for name, term in terms.items():
            share = term.detach() / len(parts)
            sums[name] = sums[name] + share if name in sums else share
    learning = [parameter.grad for parameter in state.networks[turn.network].parameters() if parameter.grad is not None]
    group.average(learning)
    optimiser.step()
    if turn.network == "generator":
        group.average(state.running_statistics())
        state.average_generator()
    return sums
