"""Files of ratings: what is read, and every way in which one can be wrong, named with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from raters import Rater, World, make_key, panel_of

from lsbench.errors import StudyError
from lsbench.mos.key import COLUMNS, StudyKey, key_text, read_key, write_key
from lsbench.mos.read.answers import acr_answers, pairs_answers
from lsbench.mos.read.ratings import read_ratings

HEADER = ",".join(COLUMNS)
ROW = {
    "study": "0123456789abcdef",
    "rater": "r1",
    "trial": "1",
    "kind": "acr",
    "item": "",
    "other": "",
    "question": "sync",
    "rating": "4",
    "repeat": "0",
    "played_ms": "3000",
    "answered_at": "2026-01-31T12:00:00.000Z",
}


@pytest.fixture(scope="module")
def key() -> StudyKey:
    return make_key(clips=3)


@pytest.fixture(scope="module")
def pairs_key() -> StudyKey:
    return make_key(clips=3, method="pairs")


def row(key: StudyKey, **changes: str) -> str:
    """One row of a rater, with the first item of the key (of a pair: its first pair)."""
    fields = ROW | {"study": key.study, "item": next(iter(key.items))}
    if key.pairs:
        fields |= {"kind": "pair", "item": key.pairs[0][0], "other": key.pairs[0][1], "rating": "left"}
    return ",".join((fields | changes).values())


def write(path: Path, *rows: str, header: str = HEADER, end: str = "\n") -> Path:
    path.write_bytes(("\n".join([header, *rows]) + end).encode())
    return path


def refused(path: Path, key: StudyKey, *parts: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_ratings([path], key)
    for part in (path.name, *parts):
        assert part in str(caught.value), str(caught.value)


@pytest.mark.parametrize("method", ["acr", "pairs"])
def test_what_raters_saved_is_what_is_read(tmp_path: Path, method: str) -> None:
    key = make_key(clips=4, method=method)
    world = World(key, np.random.default_rng(1))
    raters = panel_of(3, np.random.default_rng(2))
    paths = world.files(tmp_path, raters)
    found = read_ratings(paths, key)
    rows = [line.split(",") for path in paths for line in path.read_text().splitlines()[1:]]
    assert [(each.rater, each.item, each.other, each.question, each.repeat) for each in found] == [
        (line[1], line[4], line[5], line[6], int(line[8])) for line in rows
    ]
    assert [each.value for each in found] == [
        {"left": 1, "right": 0}.get(line[7], line[7]) in (1, "1") if line[3] != "acr" else int(line[7]) for line in rows
    ]


def test_one_file_may_hold_many_raters_with_a_byte_order_mark_and_either_line_end(
    tmp_path: Path, key: StudyKey
) -> None:
    text = World(key, np.random.default_rng(1)).text(panel_of(3, np.random.default_rng(2)))
    (tmp_path / "all.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "unix.csv").write_bytes(text.replace("\r\n", "\n").encode())
    both = [read_ratings([tmp_path / name], key) for name in ("all.csv", "unix.csv")]
    assert [each.value for each in both[0]] == [each.value for each in both[1]]
    assert {each.rater for each in both[0]} == {"r00", "r01", "r02"}


def test_a_path_given_twice_is_read_once(tmp_path: Path, key: StudyKey) -> None:
    path = write(tmp_path / "a.csv", row(key))
    assert len(read_ratings([path, tmp_path / "." / "a.csv"], key)) == 1


def test_arrays_hold_every_answer_at_its_place(key: StudyKey) -> None:
    found = World(key, np.random.default_rng(1)).ratings(panel_of(2, np.random.default_rng(2)))
    arrays = acr_answers(found, key)
    assert arrays.first.shape == (3, 2, 4, 3)
    assert not np.isnan(arrays.first).any() and (~np.isnan(arrays.second)).sum() == 3 * 2 * key.repeats
    for each in found:
        if each.kind == "acr" and each.repeat == 0:
            item = key.items[each.item]
            place = arrays.questions.index(each.question), arrays.raters.index(each.rater)
            place = (*place, arrays.generators.index(item.generator), arrays.clips.index(item.clip))
            assert arrays.first[place] == each.value
    assert arrays.keep({"r01"}).raters == ("r01",)


def test_choices_count_one_half_where_a_pair_was_seen_twice(pairs_key: StudyKey) -> None:
    found = World(pairs_key, np.random.default_rng(1)).ratings(panel_of(2, np.random.default_rng(2)))
    arrays = pairs_answers(found, pairs_key)
    assert arrays.weight.sum() == pytest.approx(3 * 2 * len(pairs_key.pairs))
    for place, each in enumerate(rating for rating in found if rating.kind == "pair"):
        better = each.item if each.value else each.other
        assert arrays.generators[arrays.winner[place]] == pairs_key.items[better].generator
    assert arrays.keep({"r01"}).raters == ("r01",) and set(arrays.keep({"r01"}).rater) == {0}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"rating": "6"}, "rating is '6'; expected a whole number, 1 to 5"),
        ({"rating": "0"}, "rating is '0'"),
        ({"rating": "2.5"}, "rating is '2.5'"),
        ({"rating": ""}, "rating is ''"),
        ({"rating": "-1"}, "rating is '-1'"),
        ({"rating": "４"}, "rating is '４'"),
        ({"rating": "left"}, "rating is 'left'"),
        ({"item": "bcdfghjklm"}, "item 'bcdfghjklm' is not in the key"),
        ({"question": "synk"}, "unknown question 'synk'; did you mean sync"),
        ({"study": "fedcba9876543210"}, "of study 'fedcba9876543210', the key is of 0123456789abcdef"),
        ({"rater": " "}, "no rater"),
        ({"trial": "0"}, "trial is '0'"),
        ({"repeat": "2"}, "repeat is '2'"),
        ({"played_ms": "-3"}, "played_ms is '-3'"),
        ({"kind": "arc"}, "unknown kind 'arc'; did you mean acr"),
        ({"kind": "pair", "rating": "left"}, "kind is pair, the key is of a study by acr"),
        ({"other": "x"}, "other is 'x'; expected nothing"),
        ({"answered_at": "2026-01-31T12:00"}, "answered_at is '2026-01-31T12:00'"),
        ({"answered_at": "2026-02-31T12:00:00Z"}, "answered_at is"),
        ({"kind": "headphones", "item": "9", "question": "headphones", "rating": "1"}, "item is '9'"),
        ({"kind": "headphones", "item": "1", "question": "sync", "rating": "1"}, "question is 'sync'"),
        ({"kind": "headphones", "item": "1", "question": "headphones", "rating": "3"}, "rating is '3'"),
    ],
)
def test_a_bad_field_is_named_with_its_line(tmp_path: Path, key: StudyKey, changes: dict[str, str], part: str) -> None:
    path = write(tmp_path / "a.csv", row(key, question="overall"), row(key, **changes))
    refused(path, key, "line 3", part)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"rating": "4"}, "rating is '4'; expected left or right"),
        ({"other": ""}, "other '' is not in the key"),
        ({"kind": "acr", "other": "", "rating": "3"}, "kind is acr, the key is of a study by pairs"),
    ],
)
def test_a_bad_choice_is_named(tmp_path: Path, pairs_key: StudyKey, changes: dict[str, str], part: str) -> None:
    refused(write(tmp_path / "a.csv", row(pairs_key, **changes)), pairs_key, "line 2", part)


def test_items_that_are_no_pair_are_refused(tmp_path: Path, pairs_key: StudyKey) -> None:
    one = pairs_key.pairs[0][0]
    elsewhere = next(name for name, item in pairs_key.items.items() if item.clip != pairs_key.items[one].clip)
    refused(write(tmp_path / "a.csv", row(pairs_key, other=elsewhere)), pairs_key, "line 2", "are no pair")


@pytest.mark.parametrize("header", ["", "study,rater", HEADER.replace("rater,trial", "trial,rater"), HEADER + ",x"])
def test_another_header_is_refused(tmp_path: Path, key: StudyKey, header: str) -> None:
    refused(write(tmp_path / "a.csv", row(key), header=header), key, "line 1", "expected study,rater")


@pytest.mark.parametrize("cut", [1, 5, 9, 30, 60])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, key: StudyKey, cut: int) -> None:
    whole = write(tmp_path / "a.csv", row(key), row(key, question="overall"), end="").read_bytes()
    (tmp_path / "a.csv").write_bytes(whole[:-cut])
    refused(tmp_path / "a.csv", key, "line 3", "cut off")


def test_a_file_without_rows_or_that_is_empty_is_refused(tmp_path: Path, key: StudyKey) -> None:
    refused(write(tmp_path / "a.csv"), key, "no rows")
    (tmp_path / "b.csv").write_bytes(b"")
    refused(tmp_path / "b.csv", key, "line 1")
    (tmp_path / "c.csv").mkdir()
    refused(tmp_path / "c.csv", key, "cannot be read")
    refused(tmp_path / "d.csv", key, "no such file")


def test_fields_too_many_and_open_quotes_are_refused(tmp_path: Path, key: StudyKey) -> None:
    refused(write(tmp_path / "a.csv", row(key) + ",more"), key, "line 2", "12 fields")
    refused(write(tmp_path / "b.csv", row(key), '"' + row(key)), key, "not a table")


def test_another_encoding_is_refused_with_its_line(tmp_path: Path, key: StudyKey) -> None:
    text = f"{HEADER}\n{row(key)}\n{row(key, rater='Zoë', question='overall')}\n"
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    refused(tmp_path / "a.csv", key, "line 3", "not UTF-8")


def test_a_row_that_is_there_twice_is_refused_naming_both_places(tmp_path: Path, key: StudyKey) -> None:
    refused(write(tmp_path / "a.csv", row(key), row(key)), key, "line 3", "line 2", "the same row")


def test_a_rater_who_answers_twice_in_two_files_is_refused(tmp_path: Path, key: StudyKey) -> None:
    paths = [write(tmp_path / "a.csv", row(key)), write(tmp_path / "b.csv", row(key, rating="5"))]
    with pytest.raises(StudyError, match=r"b\.csv, line 2: rater r1 has answered .*a\.csv, line 2: another answer"):
        read_ratings(paths, key)


def test_a_pair_answered_twice_with_the_sides_exchanged_is_refused(tmp_path: Path, pairs_key: StudyKey) -> None:
    one, other = pairs_key.pairs[0]
    path = write(tmp_path / "a.csv", row(pairs_key), row(pairs_key, item=other, other=one))
    refused(path, pairs_key, "line 3", "another answer")


def test_headphone_checks_alone_are_no_ratings(tmp_path: Path, key: StudyKey) -> None:
    path = write(tmp_path / "a.csv", row(key, kind="headphones", item="1", question="headphones", rating="1"))
    with pytest.raises(StudyError, match="hold no rating"):
        read_ratings([path], key)


def test_a_key_that_is_damaged_is_refused(tmp_path: Path, key: StudyKey) -> None:
    write_key(tmp_path / "key.json", key)
    assert key_text(read_key(tmp_path / "key.json")) == key_text(key)
    content = json.loads((tmp_path / "key.json").read_text())
    for name in content:
        (tmp_path / "bad.json").write_text(json.dumps({k: v for k, v in content.items() if k != name}))
        with pytest.raises(StudyError, match=r"bad\.json"):
            read_key(tmp_path / "bad.json")
    (tmp_path / "cut.json").write_text((tmp_path / "key.json").read_text()[:-40])
    with pytest.raises(StudyError, match=r"cut\.json"):
        read_key(tmp_path / "cut.json")


def test_a_rater_by_hand_reads_as_written(tmp_path: Path) -> None:
    key = make_key(clips=3)
    world = World(key, np.random.default_rng(0))
    rater = Rater("anna", noise=0)
    paths = world.files(tmp_path, [rater])
    assert paths[0].name == f"ratings-{key.study}-anna.csv"
    scores = acr_answers(read_ratings(paths, key), key).first[0, 0]
    expected = np.array(
        [
            [world.quality[name] for name, item in key.items.items() if item.generator == generator]
            for generator in key.generators
        ]
    )
    np.testing.assert_array_equal(scores, np.clip(np.rint(expected), 1, 5))
