"""What is opened, and what is not waited for."""

from __future__ import annotations

from pathlib import Path

import bad_media
import pytest

from lsbench.system import regular


def test_a_file_and_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").symlink_to("a")
    for name in "ab":
        with regular.opened(tmp_path / name) as file:
            assert file.read() == b"abc"


@pytest.mark.parametrize("what", bad_media.NO_FILES)
def test_what_is_no_file(tmp_path: Path, what: str) -> None:
    make, said = bad_media.NO_FILES[what]
    make(tmp_path / "a")
    for ask in (regular.opened, regular.demand):
        with pytest.raises(OSError, match=said) as caught:
            ask(tmp_path / "a")
        assert caught.value.strerror == said


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        regular.opened(tmp_path)
    with pytest.raises(FileNotFoundError):
        regular.opened(tmp_path / "a")


def test_what_takes_the_place_of_a_file_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_media.pipe(tmp_path / "a")
    monkeypatch.setattr(regular, "demand", lambda _: None)
    with pytest.raises(OSError, match="a pipe, not a file"):
        regular.opened(tmp_path / "a")
