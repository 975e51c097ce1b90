"""A video as it is measured: read window by window, and held in memory whole only where it is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lsbench.errors import MediaError
from lsbench.media.clip import Clip
from lsbench.speech.transcript import Transcript

HELD_BYTES = 256 << 20  # of decoded pictures; a video of more is decoded again whenever it is read
READ_BYTES = 64 << 20  # of frames at once where they are looked at one by one
WHOLE_BYTES = 2 << 30  # of frames, the most that are put into one array


class Pictures(Protocol):
    """The decoded pictures of a video, in the order in which they are shown, each as often as it is in the file.

    Attributes:
        height, width: px, upright and with square pixels.
        held: all of them, uint8 (N, height, width, 3) RGB, where they are in memory; else None.
    """

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def held(self) -> np.ndarray | None: ...

    def __len__(self) -> int: ...

    def read(self) -> Iterator[np.ndarray]:
        """One after another from the first, uint8 (height, width, 3); what is given is not written to again."""


@dataclass(frozen=True, eq=False)
class Held:
    """Pictures that are in memory: uint8 (N, height, width, 3) RGB."""

    held: np.ndarray

    @property
    def height(self) -> int:
        """px."""
        return int(self.held.shape[1])

    @property
    def width(self) -> int:
        """px."""
        return int(self.held.shape[2])

    def __len__(self) -> int:
        return len(self.held)

    def read(self) -> Iterator[np.ndarray]:
        """One after another."""
        yield from self.held


@dataclass(frozen=True, eq=False)
class Reread:
    """Pictures of a source on disk: in memory while they are few, else decoded again whenever they are read.

    Attributes:
        where: the start of every error message.
        height, width: of every picture, px.
        count: how many there were when the source was opened.
        held: all of them, where they are in memory.
        decode: gives them one after another, uint8 (height, width, 3).
    """

    where: str
    height: int
    width: int
    count: int
    held: np.ndarray | None
    decode: Callable[[], Iterator[np.ndarray]]

    def __len__(self) -> int:
        return self.count

    def read(self) -> Iterator[np.ndarray]:
        """One after another; MediaError where their size or number has changed since the source was opened."""
        if self.held is not None:
            yield from self.held
            return
        number = 0
        for picture in self.decode():
            if picture.shape[:2] != (self.height, self.width):
                now, first = f"{picture.shape[1]}x{picture.shape[0]}", f"{self.width}x{self.height}"
                raise MediaError(f"{self.where}: picture {number} is {now}, it was {first}; it changed meanwhile")
            yield picture
            number += 1
        if number != self.count:
            raise MediaError(f"{self.where}: {number} pictures where there were {self.count}; it changed meanwhile")


@dataclass(frozen=True)
class Look:
    """What is done to frames before they are seen: another colour, a cut, another size.

    Attributes:
        change: frames uint8 (n, H, W, 3) and their places int (n,) in the film that was given the look -> uint8
            (n, height, width, 3).
        height, width: of what it gives, px.
    """

    change: Callable[[np.ndarray, np.ndarray], np.ndarray]
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class Window:
    """Some frames of a film, with neighbours.

    Attributes:
        frames: uint8 (n, H, W, 3) RGB, read-only.
        first: place of the first of them in the film.
        own: which of them are the window's own; the others are neighbours, that other windows own.
    """

    frames: np.ndarray
    first: int
    own: slice


@dataclass(frozen=True, eq=False)
class Film:
    """A video whose frames are read when they are asked for.

    Attributes:
        id: of the clip, such as `s1/bbaf2n`.
        pictures: what is in the file.
        shown: int64 (T,), the picture that each frame shows; never falling, so that a film is read from front to back.
        speech: float32 (N,) mono in [-1, 1], starting with frame 0; empty where the source has no sound.
        fps: frames a second.
        sample_rate: Hz.
        looks: what is done to the frames, in this order.
        notes: what was changed on the way from the file to the frames, each for a reader.
        variable: whether the pictures of the file come at no constant rate; fps is a nominal one then.
        said: what the speech says, where that is known.
    """

    id: str
    pictures: Pictures
    shown: np.ndarray
    speech: np.ndarray
    fps: float
    sample_rate: int = 16000
    looks: tuple[Look, ...] = ()
    notes: tuple[str, ...] = ()
    variable: bool = False
    said: Transcript | None = None

    @classmethod
    def of(cls, clip: Clip) -> Film:
        """A clip that is in memory."""
        film = cls(clip.id, Held(clip.frames), np.arange(len(clip)), clip.speech, clip.fps, clip.sample_rate)
        return replace(film, said=clip.said)

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame, px."""
        last = self.looks[-1] if self.looks else self.pictures
        return last.height, last.width

    @property
    def frame_bytes(self) -> int:
        """Memory that one frame takes."""
        height, width = self.size
        return 3 * height * width

    def looked_at(self, look: Look) -> Film:
        """The same with one more change of its frames."""
        return replace(self, looks=(*self.looks, look))

    def muted(self) -> Film:
        """The same, silent from beginning to end."""
        return replace(self, speech=np.zeros(round(len(self) * self.sample_rate / self.fps), np.float32))

    def taken(self, places: np.ndarray) -> Film:
        """The frames at some places, int (n,), never falling: a film of n frames. The sound is as it was."""
        looks = tuple(_moved(look, places) for look in self.looks)
        return replace(self, shown=self.shown[places], looks=looks)

    def cut(self, start: int, stop: int) -> Film:
        """Frames start..stop-1 with the speech that goes with them."""
        first, last = (round(i * self.sample_rate / self.fps) for i in (start, stop))
        said = self.said and self.said.moved(-start / self.fps)
        return replace(self.taken(np.arange(start, stop)), speech=self.speech[first:last], said=said)

    def windows(self, frames: int, margin: int = 0) -> Iterator[Window]:
        """The film from front to back.

        Args:
            frames: of a window's own; the last may have fewer.
            margin: neighbours to give on either side, as far as there are any.
        """
        count, (height, width) = len(self), self.size
        if self.pictures.held is not None:
            for start in range(0, count, frames):
                own = slice(start, min(count, start + frames))
                first, last = max(0, start - margin), min(count, own.stop + margin)
                yield _window(self._held(first, last), first, own)
            return
        source = self._read()
        shared = np.empty((0, height, width, 3), np.uint8)  # with the window before
        for start in range(0, count, frames):
            own = slice(start, min(count, start + frames))
            first, last = max(0, start - margin), min(count, own.stop + margin)
            buffer = np.empty((last - first, height, width, 3), np.uint8)
            buffer[: len(shared)] = shared
            for place in range(len(shared), len(buffer)):
                buffer[place] = next(source)
            shared = buffer[max(0, own.stop - margin - first) :].copy()
            window = _window(buffer, first, own)
            del buffer
            yield window
            del window  # before the next one is made

    def frames(self) -> Iterator[np.ndarray]:
        """One frame after the other, uint8 (H, W, 3), read-only."""
        for window in self.windows(max(1, READ_BYTES // self.frame_bytes)):
            yield from window.frames

    def clip(self) -> Clip:
        """All frames at once.

        Raises:
            MediaError: where they take more than WHOLE_BYTES.
        """
        if (total := len(self) * self.frame_bytes) > WHOLE_BYTES:
            height, width = self.size
            raise MediaError(
                f"clip {self.id}: {len(self)} frames of {width}x{height} px take {total / 2**30:.1f} GiB at once; "
                f"expected at most {WHOLE_BYTES >> 30}. Cut the video into shorter ones"
            )
        (whole,) = self.windows(len(self))
        return Clip(self.id, whole.frames, self.speech, self.fps, self.sample_rate, self.said)

    def blank(self) -> Clip:
        """A clip with this sound whose frames are black, read-only and take no memory: for who looks at no pixels."""
        frames = np.broadcast_to(np.zeros(1, np.uint8), (len(self), *self.size, 3))
        return Clip(self.id, frames, self.speech, self.fps, self.sample_rate, self.said)

    def _held(self, first: int, last: int) -> np.ndarray:
        """Frames first..last-1 of a film whose pictures are in memory: a view where nothing is done to them."""
        held = self.pictures.held
        shown = self.shown[first:last]
        if held is None:
            raise MediaError(f"clip {self.id}: its pictures are not in memory")
        start, stop = int(shown[0]), int(shown[-1]) + 1
        frames = held[start:stop] if np.array_equal(shown, np.arange(start, stop)) else held[shown]
        return self._seen(frames, np.arange(first, last))

    def _read(self) -> Iterator[np.ndarray]:
        """Every frame as it is seen, from the file."""
        pictures = enumerate(self.pictures.read())
        number, picture = next(pictures)
        for place, wanted in enumerate(self.shown.tolist()):
            while number < wanted:
                number, picture = next(pictures)
            yield self._seen(picture[None], np.array([place]))[0]

    def _seen(self, frames: np.ndarray, places: np.ndarray) -> np.ndarray:
        for look in self.looks:
            frames = look.change(frames, places)
        return frames


def _moved(look: Look, places: np.ndarray) -> Look:
    """A look for a film of some frames of the one that it was made for."""
    return replace(look, change=lambda frames, own: look.change(frames, places[own]))


def _window(frames: np.ndarray, first: int, own: slice) -> Window:
    """The window of an array that begins with frame `first` of the film. own: its own frames' places in the film."""
    return Window(frames, first, slice(own.start - first, own.stop - first))
