"""A video after a codec: encoded, and decoded again."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np

from lsbench.media.clip import Clip
from lsbench.media.files import read_film, write_film
from lsbench.media.film import Film

CODEC_QUALITY = 18  # constant rate factor of H.264 at which clips are passed on


def recoded(frames: np.ndarray, fps: float, quality: int = CODEC_QUALITY) -> np.ndarray:
    """Frames, uint8 (T, H, W, 3), after H.264 as videos are passed on: 4:2:0, at a constant rate factor."""
    return recoded_film(Film.of(Clip("clip", frames, np.empty(0, np.float32), fps)), quality).clip().frames


def recoded_film(film: Film, quality: int = CODEC_QUALITY) -> Film:
    """A film with its pictures after that codec; they lie in a temporary file as long as anything reads them."""
    folder = tempfile.mkdtemp(prefix="lsbench-")
    try:
        path = Path(folder) / "clip.mp4"
        write_film(path, replace(film, speech=np.empty(0, np.float32)), crf=quality)
        after = read_film(path, film.id, sound="optional")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(after.pictures, shutil.rmtree, folder, ignore_errors=True)
    return replace(film, pictures=after.pictures, shown=after.shown, looks=())
