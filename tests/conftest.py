"""Fixtures that several test files share: real GRID clips where they are there, synthetic ones otherwise."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import WeightsError
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.networks import weights

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# The same examples in every run, and no clock: a property that fails, fails again.
settings.register_profile("lsbench", derandomize=True, database=None, deadline=None)
settings.load_profile("lsbench")

WEIGHTS = weights.weights_dir()  # before a test names another folder
GRID = Path(__file__).parents[2] / "shared" / "grid-mini"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--metric", action="append", default=[], metavar="SPEC", help="whose laws are tested, such as py:mymetrics:MAE"
    )
    parser.addoption(
        "--mutations", type=int, default=200, metavar="N", help="files of each kind that are spoilt at random and read"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist deal out the files in the order that they have here, not by how many tests they hold."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a browser, or real GRID clips, as such; files with slow tests go first.

    Where several processes share the files, none is then left alone with a long one at the end.
    """
    for item in items:
        for name in {"browser", "grid"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(name)
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def grid() -> Path:
    """The folder of real GRID clips."""
    if not GRID.is_dir():
        pytest.skip(f"no real GRID clips at {GRID}")
    return GRID


@pytest.fixture(scope="session")
def real_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a real network, by name: from the weights folder, or fetched once a session where pip gives it.

    The folder is LSBENCH_WEIGHTS, or the user's own; pip's copy goes to one that all processes of a session share.
    """
    base = tmp_path_factory.getbasetemp()
    fetched = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "weights"

    @cache
    def sought(name: str) -> Path | str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LSBENCH_WEIGHTS", str(WEIGHTS))
            try:
                return weights.require(name, offline=True)[0]
            except WeightsError as error:
                if not weights.lookup(name).packages:
                    return str(error)
            patch.setenv("LSBENCH_WEIGHTS", str(fetched))
            try:
                return weights.fetch(name)
            except WeightsError as error:
                return str(error)

    def file(name: str) -> Path:
        path = sought(name)
        if isinstance(path, str):
            pytest.skip(path)
        return path

    return file


@pytest.fixture(scope="session")
def toy() -> tuple[Clip, FaceTrack]:
    """One short toy clip and its exact track."""
    return synthetic.render(1, 0, frames=12, size=96)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of training shards: two toy clips of 16 frames of each of three speakers."""
    from lsbench.corpus.shards import write_shards
    from lsbench.protocol import protocol

    folder = tmp_path_factory.mktemp("shards")
    synthetic.write_corpus(folder / "clips", speakers=3, clips=2, frames=16, size=96)
    write_shards(protocol.from_folder(folder / "clips").clips, folder / "data")
    return folder / "data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("LSBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch in one thread: small networks lose more than they gain by several, most of all on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright; pip install playwright")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A page; afterwards it must have raised nothing, complained of nothing, and asked nothing of the network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
    own = ("file:", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
    page.on("requestfailed", lambda request: None if _called_off(request) else faults.append(f"failed {request.url}"))
    yield page
    context.close()
    assert faults == []


def _called_off(request: Any) -> bool:
    """Whether a request failed because nobody waits for it any more: films of a page that turns or closes."""
    film = ".mp4" in request.url or request.url.startswith("blob:")
    return film and request.failure in (None, "net::ERR_ABORTED")
