"""Arrays that image metrics refuse, each with a message that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lsbench.errors import MetricError
from lsbench.metrics._base.images import checked_frames
from lsbench.metrics.psnr import psnr, psnr_frames
from lsbench.metrics.ssim import ssim, ssim_frames

GOOD = np.zeros((2, 16, 20, 3), np.uint8)
BAD = {
    "float": (GOOD.astype(np.float32) / 255, "numpy.rint"),
    "nan": (np.full(GOOD.shape, np.nan), "float64"),
    "wide integers": (GOOD.astype(np.int64), r"frames.astype\(numpy.uint8\)"),
    "grey": (GOOD[..., 0], "numpy.stack"),
    "grey with an axis": (GOOD[..., :1], "numpy.stack"),
    "rgba": (np.zeros((2, 16, 20, 4), np.uint8), r"frames\[..., :3\]"),
    "one row": (GOOD[0, 0], "expected"),
    "batch of clips": (GOOD[None], "expected"),
    "no frames": (GOOD[:0], "none of them 0"),
    "no pixels": (GOOD[:, :0], "none of them 0"),
    "float tensor": (torch.zeros(2, 3, 16, 20), r"say what black and white are, such as levels=\(0, 1\)"),
    "wide tensor": (torch.zeros(2, 16, 20, 3, dtype=torch.int64), r"x.to\(torch.uint8\)"),
    "grey tensor": (torch.zeros(2, 1, 16, 20, dtype=torch.uint8), r"\(frames, 3, height, width\)"),
    "tensor read both ways": (torch.zeros(2, 3, 16, 3, dtype=torch.uint8), "can be read both ways"),
    "list": (GOOD.tolist(), "numpy.asarray"),
    "none": (None, "NoneType"),
}


@pytest.mark.parametrize("function", [psnr, psnr_frames, ssim, ssim_frames])
@pytest.mark.parametrize("bad", BAD)
def test_refused_with_a_remedy(function: Callable[..., Any], bad: str) -> None:
    frames, remedy = BAD[bad]
    with pytest.raises(MetricError, match=remedy):
        function(frames, GOOD)
    with pytest.raises(MetricError, match="generated is"):
        function(GOOD, frames)


@pytest.mark.parametrize("function", [psnr, ssim])
def test_shapes_must_match(function: Callable[..., Any]) -> None:
    for other in (GOOD[:1], GOOD[0], GOOD[:, :15]):
        with pytest.raises(MetricError, match="expected one shape"):
            function(GOOD, other)


def test_unknown_options_are_named() -> None:
    with pytest.raises(MetricError, match="color=lumma; expected one of rgb, luma"):
        psnr(GOOD, GOOD, color="lumma")
    with pytest.raises(MetricError, match="pooling=median"):
        psnr(GOOD, GOOD, pooling="median")


def test_contiguous_frames_are_not_copied() -> None:
    reference, generated = checked_frames("ssim", GOOD, GOOD[:, ::-1][:, ::-1])
    assert np.shares_memory(reference, GOOD) and np.shares_memory(generated, GOOD)
    assert not np.shares_memory(checked_frames("ssim", GOOD[..., ::-1], GOOD)[0], GOOD)


@pytest.mark.parametrize("function", [psnr_frames, ssim_frames])
def test_views_read_only_arrays_and_single_frames_score_alike(function: Callable[..., Any]) -> None:
    reference, generated = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 60, 3), dtype=np.uint8)
    expected = function(reference[:, ::2, 5:50].copy(), generated[:, ::2, 5:50].copy())
    assert np.array_equal(function(reference[:, ::2, 5:50], generated[:, ::2, 5:50]), expected)
    for frames in (reference, generated):
        frames.flags.writeable = False
    assert np.array_equal(function(reference[:, ::2, 5:50], generated[:, ::2, 5:50]), expected)
    assert function(reference[1], generated[1]) == function(reference, generated)[1]
