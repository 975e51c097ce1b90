"""Files that were cut short, and those that only look so."""

from __future__ import annotations

from pathlib import Path

import bad_media
import pytest

from lsbench.errors import MediaError
from lsbench.media.files import read_film
from lsbench.media.whole import demand_whole

PADDED = [name for name in bad_media.CONTAINERS if name != "a.ts"]  # whose packets have one length


@pytest.mark.parametrize("name", bad_media.CONTAINERS)
def test_a_whole_file_is_whole(tmp_path: Path, name: str) -> None:
    path = bad_media.video(tmp_path / name)
    demand_whole(path, "a")
    with pytest.raises(MediaError, match=r"^a: cut short, its container announces at least [\d,]+ bytes? more"):
        path.write_bytes(path.read_bytes()[:-20])
        demand_whole(path, "a")


@pytest.mark.parametrize("name", PADDED)
def test_zeros_behind_the_end_are_no_cut(tmp_path: Path, name: str) -> None:
    path = bad_media.video(tmp_path / name)
    path.write_bytes(path.read_bytes() + bytes(999))
    demand_whole(path, "a")


def test_a_wav_that_knows_no_length_is_read(tmp_path: Path) -> None:
    for number in range(5):
        bad_media.png(tmp_path / "a" / f"{number}.png", 32, 32)
    for announced in (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000):
        bad_media.wav(tmp_path / "a" / "a.wav", announced=announced, held=6400)
        assert len(read_film(tmp_path / "a", "a").speech) == 3200


def test_a_wav_that_announces_more_than_it_holds(tmp_path: Path) -> None:
    path = bad_media.wav(tmp_path / "a.wav", announced=6400, held=6380)  # less than a hundredth of a second
    demand_whole(path, "a", kind="wav")
    bad_media.wav(path, announced=6400, held=6000)
    with pytest.raises(MediaError, match="cut short, .*expected a whole wav"):
        demand_whole(path, "a", kind="wav")


def test_what_is_no_container_is_not_judged(tmp_path: Path) -> None:
    for content in (b"\0", b"G" * 7, bytes(400), b"text"):
        (tmp_path / "a").write_bytes(content)
        demand_whole(tmp_path / "a", "a")
