"""One face of a video: which of the faces of its pictures belong together, and which of them is followed.

Only place and size tell faces apart: nothing here knows whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.search import spot

RULES = ("largest", "left", "right")
STEP = 0.5  # face sizes that a face moves from one picture to the next at most
STEP_MORE = 0.1  # for every picture in which it was not seen
STEP_MOST = 1.0
JUMP = 2.0  # face sizes that it may be elsewhere after a short gap, where no other face was there meanwhile
JUMP_S = 0.5
GROWTH = 1.5  # ratio of sizes at most
STEADY = 5  # pictures that a face is seen in before it counts


Spot = tuple[np.ndarray, float]


@dataclass
class Trail:
    """A face from picture to picture.

    Attributes:
        places: of the pictures, rising.
        faces: float (80, 2) px in each.
        spots: its centre (x, y) and its size in each, px.
        order: which of the faces of each it is.
        jumps: pictures in which it was elsewhere of a sudden.
    """

    places: list[int] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)

    def middle(self) -> Spot:
        """Medians of its centre and of its size, px."""
        centres, sizes = zip(*self.spots, strict=True)
        return np.median(centres, axis=0), float(np.median(sizes))

    def is_steady(self) -> bool:
        """Whether it was seen often enough to count."""
        return len(self.places) >= STEADY


def parse_rule(rule: str) -> str | tuple[float, float]:
    """A rule as it is spelled: `largest`, `left`, `right`, or `x,y` as shares of width and height.

    Raises:
        FaceError: where it is none of them.
    """
    if rule in RULES:
        return rule
    try:
        x, y = (float(part) for part in rule.split(","))
        if 0 <= x <= 1 and 0 <= y <= 1:
            return x, y
    except ValueError:
        pass
    raise FaceError(
        f"face {rule!r}; expected {', '.join(RULES)}, or x,y as shares of width and height from the top left, "
        "such as 0.25,0.5 for the middle of the left half"
    )


def trails(faces: Sequence[Sequence[np.ndarray]], first: int, fps: float) -> list[Trail]:
    """The faces of the pictures of one shot, joined over time.

    A face goes on where it was, within STEP face sizes (a little more for every picture in which it was not seen;
    STEP_MOST where it is the only one in both pictures), and at much the same size; of all ways to join those of two
    pictures, the one of the least movement. Then trails that begin a short while after others end, not farther than
    JUMP, become one with them; and so do trails that are alone in all of their pictures, wherever they are.

    Args:
        faces: of each picture, (80, 2) px.
        first: place of the first picture.
        fps: pictures a second.
    """
    every: list[Trail] = []
    going: list[Trail] = []  # those that a face can go on with
    for place, present in enumerate(faces, first):
        spots = [spot(face) for face in present]
        going = [trail for trail in going if trail.is_steady() or place - trail.places[-1] <= STEADY]
        cost = np.full((len(going), len(present)), np.inf)
        for row, trail in enumerate(going):
            unseen = place - trail.places[-1] - 1
            only = len(present) == 1 and not unseen and len(faces[place - first - 1]) == 1
            reach = STEP_MOST if only else min(STEP + STEP_MORE * unseen, STEP_MOST)
            cost[row] = [_distance(trail.spots[-1], here, reach) for here in spots]
        joined = {column: going[row] for column, row in _assigned(cost)}
        for column, face in enumerate(present):
            if column not in joined:
                joined[column] = Trail()
                every.append(joined[column])
                going.append(joined[column])
            trail = joined[column]
            trail.places.append(place)
            trail.faces.append(face)
            trail.spots.append(spots[column])
            trail.order.append(column)
    alone = {place for place, present in enumerate(faces, first) if len(present) == 1}
    return _stitched(every, alone, fps)


def chosen(every: Sequence[Trail], rule: str, height: int, width: int) -> Trail | None:
    """The trail to follow: None where there is none.

    `largest`: of the greatest median size times number of pictures. The other rules choose among trails that are at
    least half as long as the longest: `left` and `right` by the median centre, `x,y` the nearest to that point.
    """
    if not every:
        return None
    spelled = parse_rule(rule)
    if spelled == "largest":
        return max(every, key=lambda trail: trail.middle()[1] * len(trail.places))
    longest = max(len(trail.places) for trail in every)
    steady = [trail for trail in every if 2 * len(trail.places) >= longest]
    if isinstance(spelled, tuple):
        point = np.array(spelled) * (width, height)
        return min(steady, key=lambda trail: float(np.linalg.norm(trail.middle()[0] - point)))
    sign = 1 if spelled == "left" else -1
    return min(steady, key=lambda trail: sign * trail.middle()[0][0])


def _distance(before: Spot, after: Spot, reach: float) -> float:
    """How far a face moved, in face sizes; infinite where it is another one: beyond reach, or of another size."""
    (centre, size), (later, grown) = before, after
    moved = float(np.linalg.norm(later - centre)) / ((size + grown) / 2)
    return moved if moved <= reach and max(size, grown) <= GROWTH * min(size, grown) else np.inf


def _assigned(cost: np.ndarray) -> list[tuple[int, int]]:
    """(column, row) of the cheapest joining; nothing is joined at an infinite cost."""
    from scipy.optimize import linear_sum_assignment  # a tenth of a second, which other verbs need not wait for

    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
    return [
        (int(column), int(row)) for row, column in zip(rows, columns, strict=True) if np.isfinite(cost[row, column])
    ]


def _stitched(every: list[Trail], alone: set[int], fps: float) -> list[Trail]:
    """Trails that follow each other, made one. alone: pictures with one face."""
    whole: list[Trail] = []
    for trail in every:  # in the order in which they begin
        steady = [other for other in whole if other.is_steady()] if trail.is_steady() else []
        moved = [_jump(other, trail, alone, fps) for other in steady]
        if not np.isfinite(min(moved, default=np.inf)):
            whole.append(trail)
            continue
        before = steady[int(np.argmin(moved))]
        before.jumps.append(trail.places[0])
        before.places += trail.places
        before.faces += trail.faces
        before.spots += trail.spots
        before.order += trail.order
    return whole


def _jump(before: Trail, after: Trail, alone: set[int], fps: float) -> float:
    """How far a face jumps where one trail ends and the other begins, in face sizes; infinite where it is not one."""
    gap = after.places[0] - before.places[-1]
    if gap <= 0:
        return np.inf
    if alone.issuperset(before.places) and alone.issuperset(after.places):
        return _distance(before.spots[-1], after.spots[0], np.inf)
    return _distance(before.spots[-1], after.spots[0], JUMP) if gap <= max(1.0, JUMP_S * fps) else np.inf
