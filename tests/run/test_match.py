"""Matching generated files to reference ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsbench.errors import MatchError, MediaError
from lsbench.run.match import match_folder


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_three_spellings(tmp_path: Path) -> None:
    touch(tmp_path, "s1/bbaf2n.mp4", "s2_bbaf1n.mkv", "bbal6s.avi")
    matches = match_folder(tmp_path, ["s1/bbaf2n", "s2/bbaf1n", "s3/bbal6s"])
    assert [path.name for path in matches.videos.values()] == ["bbaf2n.mp4", "s2_bbaf1n.mkv", "bbal6s.avi"]
    assert not matches.missing
    assert not matches.extra


def test_a_bare_name_must_be_unique(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "s1/b.mp4")
    matches = match_folder(tmp_path, ["s1/a", "s2/a", "s1/b"])
    assert matches.missing == ["s1/a", "s2/a"]
    assert [path.name for path in matches.extra] == ["a.mp4"]


def test_two_candidates_are_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "s1/a.mp4", "s1_a.mp4")
    with pytest.raises(MatchError, match=r"clip s1/a: .*s1/a\.mp4 and .*s1_a\.mp4 both match"):
        match_folder(tmp_path, ["s1/a"])


def test_one_video_never_counts_for_two_clips(tmp_path: Path) -> None:
    touch(tmp_path, "s1_a.mp4")
    with pytest.raises(MatchError, match=r"clips s1/a and s1_a: .* matches both"):
        match_folder(tmp_path, ["s1/a", "s1_a"])


def test_missing_and_extra_are_told_apart(tmp_path: Path) -> None:
    touch(tmp_path, "s1/a.mp4", "s1/z.mp4", "notes.txt")
    matches = match_folder(tmp_path, ["s1/a", "s1/b"])
    assert matches.missing == ["s1/b"]
    assert [path.name for path in matches.extra] == ["z.mp4"]


def test_ids_with_spaces_and_letters_of_any_script(tmp_path: Path) -> None:
    decomposed = "s1/grüße an 世界.mp4"  # as macOS writes it
    touch(tmp_path, decomposed)
    assert match_folder(tmp_path, ["s1/grüße an 世界"]).videos


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        match_folder(tmp_path, ["s1/a"])
