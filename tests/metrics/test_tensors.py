"""Functions on arrays take torch tensors too, so that a validation loop can call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from lsbench.errors import MetricError
from lsbench.metrics.flicker import flicker, flicker_frames
from lsbench.metrics.from_piq import gmsd, haarpsi
from lsbench.metrics.psnr import psnr, psnr_frames
from lsbench.metrics.seam import seam, seam_frames
from lsbench.metrics.sharpness import sharpness, sharpness_frames
from lsbench.metrics.ssim import ssim, ssim_frames

BOX = np.array([8, 8, 40, 40])
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{one.__name__: one for one in (psnr, psnr_frames, ssim, ssim_frames, sharpness, sharpness_frames)},
    **{one.__name__: one for one in (flicker, flicker_frames, gmsd, haarpsi)},
    "seam": partial(seam, boxes=BOX),
    "seam_frames": partial(seam_frames, boxes=BOX),
}


@pytest.fixture(scope="module")
def both() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    reference = random.integers(0, 256, (4, 48, 56, 3), dtype=np.uint8)
    noise = random.integers(-9, 10, reference.shape)
    return reference, np.clip(reference + noise, 0, 255).astype(np.uint8)


def forms(frames: np.ndarray) -> dict[str, tuple[torch.Tensor, Any]]:
    """The same frames in every form that is taken, with the levels to say."""
    tensor = torch.from_numpy(frames)
    first = tensor.permute(0, 3, 1, 2)
    return {
        "uint8, channels last": (tensor, None),
        "uint8, channels first": (first, None),
        "[0, 1]": (first.float() / 255, (0, 1)),
        "[0, 1], channels last": (tensor.float() / 255, (0, 1)),
        "[-1, 1] with a gradient": ((first.float() / 127.5 - 1).requires_grad_(), (-1, 1)),
        "[0, 255], float64": (first.double(), (0, 255)),
        "half": (first.half() / 255, (0, 1)),
    }


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("form", forms(np.zeros((1, 2, 2, 3), np.uint8)))
def test_a_tensor_has_the_score_of_its_frames(both: tuple[np.ndarray, np.ndarray], name: str, form: str) -> None:
    function = FUNCTIONS[name]
    (reference, levels), (generated, _) = (forms(frames)[form] for frames in both)
    options = {} if levels is None else {"levels": levels}
    assert np.array_equal(function(reference, generated, **options), function(*both), equal_nan=True)


def test_one_image_and_an_array_beside_a_tensor(both: tuple[np.ndarray, np.ndarray]) -> None:
    reference, generated = both
    assert psnr(reference[0], torch.from_numpy(generated[0]).permute(2, 0, 1)) == psnr(reference[0], generated[0])
    assert ssim(torch.from_numpy(reference).permute(0, 3, 1, 2) / 255, generated, levels=(0, 1)) == ssim(*both)


@pytest.mark.parametrize(
    ("images", "levels", "message"),
    [
        (torch.full((2, 3, 16, 20), 1.1), (0, 1), "levels from 1.1 to 1.1; expected 0 to 1. Clamp them"),
        (torch.full((2, 3, 16, 20), torch.nan), (0, 1), "expected 0 to 1"),
        (torch.zeros(2, 3, 16, 20), (1, 0), "expected black before white"),
        (torch.zeros(2, 3, 16, 20, dtype=torch.uint8), (0, 1), "leave out levels"),
        (torch.zeros(3, 16), None, "expected .frames, height, width, 3."),
        (torch.zeros(0, 3, 16, 20, dtype=torch.uint8), None, "none of them 0"),
    ],
)
def test_what_a_tensor_must_not_be(images: torch.Tensor, levels: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        psnr(images, images, levels=levels)


def test_tensors_are_not_changed(both: tuple[np.ndarray, np.ndarray]) -> None:
    reference, generated = (torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 255 for frames in both)
    before = reference.clone(), generated.clone()
    ssim(reference, generated, levels=(0, 1))
    assert torch.equal(reference, before[0]) and torch.equal(generated, before[1])
