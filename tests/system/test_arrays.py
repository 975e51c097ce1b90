"""Archives of arrays: what is written is read again, and whatever is wrong with a file has one kind of error."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lsbench.system import arrays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    arrays.write(tmp_path / "a.npz", {"points": np.arange(6.0).reshape(3, 2), "height": 7})
    return tmp_path / "a.npz"


def test_what_is_written_is_read(path: Path) -> None:
    content = arrays.read(path)
    assert list(content) == ["points", "height"] and int(content["height"]) == 7
    assert np.array_equal(content["points"], [[0, 1], [2, 3], [4, 5]])
    with arrays.opened(path) as part:
        assert int(part["height"]) == 7


def test_every_damage_is_a_value_error(path: Path, tmp_path: Path) -> None:
    """Cut off anywhere, a byte changed, another kind of file, or an object that would have to be unpickled."""
    whole, single, pickled = path.read_bytes(), io.BytesIO(), io.BytesIO()
    np.save(single, np.zeros(3))
    np.savez(pickled, a=np.array([{}], dtype=object))
    damaged = tmp_path / "damaged.npz"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("a.npy", b"no array")
    contents = [whole[:length] for length in range(0, len(whole), 7)]
    contents += [single.getvalue(), pickled.getvalue(), damaged.read_bytes(), b"text"]
    contents += [whole.replace(b"'descr'", b"'decsr'", 1), whole.replace(b"NUMPY", b"numpy", 1)]
    for content in contents:
        damaged.write_bytes(content)
        with pytest.raises(ValueError, match="not a readable archive of arrays"):
            arrays.read(damaged)


def test_an_array_that_is_missing_is_a_value_error(path: Path) -> None:
    with pytest.raises(ValueError, match="width"), arrays.opened(path) as content:
        content["width"]


def test_a_file_that_is_missing_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        arrays.read(tmp_path / "a.npz")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An archive with an array of 10 MiB between two small ones."""
    content = {"before": np.arange(3), "large": np.arange(5 << 18, dtype=np.float64).reshape(-1, 4), "after": 1.5}
    arrays.write(tmp_path / "large.npz", content)
    return tmp_path / "large.npz"


def test_a_large_array_stays_in_its_file(large: Path) -> None:
    with arrays.opened(large) as content:
        array, small = content["large"], content["before"]
    assert isinstance(array.base, np.memmap) and not array.flags.writeable
    assert not isinstance(small.base, np.memmap) and small.flags.writeable
    assert array.shape == (5 << 16, 4) and np.array_equal(array.ravel(), np.arange(5 << 18))
    arrays.let_go(array)
    assert array[-1, -1] == (5 << 18) - 1


def test_a_large_array_is_read_where_it_is_packed_or_columns_come_first(tmp_path: Path) -> None:
    array = np.arange(5 << 18, dtype=np.float64).reshape(-1, 4)
    np.savez_compressed(tmp_path / "packed.npz", large=array)
    np.savez(tmp_path / "columns.npz", large=np.asfortranarray(array))
    for name in ("packed", "columns"):
        with arrays.opened(tmp_path / f"{name}.npz") as content:
            assert np.array_equal(content["large"], array)


def test_damage_of_a_large_array_is_a_value_error(large: Path) -> None:
    whole = large.read_bytes()
    middle = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    longer = whole.replace(b"(327680, 4)", b"(327681, 4)", 1)
    assert len({whole, middle, longer}) == 3
    for content in (middle, longer):
        large.write_bytes(content)
        with pytest.raises(ValueError, match="not a readable archive of arrays"):
            arrays.read(large)
