"""The forms of weight files: each read as the same tensors; what is no file of tensors refused, and nothing run."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsbench.errors import WeightsError
from lsbench.networks import checkpoint

ARRAYS = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": {"c": np.ones((2, 1, 4), "<f4")}}


class Layer(torch.nn.Module):
    """A module whose program would be seen to run."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
        self.register_buffer("mean", torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


class Program(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.ModuleDict({"layer": Layer()})
        self.stride = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TorchScript archive."""
    path = tmp_path_factory.mktemp("forms") / "program.pt"
    torch.jit.script(Program()).save(path)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A zip archive with other contents of its members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


# Forms


def test_safetensors_and_state_dicts_hold_the_same(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {"x": torch.randn(3, 2), "y": torch.randn(4)}
    save_file(state, tmp_path / "a")
    torch.save(state, tmp_path / "b")
    torch.save(state, tmp_path / "c", _use_new_zipfile_serialization=False)
    for name in "abc":
        read = checkpoint.read_state(tmp_path / name)
        assert list(read) == ["x", "y"] and all(torch.equal(read[key], state[key]) for key in state)


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "|u1"])
def test_pickles_of_arrays(tmp_path: Path, protocol: int, kind: str) -> None:
    arrays = {"a": np.arange(6).astype(kind).reshape(2, 3), "b": {"c": np.arange(6).astype(kind).reshape(3, 2).T}}
    read = checkpoint.read_state(written(tmp_path / "a", pickle.dumps(arrays, protocol)))
    assert list(read) == ["a", "b/c"]
    np.testing.assert_array_equal(read["a"].numpy(), arrays["a"])
    np.testing.assert_array_equal(read["b/c"].numpy(), arrays["b"]["c"])


def test_torchscript_gives_its_tensors_and_runs_nothing(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("the program was loaded"))
    read = checkpoint.read_state(program)
    assert list(read) == ["net.layer.mean", "net.layer.weight"]
    assert torch.equal(read["net.layer.weight"], torch.arange(6.0).reshape(2, 3))


class Recurrent(torch.nn.Module):
    """A program with a state that is empty at first, and a tensor one row thick whose stride there means nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", torch.zeros(0))
        self.register_buffer("basis", torch.arange(6.0).as_strided((3, 1, 2), (2, 7, 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_torchscript_tensors_that_are_empty_or_one_row_thick(tmp_path: Path) -> None:
    torch.jit.script(Recurrent()).save(tmp_path / "a.pt")
    read = checkpoint.read_state(tmp_path / "a.pt")
    assert read["state"].shape == (0,)
    assert torch.equal(read["basis"], torch.arange(6.0).reshape(3, 1, 2))
    turned = torch.nn.Module()
    turned.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)
    torch.jit.script(turned).save(tmp_path / "b.pt")
    with pytest.raises(WeightsError, match=r"turned is said to be \(3, 2\), and its storage has 6 numbers"):
        checkpoint.read_state(tmp_path / "b.pt")


def test_counters_of_batches_are_no_tensors_of_a_network(tmp_path: Path) -> None:
    torch.save(torch.nn.BatchNorm2d(2).state_dict(), tmp_path / "a")
    assert list(checkpoint.read_state(tmp_path / "a")) == ["bias", "running_mean", "running_var", "weight"]


def test_torchvisions_file_and_that_of_flax_are_one_network(tmp_path: Path) -> None:
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        alexnet = torchvision.models.alexnet().state_dict()
    torch.save(alexnet, tmp_path / "torchvision")
    layers = {"AlexNet_0": {}, "NetLinLayer_0": {"Conv_0": {"kernel": np.ones((1, 1, 64, 1), "<f4")}}}
    for i, number in enumerate((0, 3, 6, 8, 10)):
        kernel = np.ascontiguousarray(alexnet[f"features.{number}.weight"].permute(2, 3, 1, 0))
        layers["AlexNet_0"][f"Conv_{i}"] = {"kernel": kernel, "bias": alexnet[f"features.{number}.bias"].numpy()}
    written(tmp_path / "flax", pickle.dumps(layers, 3))
    one, other = (checkpoint.read_state(tmp_path / name) for name in ("torchvision", "flax"))
    assert list(one) == list(other) and len(one) == 10 and all(torch.equal(one[key], other[key]) for key in one)


# What is refused


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "name"), [(os.system, "system"), (eval, "eval"), (getattr, "getattr"), (np.load, "numpy.load")]
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_that_calls_something_is_refused_by_name(
    tmp_path: Path, function: Any, name: str, protocol: int
) -> None:
    marker = tmp_path / "marker"
    bomb = pickle.dumps({"d": Call(function, f"echo > {marker}"), **ARRAYS}, protocol)
    with pytest.raises(WeightsError, match=f"a.ckpt cannot be read .*it names .*{name}, which no file of tensors"):
        checkpoint.read_state(written(tmp_path / "a.ckpt", bomb))
    assert not marker.exists()


def test_a_torchscript_archive_that_calls_something_is_refused_by_name(program: Path, tmp_path: Path) -> None:
    bomb = pickle.dumps({"net": Call(os.system, f"echo > {tmp_path / 'marker'}")}, 2)
    path = rewritten(program, tmp_path / "a.pt", lambda name, data: bomb if name.endswith("/data.pkl") else data)
    with pytest.raises(WeightsError, match=r"a.pt cannot be read \(it names .*\.system, which no file of tensors"):
        checkpoint.read_state(path)
    assert not (tmp_path / "marker").exists()


def cycle() -> dict[str, Any]:
    ring: dict[str, Any] = {}
    ring["a"] = ring
    return ring


def laughs() -> dict[str, Any]:
    """Two to the power of 60 ways to one array."""
    node: Any = {"a": ARRAYS["a"]}
    for _ in range(60):
        node = {"a": node, "b": node}
    return node


def safetensors(shape: list[int] | None = None, end: int = 4, content: bytes = bytes(4)) -> bytes:
    """A file of one tensor that may say anything of it."""
    header = json.dumps({"a": {"dtype": "F32", "shape": shape or [1], "data_offsets": [0, end]}}).encode()
    return len(header).to_bytes(8, "little") + header + content


def test_a_small_safetensors_file_is_read(tmp_path: Path) -> None:
    assert checkpoint.read_state(written(tmp_path / "a", safetensors()))["a"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps({"a": np.array([None])}, 4), "a is no array of numbers"),
        (pickle.dumps({"a": 1}, 4), "a is no array of numbers"),
        (pickle.dumps([ARRAYS["a"]], 4), "it is no array of numbers"),
        (pickle.dumps({1: ARRAYS["a"]}, 4), "a key that is no text"),
        (pickle.dumps(cycle(), 4), "holds a twice"),
        (pickle.dumps(laughs(), 4), "twice"),
        (pickle.dumps(ARRAYS, 4)[:-40], "cannot be read"),
        (pickle.dumps({}, 4), "holds no tensors"),
        (pickle.dumps(ARRAYS, 4).replace(b"K\x02K\x03\x86", b"K\x02K\x09\x86"), "float32 .2, 9., and has 24 bytes"),
        (pickle.dumps({"a": np.array([1, np.nan])}, 4), "not finite, in a"),
        (b"\x80\x04N\x8e" + b"\xff" * 7 + b"\x7f.", "cannot be read"),
        (b"\x80\x04Nr\xff\xff\xff\x7f.", "asks for 2,147,483,647 places"),
        (b"\x80\x04" + b"(" * 50, "cannot be read"),
        ((1 << 60).to_bytes(8, "little") + b'{"a"', "cannot be read"),
        (b"<html>", "cannot be read"),
        (safetensors(shape=[1 << 40], end=4), "cannot be read"),
        (safetensors(shape=[1], end=1 << 40), "cannot be read"),
        (safetensors(shape=[-1], end=4), "cannot be read"),
        (safetensors(content=np.float32("nan").tobytes()), "not finite, in a"),
    ],
)
def test_a_file_that_is_no_file_of_tensors_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(WeightsError, match=rf"a\.ckpt .*{reason}.*weights verify"):
        checkpoint.read_state(written(tmp_path / "a.ckpt", content))


def test_a_torchscript_archive_whose_members_lie_is_refused(program: Path, tmp_path: Path) -> None:
    def cut(name: str, data: bytes) -> bytes:
        return data[:-4] if "/data/" in name else data

    with pytest.raises(WeightsError, match=r"data/\d has \d+ bytes, not \d+"):
        checkpoint.read_state(rewritten(program, tmp_path / "cut", cut))

    def lost(name: str, data: bytes) -> bytes:
        return pickle.dumps({}) if name.endswith("data.pkl") else data

    with pytest.raises(WeightsError, match="holds no tensors"):
        checkpoint.read_state(rewritten(program, tmp_path / "none", lost))
    flipped = bytearray(program.read_bytes())
    place = flipped.index(torch.arange(6.0).numpy().tobytes())
    flipped[place + 2] ^= 255
    with pytest.raises(WeightsError, match="Bad CRC-32"):
        checkpoint.read_state(written(tmp_path / "flipped", bytes(flipped)))
    with pytest.raises(WeightsError, match="cannot be read"):
        checkpoint.read_state(written(tmp_path / "half", program.read_bytes()[:900]))
