"""Stand-in generators: real clips with one known fault each, to read a board by.

Each fault is a pure function of a reference film and its face track and gives a film of as many frames. Stand-ins see
the answer, so they are no lip-sync generators; they show which metric notices which fault. Two more are the real clip
compressed, and the real clip with the wrong sound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from lsbench.errors import FaceError
from lsbench.face.patches import feather, levels, paste
from lsbench.face.track import FaceTrack, Region
from lsbench.generation.generator import FilmGenerator
from lsbench.media.clip import crop
from lsbench.media.film import Film, Look
from lsbench.media.recode import recoded_film


@dataclass(frozen=True)
class StandIn(FilmGenerator):
    """A real clip with one known fault: it is handed the answer and spoils it, so it is no lip-sync generator.

    Attributes:
        name: as it is registered.
        spoil: the fault, from the film and its landmarks to a film of as many frames.
    """

    needs_track: ClassVar[bool] = True
    sees_answer: ClassVar[bool] = True

    name: str
    spoil: Callable[[Film, FaceTrack], Film]

    @property
    def comment(self) -> str:  # type: ignore[override]
        """What the metadata of its videos say."""
        return f"synthetic: lsbench stand-in {self.name}, not a recording"

    def render_film(self, face: Film, speech: np.ndarray, track: FaceTrack | None) -> Film:
        """The spoiled film; FaceError where there are no landmarks."""
        if track is None:
            raise FaceError(f"clip {face.id}: stand-in {self.name} needs to know where the face is")
        return replace(self.spoil(face, track), speech=speech)


class Compressed(FilmGenerator):
    """The real clip after H.264 as videos are passed on, 4:2:0 at quality 18: what encoding alone costs."""

    sees_answer: ClassVar[bool] = True
    comment = "synthetic: a real clip, compressed"

    def render_film(self, face: Film, speech: np.ndarray, track: FaceTrack | None) -> Film:
        """The pictures after the codec."""
        return replace(recoded_film(face), speech=speech)


class SwappedAudio(FilmGenerator):
    """The real pictures with the sound of another clip, of the same speaker where there is one: out of sync."""

    sees_answer: ClassVar[bool] = True
    swaps_sound: ClassVar[bool] = True
    comment = "synthetic: real pictures with the sound of another clip"

    def render_film(self, face: Film, speech: np.ndarray, track: FaceTrack | None) -> Film:
        """The pictures as they are; the sound is cut, or silence added at its end, to last as long."""
        return replace(face, speech=cut_or_pad(speech, round(len(face) * face.sample_rate / face.fps)))


def cut_or_pad(speech: np.ndarray, samples: int) -> np.ndarray:
    """Speech cut, or silence added at its end: float32 (samples,)."""
    return np.pad(speech[:samples], (0, max(0, samples - len(speech))))


BLUR_FACTOR = 0.2  # standard deviation of the blur over the side of the mouth box
BOX_LEVELS = 14  # brightness step of the pasted box, 8-bit levels
LATE_FRAMES = 4
NOISE_LEVELS = 7.0  # standard deviation of the noise, 8-bit levels


def reencoded(film: Film, track: FaceTrack) -> Film:
    """The film itself: what lsbench's own encoding costs, next to nothing."""
    return film


def still_mouth(film: Film, track: FaceTrack) -> Film:
    """The mouth of the first frame in every frame, moved with the head and faded in over a tenth of the box."""
    boxes = track.box(Region.MOUTH)
    first = crop(next(film.windows(1)).frames, boxes[:1]).astype(np.float64)
    opacity = feather(first.shape[1:3])[..., None]
    return _with_mouths(film, boxes, lambda mouths: opacity * first + (1 - opacity) * mouths)


def blurred_mouth(film: Film, track: FaceTrack) -> Film:
    """A Gaussian blur inside the mouth box and nowhere else."""
    boxes = track.box(Region.MOUTH)
    sigma = BLUR_FACTOR * (boxes[0, 3] - boxes[0, 1])
    return _with_mouths(film, boxes, lambda mouths: gaussian_filter(mouths, (0, sigma, sigma, 0), mode="nearest"))


def pasted_box(film: Film, track: FaceTrack) -> Film:
    """The mouth box pasted back too bright: the visible edge that the paper describes."""
    return _with_mouths(film, track.box(Region.MOUTH), lambda mouths: mouths + BOX_LEVELS)


def late(film: Film, track: FaceTrack) -> Film:
    """Pictures four frames late against the sound; the first frame is held."""
    return film.taken(np.maximum(np.arange(len(film)) - LATE_FRAMES, 0))


def noisy_frame(film: Film, track: FaceTrack) -> Film:
    """Gaussian noise over the whole frame, seeded by the clip's id: worse in every picture, harmless to the lips."""
    return replace(film, pictures=Noisy(film), shown=np.arange(len(film)), looks=())


@dataclass(frozen=True, eq=False)
class Noisy:
    """The frames of a film under noise, which is drawn from the first frame on: they are not held."""

    film: Film
    held: None = None

    @property
    def height(self) -> int:
        """px."""
        return self.film.size[0]

    @property
    def width(self) -> int:
        """px."""
        return self.film.size[1]

    def __len__(self) -> int:
        return len(self.film)

    def read(self) -> Iterator[np.ndarray]:
        """One after another."""
        random = np.random.default_rng(int.from_bytes(hashlib.sha256(self.film.id.encode()).digest()[:8], "big"))
        for frame in self.film.frames():
            yield levels(frame + random.normal(0, NOISE_LEVELS, frame.shape))


def _with_mouths(film: Film, boxes: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> Film:
    """A film with other mouths: change takes what its boxes (T, 4) hold, float64 (n, h, w, 3) levels."""

    def look(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
        mouths = crop(frames, boxes[places]).astype(np.float64)
        return paste(frames, boxes[places], change(mouths))

    return film.looked_at(Look(look, *film.size))
