"""Silero's voice activity: how probably a person speaks, every 32 ms, however loud the noise; in NumPy.

The network for 16 kHz of the package silero-vad 6.2.3, whose TorchScript and ONNX files hold the same numbers (its
safetensors file holds those of another training): a short-time spectrum, four convolutions and a recurrent layer,
309,633 numbers. What a window of 512 samples gives depends on all that was heard before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import soxr

from lsbench.errors import MetricError
from lsbench.networks import weights
from lsbench.networks.forms import read_arrays, unfit

NAME = "silero_vad"
SAMPLE_RATE = 16000
WINDOW = 512  # samples that have one probability
CONTEXT = 64  # samples before a window that it is heard with
BLOCK = 1024  # windows at once: bounds memory, 33 s of sound
_BEYOND = 64  # samples that a window is mirrored by at its end
_BASIS, _HOP, _BINS = 256, 128, 129  # of the short-time spectrum
_STRIDES = (1, 2, 2, 1)  # of the convolutions
_SPECTRUM, _RNN, _OUTPUT = "stft.forward_basis_buffer", "decoder.rnn", "decoder.decoder.2"
_CHANNELS = (_BINS, 128, 64, 64, 128)
_SHAPES = {
    _SPECTRUM: (2 * _BINS, 1, _BASIS),
    **{f"encoder.{i}.reparam_conv.weight": (out, of, 3) for i, (of, out) in enumerate(pairwise(_CHANNELS))},
    **{f"encoder.{i}.reparam_conv.bias": (out,) for i, out in enumerate(_CHANNELS[1:])},
    **dict.fromkeys((f"{_RNN}.weight_ih", f"{_RNN}.weight_hh"), (512, 128)),
    **dict.fromkeys((f"{_RNN}.bias_ih", f"{_RNN}.bias_hh"), (512,)),
    f"{_OUTPUT}.weight": (1, 128, 1),
    f"{_OUTPUT}.bias": (1,),
}


@dataclass(frozen=True, eq=False)
class VoiceActivity:
    """The network. tensors: float32 by name, of the shapes above."""

    tensors: Mapping[str, np.ndarray]

    def speech_probability(self, speech: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """How probably somebody speaks in each window.

        Args:
            speech: floating point (N,) mono in [-1, 1].
            sample_rate: of speech, Hz; other than 16 kHz is resampled.

        Returns:
            float32 (W,), 0 to 1, a value every 512 samples at 16 kHz, from the first sample on; the last window is
            filled with zeros.

        Raises:
            MetricError: where speech is not of this kind.
        """
        from threadpoolctl import threadpool_limits

        if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
            raise MetricError(f"speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
        samples = speech.astype(np.float32)
        if sample_rate != SAMPLE_RATE:
            samples = soxr.resample(samples, sample_rate, SAMPLE_RATE)
        count = -(-len(samples) // WINDOW)
        heard = np.zeros(CONTEXT + count * WINDOW, np.float32)
        heard[CONTEXT : CONTEXT + len(samples)] = samples
        probability = np.empty(count, np.float32)
        if not count:
            return probability
        windows = np.lib.stride_tricks.sliding_window_view(heard, CONTEXT + WINDOW)[::WINDOW]
        state = np.zeros((2, 128), np.float32)
        with threadpool_limits(1, "blas"):  # the last bits of a product depend on the number of threads
            for start in range(0, count, BLOCK):
                block = slice(start, start + BLOCK)
                probability[block], state = self._recur(self._encoded(windows[block]), state)
        return probability

    def _encoded(self, windows: np.ndarray) -> np.ndarray:
        """Windows float32 (n, 576) as the recurrent layer takes them: (n, 128)."""
        mirrored = np.pad(windows, ((0, 0), (0, _BEYOND)), mode="reflect")
        pieces = np.lib.stride_tricks.sliding_window_view(mirrored, _BASIS, axis=1)[:, ::_HOP]
        parts = pieces @ self.tensors[_SPECTRUM][:, 0].T
        layer = np.sqrt(parts[..., :_BINS] ** 2 + parts[..., _BINS:] ** 2)  # (n, 4, 129)
        for place, stride in enumerate(_STRIDES):
            layer = self._convolved(layer, f"encoder.{place}.reparam_conv", stride)
        return layer[:, 0]

    def _convolved(self, layer: np.ndarray, name: str, stride: int) -> np.ndarray:
        """A convolution over three instants with zeros on both sides, and ReLU: (n, t, channels) -> (n, t', out)."""
        kernel = self.tensors[f"{name}.weight"]
        padded = np.pad(layer, ((0, 0), (1, 1), (0, 0)))
        instants = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]  # (n, t', channels, 3)
        flat = instants.reshape(*instants.shape[:2], -1)
        return np.maximum(flat @ kernel.reshape(len(kernel), -1).T + self.tensors[f"{name}.bias"], 0)

    def _recur(self, encoded: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n,) of encoded windows (n, 128), and the state (2, 128) after them.

        A sigmoid of x is (1 + tanh(x / 2)) / 2, so that one tanh serves all gates.
        """
        named = self.tensors
        scale = np.repeat(np.array([0.5, 0.5, 1, 0.5], np.float32), 128)  # of the gates: enter, keep, new, show
        gates = encoded @ named[f"{_RNN}.weight_ih"].T + named[f"{_RNN}.bias_ih"] + named[f"{_RNN}.bias_hh"]
        gates, again = gates * scale, np.ascontiguousarray(named[f"{_RNN}.weight_hh"].T * scale)
        shown, cell = state
        seen = np.empty_like(encoded)
        for place, gate in enumerate(gates):
            enter, keep, new, show = np.tanh(gate + shown @ again).reshape(4, 128)
            cell = ((1 + keep) * cell + (1 + enter) * new) / 2
            shown = (1 + show) * np.tanh(cell) / 2
            seen[place] = shown
        spoken = np.maximum(seen, 0) @ named[f"{_OUTPUT}.weight"][0, :, 0] + named[f"{_OUTPUT}.bias"]
        return (1 + np.tanh(spoken / 2)) / 2, np.stack([shown, cell])


def load(path: Path) -> VoiceActivity:
    """The network with the weights in a file such as `silero_vad` of lsbench.networks.weights.

    Raises:
        WeightsError: where the file is no such network.
    """
    return _load(path, weights.tensor_digest(path))


@lru_cache(maxsize=2)
def _load(path: Path, digest: str) -> VoiceActivity:
    """digest tells a changed file from the one loaded."""
    arrays = read_arrays(path)
    for name, shape in _SHAPES.items():
        if name not in arrays or arrays[name].shape != shape:
            held = f"{arrays[name].shape}" if name in arrays else "nothing"
            raise unfit(path, f"is not for {NAME}: of {name} it holds {held}, expected {shape}")
    return VoiceActivity({name: arrays[name].astype(np.float32) for name in _SHAPES})


def canonical(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network for 16 kHz out of the package's TorchScript file, which holds one for 8 kHz too."""
    return {name: arrays[f"_model.{name}"] for name in _SHAPES}
