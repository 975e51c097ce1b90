"""Videos that are nothing like what they should be are not decoded to their end."""

from __future__ import annotations

from pathlib import Path

import bad_media
import numpy as np
import pytest

from lsbench.errors import MediaError
from lsbench.media import display, film, limits
from lsbench.media.expected import Expected, Unlike
from lsbench.media.files import read_film


def test_another_size_is_refused_once_the_pictures_are_too_many_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bad_media.video(tmp_path / "a.mkv")
    expected = Expected(size=(32, 48))
    assert len(read_film(path, "a", expected=expected)) == 25  # is refused by who compares it, who knows more
    monkeypatch.setattr(film, "HELD_BYTES", 3 * 64 * 64 * 10)
    shown = []
    monkeypatch.setattr(display.Display, "show", lambda *arguments: shown.append(arguments))
    with pytest.raises(Unlike, match="clip a: .*pictures of 64x64 px, the reference's are 48x32; --fit resize"):
        read_film(path, "a", expected=expected)
    assert len(shown) <= 11


def test_a_length_is_bounded_by_the_reference_and_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bad_media.repeated(tmp_path / "a.mkv", 32, [2.0 * n for n in range(100)])
    assert len(read_film(path, "a", sound="optional").pictures) == 100
    with pytest.raises(Unlike, match="more than 100 s of pictures, the reference's last 10"):
        read_film(path, "a", sound="optional", expected=Expected(length_s=10))
    monkeypatch.setattr(limits, "MOST_LENGTH_S", 150.0)
    with pytest.raises(Unlike, match="more than 150 s of pictures"):
        read_film(path, "a", sound="optional")


def test_a_rate_is_refused_before_all_pictures_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = (np.arange(5000) / 1000).tolist()
    Expected().demand_length(fast[:1000], "a")
    with pytest.raises(Unlike, match="a: 1000 frames a second; expected at most 240"):
        Expected().demand_length(fast[:1024], "a")
    Expected().demand_length([*fast[:1023], 0.5], "a")  # time stamps that are none: the container's rate counts


def test_sound_may_outlast_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        bad_media.png(tmp_path / "a" / f"{number:02}.png", 32, 32)
    bad_media.tone(tmp_path / "a" / "a.wav", 3)
    assert len(read_film(tmp_path / "a", "a").speech) == 48000
    monkeypatch.setattr(limits, "MOST_OVERHANG_S", 1.5)
    with pytest.raises(MediaError, match="clip a: .*more than 2 s of sound"):
        read_film(tmp_path / "a", "a")


def test_memory_that_does_not_suffice_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    path = bad_media.video(tmp_path / "a.mkv")
    monkeypatch.setattr(display.Display, "show", full)
    with pytest.raises(MediaError, match="clip a: .*does not fit in memory"):
        read_film(path, "a")
