"""Which viseme's real shape the lips of each generator look most like: tables of the report page, as plain values."""

from __future__ import annotations

from typing import Any

from lsbench.board.board import Board
from lsbench.speech.visemes import SOUNDS, VISEMES


def viseme_tables(board: Board) -> list[dict[str, Any]]:
    """A table of each generator and score that has such details, anchors last.

    title; header: of its columns; rows: name, phones, distance and cells, (count, whether it is the viseme itself), of
    the visemes that are said or looked like.
    """
    tables = []
    for row in (*board.rows, *board.anchors):
        for key, score in row.result.scores.items():
            detail = score.detail or {}
            if _whole(detail):
                tables.append({"title": f"{row.generator}: {key}", **_table(detail)})
    return tables


def _whole(detail: Any) -> bool:
    """Whether details are those of visemes, whatever a file of another version may hold."""
    count = len(VISEMES)
    looks, phones, distance = (detail.get(name) for name in ("looks_like", "phones", "distance"))
    return (
        detail.get("visemes") == list(VISEMES)
        and all(isinstance(part, list) and len(part) == count for part in (looks, phones, distance))
        and all(isinstance(line, list) and len(line) == count for line in looks)
        and all(isinstance(cell, int) for line in (*looks, phones) for cell in line)
        and all(cell is None or isinstance(cell, int | float) for cell in distance)
    )


def _table(detail: Any) -> dict[str, Any]:
    looks = detail["looks_like"]
    places = range(len(VISEMES))
    columns = [place for place in places if any(line[place] for line in looks)]
    lines = [
        {
            "name": f"{VISEMES[place]} ({SOUNDS[place]})",
            "phones": detail["phones"][place],
            "distance": "-" if detail["distance"][place] is None else f"{detail['distance'][place]:.4f}",
            "cells": [(looks[place][column], column == place) for column in columns],
        }
        for place in places
        if detail["phones"][place]
    ]
    return {"header": [VISEMES[place] for place in columns], "rows": lines}
