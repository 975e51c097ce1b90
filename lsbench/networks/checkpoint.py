"""A state_dict file into a network that runs: batch norm folded into convolutions, every tensor accounted for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from lsbench.networks.forms import read_arrays, unfit

BATCH_NORM_EPS = 1e-3  # of the networks that were converted from TensorFlow models

Network = TypeVar("Network", bound=nn.Module)


def load(
    kind: Callable[[], Network],
    path: Path,
    norm_of: Callable[[str], str],
    *,
    eps: float = BATCH_NORM_EPS,
    biased: bool = False,
) -> Network:
    """A network of `kind` with the folded weights of a file, in eval mode; WeightsError naming the file if they misfit.

    norm_of: the name of the batch norm behind the convolution of a name; eps: of the batch norms. biased: whether the
    file's convolutions have a bias of their own. A convolution `a.conv` of the file becomes `a` of the network, so a
    network declares biased convolutions alone; one over frames, (out, in, frames, h, w), becomes one over their
    channels, (out, in * frames, h, w).
    """
    return assembled(kind, path, lambda state: _folded(state, norm_of, eps, biased))


def assembled(
    kind: Callable[[], Network], path: Path, arrange: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> Network:
    """A network of `kind` with the tensors of a file as `arrange` makes its own of them, which load() says more of."""
    state = read_state(path)
    with torch.device("meta"):
        network = kind()
    try:
        network.load_state_dict(arrange(state), assign=True)
    except KeyError as error:
        raise unfit(path, f"is not for {kind.__name__}: it holds no {error.args[0]}") from error
    except RuntimeError as error:
        raise unfit(path, f"is not for {kind.__name__}: {' '.join(str(error).split())[:300]}") from error
    return network.eval().requires_grad_(False)


def load_trunk(kind: Callable[[], Network], path: Path) -> Network:
    """A network of `kind` with the convolutions of a file, which torchvision names `features.`; its classifier is left.

    In eval mode; WeightsError naming the file if they misfit.
    """
    convolutions = {name: value.float() for name, value in read_state(path).items() if name.startswith("features.")}
    with torch.device("meta"):
        network = kind()
    try:
        network.load_state_dict(convolutions, assign=True)
    except RuntimeError as error:
        raise unfit(path, f"is not for {kind.__name__}: {' '.join(str(error).split())[:300]}") from error
    return network.eval().requires_grad_(False)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of any form (see lsbench.networks.forms) by canonical name, on the CPU.

    Raises:
        WeightsError: where it cannot be read, or holds none.
    """
    arrays = read_arrays(path)
    return {name: torch.from_numpy(array if array.flags.writeable else array.copy()) for name, array in arrays.items()}


def _folded(state: dict[str, Tensor], norm_of: Callable[[str], str], eps: float, biased: bool) -> dict[str, Tensor]:
    """Convolutions with the batch norm behind them as one weight and bias (in float64); other tensors as they are."""
    folded, used = {}, set()
    for key in (key for key in state if state[key].ndim >= 4):
        conv = key.removesuffix(".weight")
        scale, shift, mean, variance = (
            state[f"{norm_of(conv)}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = scale / torch.sqrt(variance + eps)
        name = conv.removesuffix(".conv")
        folded[f"{name}.weight"] = (state[key].double().flatten(1, -3) * gain[:, None, None, None]).float()
        own = state[f"{conv}.bias"].double() if biased else 0
        folded[f"{name}.bias"] = (shift + (own - mean) * gain).float()
        used |= {key, *([f"{conv}.bias"] if biased else []), *(k for k in state if k.startswith(f"{norm_of(conv)}."))}
    return folded | {key: value for key, value in state.items() if key not in used}
