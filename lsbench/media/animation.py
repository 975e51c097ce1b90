"""A video in one image file: GIF, animated WebP and animated PNG, read with Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lsbench.errors import MediaError
from lsbench.media.decode import Video
from lsbench.media.expected import ANY, Expected
from lsbench.media.film import Reread
from lsbench.media.memory import Store
from lsbench.media.pictures import has_suffix, opaque, opened_image
from lsbench.media.sound import Speech
from lsbench.media.times import timing
from lsbench.media.whole import demand_whole

SUFFIXES = (".gif", ".webp", ".apng", ".png")
_SHORTEST_MS, _DEFAULT_MS = 10, 100  # browsers show a picture of up to the one as long as the other


def is_animation(path: Path) -> bool:
    """Whether a file is an image with several pictures; one that cannot be read is, where its name leaves no doubt."""
    if not has_suffix(path.name, SUFFIXES):
        return False
    try:
        with opened_image(path, path.name) as image:
            return bool(getattr(image, "is_animated", False))
    except MediaError:
        return has_suffix(path.name, (".gif", ".apng"))


def read_animation(source: Path, where: str, sample_rate: int = 16000, expected: Expected = ANY) -> Video:
    """The pictures of one round, whole and over black, and when they are shown; there is no sound.

    A picture that is to be shown for at most 10 ms is shown for 100, as in browsers.

    Args:
        source: the file.
        where: the start of every error message.
        sample_rate: of the speech that is not there, Hz.
        expected: what the video must be like.

    Raises:
        MediaError: where it cannot be decoded.
    """
    store: Store | None = None
    stamps: list[float | None] = []
    notes: dict[str, None] = {}
    end_s, size = 0.0, (0, 0)
    for picture, note, length_s in _pictures(source, where):
        if store is None:
            size = picture.shape[:2]
            store = Store(*size, 1)
        place = store.place()
        if place is None:
            expected.demand_size(size, where)
        else:
            place[:] = picture
        stamps.append(end_s)
        if (count := len(stamps)) & (count - 1) == 0:  # now and then
            expected.demand_length(stamps, where)
        end_s += length_s
        if note:
            notes[note] = None
    held = store.held if store is not None else None
    expected.demand_length(stamps, where)
    demand_whole(source, where)
    times = timing(stamps, None, where, end_s)
    speech = Speech(np.empty(0, np.float32), sample_rate)
    pictures = Reread(where, *size, len(stamps), held, lambda: (picture for picture, *_ in _pictures(source, where)))
    return Video(pictures, times, speech, (*times.notes, *notes))


def _pictures(source: Path, where: str) -> Iterator[tuple[np.ndarray, str, float]]:
    """Each picture, uint8 (H, W, 3), a note on it, and how long it is shown, s."""
    with opened_image(source, f"{where}: it") as image:
        size = image.size
        first = int(getattr(image, "default_image", False))  # for viewers that know no animation
        for number in range(first, getattr(image, "n_frames", 1)):
            image.seek(number)
            if image.size != size:
                now, first_size = (f"{width}x{height}" for width, height in (image.size, size))
                raise MediaError(f"{where}: picture {number} is {now} after {first_size}; expected one size")
            image.load()
            length_ms = float(image.info.get("duration", 0))
            yield *opaque(image), (length_ms if length_ms > _SHORTEST_MS else _DEFAULT_MS) / 1000
