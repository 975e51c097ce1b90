"""What a generator is: a face and a sound in, frames out; and the checks that everything it returns must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.errors import GeneratorError, LsbenchError, in_one_line
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip


@dataclass(frozen=True, eq=False)
class Rendered:
    """What a generator made of one clip.

    frames: uint8 (T, H, W, 3) RGB. boxes: int (T, 4) as x0, y0, x1, y1, where the face was pasted back; None where that
    is not known. speech, fps: where the video has its own (float32 (N,) at the rate it was asked for, frames a second),
    else those it was driven by. peak_bytes: memory, where another process did the work.
    """

    frames: np.ndarray
    boxes: np.ndarray | None = None
    speech: np.ndarray | None = None
    fps: float | None = None
    peak_bytes: int | None = None


class Generator(ABC):
    """Base of every generator.

    needs_track: whether it wants the landmarks of the face where the protocol's rule does not need them anyway.
    sees_answer: whether it is handed the reference clip itself, for stand-ins that spoil it. swaps_sound: whether it is
    driven by another clip's sound, whatever the protocol says. comment: what the metadata
    of its videos say; empty for the usual. A sub-class that is registered by name is made with the text after the first
    colon of `name:ARGUMENT`, where there is one.
    """

    needs_track: ClassVar[bool] = False
    sees_answer: ClassVar[bool] = False
    swaps_sound: ClassVar[bool] = False
    comment: str = ""

    @abstractmethod
    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray | Rendered:
        """Frames of the face speaking: uint8 (T, H, W, 3), as many and as large as face.frames.

        face: what the protocol lets it see (see lsbench.generation.shown_face.seen), its own to change. speech:
        float32 (N,) mono at face.sample_rate. track: the landmarks of face, where known.
        """


def perform(generator: Generator, who: str, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
    """Run a generator on one clip and check what it returns; GeneratorError naming the clip, `who` and the fault."""
    where = f"clip {face.id}: {who}"
    try:
        made = generator.render(face, speech, track)
    except LsbenchError:
        raise
    except (Exception, SystemExit) as error:  # the ways in which another's code can fail are without number
        raise GeneratorError(f"{where} failed with {in_one_line(error)}") from error
    if not isinstance(made, Rendered):
        made = Rendered(made)
    check_frames(made.frames, where)
    if made.boxes is not None and (np.shape(made.boxes) != (len(made.frames), 4)):
        raise GeneratorError(f"{where} returned boxes of {np.shape(made.boxes)}; expected ({len(made.frames)}, 4)")
    return made


def check_frames(frames: np.ndarray, where: str) -> None:
    """Raise GeneratorError unless frames are uint8 (T, H, W, 3) with no side of 0."""
    expected = "expected uint8 (frames, height, width, 3)"
    if not isinstance(frames, np.ndarray):
        raise GeneratorError(f"{where} returned a {type(frames).__name__}; {expected}, a NumPy array")
    found = f"{frames.dtype} {frames.shape}"
    if frames.dtype.kind == "f" and np.isnan(frames).any():
        count = np.count_nonzero(np.isnan(frames))
        raise GeneratorError(f"{where} returned {found} with {count} values that are NaN; {expected}")
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise GeneratorError(f"{where} returned {found}; {expected}")
