"""The site as it is built: it opens from disk, and its search, tables, formulas and pages of the program are there."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lsbench import registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in ("mkdocs", "material", "mkdocstrings", "mkdocs_click", "latex2mathml"):
        pytest.importorskip(module, reason="no MkDocs; pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_what_is_made_from_the_program_is_there(site: Path) -> None:
    pages = {page.stem: page.read_text() for page in site.glob("*.html")}
    words = {name: html.unescape(re.sub(r"<[^>]+>", "", page)) for name, page in pages.items()}
    assert all(f'.html#{name}"' in pages["metrics"] for name in registry.METRICS)
    assert 'id="lsbench-audit-leakage"' in pages["cli"] and "lsbench audit --reference grid/ --quick" in words["cli"]
    assert 'id="lsbench.score"' in pages["api"] and 'id="lsbench.FrameMetric.values"' in pages["api"]
    assert "<math" in pages["pictures"] and "class MAE(FrameMetric)" in words["extend"]
    assert "First light" in words["changelog"] and "The laws of metrics" in words["contributing"]


@pytest.mark.parametrize("page", ["index", "board", "metrics", "pictures", "cli", "api", "design"])
def test_a_page_fits_a_phone(site: Path, tab: Any, page: str) -> None:
    tab.set_viewport_size({"width": 400, "height": 900})
    tab.goto((site / f"{page}.html").as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_search_works_from_disk(site: Path, tab: Any) -> None:
    tab.goto((site / "index.html").as_uri())
    tab.click("input.md-search__input")
    tab.type("input.md-search__input", "seam")
    tab.wait_for_selector(".md-search-result__item")
    assert "Paste box" in tab.inner_text(".md-search-result__list")
