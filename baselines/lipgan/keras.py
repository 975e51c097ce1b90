"""The LipGAN authors' weights, Keras' HDF5 files, in our generator; TensorFlow is not needed.

The authors trained on frames in the order blue, green, red. Files of `model.save` and of `model.save_weights` are read,
and a generator wrapped in another model, as Keras does for several GPUs. Files list layers by depth, face and audio in
turns, but number them as they were made, face encoder, audio encoder, decoder: so they are matched by number.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from baselines.lipgan.model import PLANS, Generator
from lsbench.errors import WeightsError

# Kinds of layers, and their variables by our names. Kernels lie (height, width, in, out), those of transposed
# convolutions (height, width, out, in): the reverse of ours either way.
CONV = {"weight": "kernel", "bias": "bias"}
BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
KINDS: dict[str, tuple[type[nn.Module], dict[str, str]]] = {
    "conv2d": (nn.Conv2d, CONV),
    "conv2d_transpose": (nn.ConvTranspose2d, CONV),
    "batch_normalization": (nn.BatchNorm2d, BATCH_NORM),
}
LAYER = re.compile(rf"({'|'.join(KINDS)})(?:_(\d+))?")
Variables = dict[str, np.ndarray]
Layers = dict[tuple[str, int], Variables]  # by kind and number


def load(path: Path) -> Generator:
    """The generator of a file, on the CPU, in eval mode; WeightsError that names the first layer which does not fit.

    Variant and width follow from the first kernel.
    """
    layers = _read(path)
    generator = _like(path, layers)
    state: dict[str, Tensor] = {}
    for kind, (module_type, names) in KINDS.items():
        modules = [(name, module) for name, module in generator.named_modules() if isinstance(module, module_type)]
        numbers = sorted(number for layer_kind, number in layers if layer_kind == kind)
        if len(numbers) < len(modules):  # count on as Keras does, so that the first one that is missing is named
            first = min(numbers, default=0)
            numbers = list(range(first, first + len(modules)))
        for (name, module), number in zip(modules, numbers, strict=False):
            variables = layers.pop((kind, number), {})
            for ours, keras in names.items():
                where = f"{path}: layer {_spelt(kind, number)}: {keras}", f"generator.{name}"
                state[f"{name}.{ours}"] = _fitted(variables.get(keras), module.state_dict()[ours].shape, *where)
            if kind == "batch_normalization":
                state[f"{name}.num_batches_tracked"] = torch.zeros((), dtype=torch.long)
    for kind, number in layers:
        raise WeightsError(f"{path}: layer {_spelt(kind, number)} has no place in LipGAN's generator")
    generator.load_state_dict(state, assign=True)
    return generator.eval().requires_grad_(False)


def _read(path: Path) -> Layers:
    """Every variable of every layer of KINDS."""
    layers: Layers = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        *groups, variable = name.split("/")
        match = next(filter(None, map(LAYER.fullmatch, groups)), None)
        if match and isinstance(item, h5py.Dataset):
            layer = layers.setdefault((match[1], int(match[2] or 0)), {})
            layer[variable.partition(":")[0]] = np.asarray(item, np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.get("model_weights", file).visititems(visit)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: not a readable Keras HDF5 file ({' '.join(str(error).split())})") from error
    return layers


def _like(path: Path, layers: Layers) -> Generator:
    """A generator of the variant and width that the first kernel speaks of, without memory."""
    first = min((number for kind, number in layers if kind == "conv2d"), default=0)
    kernel = layers.get(("conv2d", first), {}).get("kernel")
    if kernel is None or kernel.ndim != 4 or 0 in kernel.shape:
        raise WeightsError(
            f"{path}: no layer conv2d with a kernel (height, width, in, out); expected what model.save_weights of "
            "Keras 2 wrote of LipGAN's generator"
        )
    variant = next((name for name, plan in PLANS.items() if plan.levels[0].kernel == len(kernel)), "residual")
    with torch.device("meta"):
        return Generator(kernel.shape[3] / PLANS[variant].levels[0].channels, variant)


def _fitted(values: np.ndarray | None, shape: torch.Size, what: str, module: str) -> Tensor:
    """A layer's variable in our order of axes."""
    expected = tuple(shape[axis] for axis in (2, 3, 1, 0)) if len(shape) == 4 else tuple(shape)
    if values is None:
        raise WeightsError(f"{what} is missing; {module} expects {expected}")
    if values.shape != expected:
        raise WeightsError(f"{what} is {values.shape}; {module} expects {expected}")
    if not np.isfinite(values).all():
        raise WeightsError(f"{what} holds NaN or infinite values")
    return torch.from_numpy(np.ascontiguousarray(values.transpose(3, 2, 0, 1) if values.ndim == 4 else values))


def _spelt(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind
