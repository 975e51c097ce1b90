"""Spectral features of sound against the packages that define them."""

from __future__ import annotations

import numpy as np
import pytest

from lsbench.errors import MediaError
from lsbench.media.spectra import mfcc, pcm16


def swelling_noise(count: int) -> np.ndarray:
    """int16 (N,), from silence to clipping."""
    noise = np.random.default_rng(0).standard_normal(count) * np.linspace(0, 20_000, count)
    return noise.clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("count", [1, 399, 400, 401, 560, 561, 47_999, 48_000])
def test_mfcc_is_that_of_python_speech_features(count: int) -> None:
    package = pytest.importorskip("python_speech_features")
    for samples in (swelling_noise(count), np.zeros(count, np.int16), np.full(count, -32768, np.int16)):
        theirs = package.mfcc(samples, 16000)
        ours = mfcc(samples)
        assert ours.shape == theirs.shape and ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("rate", "bins"), [(8000, 256), (22_050, 1024), (44_100, 2048), (48_000, 2048)])
def test_mfcc_takes_any_sample_rate(rate: int, bins: int) -> None:
    package = pytest.importorskip("python_speech_features")
    samples = swelling_noise(20_000)
    np.testing.assert_allclose(mfcc(samples, rate), package.mfcc(samples, rate, nfft=bins), rtol=0, atol=1e-8)


def test_mfcc_leaves_its_input_alone() -> None:
    samples = swelling_noise(5000)
    samples.flags.writeable = False
    assert np.isfinite(mfcc(samples)).all()


def test_pcm16_rounds_and_clips() -> None:
    speech = np.array([0, 0.25, -1, 1, 1.5, -1.5, 0.6 / 32768, -0.4 / 32768], np.float32)
    found = pcm16(speech)
    assert found.dtype == np.int16 and list(found) == [0, 8192, -32768, 32767, 32767, -32768, 1, 0]


def test_bad_sound_is_refused() -> None:
    for samples in (np.zeros(0, np.int16), np.zeros(9, np.float32), np.zeros((9, 2), np.int16)):
        with pytest.raises(MediaError, match=r"expected int16 \(samples,\), not empty"):
            mfcc(samples)
    for speech in (np.array([np.nan], np.float32), np.zeros(9, np.int16), np.zeros((9, 2), np.float32)):
        with pytest.raises(MediaError, match=r"expected finite floats, \(samples,\)"):
            pcm16(speech)
