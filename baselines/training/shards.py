"""Prepared shards, one folder a speaker, read without loading them: see lsbench.corpus.shards for what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.corpus.shards import FORMAT
from lsbench.errors import TrainingError
from lsbench.face.track import POINTS, FaceTrack, Region
from lsbench.media.lipgan_mel import BANDS, SETTINGS
from lsbench.system import strict_json

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
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise TrainingError(f"{path}: {error}; {REMEDY}") from error
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
        text = path.read_bytes()
        index = strict_json.parse(text)
        form = index["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: {error!r}; {REMEDY}") from error
    if form != FORMAT:
        raise TrainingError(f"{path}: shards of format {form!r}; this lsbench reads format {FORMAT}; {REMEDY}")
    if index.get("mel") != SETTINGS:
        raise TrainingError(f"{path}: mels made with {index.get('mel')}; expected {SETTINGS}; {REMEDY}")
    try:
        for clip in index["clips"]:
            if float(clip["fps"]) != FPS:
                raise TrainingError(f"{path}: clip {clip['id']} has {clip['fps']:g} frames a second; expected {FPS:g}")
        clips = tuple(
            ShardClip(clip["id"], *(int(clip[key]) for key in ("frames", "first_frame", "mel_steps", "first_mel")))
            for clip in index["clips"]
        )
        size = int(index["face_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path}: {error!r}; {REMEDY}") from error
    return Shard(folder, folder.name, size, clips, hashlib.sha256(text).hexdigest())


def digest(shards: Iterable[Shard]) -> str:
    """sha256 over the shards' indexes, which hold the sha256 of every source clip."""
    return hashlib.sha256("".join(f"{shard.speaker} {shard.digest}\n" for shard in shards).encode()).hexdigest()
