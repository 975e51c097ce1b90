"""Features of references kept in memory: the same bits, within the limit, and only while generators are scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from frames import noisy

import lsbench
from lsbench.corpus.toy.render import write_corpus
from lsbench.generation.render import generate
from lsbench.metrics.lpips import lpips_frames
from lsbench.networks import alexnet
from lsbench.networks.kept_features import KEPT, KeptFeatures
from lsbench.networks.lpips import LPIPS
from lsbench.networks.packed import Packed
from lsbench.protocol import protocol


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 8, 2, 2), (3, 1, 1, 1)])
def test_packed_layers_come_back_to_the_bit(shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(0)
    for share in (0.0, 0.3, 1.0):
        layer = torch.randn(shape, generator=random) * (torch.rand(shape, generator=random) < share)
        layer = layer.abs().contiguous(memory_format=torch.channels_last)
        back = Packed.of(layer).tensor()
        assert back.shape == layer.shape and back.is_contiguous(memory_format=torch.channels_last)
        assert back.numpy().tobytes() == layer.numpy().tobytes()
    odd = torch.tensor([torch.nan, torch.inf, 0.0, 1e-45]).view(1, 1, 2, 2)
    assert Packed.of(odd).tensor().numpy().tobytes() == odd.numpy().tobytes()


def test_zeros_are_not_stored() -> None:
    layer = torch.zeros(2, 64, 10, 10)
    layer[:, ::4] = 1
    assert Packed.of(layer).bytes == pytest.approx(layer.nbytes * (1 / 4 + 1 / 32), rel=0.01)


class Asked:
    """Layers, and how often they were computed."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Iterator[torch.Tensor]:
        self.times += 1
        yield torch.ones(1, 100, 1, 1)
        yield torch.full((1, 100, 1, 1), 2.0)


BYTES = 2 * (13 + 404)  # of what Asked gives: a bit for each number, the numbers, and one more


def ask(kept: KeptFeatures, key: str) -> bool:
    """Whether the layers of a key had to be computed."""
    asked = Asked()
    assert [float(layer.mean()) for layer in kept.layers(key, asked)] == [1.0, 2.0]
    return asked.times == 1


def test_they_are_kept_from_round_to_round() -> None:
    kept = KeptFeatures()
    assert ask(kept, "a") and ask(kept, "a") and kept.bytes == 0
    with kept.round():
        assert [ask(kept, key) for key in "aba"] == [True, True, False]
    with kept.round():
        assert [ask(kept, key) for key in "abc"] == [False, False, True]
    assert kept.bytes == 3 * BYTES
    kept.forget()
    with kept.round():
        assert ask(kept, "a")


def test_what_a_last_round_adds_is_let_go_after_it() -> None:
    kept = KeptFeatures()
    with kept.round():
        assert ask(kept, "a")
        with kept.round(last=True):
            assert [ask(kept, key) for key in "abb"] == [False, True, False]
        assert kept.bytes == BYTES and not ask(kept, "a")


def test_the_limit_holds_and_the_first_stay() -> None:
    kept = KeptFeatures(2 * BYTES + 10)
    for computed in ("abcd", "cd", "cd"):
        with kept.round():
            assert [key for key in "abcd" if ask(kept, key)] == list(computed)
        assert kept.bytes == 2 * BYTES


def test_what_was_not_asked_for_in_two_rounds_makes_room() -> None:
    kept = KeptFeatures(2 * BYTES + 10)
    with kept.round():
        assert [key for key in "ab" if ask(kept, key)] == ["a", "b"]
    with kept.round():
        assert [key for key in "xa" if ask(kept, key)] == ["x"]
    with kept.round():
        assert [key for key in "xa" if ask(kept, key)] == ["x"]
    with kept.round():
        assert [key for key in "xab" if ask(kept, key)] == ["b"]


def test_half_of_the_layers_are_not_kept() -> None:
    kept = KeptFeatures(BYTES - 1)
    with kept.round():
        assert ask(kept, "a") and ask(kept, "a") and kept.bytes == 0


@pytest.fixture
def network(tmp_path: Path) -> LPIPS:
    torch.manual_seed(0)
    torch.save(alexnet.AlexNet().state_dict(), tmp_path / "alexnet.pth")
    return alexnet.load(tmp_path / "alexnet.pth")


def test_lpips_sees_a_reference_once_for_two_generators(
    network: LPIPS, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    KEPT.forget()
    reference = noisy(np.full((5, 60, 50, 3), 128, np.uint8), 60)
    ones = [noisy(reference, levels) for levels in (5, 30)]
    expected = [lpips_frames(reference, generated, network) for generated in ones]
    seen = 0
    features = network.features

    def counted(images: torch.Tensor) -> Iterator[torch.Tensor]:
        nonlocal seen
        seen += len(images)
        return features(images)

    monkeypatch.setattr(network, "features", counted)
    for frames, generated, values in zip((10, 5), ones, expected, strict=True):
        seen = 0
        with KEPT.round():
            assert np.array_equal(lpips_frames(reference, generated, network), values)
        assert seen == frames
    monkeypatch.setattr(network, "identity", ("alex", "other weights"))
    with KEPT.round():
        seen = 0
        lpips_frames(reference, ones[0], network)
        assert seen == 10
    KEPT.forget()


@pytest.mark.slow
def test_generators_share_what_lpips_sees_of_the_reference(
    tmp_path: Path, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scored together or one after the other, in one process: three sides of four, and the same values."""
    KEPT.forget()
    torch.manual_seed(0)
    torch.save(alexnet.AlexNet().state_dict(), tmp_path / "alexnet.pth")
    write_corpus(tmp_path / "reference", speakers=1, clips=2, frames=6, size=64)
    folders = [tmp_path / name for name in ("noisy-frame", "blurred-mouth")]
    for folder in folders:
        generate(folder.name, protocol.from_folder(tmp_path / "reference"), folder, lossless=True)
    seen = 0
    forward = alexnet.AlexNet.forward

    def counted(self: alexnet.AlexNet, image: torch.Tensor) -> Iterator[torch.Tensor]:
        nonlocal seen
        seen += len(image)
        return forward(self, image)

    monkeypatch.setattr(alexnet.AlexNet, "forward", counted)
    options: dict[str, Any] = {
        "reference": tmp_path / "reference",
        "metrics": ["lpips"],
        "regions": ["whole"],
        "weight_files": {"alexnet": tmp_path / "alexnet.pth"},
    }
    together = lsbench.score_all(folders, **options)
    assert seen == 3 * 12 and KEPT.bytes == 0
    apart = [lsbench.score(folder, **options) for folder in folders]
    assert seen == 6 * 12 and KEPT.bytes > 0
    assert [result["lpips/whole"] for result in together] == [result["lpips/whole"] for result in apart]
    KEPT.forget()
