"""Checkpoints that an older lsbench wrote still open, make the same faces and can be gone on from.

format2/ holds two that version 0.1.0 wrote after two steps on the toy corpus (basic, width 0.01, 24 px), and what their
averaged generators made there of the inputs below: float32 (2, 3, 24, 24) in [0, 1].
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.generator import L1WGANGP, Baseline, LipGAN
from baselines.training import checkpoint
from baselines.training.config import Config
from baselines.training.state import State

FORMAT2 = Path(__file__).parent / "format2"

pytestmark = pytest.mark.usefixtures("one_thread")


def unpacked(model: str, folder: Path) -> Path:
    path = folder / "checkpoint.pt"
    path.write_bytes(gzip.decompress((FORMAT2 / f"{model}.pt.gz").read_bytes()))
    return path


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Faces uint8 (2, 96, 96, 3) and mel windows float32 (2, 27, 80), the same on every machine."""
    frame, row, column, colour = np.ogrid[:2, :96, :96, :3]
    faces = (37 * frame + 2 * row + 3 * column * (colour + 1) + row * column // 7) % 256
    frame, step, band = np.ogrid[:2, :27, :80]
    return faces.astype(np.uint8), (4 * np.sin(0.3 * step + 0.1 * band * (1 + frame))).astype(np.float32)


@pytest.mark.parametrize("kind", [LipGAN, L1WGANGP])
def test_a_checkpoint_of_format_2_makes_the_faces_that_it_made(kind: type[Baseline], tmp_path: Path) -> None:
    generator = kind(str(unpacked(kind.model, tmp_path)))
    outputs: list[Tensor] = []
    generator.network.register_forward_hook(lambda _network, _inputs, output: outputs.append(output))
    faces = generator.speak(*inputs())
    values = torch.cat(outputs).numpy()
    with np.load(FORMAT2 / "generated.npz") as file:
        expected = file[kind.model]
    assert expected.std() > 0.01  # not one grey
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)
    assert np.array_equal(faces, np.rint(values * 255).astype(np.uint8).transpose(0, 2, 3, 1))


@pytest.mark.parametrize("model", ["lipgan", "l1wgangp"])
def test_a_checkpoint_of_format_2_can_be_gone_on_from(model: str, tmp_path: Path) -> None:
    saved = checkpoint.read(unpacked(model, tmp_path))
    state = State(Config.from_dict(saved["config"]), torch.device("cpu"))
    state.load(tmp_path, saved)
    again = state.to_dict(saved["data"])
    assert again["step"] == saved["step"] == 2 and again["config"] == saved["config"]
    for part in ("generator", "critic", "ema"):
        assert again[part].keys() == saved[part].keys()
        assert all(torch.equal(value, saved[part][name]) for name, value in again[part].items())
    for network, optimiser in again["optimisers"].items():
        moments = saved["optimisers"][network]["state"]
        assert all(
            torch.equal(moment["exp_avg"], moments[key]["exp_avg"]) for key, moment in optimiser["state"].items()
        )
