"""One naming of a network's tensors, whatever file they came in.

Inception as pytorch-fid names it (batch norms not folded, without its classifier), AlexNet and VGG16 as torchvision
does (convolutions alone), kernels (out, in, height, width). A file in no layout that is listed here stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module

import numpy as np

Arrays = dict[str, np.ndarray]


def canonical(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The tensors of a network under its canonical names, without counters of training batches.

    Raises:
        KeyError: where a layout lacks a tensor that it must have.
    """
    convert = next((convert for mark, convert in _LAYOUTS if mark in arrays), dict)
    if isinstance(convert, str):
        module, _, function = convert.partition(":")
        convert = getattr(import_module(module), function)
    converted = convert({name: arrays[name] for name in arrays if not name.endswith("num_batches_tracked")})
    return {name: _little_endian(converted[name]) for name in sorted(converted)}


def _little_endian(array: np.ndarray) -> np.ndarray:
    """The numbers in a row, in the order of bytes that files have."""
    return np.asarray(array, order="C").astype(array.dtype.newbyteorder("<"), copy=False)


def _row(layer: str, *names: str) -> dict[str, str]:
    """Names of layers that TensorFlow numbers: `conv`, `conv_1`, `conv_2` and so on."""
    return {layer + (f"_{i}" if i else ""): name for i, name in enumerate(names)}


# TensorFlow's name of a block or layer, which the TorchScript file has -> that of pytorch-fid.
_STEM = _row("conv", "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_MIXED = _row(
    "mixed", *(f"Mixed_{name}" for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"))
)
_KINDS_OF_BLOCK = "AAABCCCCDEE"
_DOUBLE = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
_ENDS = {"conv": "branch1x1", "tower_2.conv": "branch_pool"}
_BRANCHES = {
    "A": {**_ENDS, **_row("tower.conv", "branch5x5_1", "branch5x5_2"), **_row("tower_1.conv", *_DOUBLE)},
    "B": {"conv": "branch3x3", **_row("tower.conv", *_DOUBLE)},
    "C": {
        **_ENDS,
        **_row("tower.conv", *(f"branch7x7_{i}" for i in range(1, 4))),
        **_row("tower_1.conv", *(f"branch7x7dbl_{i}" for i in range(1, 6))),
    },
    "D": {
        **_row("tower.conv", "branch3x3_1", "branch3x3_2"),
        **_row("tower_1.conv", *(f"branch7x7x3_{i}" for i in range(1, 5))),
    },
    "E": {
        "conv": "branch1x1",
        "tower_conv": "branch3x3_1",
        **_row("tower_mixed_conv", "branch3x3_2a", "branch3x3_2b"),
        **_row("tower_1_conv", "branch3x3dbl_1", "branch3x3dbl_2"),
        **_row("tower_1_mixed_conv", "branch3x3dbl_3a", "branch3x3dbl_3b"),
        "tower_2_conv": "branch_pool",
    },
}
_PARTS = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}


def _inception_of_tensorflow(arrays: Arrays) -> Arrays:
    """The layers of a TorchScript port that keeps TensorFlow's names; its batch norms have no scale, so it is 1."""
    layers = dict(_STEM)
    for (block, name), kind in zip(_MIXED.items(), _KINDS_OF_BLOCK, strict=True):
        layers |= {f"{block}.{inner}": f"{name}.{branch}" for inner, branch in _BRANCHES[kind].items()}
    named: Arrays = {}
    for layer, name in layers.items():
        for part, called in _PARTS.items():
            named[f"{name}.{called}"] = arrays[f"net.layers.{layer}.{part}"]
        named[f"{name}.bn.weight"] = np.ones_like(named[f"{name}.bn.bias"])
    return named


def _inception(arrays: Arrays) -> Arrays:
    """pytorch-fid's file without the classifier of 1008 classes, which tells it from torchvision's Inception."""
    if len(arrays["fc.weight"]) != 1008:
        return arrays
    return {name: arrays[name] for name in arrays if not name.startswith("fc.")}


def _torchvision(arrays: Arrays) -> Arrays:
    """The convolutions of AlexNet or VGG16."""
    return {name: arrays[name] for name in arrays if not name.startswith("classifier.")}


_FLAX_CONVOLUTIONS = {
    "AlexNet_0": (0, 3, 6, 8, 10),
    "VGG16_0": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
}


def _flax(arrays: Arrays) -> Arrays:
    """The convolutions of AlexNet or VGG16 from a checkpoint of LPIPS in Flax; its heads are those of lpips."""
    named: Arrays = {}
    for name in arrays:
        if match := re.fullmatch(r"(AlexNet_0|VGG16_0)/Conv_(\d+)/(kernel|bias)", name):
            layer = f"features.{_FLAX_CONVOLUTIONS[match[1]][int(match[2])]}"
            if match[3] == "bias":
                named[f"{layer}.bias"] = arrays[name]
            else:
                named[f"{layer}.weight"] = arrays[name].transpose(3, 2, 0, 1)
    return named


# A tensor that only this layout has, and the function that renames it (or where to find it).
_LAYOUTS: tuple[tuple[str, Callable[[Arrays], Arrays] | str], ...] = (
    ("net.layers.conv.weight", _inception_of_tensorflow),
    ("fc.weight", _inception),
    ("classifier.6.weight", _torchvision),
    ("AlexNet_0/Conv_0/kernel", _flax),
    ("VGG16_0/Conv_0/kernel", _flax),
    ("params/Conv3d_1a_7x7/Conv_0/kernel", "lsbench.networks.i3d:canonical"),
    ("_model.stft.forward_basis_buffer", "lsbench.networks.silero:canonical"),
)
