"""Per-frame values of a finished run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from boards import frame_run

from lsbench.errors import RunError
from lsbench.run.folder import Run
from lsbench.run.frames import frame_table

# Mean squared error of each frame, clips in manifest order.
ERRORS: dict[str, list[float]] = {
    "s1/b": [0, 4],
    "s1/a": [1, 100, math.nan],
}


def test_a_row_for_each_frame_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    table = frame_table(Run(frame_run(tmp_path, "run", ERRORS)).result(), "psnr/whole")
    assert list(table.columns) == ["clip", "frame", "value"]
    assert table["clip"].tolist() == ["s1/b"] * 2 + ["s1/a"] * 3
    assert table["frame"].tolist() == [0, 1, 0, 1, 2]
    peak = 20 * math.log10(255)
    decibels = [math.inf, peak - 10 * math.log10(4), peak, peak - 20, math.nan]
    np.testing.assert_allclose(table["value"], decibels, rtol=1e-12)


def test_a_run_without_clips_has_an_empty_table(tmp_path: Path) -> None:
    table = frame_table(Run(frame_run(tmp_path, "run", {})).result(), "psnr/whole")
    assert list(table.columns) == ["clip", "frame", "value"]
    assert len(table) == 0


def test_what_has_no_frames_says_why(tmp_path: Path) -> None:
    result = Run(frame_run(tmp_path, "run", ERRORS)).result()
    with pytest.raises(RunError, match=r"unknown score 'psnr/hole'; did you mean psnr/whole"):
        frame_table(result, "psnr/hole")
    with pytest.raises(RunError, match="fid/mouth: it has no value for single frames; .* psnr/whole"):
        frame_table(result, "fid/mouth")
    with pytest.raises(RunError, match=r"ssim/mouth: it was measured as ssim\.0\|old, this version measures ssim\."):
        frame_table(result, "ssim/mouth")
    (result.path / "clips/s1/a.npz").unlink()
    with pytest.raises(RunError, match="clip s1/a is not kept"):
        frame_table(result, "psnr/whole")
