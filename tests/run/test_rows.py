"""Rows of a clip's windows: the same arrays in memory and in a file, shared ones once."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest

from lsbench.errors import MetricError
from lsbench.metrics._base.stats import Stats
from lsbench.run import rows
from lsbench.run.rows import Rows
from lsbench.system import arrays


def filled(windows: int) -> tuple[Rows, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    shared, own, made = [], [], Rows()
    for window in range(windows):
        features = random.normal(size=(window % 4, 8)).astype(np.float32)
        values = random.normal(size=3)
        made.add({"fid": Stats(reference=features), "kid": Stats(reference=features), "psnr": Stats(value=values)})
        shared.append(features)
        own.append(values)
    return made, np.concatenate(shared), np.concatenate(own)


@pytest.mark.parametrize("most", [1 << 20, 100, 1])
def test_all_windows_come_back(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "HELD_BYTES", most)
    made, shared, own = filled(11)
    features = made.stats("fid")["reference"]
    assert isinstance(features, np.memmap) == (most < 1 << 20)
    assert np.array_equal(features, shared) and features.dtype == np.float32
    assert made.stats("kid")["reference"] is features
    assert np.array_equal(made.stats("psnr")["value"], own)


def test_one_window_is_handed_through() -> None:
    made, only = Rows(), np.zeros(3)
    made.add({"psnr": Stats(value=only)})
    assert made.stats("psnr")["value"] is only


def test_rows_in_a_file_are_packed_as_numpy_packs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "HELD_BYTES", 100)
    made, shared, _ = filled(9)
    columns = {"0": made.stats("fid")["reference"], "head": np.arange(4)}
    ours, theirs = io.BytesIO(), io.BytesIO()
    arrays.pack(ours, columns)
    np.savez(theirs, **{"0": shared, "head": np.arange(4)})
    assert ours.getvalue() == theirs.getvalue()
    assert np.array_equal(columns["0"], shared)  # given up memory comes back


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "HELD_BYTES", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: (tmp_path / "missing/file").open("wb"))
    with pytest.raises(MetricError, match="cannot hold what is measured of a long clip.*set TMPDIR"):
        filled(9)


@pytest.mark.parametrize("most", [1 << 20, 1])
def test_names_share_an_array_in_some_windows_alone(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "HELD_BYTES", most)
    made = Rows()
    first, second = [], []
    for window, is_shared in enumerate([True, False, True, False, False, True]):
        one = np.full(3, window)
        other = one if is_shared else np.full(3, -window)
        made.add({"a": Stats(value=one), "b": Stats(value=other)})
        first.append(one)
        second.append(other)
    assert np.array_equal(made.stats("a")["value"], np.concatenate(first))
    assert np.array_equal(made.stats("b")["value"], np.concatenate(second))
    made = Rows()
    made.add({"a": Stats(value=np.zeros(2)), "b": Stats(value=np.ones(2))})
    made.add({"a": Stats(value=(one := np.full(2, 5.0))), "b": Stats(value=one)})
    assert made.stats("a")["value"].tolist() == [0, 0, 5, 5] and made.stats("b")["value"].tolist() == [1, 1, 5, 5]
