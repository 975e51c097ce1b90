"""Every face of a picture, the small ones too: a look at the whole, then at the places where small faces are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lsbench.face.landmarker import Face, Landmarker
from lsbench.face.track import FACE_OVAL, MAX_GAP

CLOSE_BELOW = 0.25  # of the longer side; faces smaller than this are looked at again from near
CLOSE_UNTIL = 0.3  # until they are larger than this, so that looks do not alternate
CROP = 3.0  # side of such a look, in face sizes
TILES = (2, 5)  # parts of the longer side in which small faces are searched for, coarse ones first
TILE_LEAST = 240  # px
SEARCH_EVERY = MAX_GAP  # pictures without a face; those between are interpolated
PATIENCE = 50  # pictures without a face, after which a search is made five times less often


def spot(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Where a face (80, 2) px is, and its size: the centre of its oval's box, and the longer side of that box, px."""
    oval = points[FACE_OVAL]
    low, high = oval.min(axis=0), oval.max(axis=0)
    return (low + high) / 2, float((high - low).max())


@dataclass
class Place:
    """Where a small face was last.

    Attributes:
        centre: (x, y), px.
        size: of the face, px.
        crop: what is looked at: left, top, side, px. It stays while the face is in its middle, so that it adds no
            jitter.
        missed: pictures since the face was last there.
    """

    centre: np.ndarray
    size: float
    crop: tuple[int, int, int] = (0, 0, 0)
    missed: int = 0

    @classmethod
    def of(cls, face: Face, height: int, width: int) -> Place:
        """That of a face in a picture of this size."""
        place = cls(*spot(face.points))
        place.move(face, height, width)
        return place

    def move(self, face: Face, height: int, width: int) -> None:
        """The face is here now, in a picture of this size."""
        self.centre, self.size = spot(face.points)
        self.missed = 0
        left, top, side = self.crop
        off = np.abs(self.centre - (left + side / 2, top + side / 2)).max()
        if off < side / 12 and 0.8 < side / (CROP * self.size) < 1.25:
            return
        side = min(round(CROP * self.size), max(height, width))
        left, top = np.rint(self.centre - side / 2).astype(int).tolist()
        self.crop = max(0, min(left, width - side)), max(0, min(top, height - side)), side


class Search:
    """Looks at the pictures of a video one after another, and remembers where small faces are.

    Args:
        landmarker: open.
        point: x, y, shares of width and height, around which small faces are searched for beside larger ones.
    """

    def __init__(self, landmarker: Landmarker, point: tuple[float, float] | None = None) -> None:
        self.landmarker = landmarker
        self.point = point
        self._looked = 0  # pictures
        self._places: list[Place] = []
        self._faceless = 0  # pictures since the last with a face

    def faces(self, picture: np.ndarray) -> list[Face]:
        """The faces of the next picture, uint8 (H, W, 3): points float64."""
        height, width = picture.shape[:2]
        large: list[Face] = []
        small: list[Face] = []
        for face in self.landmarker.faces(picture):
            centre, size = spot(face.points)
            near_before = any(_near(place.centre, place.size, centre) for place in self._places)
            if size < (CLOSE_UNTIL if near_before else CLOSE_BELOW) * max(height, width):
                small.append(face)
            elif not _any_at(large, centre):
                large.append(face)
        places = [place for place in self._places if not _any_at(large, place.centre)]
        every = SEARCH_EVERY if self._faceless < PATIENCE else 5 * SEARCH_EVERY
        if not large and not small and not places and self._faceless % every == 0:
            small = self._searched(picture)
        if self.point and self._looked % SEARCH_EVERY == 0:
            small += self._around(picture, np.array(self.point) * (width, height), large + small)
        self._looked += 1
        for face in small:
            place = next((place for place in places if _near(place.centre, place.size, spot(face.points)[0])), None)
            if place is None:
                places.append(Place.of(face, height, width))
            elif place.missed:
                place.move(face, height, width)
        seen = large
        for place in places:
            face_there = self._near(picture, place)
            if face_there is None or _any_at(seen, spot(face_there.points)[0]):
                place.missed += 1
            else:
                place.move(face_there, height, width)
                seen.append(face_there)
        self._places = [place for place in places if place.missed <= MAX_GAP]
        self._faceless = 0 if seen else self._faceless + 1
        return seen

    def _near(self, picture: np.ndarray, place: Place) -> Face | None:
        """The face at a place."""
        every = self._in_square(picture, *place.crop)
        faces = [face for face in every if _near(place.centre, place.size, spot(face.points)[0])]
        return min(faces, key=lambda face: float(np.linalg.norm(spot(face.points)[0] - place.centre)), default=None)

    def _in_square(self, picture: np.ndarray, left: int, top: int, side: int) -> list[Face]:
        """The faces that the landmarker finds in a square of the picture."""
        corner = np.array([left, top])
        faces = self.landmarker.faces(picture[top : top + side, left : left + side])
        return [face.at(face.points + corner) for face in faces]

    def _around(self, picture: np.ndarray, point: np.ndarray, others: list[Face]) -> list[Face]:
        """A small face at a point where no other face is."""
        if _any_at(others, point) or any(_near(place.centre, place.size, point) for place in self._places):
            return []
        height, width = picture.shape[:2]
        for parts in TILES:
            side = max(height, width) // parts
            left, top = np.clip(np.rint(point - side / 2), 0, np.maximum((width - side, height - side), 0)).astype(int)
            new = self._in_square(picture, left, top, side)
            if new := [face for face in new if not _any_at(others, spot(face.points)[0])]:
                return new
        return []

    def _searched(self, picture: np.ndarray) -> list[Face]:
        """Faces in tiles that overlap by half and that a look from near confirms; the largest tiles with any."""
        height, width = picture.shape[:2]
        for parts in TILES:
            side = max(height, width) // parts
            seen: list[Face] = []
            for left, top in _corners(height, width, side) if side >= TILE_LEAST else ():
                new = self._in_square(picture, left, top, side)
                seen += [face for face in new if not _any_at(seen, spot(face.points)[0])]
            near = [self._near(picture, Place.of(face, height, width)) for face in seen]
            if confirmed := [face for face in near if face is not None]:
                return confirmed
        return []


def _corners(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    """Left and top of square tiles that cover a picture and overlap by half or more, px."""
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top


def _starts(length: int, side: int) -> list[int]:
    count = max(1, -(-2 * (length - side) // side) + 1)
    return np.linspace(0, max(0, length - side), count).astype(int).tolist()


def _near(centre: np.ndarray, size: float, point: np.ndarray) -> bool:
    return float(np.linalg.norm(point - centre)) < size / 2


def _any_at(faces: list[Face], point: np.ndarray) -> bool:
    """Whether one of the faces is at a point."""
    return any(_near(*spot(face.points), point) for face in faces)
