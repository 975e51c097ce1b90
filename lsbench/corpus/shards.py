"""Training shards: what the baselines need of the clips of one speaker, as arrays that can be mapped into memory.

DATA/shards/SPEAKER/ holds, for all frames of all its clips one after the other,

    faces.npy      uint8 (F, 96, 96, 3) RGB, the boxes Region.FACE resized
    landmarks.npy  float32 (F, 80, 2), px of the 96x96 face, in the layout of lsbench.media.clip
    boxes.npy      int32 (F, 4), px of the source frame
    mels.npy       float32 (M, 80), 80 steps a second, see lsbench.media.lipgan_mel
    clips.json     which rows belong to which clip, and what the arrays were made from

A shard is complete or absent. What was made from the same files in the same way is left as it is.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.face.crops import FACE_SIZE, crop_faces, to_crops
from lsbench.face.track import BOX_RULES, POINTS, Region
from lsbench.face.tracker import FaceTracker, reference_track
from lsbench.media.files import content_sha256, read_clip
from lsbench.media.lipgan_mel import BANDS, SAMPLE_RATE, SETTINGS, lipgan_mel
from lsbench.protocol.manifest import Reference
from lsbench.system import pool, shape, strict_json
from lsbench.system.pool import Progress

FORMAT = 1


# What clips.json holds.
INDEX = shape.record(
    {
        "format": shape.choice(FORMAT),
        "face_size": shape.whole(1, 4096),
        "mel": shape.anything,
        "clips": shape.listed(
            shape.record(
                {
                    "id": shape.name,
                    **dict.fromkeys(("frames", "first_frame", "mel_steps", "first_mel"), shape.whole()),
                    "fps": shape.number(0, above=True),
                },
                {"sha256": shape.text},
            )
        ),
    },
    {"made_from": shape.table(shape.anything)},
)


@dataclass(frozen=True)
class Making:
    """What a worker needs to know to make a shard."""

    folder: Path
    tracker: FaceTracker | None


def write_shards(
    clips: Sequence[Reference],
    data: Path,
    *,
    tracker: FaceTracker | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Make DATA/shards/SPEAKER of clips; shards of speakers that have none among them are left alone.

    Args:
        clips: of a bound protocol, such as from_folder(...).clips.
        data: the folder that gets the shards.
        tracker: finds the faces of clips without a side-car.
        workers: processes.
        progress: is told whose clips are done, how many are, of how many.

    Returns:
        The shards' folders, by speaker in the order of the clips.

    Raises:
        LsbenchError: the first that a clip gives, naming it.
    """
    speakers: dict[str, list[Reference]] = {}
    for clip in clips:
        speakers.setdefault(clip.speaker, []).append(clip)
    make = partial(write_shard, Making(Path(data) / "shards", tracker))
    folders, done = [], 0
    for (speaker, own), folder in zip(speakers.items(), pool.each(make, list(speakers.values()), workers), strict=True):
        folders.append(folder)
        done += len(own)
        if progress:
            progress(speaker, done, len(clips))
    return folders


def write_shard(making: Making, clips: Sequence[Reference]) -> Path:
    """Make the shard of one speaker, unless it is there already; its folder."""
    folder = making.folder / (clips[0].speaker.replace("/", "_") or "_")
    made_from = _made_from(making, clips)
    if _read_index(folder).get("made_from") == made_from:
        return folder
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    try:
        part.mkdir(parents=True)
        rows = _write_arrays(part, making, clips)
        index = {"format": FORMAT, "face_size": FACE_SIZE, "mel": SETTINGS, "made_from": made_from, "clips": rows}
        (part / "clips.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _made_from(making: Making, clips: Sequence[Reference]) -> dict[str, Any]:
    """All that can change a byte of a shard: the clips' files, and the rules."""
    return {
        "clips": {clip.id: [clip.digest, content_sha256(clip.landmarks) if clip.landmarks else None] for clip in clips},
        "tracker": making.tracker.signature if making.tracker else None,
        "boxes": str(BOX_RULES[Region.FACE]),
    }


def _read_index(folder: Path) -> Mapping[str, Any]:
    """clips.json of a shard; empty where there is none that can be read."""
    try:
        index: Mapping[str, Any] = INDEX(strict_json.read(folder / "clips.json"), "")
        return index if index["mel"] == SETTINGS else {}
    except (OSError, ValueError):
        return {}


def _write_arrays(folder: Path, making: Making, clips: Sequence[Reference]) -> list[dict[str, Any]]:
    """Fill the four arrays clip by clip; what clips.json says of each clip."""
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        faces, landmarks, boxes, mels = (
            stack.enter_context(_Rows(folder / f"{name}.npy", kind, row))
            for name, kind, row in (
                ("faces", np.uint8, (FACE_SIZE, FACE_SIZE, 3)),
                ("landmarks", np.float32, (POINTS, 2)),
                ("boxes", np.int32, (4,)),
                ("mels", np.float32, (BANDS,)),
            )
        )
        for clip in clips:
            real = read_clip(clip.file, clip.id, sample_rate=SAMPLE_RATE)
            track = reference_track(real, clip.digest, clip.landmarks, making.tracker)
            box = track.box(Region.FACE)
            mel = lipgan_mel(real.speech, SAMPLE_RATE)
            rows.append(
                {
                    "id": clip.id,
                    "frames": len(real),
                    "first_frame": faces.count,
                    "mel_steps": len(mel),
                    "first_mel": mels.count,
                    "sha256": clip.digest,
                    "fps": real.fps,
                }
            )
            faces.add(crop_faces(real.frames, box))
            landmarks.add(to_crops(track.landmarks, box))
            boxes.add(box)
            mels.add(mel)
    return rows


class _Rows:
    """A .npy file that grows row by row; plain writes, because a full disk under a mapping kills the process."""

    def __init__(self, path: Path, kind: type[np.generic], row: tuple[int, ...]) -> None:
        self.path, self.kind, self.row, self.count = path, np.dtype(kind), row, 0

    def __enter__(self) -> _Rows:
        self._file: BinaryIO = self.path.open("wb")
        self._file.write(self._header())
        return self

    def add(self, rows: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(rows, self.kind).tobytes())
        self.count += len(rows)

    def __exit__(self, *_: object) -> None:
        with self._file as file:
            file.seek(0)
            file.write(self._header())

    def _header(self) -> bytes:
        """NumPy pads it so that its length does not depend on the number of rows."""
        head = io.BytesIO()
        shape = (self.count, *self.row)
        about = {"descr": self.kind.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(head, about)
        return head.getvalue()
