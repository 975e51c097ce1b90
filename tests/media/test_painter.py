"""Pictures shown on a thread of their own."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from lsbench.errors import MediaError
from lsbench.media import decode
from lsbench.media.decode import read_video
from lsbench.media.display import Display


def _write(path: Path, pictures: int) -> None:
    values = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for _ in range(pictures):
            noise = values.integers(0, 256, (24, 32, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize("announced", [1, 7, 8, 9, 21])
@pytest.mark.parametrize("pictures", [1, 8, 21])
def test_pictures_are_the_same_however_many_are_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: int, announced: int
) -> None:
    """Where the announced number is wrong, the pictures move to a larger place while some are being painted."""
    _write(tmp_path / "a.mkv", pictures)
    monkeypatch.setattr(decode._Reel, "_announced", lambda _: announced)
    held = read_video(tmp_path / "a.mkv", "a").pictures.held
    again = np.stack(list(decode._pictures(tmp_path / "a.mkv", "a")))  # one after another, without a painter
    assert held is not None and np.array_equal(held, again) and len(held) == pictures


def test_what_goes_wrong_while_painting_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []

    def show(display: Display, frame: object, out: object = None) -> None:
        shown.append(frame)
        if len(shown) == 10:
            raise MediaError("a: no")

    _write(tmp_path / "a.mkv", 30)
    monkeypatch.setattr(Display, "show", show)
    with pytest.raises(MediaError, match="a: no"):
        read_video(tmp_path / "a.mkv", "a")
