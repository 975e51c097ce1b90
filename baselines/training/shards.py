"""Prepared shards, one folder a speaker, read without loading them: see lsbench.corpus.shards for what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.corpus.shards import FORMAT, INDEX
from lsbench.errors import TrainingError, reason
from lsbench.face.track import POINTS, FaceTrack, Region
from lsbench.media.lipgan_mel import BANDS, SETTINGS
from lsbench.system import arrays, regular, strict_json
from lsbench.system.shape import shown
from lsbench.system.small_files import read_small

FPS = 25.0
REMEDY = "prepare the data again: lsbench prepare grid RAW --out DATA"


@dataclass(frozen=True)
class ShardClip:
    """One clip in a shard: rows first_frame .. + frames of the faces, first_mel .. + mel_steps of the mels."""

    id: str
    frames: int
    first_frame: int
    mel_steps: int
    first_mel: int


@dataclass(frozen=True)
class Shard:
    """The prepared clips of one speaker."""

    folder: Path
    speaker: str
    face_size: int
    clips: tuple[ShardClip, ...]
    digest: str

    @cached_property
    def faces(self) -> np.ndarray:
        """uint8 (F, size, size, 3) RGB."""
        return self._mapped("faces.npy", np.uint8, (self.face_size, self.face_size, 3))

    @cached_property
    def mels(self) -> np.ndarray:
        """float32 (M, 80), -4 to 4."""
        return self._mapped("mels.npy", np.float32, (BANDS,))

    @cached_property
    def landmarks(self) -> np.ndarray:
        """float32 (F, 80, 2), px of the faces."""
        return self._mapped("landmarks.npy", np.float32, (POINTS, 2))

    def mouth(self, clip: ShardClip, size: int) -> np.ndarray:
        """The mouth's boxes in a clip's faces, scaled to `size` px: int (frames, 4), one size."""
        points = self.landmarks[clip.first_frame : clip.first_frame + clip.frames]
        # (0, 0) is the centre of the top left pixel, before and after scaling.
        points = (points + 0.5) * (size / self.face_size) - 0.5
        return FaceTrack(points.astype(np.float32), np.ones(clip.frames, bool), size, size).box(Region.MOUTH)

    def _mapped(self, name: str, kind: Any, row: tuple[int, ...]) -> np.ndarray:
        path = self.folder / name
        try:
            regular.demand(path)
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # the ways in which a damaged file can fail to be read are many
            raise TrainingError(f"{path}: {arrays.said(error)}; {REMEDY}") from error
        if not np.issubdtype(array.dtype, kind) or array.shape[1:] != row:
            expected = f"{kind.__name__} (rows, {', '.join(map(str, row))})"
            raise TrainingError(f"{path}: {array.dtype} {array.shape}; expected {expected}; {REMEDY}")
        return np.asarray(array)


def open_shards(data: Path) -> list[Shard]:
    """The shards under DATA/shards, by speaker; TrainingError where there is none or one is of another version."""
    folders = sorted(path.parent for path in (Path(data) / "shards").glob("*/clips.json"))
    if not folders:
        raise TrainingError(f"{data}: no shards/SPEAKER/clips.json in it. First: lsbench prepare grid RAW --out {data}")
    return [open_shard(folder) for folder in folders]


def open_shard(folder: Path) -> Shard:
    """One speaker's shard; its arrays are mapped when first used."""
    path = folder / "clips.json"
    try:
        text = read_small(path)
        content = strict_json.parse(text)
        if content.get("format") != FORMAT:
            form = shown(content.get("format"))
            raise TrainingError(f"{path}: shards of format {form}; this lsbench reads format {FORMAT}; {REMEDY}")
        index = INDEX(content, "")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: {reason(error)}; {REMEDY}") from error
    if index["mel"] != SETTINGS:
        raise TrainingError(f"{path}: mels made with {str(index['mel'])[:400]}; expected {SETTINGS}; {REMEDY}")
    for clip in index["clips"]:
        if clip["fps"] != FPS:
            raise TrainingError(f"{path}: clip {clip['id']} has {clip['fps']:g} frames a second; expected {FPS:g}")
    names = ("id", "frames", "first_frame", "mel_steps", "first_mel")
    clips = tuple(ShardClip(*(clip[name] for name in names)) for clip in index["clips"])
    size = index["face_size"]
    return Shard(folder, folder.name, size, clips, hashlib.sha256(text).hexdigest())


def digest(shards: Iterable[Shard]) -> str:
    """sha256 over the shards' indexes, which hold the sha256 of every source clip."""
    return hashlib.sha256("".join(f"{shard.speaker} {shard.digest}\n" for shard in shards).encode()).hexdigest()
