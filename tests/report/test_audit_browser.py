"""The audit's page in headless Chromium: the heat map, details on demand, no network, no markup of a score's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lsbench.auditing.findings import Audit
from lsbench.auditing.response import Response
from lsbench.report.audit.page import write_page

EVIL = "psnr:<script>alert(1)</script>/mouth"


def response(artifact: str, key: str, *areas: float) -> Response:
    steps = tuple(float(step) for step in range(len(areas)))
    values = tuple(30.0 - step for step in steps)
    return Response(
        artifact,
        key,
        steps,
        values,
        tuple(v - 1 for v in values),
        tuple(v + 1 for v in values),
        areas,
        areas,
        areas,
        areas,
        float("nan"),
        1.0,
        0.9,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keys = (EVIL, "lmd")
    responses = {
        (name, key): response(name, key, 0.5, 0.6, 0.8, area)
        for name, area in (("mouth-blur", 1.0), ("late", 0.05), ("recoded", 0.5))
        for key in keys
    }
    nowhere = replace(responses["late", "lmd"], values=(float("inf"), 1.0, 1.0, 1.0))
    responses["late", "lmd"] = nowhere
    audit = Audit(
        {"name": "<b>toy</b>", "version": "1"},
        ("s1/a", "s1/b"),
        "two clips",
        keys,
        dict.fromkeys(keys, "higher"),
        responses,
        {"fid": "no <weights>"},
    )
    return write_page(audit, tmp_path_factory.mktemp("audit") / "index.html")


def test_the_heat_map_says_what_it_shows(tab: Any, page: Path) -> None:
    tab.goto(page.as_uri())
    cells = tab.locator(".heat tbody td")
    assert cells.count() == 6
    assert (
        cells.nth(0).get_attribute("title")
        == f"mouth-blur, {EVIL}: AUC 1.00, 95 % 1.00 to 1.00, good; against one more encoding 1.00"
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
