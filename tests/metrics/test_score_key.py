"""Score keys, taken apart and put together."""

from __future__ import annotations

import pytest

from lsbench.metrics._base.score_key import ScoreKey


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("psnr/whole", ("psnr", "", "whole")),
        ("lmd", ("lmd", "", "")),
        ("ssim:color=luma,window=7/mouth", ("ssim", "color=luma,window=7", "mouth")),
        ("py:mine:MAE/face", ("py:mine:MAE", "", "face")),
        ("py:package.mine:MAE:power=2/face", ("py:package.mine:MAE", "power=2", "face")),
        ("py:mine:MAE", ("py:mine:MAE", "", "")),
        ("mos/overall", ("mos", "", "overall")),
    ],
)
def test_parts_and_back(text: str, parts: tuple[str, str, str]) -> None:
    key = ScoreKey.parse(text)
    assert (key.metric, key.options, key.region) == parts
    assert str(key) == text
    assert key.spec == text.rpartition("/")[0] if key.region else text
    assert str(key.at("mouth")).endswith("/mouth") and key.at(key.region) == key
