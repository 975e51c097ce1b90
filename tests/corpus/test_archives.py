"""Archives of unknown origin: only plain files come out, whole, bounded, and only where the caller says."""

from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lsbench.corpus.grid import archives
from lsbench.corpus.grid.archives import contents, extract

BAD_NAMES = ("../evil.mpg", "s1/../../evil.mpg", "/etc/evil.mpg", "..\\evil.mpg", "C:/evil.mpg", "s1/ev\nil.mpg")


def zip_of(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def tar_of(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


MAKERS = [(zip_of, "a.zip"), (tar_of, "a.tar"), (tar_of, "a.tar.gz"), (tar_of, "a.tgz")]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_come_out_whole(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    archive = make(tmp_path / name, [("s1/a.mpg", b"abc"), ("s1/b.mpg", b"defg"), ("s1/c.mpg", b"")])
    assert contents(archive).members == {"s1/a.mpg": 3, "s1/b.mpg": 4, "s1/c.mpg": 0}
    assert contents(archive).faults == ()
    assert extract(archive, {"s1/b.mpg": tmp_path / "out/x", "s1/a.mpg": tmp_path / "out/y"}) == {}
    assert (tmp_path / "out/x").read_bytes() == b"defg"
    assert (tmp_path / "out/y").read_bytes() == b"abc"
    assert extract(archive, {"s1/none.mpg": tmp_path / "out/z"}) == {"s1/none.mpg": "no longer in the archive"}


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_names_that_lead_elsewhere_are_left_out(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    archive = make(tmp_path / name, [(bad, b"evil") for bad in BAD_NAMES] + [("s1/a.mpg", b"abc")])
    held = contents(archive)
    assert held.members == {"s1/a.mpg": 3}
    assert len(held.faults) == len(BAD_NAMES)
    faults = extract(archive, {bad: tmp_path / "out" / str(k) for k, bad in enumerate(BAD_NAMES)})
    assert set(faults) == set(BAD_NAMES)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [name]


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"s1/{kind.decode()}.mpg")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        link = zipfile.ZipInfo("s1/link.mpg")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    for name, count in (("a.tar", 4), ("a.zip", 1)):
        held = contents(tmp_path / name)
        assert held.members == {}
        assert len(held.faults) == count
        assert all("not a file" in fault for fault in held.faults)
    assert extract(tmp_path / "a.zip", {"s1/link.mpg": tmp_path / "out"}) == {"s1/link.mpg": "no longer in the archive"}
    assert not (tmp_path / "out").exists()


def test_a_member_that_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    for make, name in MAKERS:
        archive = make(tmp_path / name, [("s1/a.mpg", bytes(1001)), ("s1/b.mpg", bytes(1000))])
        assert contents(archive).members == {"s1/b.mpg": 1000}


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SPARE_BYTES", 1 << 20)
    for make, name in MAKERS:
        if name == "a.tar":
            continue
        archive = make(tmp_path / name, [(f"s1/{k}.mpg", bytes(1 << 20)) for k in range(8)])
        held = contents(archive)
        assert len(held.members) < 8
        assert "decompression bomb" in held.faults[-1]


def test_a_header_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    """A pax header of 1 TB: tarfile would read it at once."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    held = contents(tmp_path / "a.tar.gz")
    assert held.members == {}
    assert "decompression bomb" in held.faults[0]


@pytest.mark.parametrize(("make", "name"), MAKERS[1:])
def test_a_download_that_was_cut_gives_what_is_there(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    noise = random.Random(0).randbytes(30000)
    archive = make(tmp_path / name, [("s1/a.mpg", noise), ("s1/b.mpg", noise[::-1])])
    archive.write_bytes(archive.read_bytes()[:50000])
    held = contents(archive)
    assert "s1/a.mpg" in held.members
    assert "damaged" in held.faults[0]
    faults = extract(archive, {member: tmp_path / member for member in ("s1/a.mpg", "s1/b.mpg")})
    assert set(faults) == {"s1/b.mpg"}
    assert (tmp_path / "s1/a.mpg").read_bytes() == noise
    assert [path.name for path in (tmp_path / "s1").iterdir()] == ["a.mpg"]


def test_damaged_zips_are_named(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", [("s1/a.mpg", bytes(range(256)) * 40)])
    whole = bytearray(archive.read_bytes())
    whole[60] ^= 0xFF
    archive.write_bytes(whole)
    faults = extract(archive, {"s1/a.mpg": tmp_path / "out"})
    assert "damaged" in faults["s1/a.mpg"]
    assert not (tmp_path / "out").exists()
    archive.write_bytes(whole[:-30])
    assert "not an archive" in contents(archive).faults[0]
    archive.write_bytes(b"")
    assert "not an archive" in contents(archive).faults[0]
