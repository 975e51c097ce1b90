"""What a generator is: a face and a sound in, frames out; and the checks that everything it returns must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.errors import GeneratorError, foreign
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.film import Film


@dataclass(frozen=True, eq=False)
class Rendered:
    """What a generator made of one clip.

    Attributes:
        frames: uint8 (T, H, W, 3) RGB.
        boxes: int (T, 4) as x0, y0, x1, y1 in px, where the face was pasted back; None where that is not known.
        speech: the video's own sound, float32 (N,) mono at the sample rate of the face; None: the one that drove it.
        fps: its own frames a second; None: those of the face.
        peak_bytes: largest memory, where another process did the work.
    """

    frames: np.ndarray
    boxes: np.ndarray | None = None
    speech: np.ndarray | None = None
    fps: float | None = None
    peak_bytes: int | None = None


class Generator(ABC):
    """Base of every generator.

    A sub-class that is registered by name is made with the text after the first colon of `name:ARGUMENT`, where there
    is one.

    Attributes:
        needs_track: whether it wants the landmarks of the face where the protocol's rule does not need them anyway.
        sees_answer: whether it is handed the reference clip itself, for stand-ins that spoil it.
        swaps_sound: whether it is driven by another clip's sound, whatever the protocol says.
        comment: what the metadata of its videos say; empty for the usual.
    """

    needs_track: ClassVar[bool] = False
    sees_answer: ClassVar[bool] = False
    swaps_sound: ClassVar[bool] = False
    comment: str = ""

    @abstractmethod
    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        """The face, speaking.

        Args:
            face: what the protocol lets it see (see lsbench.generation.shown_face.visible_face), its own to change.
            speech: float32 (N,) mono at face.sample_rate.
            track: the landmarks of face, where known.

        Returns:
            uint8 (T, H, W, 3) RGB, as many and as large as face.frames; or Rendered, which says more.
        """


class FilmGenerator(Generator):
    """Base of generators that take a face as it is read, window by window, whatever its length."""

    @abstractmethod
    def render_film(self, face: Film, speech: np.ndarray, track: FaceTrack | None) -> Film:
        """Make one video.

        Args:
            face: what it is shown.
            speech: float32 (N,) mono at face.sample_rate.
            track: the landmarks of face, where known.

        Returns:
            A film as large as face, with its sound.
        """

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
        """The same of a clip that is in memory."""
        made = self.render_film(Film.of(face), speech, track)
        return Rendered(made.clip().frames, speech=made.speech, fps=made.fps)


def perform(generator: Generator, who: str, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
    """Run a generator on one clip and check what it returns.

    Args:
        generator: what makes the video.
        who: what to call it in errors.
        face: what it is shown.
        speech: float32 (N,) mono at face.sample_rate.
        track: the landmarks of face, where known.

    Raises:
        GeneratorError: naming the clip, `who` and the fault, where it fails or returns what is no video.
        LsbenchError: as the generator raised it.
    """
    where = f"clip {face.id}: {who}"
    with foreign(lambda said: GeneratorError(f"{where} failed with {said}")):
        rendered = generator.render(face, speech, track)
    if not isinstance(rendered, Rendered):
        rendered = Rendered(rendered)
    check_frames(rendered.frames, where)
    if rendered.boxes is not None and (shape := np.shape(rendered.boxes)) != (len(rendered.frames), 4):
        raise GeneratorError(f"{where} returned boxes of {shape}; expected ({len(rendered.frames)}, 4)")
    return rendered


def check_frames(frames: np.ndarray, where: str) -> None:
    """Check what a generator returned as frames.

    Args:
        frames: what it returned.
        where: the clip and the generator, for the error.

    Raises:
        GeneratorError: unless frames are uint8 (T, H, W, 3) with no side of 0.
    """
    expected = "expected uint8 (frames, height, width, 3)"
    if not isinstance(frames, np.ndarray):
        raise GeneratorError(f"{where} returned a {type(frames).__name__}; {expected}, a NumPy array")
    kind = f"{frames.dtype} {frames.shape}"
    if frames.dtype.kind == "f" and np.isnan(frames).any():
        count = np.count_nonzero(np.isnan(frames))
        raise GeneratorError(f"{where} returned {kind} with {count} values that are NaN; {expected}")
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise GeneratorError(f"{where} returned {kind}; {expected}")
