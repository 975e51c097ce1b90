"""A study in headless Chromium: scripted raters go from the first word to the file of ratings, by keys or mouse."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_runs import EVIL, make_runs

from lsbench.mos.key import COLUMNS, QUESTIONS, StudyKey
from lsbench.mos.make.make_study import MadeStudy, make_study
from lsbench.mos.make.study import StudyOptions
from lsbench.mos.read.ratings import read_ratings

NOTHING = {"given": {}, "played_ms": 0}
HEADER = "study,rater,trial,kind,item,other,question,rating,repeat,played_ms,answered_at"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MadeStudy]:
    """Both methods; the tones of the headphone check are cut short."""
    folder = tmp_path_factory.mktemp("mos")
    runs = make_runs(folder)
    made = {
        "acr": make_study(runs, folder / "one", StudyOptions("acr", clips=2)),
        "pairs": make_study(runs, folder / "two", StudyOptions("pairs", clips=1, repeats=1)),
    }
    for one in made.values():
        text = one.page.read_text()
        assert text.count('"tone_ms": 1000') == text.count('"gap_ms": 500') == 1
        one.page.write_text(text.replace('"tone_ms": 1000', '"tone_ms": 40').replace('"gap_ms": 500', '"gap_ms": 20'))
    return made


def at(tab: Any) -> str:
    """The step that is shown, with the title of a trial or note."""
    step = tab.evaluate("document.body.dataset.step")
    return f"{step}: {tab.inner_text(f'#{step} h1')}"


def press(tab: Any, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def watched(tab: Any) -> None:
    tab.wait_for_function("!document.querySelector('#questions fieldset').disabled")


def locked(tab: Any) -> bool:
    """Whether nothing can be answered."""
    return tab.is_disabled("#next") and tab.locator("#questions fieldset:disabled").count() == 3


def slowly(tab: Any, rate: float = 0.2) -> None:
    """Half a second of video takes longer, so that what holds while it plays can be looked at on a busy machine."""
    tab.eval_on_selector_all("#trial video", f"all => all.forEach(video => {{ video.playbackRate = {rate}; }})")


def enter_by_keyboard(tab: Any, made: MadeStudy, rater: str) -> None:
    """From the first word to the note after the headphone checks; every second check is answered right."""
    tab.goto(made.page.as_uri())
    tab.focus("#rater")
    tab.keyboard.type(rater)
    press(tab, "Enter")
    assert at(tab) == "sound: Set your volume" and tab.is_disabled("#sound-next")
    press(tab, "Enter")
    assert at(tab).startswith("sound")  # not before something was heard
    press(tab, "Space")
    tab.wait_for_function("!document.getElementById('sound-next').disabled")
    press(tab, "Enter")
    orders = tab.evaluate("r => toneOrders(JSON.parse(document.getElementById('study').textContent), r)", rater)
    for place, order in enumerate(orders, start=1):
        assert f"Check {place} of 6" in tab.inner_text("#tones-status")
        press(tab, "1", "Space")
        tab.wait_for_function("!document.getElementById('tones-answer').disabled")
        press(tab, str(order.index("quiet" if place % 2 else "anti") + 1))
    assert at(tab) == "note: Practice"


def demand_blind(tab: Any) -> None:
    """No name of a generator, and none of a clip, in the page, its address or what the browser keeps of it."""
    kept = tab.evaluate("JSON.stringify({ ...localStorage }) + document.documentElement.outerHTML + location.href")
    assert "lsbench-mos" in kept and "media/" in kept
    for name in (EVIL, "alert(1)", "lipgan", "noisy-frame", "blurred-mouth", "clipalpha", "speakerone"):
        assert name not in kept.replace("\\u003c", "<").replace("\\u003e", ">")


def jump(tab: Any, made: MadeStudy, rater: str, **state: Any) -> None:
    """Go on as a rater whose progress is kept like that."""
    tab.goto(made.page.as_uri())
    code = "([study, state]) => localStorage.setItem(`lsbench-mos:${study}:${state.rater}`, JSON.stringify(state))"
    tab.evaluate(code, [made.study.key.study, {"rater": rater, **state}])
    tab.fill("#rater", rater)
    press(tab, "Enter")


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.splitlines()[0] == HEADER == ",".join(COLUMNS)
    return list(csv.DictReader(io.StringIO(text)))


def demand_contract(rows: list[dict[str, str]], key: StudyKey, rater: str) -> None:
    """Every cell is as the contract of COLUMNS says."""
    for row in rows:
        assert row["study"] == key.study and row["rater"] == rater
        assert datetime.strptime(row["answered_at"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert int(row["played_ms"]) > 0 and row["repeat"] in "01"
    checks = [row for row in rows if row["kind"] == "headphones"]
    assert [(row["trial"], row["item"], row["question"]) for row in checks] == [
        (str(place), str(place), "headphones") for place in range(1, 7)
    ]
    assert [row["rating"] for row in checks] == ["1", "0"] * 3
    rated = rows[6:]
    shown = len(key.pairs or key.items) + key.repeats
    assert [(row["trial"], row["question"]) for row in rated] == [
        (str(place), name) for place in range(1, shown + 1) for name in QUESTIONS
    ]
    first = rated[::3]
    expected = {frozenset(pair) for pair in key.pairs} or {frozenset([name]) for name in key.items}
    seen = Counter(frozenset(filter(None, (row["item"], row["other"]))) for row in first)
    assert set(seen) == expected and sorted(seen.values()) == [1] * (len(expected) - key.repeats) + [2] * key.repeats
    for place, row in enumerate(first):
        earlier = [other for other in first[:place] if {row["item"], row["other"]} == {other["item"], other["other"]}]
        assert row["repeat"] == str(len(earlier))


@pytest.mark.slow
def test_a_rater_by_keyboard_alone_with_a_reload_in_mid_session(tab: Any, studies: dict[str, MadeStudy]) -> None:
    made = studies["acr"]
    enter_by_keyboard(tab, made, "anna_1")
    press(tab, "Enter")
    given: list[tuple[str, str, str]] = []
    trials = 0
    while not at(tab).startswith("end"):
        if at(tab).startswith("note"):
            press(tab, "Enter")
            continue
        title = at(tab)
        assert locked(tab)
        press(tab, "3", "4", "5", "Enter", "Backspace")  # nothing counts before the video has ended
        assert locked(tab) and at(tab) == title and tab.locator("#questions input:checked").count() == 0
        if trials == 0:
            slowly(tab)
        press(tab, "Space")
        if trials == 0:
            tab.wait_for_function("!document.querySelector('#trial video').paused")
            assert locked(tab)
        watched(tab)
        answers = [str(1 + (trials + place) % 5) for place in range(3)]
        press(tab, "5", "Enter")
        assert at(tab) == title  # one of three is not enough
        press(tab, "Backspace", answers[0], answers[1])
        if title == "trial: 4 of 9":
            tab.reload()
            assert at(tab) == title and not tab.is_disabled("#questions fieldset")
            assert tab.eval_on_selector_all("#questions input:checked", "all => all.map(i => i.value)") == answers[:2]
        press(tab, answers[2])
        if "Practice" not in title:
            given += [(title.split()[1], name, value) for name, value in zip(QUESTIONS, answers, strict=True)]
        press(tab, "Enter")
        trials += 1
    assert trials == 2 + 9
    with tab.expect_download() as download:
        press(tab, "Enter")
    assert download.value.suggested_filename == f"ratings-{made.study.key.study}-anna_1.csv"
    rows = rows_of(Path(download.value.path()).read_text(encoding="utf-8"))
    demand_contract(rows, made.study.key, "anna_1")
    assert len(read_ratings([Path(download.value.path())], made.study.key)) == len(rows)  # as `mos read` takes it
    assert [(row["trial"], row["question"], row["rating"]) for row in rows[6:]] == given
    assert {row["kind"] for row in rows[6:]} == {"acr"} and {row["other"] for row in rows} == {""}
    assert all(400 <= int(row["played_ms"]) <= 700 for row in rows[6:])  # 12 frames, once
    tab.reload()
    assert at(tab) == "end: Thank you"
    demand_blind(tab)


@pytest.mark.slow
def test_a_rater_by_mouse_chooses_between_pairs(tab: Any, studies: dict[str, MadeStudy]) -> None:
    made = studies["pairs"]
    tab.goto(made.page.as_uri())
    tab.click("text=Begin")
    assert tab.is_visible("#rater-wrong") and at(tab).startswith("welcome")
    tab.click("text=Make one up")
    rater = tab.input_value("#rater")
    assert re.fullmatch(r"r-[a-z]{8}", rater)
    tab.click("text=Begin")
    tab.click("#speech-play")
    tab.click("#sound-next:enabled")
    orders = tab.evaluate("r => toneOrders(JSON.parse(document.getElementById('study').textContent), r)", rater)
    for place, order in enumerate(orders):
        tab.click("#tones-play")
        tab.click(f"#tones-answer:enabled [data-tone='{order.index('anti' if place % 2 else 'quiet') + 1}']")
    chosen: list[str] = []
    while not at(tab).startswith("end"):
        if at(tab).startswith("note"):
            tab.click("#note-next")
            continue
        title = at(tab)
        play = tab.locator("#trial .play")
        play.nth(0).click()
        tab.wait_for_function("document.querySelectorAll('#trial video')[0].ended")
        assert locked(tab)  # one of two is not enough
        play.nth(1).click()
        watched(tab)
        for place, name in enumerate(QUESTIONS):
            side = ("left", "right")[(len(chosen) + place) % 2]
            tab.click(f"label:has(input[name={name}][value={side}])")
            if "Practice" not in title:
                chosen.append(side)
        tab.click("#next")
    with tab.expect_download() as download:
        tab.click("#download")
    rows = rows_of(Path(download.value.path()).read_text(encoding="utf-8"))
    demand_contract(rows, made.study.key, rater)
    assert len(read_ratings([Path(download.value.path())], made.study.key)) == len(rows)  # as `mos read` takes it
    assert [row["rating"] for row in rows[6:]] == chosen and {row["kind"] for row in rows[6:]} == {"pair"}
    again = next(row for row in rows[6:] if row["repeat"] == "1")
    before = next(row for row in rows[6:] if {row["item"], row["other"]} == {again["item"], again["other"]})
    assert again["item"] == before["other"]  # the sides are swapped
    demand_blind(tab)
    tab.click("#other")
    assert at(tab).startswith("welcome")
    tab.fill("#rater", rater)
    tab.click("text=Begin")
    assert at(tab).startswith("end")


def test_pairs_by_keyboard_play_one_at_a_time(tab: Any, studies: dict[str, MadeStudy]) -> None:
    enter_by_keyboard(tab, studies["pairs"], "b")
    press(tab, "Enter")
    slowly(tab, 0.0625)  # the slowest that Chromium plays
    press(tab, "b")
    playing = "[...document.querySelectorAll('#trial video')].map(video => !video.paused)"
    tab.wait_for_function(f"{playing}[1]")
    # Looked at in the very task of the key, so that neither another task nor the end of a video can come between.
    key = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}))"
    assert tab.evaluate(f"() => {{ {key}; return {playing}; }}") == [True, False]
    slowly(tab, 1)
    tab.wait_for_function("document.querySelectorAll('#trial video')[0].ended")
    assert locked(tab)
    press(tab, "Space")  # the one that was stopped goes on
    watched(tab)
    press(tab, "ArrowLeft", "ArrowRight", "ArrowLeft", "Backspace", "Backspace", "ArrowLeft")
    assert tab.eval_on_selector_all("#questions input:checked", "all => all.map(i => i.value)") == ["left"] * 3
    assert not tab.is_disabled("#next")


def test_a_browser_that_keeps_nothing_says_so_and_still_gives_the_file(
    browser: Any, studies: dict[str, MadeStudy]
) -> None:
    context = browser.new_context(accept_downloads=True)
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    enter_by_keyboard(tab, studies["acr"], "c")
    assert tab.is_visible("#forgets")
    press(tab, "Enter")
    for answers in ("111", "222", "345"):
        if at(tab).startswith("note"):
            press(tab, "Enter")
        press(tab, "Space")
        watched(tab)
        press(tab, *answers, "Enter")
        if at(tab).startswith("note"):
            press(tab, "Enter")
    with tab.expect_download() as download:
        tab.click("#trial-save")
    rows = rows_of(Path(download.value.path()).read_text())
    assert [row["rating"] for row in rows[6:]] == ["3", "4", "5"]
    context.close()


def test_a_video_that_is_gone_can_be_skipped(browser: Any, studies: dict[str, MadeStudy], tmp_path: Path) -> None:
    made = studies["acr"]
    folder = Path(shutil.copytree(made.page.parent, tmp_path / "lost"))
    shutil.rmtree(folder / "media")
    context = browser.new_context()
    tab = context.new_page()  # Chromium itself complains of files that are not there
    jump(tab, MadeStudy(made.study, folder / "index.html", made.key), "d", step="trials", at=8, answers=[NOTHING] * 8)
    tab.wait_for_selector("#skip:visible")
    assert "cannot be played" in tab.inner_text("#trial-status") and locked(tab)
    tab.click("#skip")
    assert at(tab) == "end: Thank you"
    context.close()


@pytest.mark.parametrize(("groups", "size", "repeats"), [(5, 3, 3), (12, 5, 6), (2, 3, 3), (1, 4, 2), (30, 2, 10)])
def test_orders_are_the_raters_own_and_spaced(
    tab: Any, studies: dict[str, MadeStudy], groups: int, size: int, repeats: int
) -> None:
    tab.goto(studies["acr"].page.as_uri())
    items = [{"id": f"i{clip}-{take}", "group": clip} for clip in range(groups) for take in range(size)]
    trials = [[item["id"]] for item in items]
    study = {"study": "x", "seed": 1, "items": items, "trials": trials, "shares": [], "repeats": repeats}
    raters = [f"rater{place}" for place in range(40)]
    code = "([study, raters]) => raters.map(rater => planned(study, rater))"
    orders = tab.evaluate(code, [study, raters])
    assert orders == tab.evaluate(code, [study, raters])
    assert len({json.dumps(order) for order in orders}) > (35 if groups > 2 else 5)
    twice: Counter[str] = Counter()
    for order in orders:
        shown = [trial["ids"][0] for trial in order]
        assert Counter(shown[place] for place, trial in enumerate(order) if not trial["repeat"]) == Counter(
            item["id"] for item in items
        )
        again = [place for place, trial in enumerate(order) if trial["repeat"]]
        assert len(again) == repeats
        twice.update(shown[place] for place in again)
        if groups > 2:
            assert all(one["group"] != other["group"] for one, other in pairwise(order))
            assert all(place - shown.index(shown[place]) >= 5 for place in again)
        if groups > 2 and repeats <= groups:
            assert len({order[place]["group"] for place in again}) == repeats
    share = 40 * repeats / len(items)  # how often each item comes twice, on average
    assert all(abs(twice[item["id"]] - share) < 5 * np.sqrt(share) for item in items)


def test_shares_are_shown_and_spread_over_raters(tab: Any, studies: dict[str, MadeStudy]) -> None:
    tab.goto(studies["acr"].page.as_uri())
    items = [{"id": f"i{place}", "group": place // 2} for place in range(12)]
    shares = [[place for place in range(12) if place % 4 == turn] for turn in range(4)]
    study = {"study": "x", "seed": 1, "items": items, "trials": [[item["id"]] for item in items], "shares": shares}
    code = "([study, raters]) => raters.map(rater => planned(study, rater).map(trial => trial.ids[0]))"
    orders = tab.evaluate(code, [study | {"repeats": 0}, [f"r{place}" for place in range(400)]])
    found = Counter(tuple(sorted(order)) for order in orders)
    assert set(found) == {tuple(sorted(f"i{place}" for place in share)) for share in shares}
    assert all(60 < count < 140 for count in found.values())


def test_sides_are_balanced_and_swapped_the_second_time(tab: Any, studies: dict[str, MadeStudy]) -> None:
    tab.goto(studies["pairs"].page.as_uri())
    items = [{"id": f"{side}{clip}", "group": clip} for clip in range(20) for side in "ab"]
    study = {"study": "x", "seed": 1, "items": items, "shares": [], "repeats": 4}
    study["trials"] = [[f"a{clip}", f"b{clip}"] for clip in range(20)]
    for rater in range(20):
        order = tab.evaluate("([study, rater]) => planned(study, rater)", [study, f"r{rater}"])
        first = {frozenset(trial["ids"]): trial["ids"] for trial in order if not trial["repeat"]}
        assert sum(ids[0].startswith("a") for ids in first.values()) == 10
        again = [trial["ids"] for trial in order if trial["repeat"]]
        assert len(again) == 4 and all(first[frozenset(ids)] == ids[::-1] for ids in again)


def test_tones_are_six_decibels_and_half_a_turn_apart(tab: Any, studies: dict[str, MadeStudy]) -> None:
    tab.goto(studies["acr"].page.as_uri())
    flat = tab.evaluate("[...toneSamples(['plain', 'quiet', 'anti'], 1000, 500)]")
    samples = np.array(flat, float).reshape(-1, 2)
    assert len(samples) == 24000 * 4  # three seconds of tones and two gaps of half a second
    plain, quiet, anti = (samples[36000 * turn : 36000 * turn + 24000] for turn in range(3))
    assert 20 * np.log10(plain.std() / quiet.std()) == pytest.approx(6, abs=0.02)
    assert np.array_equal(plain[:, 0], plain[:, 1]) and np.array_equal(quiet[:, 0], quiet[:, 1])
    assert np.array_equal(anti[:, 0], -anti[:, 1]) and np.array_equal(anti[:, 0], plain[:, 0])
    assert np.abs(np.fft.rfft(plain[:, 0])).argmax() == 200 and not samples[24000:36000].any()
    study = json.loads(tab.inner_text("#study") or tab.eval_on_selector("#study", "it => it.textContent"))
    orders = tab.evaluate("study => toneOrders(study, 'a')", study)
    assert len({tuple(order) for order in orders}) == 6
    assert Counter(order.index("quiet") for order in orders) == {0: 2, 1: 2, 2: 2}


def test_the_page_fits_a_phone_and_labels_everything(tab: Any, studies: dict[str, MadeStudy]) -> None:
    for width, scheme in ((390, "dark"), (1280, "light")):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.emulate_media(color_scheme=scheme)
        for method, made in studies.items():
            steps = ("sound", "headphones", "ready", "pause", "end", "trials")
            for step in steps:
                jump(tab, made, step, step=step, at=0)
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                assert tab.evaluate("document.activeElement.tagName") == "H1"
                if step != steps[-1]:
                    tab.evaluate("localStorage.clear()")
            names = tab.eval_on_selector_all(
                "#trial button:not([hidden]), #trial video, #trial input",
                "all => all.map(it => (it.ariaLabel || it.closest('label')?.innerText || it.innerText).trim())",
            )
            assert names and all(names)
            assert tab.locator("#trial").get_by_role("radio").count() == (15 if method == "acr" else 6)
            tab.evaluate("localStorage.clear()")
