"""Files of ratings: whatever a study's raters answered is read as it was written."""

from __future__ import annotations

import csv
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raters import make_key

from lsbench.mos.key import COLUMNS, StudyKey
from lsbench.mos.read.ratings import ACR, PAIR, SIDES, Rating, read_ratings

RATERS = st.text(st.sampled_from("ab,\"' é語;#="), min_size=1, max_size=6).filter(str.strip)


@st.composite
def answers(draw: st.DrawFn, key: StudyKey) -> list[Rating]:
    """Answers to the study, each thing asked of a rater answered once."""
    shown = st.sampled_from(key.pairs or [(item, "") for item in key.items])
    questions = st.sampled_from([question.id for question in key.questions])
    asked = draw(st.lists(st.tuples(RATERS, shown, questions, st.integers(0, 1)), min_size=1, max_size=12, unique=True))
    ratings = []
    for rater, (item, other), question, repeat in asked:
        if key.pairs and draw(st.booleans()):
            item, other = other, item
        value = draw(st.integers(0, 1) if key.pairs else st.integers(*key.scale))
        numbers = value, repeat, draw(st.integers(1, 10**6)), draw(st.integers(0, 10**9))
        ratings.append(Rating(rater, PAIR if key.pairs else ACR, item, other, question, *numbers, where=""))
    return ratings


def write(path: Path, ratings: list[Rating], key: StudyKey) -> None:
    sides = {value: name for name, value in SIDES.items()}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        for rating in ratings:
            row = {name: getattr(rating, name) for name in COLUMNS if hasattr(rating, name)}
            row |= {"study": key.study, "answered_at": "2026-01-31T12:00:00.000Z"}
            rows.writerow(row | {"rating": sides[rating.value] if key.pairs else rating.value})


@pytest.mark.parametrize("method", ["acr", "pairs"])
def test_answers_are_read_as_they_were_written(method: str, tmp_path: Path) -> None:
    key = make_key(clips=3, method=method)

    @given(answers(key))
    def written(ratings: list[Rating]) -> None:
        write(tmp_path / "ratings.csv", ratings, key)
        again = read_ratings([tmp_path / "ratings.csv"], key)
        assert [astuple(rating)[:-1] for rating in again] == [astuple(rating)[:-1] for rating in ratings]

    written()
