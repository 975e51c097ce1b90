"""The audit's page in headless Chromium: the heat map, details on demand, no network, no markup of a score's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from audits import EVIL_KEY, small_audit

from lsbench.report.audit.page import write_page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(small_audit(), tmp_path_factory.mktemp("audit") / "index.html")


def test_the_heat_map_says_what_it_shows(tab: Any, page: Path) -> None:
    tab.goto(page.as_uri())
    cells = tab.locator(".heat tbody td")
    assert cells.count() == 6
    assert (
        cells.nth(0).get_attribute("title")
        == f"mouth-blur, {EVIL_KEY}: AUC 1.00, 95 % 1.00 to 1.00, good; against one more encoding 1.00"
    )
    assert "fooled" in cells.nth(2).get_attribute("class")
    assert tab.locator("h1").inner_text() == "Which metric notices which artifact?"
    assert "<b>toy</b>" in tab.locator(".kicker").inner_text()


def test_curves_open_by_keyboard(tab: Any, page: Path) -> None:
    tab.goto(page.as_uri())
    summary = tab.locator("#mouth-blur summary")
    assert not tab.locator("#mouth-blur svg").first.is_visible()
    summary.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#mouth-blur svg").first.is_visible()
    line = tab.locator("#mouth-blur polyline").first.get_attribute("points").split()
    heights = [float(point.split(",")[1]) for point in line]
    assert len(line) == 4 and heights == sorted(heights), "the score falls, so the line sinks"
    assert tab.locator("#late svg").count() == 1, "what is not finite is not drawn"


def test_it_fits_a_phone(tab: Any, page: Path) -> None:
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
