"""Silero's voice activity: against PyTorch's layers, against the package's ONNX file, other rates, hostile files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from lsbench.errors import MetricError, WeightsError
from lsbench.networks import silero
from lsbench.networks.forms import digest, read_arrays, write_arrays
from lsbench.networks.silero import VoiceActivity
from lsbench.networks.weight_registry import WEIGHTS
from lsbench.system.download import Package


def random_tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: (0.1 * random.standard_normal(shape)).astype(np.float32) for name, shape in silero._SHAPES.items()}


def sound(seconds: float = 1.5, rate: int = 16000) -> np.ndarray:
    """Syllables of a buzz with two formants, half a second of them after half a second of faint noise, and so on."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / (1 + abs(120 * k - 600) / 150) for k in range(1, 30))
    gate = (time % 1 > 0.5) * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time))
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.2 * gate * buzz + 0.001 * noise).clip(-1, 1).astype(np.float32)


def by_torch(tensors: dict[str, np.ndarray], speech: np.ndarray) -> np.ndarray:
    """The network, layer by layer as its authors' program has it."""
    named = {name: torch.from_numpy(value) for name, value in tensors.items()}
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({name.removeprefix("decoder.rnn."): value for name, value in named.items() if "rnn" in name})
    state, found = (torch.zeros(1, 128), torch.zeros(1, 128)), []
    heard = torch.from_numpy(np.pad(speech, (64, -len(speech) % 512)))
    with torch.no_grad():
        for start in range(0, len(heard) - 64, 512):
            window = functional.pad(heard[None, start : start + 576], (0, 64), mode="reflect")
            parts = functional.conv1d(window[:, None], named["stft.forward_basis_buffer"], stride=128)
            layer = torch.sqrt(parts[:, :129] ** 2 + parts[:, 129:] ** 2)
            for place, stride in enumerate((1, 2, 2, 1)):
                kernel = f"encoder.{place}.reparam_conv"
                convolved = functional.conv1d(
                    layer, named[f"{kernel}.weight"], named[f"{kernel}.bias"], stride=stride, padding=1
                )
                layer = convolved.relu()
            state = cell(layer[..., 0], state)
            spoken = functional.conv1d(
                state[0].relu()[..., None], named["decoder.decoder.2.weight"], named["decoder.decoder.2.bias"]
            )
            found.append(float(spoken.sigmoid()))
    return np.array(found)


@pytest.mark.parametrize("block", [3, 1024])
def test_its_layers_are_those_of_pytorch(block: int, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """In blocks, which carry the state on, as at once."""
    monkeypatch.setattr(silero, "BLOCK", block)
    tensors, speech = random_tensors(), 3 * sound()
    found = VoiceActivity(tensors).speech_probability(speech)
    assert found.dtype == np.float32 and found.shape == (47,) and np.ptp(found) > 0.01
    np.testing.assert_allclose(found, by_torch(tensors, speech), atol=1e-6)


def test_sound_of_no_or_few_samples_and_what_is_no_sound() -> None:
    network = VoiceActivity(random_tensors())
    assert network.speech_probability(np.empty(0, np.float32)).shape == (0,)
    for samples, windows in ((1, 1), (512, 1), (513, 2)):
        assert network.speech_probability(np.zeros(samples, np.float32)).shape == (windows,)
    assert network.speech_probability(np.zeros(2, np.float32), 8000).shape == (1,)
    for wrong in (np.zeros((2, 9), np.float32), np.zeros(9, np.int16), np.array([np.nan], np.float32)):
        with pytest.raises(MetricError, match=r"expected finite floats, \(samples,\)"):
            network.speech_probability(wrong)


def test_it_hears_speech_at_any_rate_and_level(real_weights: Callable[[str], Path]) -> None:
    network = silero.load(real_weights("silero_vad"))
    expected = network.speech_probability(sound())
    for rate in (44100, 48000):
        assert np.abs(network.speech_probability(sound(rate=rate), rate) - expected).mean() < 0.1
    for level in (0.1, 3.0):
        assert ((network.speech_probability(level * sound()) >= 0.5) == (expected >= 0.5)).mean() > 0.8
    half = network.speech_probability(sound(rate=8000), 8000)
    assert half.shape == expected.shape


@pytest.mark.slow
def test_it_is_the_package_s_onnx_file(real_weights: Callable[[str], Path], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    (form,) = WEIGHTS["silero_vad"].forms
    (package,) = (source for source in form.sources if isinstance(source, Package))
    member = "silero_vad/data/silero_vad.onnx"
    wheel = Package(package.requirement, package.file_name, package.size, package.sha256, member)
    try:
        wheel.download(tmp_path / "silero.onnx", 2_327_524, lambda *_: None, None)
    except WeightsError as error:
        pytest.skip(str(error))
    session = onnxruntime.InferenceSession(str(tmp_path / "silero.onnx"), providers=["CPUExecutionProvider"])
    network = silero.load(real_weights("silero_vad"))
    noise = (0.1 * np.random.default_rng(1).standard_normal(20_000)).astype(np.float32)
    for speech in (sound(3), noise, np.zeros(5000, np.float32)):
        state, heard, expected = np.zeros((2, 1, 128), np.float32), np.pad(speech, (64, -len(speech) % 512)), []
        for start in range(0, len(heard) - 64, 512):
            window = {"input": heard[None, start : start + 576], "state": state, "sr": np.array(16000)}
            probability, state = session.run(None, window)
            expected.append(probability[0, 0])
        np.testing.assert_allclose(network.speech_probability(speech), expected, atol=2e-5)


def test_files_that_are_another_network_are_refused(tmp_path: Path, real_weights: Callable[[str], Path]) -> None:
    whole = random_tensors()
    write_arrays(whole, tmp_path / "whole.safetensors")
    assert silero.load(tmp_path / "whole.safetensors").tensors.keys() == whole.keys()
    lacking = {name: value for name, value in whole.items() if name != "decoder.rnn.bias_hh"}
    narrow = {**whole, "encoder.1.reparam_conv.weight": np.zeros((64, 128, 5), np.float32)}
    renamed = {"conv1.weight": np.zeros((128, 129, 3), np.float32)}  # the package's own safetensors: another training
    for arrays, said in (
        (lacking, "of decoder.rnn.bias_hh it holds nothing, expected"),
        (narrow, r"it holds \(64, 128, 5\), expected \(64, 128, 3\)"),
        (renamed, "is not for silero_vad: of stft.forward_basis_buffer it holds nothing"),
        ({"_model.stft.forward_basis_buffer": np.zeros((2, 2), np.float32)}, "lacks the tensor _model.encoder.0"),
        ({**whole, "decoder.rnn.bias_hh": np.full(512, np.inf, np.float32)}, "not finite, in decoder.rnn.bias_hh"),
    ):
        write_arrays(arrays, tmp_path / "other.safetensors")
        with pytest.raises(WeightsError, match=said):
            silero._load.__wrapped__(tmp_path / "other.safetensors", "")
    assert digest(read_arrays(real_weights("silero_vad"))) == WEIGHTS["silero_vad"].digest
