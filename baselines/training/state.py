"""Everything that training changes: two networks, the averaged generator, two optimisers, the number of steps done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

import lsbench
from baselines.training import checkpoint
from baselines.training.config import Config
from baselines.training.recipes import RECIPES
from lsbench.errors import TrainingError


class State:
    """A run between two steps. networks and optimisers are keyed `generator` and `critic`."""

    def __init__(self, config: Config, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        generator, critic = RECIPES[config.model].networks(config)
        self.networks: dict[str, nn.Module] = {
            name: network.to(device).to(memory_format=layout)
            for name, network in (("generator", generator), ("critic", critic))
        }
        self.ema: nn.Module | None = None
        if config.ema_decay:
            self.ema = RECIPES[config.model].networks(config)[0].to(device).to(memory_format=layout)
            self.ema.load_state_dict(generator.state_dict())
            self.ema.requires_grad_(False).eval()
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), config.learning_rate, (config.beta1, config.beta2), fused=True)
            for name, network in self.networks.items()
        }

    @property
    def best(self) -> nn.Module:
        """The generator to show: the averaged one where it is kept."""
        return self.ema or self.networks["generator"]

    def due(self, every: int) -> bool:
        """Whether something done every so many steps (0: never) and at the last one is to be done now."""
        return every > 0 and (self.step % every == 0 or self.step == self.config.steps)

    def autocast(self) -> torch.autocast:
        """Networks compute in bfloat16 where the precision is that; it needs no loss scaler."""
        low = precision_on(self.device, self.config) == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=low)

    def compile(self) -> None:
        """Compile what has no double backward: the generator, and the critic where there is no gradient penalty."""
        if self.config.compile == "on" or (self.config.compile == "auto" and self.device.type == "cuda"):
            self.networks["generator"].compile()
            if self.config.model == "lipgan":
                self.networks["critic"].compile()

    def running_statistics(self) -> list[torch.Tensor]:
        """The means and variances that batch norms keep."""
        return [
            buffer for network in self.networks.values() for buffer in network.buffers() if buffer.is_floating_point()
        ]

    def train(self) -> None:
        """Networks in training mode, their batch norms frozen where the configuration says so."""
        for network in self.networks.values():
            network.train()
            if self.config.freeze_batch_norm:
                for module in network.modules():
                    if isinstance(module, nn.BatchNorm2d):
                        module.eval()

    def cool(self) -> None:
        """Give the optimisers the learning rate of this step."""
        left = 1 - self.step / self.config.steps
        share = min(1.0, left / self.config.cooling) if self.config.cooling else 1.0
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = share * self.config.learning_rate

    @torch.no_grad()
    def average_generator(self) -> None:
        """Move the averaged generator towards the present one: by 1 - decay, and faster in its first steps."""
        if self.ema is None:
            return
        before = self.step // self.config.generator_every
        decay = min(self.config.ema_decay, (1 + before) / (10 + before))
        averages, values = (_floats(network) for network in (self.ema, self.networks["generator"]))
        torch._foreach_lerp_(averages, values, 1 - decay)

    def to_dict(self, data: str) -> dict[str, Any]:
        """A checkpoint (see baselines.training.checkpoint)."""
        return {
            "format": checkpoint.FORMAT,
            "model": self.config.model,
            "config": self.config.to_dict(),
            "step": self.step,
            **{name: network.state_dict() for name, network in self.networks.items()},
            "ema": self.ema.state_dict() if self.ema else None,
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "random": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()},
            "sampler": {"seed": self.config.seed, "step": self.step},
            "data": data,
            "lsbench": lsbench.__version__,
        }

    def load(self, out: Path, saved: dict[str, Any]) -> None:
        """Take up a checkpoint of the same run."""
        try:
            for name, network in self.networks.items():
                network.load_state_dict(saved[name])
                self._load_moments(name, saved["optimisers"][name])
            if self.ema:
                self.ema.load_state_dict(saved["ema"] or saved["generator"])
            torch.set_rng_state(saved["random"]["cpu"])
            if torch.cuda.is_available() and len(saved["random"]["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(saved["random"]["cuda"])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            why = " ".join(str(error).split())[:300]
            raise TrainingError(f"{out}: the checkpoint does not fit its own configuration: {why}") from error
        self.step = saved["step"]

    def _load_moments(self, name: str, saved: dict[str, Any]) -> None:
        """Take up what an optimiser has gathered; its settings are the configuration's, cool() sets the rate.

        Raises:
            ValueError: where it is of other parameters.
        """
        optimiser, sizes = self.optimisers[name], [each.shape for each in self.networks[name].parameters()]
        for place, moments in saved["state"].items():
            if place >= len(sizes) or any(moments[part].shape != sizes[place] for part in ("exp_avg", "exp_avg_sq")):
                raise ValueError(f"optimisers.{name}.state.{place} is of another parameter")
        optimiser.load_state_dict({"state": saved["state"], "param_groups": optimiser.state_dict()["param_groups"]})


def _floats(network: nn.Module) -> list[torch.Tensor]:
    """Weights and running statistics."""
    return [tensor for tensor in (*network.parameters(), *network.buffers()) if tensor.is_floating_point()]


def precision_on(device: torch.device, config: Config) -> str:
    """float32 or bfloat16: what the configuration says, or what suits the device."""
    if config.precision != "auto":
        return config.precision
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
