"""The report in headless Chromium: it sorts, filters, plays and seeks, runs no markup, and asks for nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from page_runs import EVIL, make_runs

from lsbench.board.rank import leaderboard
from lsbench.report.page.write import write_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """out/: the report of two runs; moved/: of one whose videos are gone."""
    folder = tmp_path_factory.mktemp("browser")
    runs = make_runs(folder)
    write_report(leaderboard(runs), folder / "out")
    gone = Path(shutil.copytree(runs[0], folder / "gone"))
    request = json.loads((gone / "run.json").read_text())
    (gone / "run.json").write_text(json.dumps(request | {"generated": "/gone", "reference": "/gone"}))
    write_report(leaderboard([gone]), folder / "moved")
    return folder


def names(tab: Any) -> list[str]:
    return tab.eval_on_selector_all(
        "#board-table tbody tr:not([hidden]) th.name", "cells => cells.map(c => c.innerText)"
    )


def opened(tab: Any, shown: str) -> None:
    tab.wait_for_selector(f'body[data-shown="{shown}"]')
    tab.wait_for_function("[...document.querySelectorAll('video')].every(v => v.readyState >= 2 && !v.seeking)")


def test_the_board_sorts_by_mouse_and_by_keyboard(tab: Any, folder: Path) -> None:
    tab.goto((folder / "out/index.html").as_uri())
    ranked = names(tab)
    assert sorted(ranked) == sorted([EVIL, "blurred-mouth"])
    head = tab.locator("th", has=tab.locator("button[data-sort]", has_text="psnr")).first
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending" and tab.locator("th[aria-sort]").count() == 1
    values = tab.eval_on_selector_all(
        "#board-table tbody tr td.score:nth-of-type(3)", "c => c.map(x => +x.dataset.value)"
    )
    assert values == sorted(values, reverse=True)
    by_psnr = names(tab)
    head.locator("button").focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending" and names(tab) == by_psnr[::-1]
    tab.locator("button[data-sort=rank]").click()
    assert names(tab) == ranked


def test_the_board_filters_rows_and_columns(tab: Any, folder: Path) -> None:
    tab.goto((folder / "out/index.html").as_uri())
    tab.fill("#name-filter", "BLUR")
    assert names(tab) == ["blurred-mouth"] and tab.inner_text("#count") == "1 of 2 generators"
    tab.fill("#name-filter", "")
    shown = "#board-table thead th.score:not([hidden])"
    assert tab.locator(shown).count() == 4  # face is off at first
    tab.check("input[value=face]")
    assert tab.locator(shown).count() == 6
    tab.select_option("#metric-filter", "ssim")
    assert tab.locator(shown).count() == 3
    assert tab.locator("#board-table tbody tr").first.locator("td.score:visible").count() == 3


def test_a_clip_opens_plays_and_seeks(tab: Any, folder: Path) -> None:
    tab.goto((folder / "out/index.html").as_uri())
    tab.click('th.name a:has-text("blurred-mouth")')
    tab.wait_for_selector("body[data-shown]")
    opened(tab, tab.evaluate("document.body.dataset.shown"))
    assert tab.inner_text("h1").startswith("blurred-mouth: ")
    order = tab.eval_on_selector_all("#list .value", "cells => cells.map(cell => +cell.innerText)")
    assert len(order) == 2 and order == sorted(order)  # worst first
    assert tab.locator("#list a[aria-current]").count() == 1 and tab.locator(".curve").count() == 2
    times = "[...document.querySelectorAll('video')].map(v => v.currentTime)"
    tab.eval_on_selector("#scrub", "bar => { bar.value = 12; bar.dispatchEvent(new Event('input')); }")
    tab.wait_for_function("[...document.querySelectorAll('video')].every(v => !v.seeking)")
    assert tab.evaluate(times) == pytest.approx([12.5 / 25] * 2)
    assert tab.get_attribute(".curve .cursor >> nth=0", "x1") == "12" and "frame 12" in tab.inner_text("#time")
    tab.focus("#scrub")
    tab.keyboard.press("ArrowRight")
    assert "frame 13" in tab.inner_text("#time")
    box = tab.locator(".curve svg").first.bounding_box()
    tab.locator(".curve svg").first.click(position={"x": 1, "y": box["height"] / 2})
    assert "frame 0," in tab.inner_text("#time")
    tab.click("#play")
    tab.wait_for_function(f"{times}.every(time => time > 0.1)")
    tab.wait_for_function("document.getElementById('play').textContent === 'Play'")  # it stops at the end
    sizes = tab.eval_on_selector_all(
        "canvas", "all => all.map(c => [c.id, c.width > 0 && c.getBoundingClientRect().width > 0])"
    )
    assert len(sizes) == 4 and all(drawn for _, drawn in sizes)


def test_worse_and_better_walk_through_the_clips(tab: Any, folder: Path) -> None:
    tab.goto((folder / "out/clip.html").as_uri() + "#g=1")
    tab.wait_for_selector("body[data-shown]")
    first = tab.evaluate("document.body.dataset.shown")
    assert first.startswith("1,") and tab.is_disabled("#worse")
    tab.click("#better")
    tab.wait_for_function("shown => document.body.dataset.shown !== shown", arg=first)
    assert tab.is_disabled("#better") and not tab.is_disabled("#worse")
    tab.go_back()
    tab.wait_for_function("shown => document.body.dataset.shown === shown", arg=first)


def test_markup_in_names_is_shown_as_it_is(tab: Any, folder: Path) -> None:
    for scheme, width in (("light", 1280), ("dark", 390)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto((folder / "out/index.html").as_uri())
        assert EVIL in names(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.click(f'th.name a:has-text("{EVIL}")')
        tab.wait_for_selector("body[data-shown]")
        assert tab.inner_text("h1").startswith(EVIL)
        assert 'it\'s "<b>"' in tab.inner_text("#list")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_a_run_that_moved_says_so_and_still_shows_its_curves(tab: Any, folder: Path) -> None:
    tab.goto((folder / "moved/clip.html").as_uri())
    tab.wait_for_selector("body[data-shown]")
    assert "generated video not found" in tab.inner_text("#problems")
    assert tab.locator(".curve").count() == 2 and tab.is_disabled("#play")
    tab.eval_on_selector("#scrub", "bar => { bar.value = 5; bar.dispatchEvent(new Event('input')); }")
    assert tab.get_attribute(".curve .cursor >> nth=0", "x1") == "5"


def test_a_page_that_lost_its_videos_says_which(browser: Any, folder: Path) -> None:
    shutil.copytree(folder / "out", folder / "lost")
    for path in (folder / "lost/media").glob("*.mp4"):
        path.unlink()
    page = browser.new_page()  # Chromium itself complains of files that are not there
    page.goto((folder / "lost/clip.html").as_uri())
    page.wait_for_selector("#problems li:nth-child(2)")
    assert page.inner_text("#problems").count("cannot be played") == 2
    page.close()
