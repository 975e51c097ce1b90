"""Keras weight files in our generator, against a NumPy forward pass that knows neither PyTorch nor our layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from baselines.lipgan.keras import load
from lsbench.errors import WeightsError

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTH = 1 / 16
Array = np.ndarray
Weights = dict[str, dict[str, Array]]  # by layer: variables, in the order in which Keras makes the layers


def filters(channels: int) -> int:
    return round(channels * WIDTH)


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same": out = ceil(size / stride); what is missing is padded, the larger half after."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def convolve(image: Array, kernel: Array, bias: Array, stride: tuple[int, int], padding: str) -> Array:
    """Channels last: out[y, x, o] = bias[o] + sum over i, j, c of image[y s + i, x s + j, c] kernel[i, j, c, o]."""
    height, width = kernel.shape[:2]
    if padding == "same":
        pads = [same(*axis) for axis in zip(image.shape[1:3], kernel.shape[:2], stride, strict=True)]
        image = np.pad(image, [(0, 0), *pads, (0, 0)])
    rows, columns = (
        (size - span) // step + 1 for size, span, step in zip(image.shape[1:3], (height, width), stride, strict=True)
    )
    out = np.zeros((len(image), rows, columns, kernel.shape[3])) + bias
    for i in range(height):
        for j in range(width):
            seen = image[
                :, i : i + (rows - 1) * stride[0] + 1 : stride[0], j : j + (columns - 1) * stride[1] + 1 : stride[1]
            ]
            out += np.einsum("nyxc,co->nyxo", seen, kernel[i, j])
    return out


def convolve_transposed(image: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Each pixel paints its kernel (height, width, out, in) at y s, x s; "same" cuts s N pixels out of the picture.

    TensorFlow defines it as the gradient of the convolution that takes s N pixels to N, padded as that one is.
    """
    spread, rows, columns = len(kernel), *image.shape[1:3]
    full = np.zeros((len(image), (rows - 1) * stride + spread, (columns - 1) * stride + spread, kernel.shape[2]))
    for y in range(rows):
        for x in range(columns):
            painted = np.einsum("nc,ijoc->nijo", image[:, y, x], kernel)
            full[:, y * stride : y * stride + spread, x * stride : x * stride + spread] += painted
    before = [same(stride * size, spread, stride)[0] for size in (rows, columns)]
    return full[:, before[0] : before[0] + stride * rows, before[1] : before[1] + stride * columns] + bias


class Oracle:
    """LipGAN's residual generator as its authors describe it: makes its weights as it goes, and keeps every output."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.weights: Weights = {}
        self.outputs: list[Array] = []
        self.numbers: dict[str, Iterator[int]] = {
            kind: count() for kind in ("conv2d", "conv2d_transpose", "batch_normalization")
        }

    def make(self, kind: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
        number = next(self.numbers[kind])
        values: dict[str, Array] = {}
        for name, shape in shapes.items():
            if name == "kernel":
                values[name] = self.random.normal(0, np.sqrt(2 / np.prod([shape[0], shape[1], min(shape[2:])])), shape)
            elif name in ("gamma", "moving_variance"):
                values[name] = self.random.uniform(0.5, 1.5, shape)
            else:
                values[name] = self.random.normal(0, 0.3, shape)
        layer = self.weights[f"{kind}_{number}" if number else kind] = {
            name: value.astype(np.float32) for name, value in values.items()
        }
        return layer

    def norm_relu(self, image: Array) -> Array:
        shape = (image.shape[3],)
        norm = self.make(
            "batch_normalization", dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), shape)
        )
        scaled = (image - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3)
        self.outputs.append(np.maximum(scaled * norm["gamma"] + norm["beta"], 0))
        return self.outputs[-1]

    def conv(
        self, image: Array, channels: int, kernel: int = 3, stride: int | tuple[int, int] = 1, padding: str = "same"
    ) -> Array:
        layer = self.make("conv2d", {"kernel": (kernel, kernel, image.shape[3], channels), "bias": (channels,)})
        steps = stride if isinstance(stride, tuple) else (stride, stride)
        return convolve(image, layer["kernel"], layer["bias"], steps, padding)

    def block(self, image: Array, channels: int, *options: int | tuple[int, int], padding: str = "same") -> Array:
        return self.norm_relu(self.conv(image, filters(channels), *options, padding=padding))

    def up(self, image: Array, channels: int, stride: int = 2) -> Array:
        shape = (3, 3, filters(channels), image.shape[3])
        layer = self.make("conv2d_transpose", {"kernel": shape, "bias": (filters(channels),)})
        return self.norm_relu(convolve_transposed(image, layer["kernel"], layer["bias"], stride))

    def residual(self, image: Array, channels: int, times: int) -> Array:
        for _ in range(times):
            image = image + self.block(self.block(image, channels), channels)
        return image

    def run(self, face: Array, mel: Array) -> Array:
        """face (N, 96, 96, 6), mel (N, 80, 27, 1) -> (N, 96, 96, 3)."""
        at96 = self.block(face, 32, 7)
        at48 = self.residual(self.block(at96, 64, 5, 2), 64, 2)
        at24 = self.residual(self.block(at48, 128, 3, 2), 128, 3)
        at12 = self.residual(self.block(at24, 256, 3, 2), 256, 2)
        at6 = self.residual(self.block(at12, 512, 3, 2), 512, 2)
        at3 = self.block(at6, 512, 3, 2)
        seen = self.block(self.block(at3, 512, 3, 1, padding="valid"), 512, 1)
        heard = self.residual(self.block(mel, 32), 32, 2)
        heard = self.residual(self.block(heard, 64, 3, 3), 64, 2)
        heard = self.residual(self.block(heard, 128, 3, (3, 1)), 128, 2)
        heard = self.residual(self.block(heard, 256, 3, 3), 256, 2)
        heard = self.block(self.block(heard, 512, 3, 1, padding="valid"), 512, 1)
        image = np.concatenate([seen, heard], 3)
        image = np.concatenate([at3, self.up(image, 512, 3)], 3)
        image = np.concatenate([at6, self.residual(self.up(image, 512), 512, 2)], 3)
        image = np.concatenate([at12, self.residual(self.up(image, 256), 256, 2)], 3)
        image = np.concatenate([at24, self.residual(self.up(image, 128), 128, 2)], 3)
        image = np.concatenate([at48, self.residual(self.up(image, 64), 64, 2)], 3)
        image = np.concatenate([at96, self.up(image, 32)], 3)
        image = self.block(self.block(image, 16), 16)
        return 1 / (1 + np.exp(-self.conv(image, 3, 1)))


@pytest.fixture(scope="module")
def inputs() -> tuple[Array, Array]:
    random = np.random.default_rng(7)
    return random.random((1, 96, 96, 6)), random.uniform(-4, 4, (1, 80, 27, 1))


@pytest.fixture(scope="module")
def oracle(inputs: tuple[Array, Array]) -> Oracle:
    made = Oracle()
    made.outputs.append(made.run(*inputs))
    return made


def save_weights(path: Path, weights: Weights, group: str = "", shift: int = 0, wrapped: str = "") -> None:
    """As Keras writes: a group a layer, sorted by depth (face and audio in turns), names of variables in its attribute.

    group: "model_weights" as of model.save. shift: added to the layers' numbers, as where other models were made
    before. wrapped: all layers in the group of one layer, a model of this name.
    """

    def renamed(layer: str) -> str:
        kind, number = (*layer.rsplit("_", 1), "0")[:2] if layer[-1].isdigit() and "_" in layer else (layer, "0")
        return f"{kind}_{int(number) + shift}" if int(number) + shift else kind

    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        layers = list(weights.items())
        by_depth = [*layers[1::2], *layers[::2], ("input_1", {}), ("concatenate", {})]
        root.attrs["layer_names"] = [name.encode() for name in ([wrapped] if wrapped else map(renamed, dict(by_depth)))]
        for layer, variables in by_depth:
            name = renamed(layer)
            place = root.require_group(wrapped or name)
            place.attrs["weight_names"] = [f"{name}/{variable}:0".encode() for variable in variables]
            for variable, values in variables.items():
                place.create_dataset(f"{name}/{variable}:0", data=values)
        if group:
            file.create_dataset("optimizer_weights/Adam/conv2d/kernel/m:0", data=np.zeros((7, 7, 6, 2), np.float32))


def tensors(*images: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2), dtype=np.float32)) for image in images]


@pytest.mark.parametrize(
    "layout", [{}, {"group": "model_weights"}, {"shift": 23}, {"wrapped": "model_1"}], ids=lambda layout: str(*layout)
)
def test_layer_by_layer(
    oracle: Oracle, inputs: tuple[Array, Array], tmp_path: Path, layout: dict[str, str | int]
) -> None:
    save_weights(tmp_path / "lipgan.h5", oracle.weights, **layout)  # type: ignore[arg-type]
    network = load(tmp_path / "lipgan.h5")
    outputs: list[Array] = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output.numpy()))
    outputs.append(network(*tensors(*inputs)).numpy())
    assert len(outputs) == len(oracle.outputs) == 1 + len(network.face) + 2 + 4 + 2 + 6 + 2 + 2 * (9 + 8 + 8)
    for ours, theirs in zip(outputs, oracle.outputs, strict=True):
        assert np.abs(ours.transpose(0, 2, 3, 1) - theirs).max() <= 1e-4 * max(1.0, np.abs(theirs).max())
    assert np.abs(outputs[-1].transpose(0, 2, 3, 1) - oracle.outputs[-1]).max() <= 1e-4
    assert oracle.outputs[-1].std() > 0.05


def without(layer: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: variables for name, variables in weights.items() if name != layer}


def changed(layer: str, variable: str, change: Callable[[Array], Array | None]) -> Callable[[Weights], Weights]:
    def apply(weights: Weights) -> Weights:
        variables = {**weights[layer], variable: change(weights[layer][variable])}
        return {**weights, layer: {name: value for name, value in variables.items() if value is not None}}

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            changed("conv2d_4", "kernel", lambda kernel: kernel[..., :3]),
            r"conv2d_4: kernel is \(3, 3, 4, 3\); .*face.1.*expects",
        ),
        (changed("conv2d_4", "bias", lambda _bias: None), r"conv2d_4: bias is missing; generator\.face\.1"),
        (
            changed("conv2d_transpose_2", "kernel", lambda kernel: kernel.swapaxes(2, 3)),
            "conv2d_transpose_2: kernel is",
        ),
        (
            changed("batch_normalization_9", "gamma", lambda gamma: gamma * np.nan),
            "batch_normalization_9: gamma holds NaN",
        ),
        (without("conv2d_66"), r"conv2d_66: kernel is missing; generator\.head\.2 expects \(1, 1, 1, 3\)"),
        (without("conv2d_7"), r"conv2d_7: kernel is missing; generator\.face\.2"),
        (without("conv2d_transpose_5"), r"conv2d_transpose_5: kernel is missing; generator\.decoder\.5"),
        (lambda weights: {**weights, "conv2d_99": weights["conv2d"]}, "conv2d_99 has no place"),
        (lambda _weights: {}, "no layer conv2d with a kernel"),
    ],
)
def test_files_that_do_not_fit(
    oracle: Oracle, tmp_path: Path, change: Callable[[Weights], Weights], message: str
) -> None:
    path = tmp_path / "wrong.h5"
    save_weights(path, change(oracle.weights))
    with pytest.raises(WeightsError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)


def test_files_that_cannot_be_read(oracle: Oracle, tmp_path: Path) -> None:
    whole, cut, text = (tmp_path / name for name in ("whole.h5", "cut.h5", "text.h5"))
    save_weights(whole, oracle.weights)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text.write_text("no weights")
    for path in (cut, text, tmp_path / "absent.h5"):
        with pytest.raises(WeightsError, match="not a readable Keras HDF5 file"):
            load(path)
