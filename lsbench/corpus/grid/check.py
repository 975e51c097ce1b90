"""One clip of the GRID corpus: is it whole, and does it show a speaking face? If so it is put where it is wanted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.corpus.grid.archives import MAX_MEMBER_BYTES
from lsbench.errors import FaceError, MediaError
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.media.container import fits_in_memory
from lsbench.media.decode import read_video
from lsbench.media.files import content_sha256
from lsbench.media.film import Film

REVISION = 1  # of the checks: a higher one checks every clip anew
FPS, FRAMES = 25.0, 75
SIZES = ((360, 288), (720, 576))  # (width, height), the preferred one first
LEAST_SOUND = 0.95  # of the length of the video; GRID's clips have 2.98 s under 3.00 s


@dataclass(frozen=True)
class Record:
    """What is known of a clip: a row of index.parquet.

    frames, fps, width, height, audio_rate (Hz), faces (frames in which one was found), bytes, sha256: of the file; 0 or
    empty where they could not be read. alignment: whether NAME.align is there. ok, problem: usable, or why not. source:
    where in RAW it came from. stamp: what it was checked from and by.
    """

    clip_id: str
    speaker: str
    sha256: str = ""
    bytes: int = 0
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    audio_rate: int = 0
    faces: int = 0
    alignment: bool = False
    ok: bool = False
    problem: str = ""
    source: str = ""
    stamp: str = ""


@dataclass(frozen=True)
class Check:
    """A clip to check: candidates in order of preference, as (place, file or why there is none), and its alignment."""

    clip_id: str
    candidates: Sequence[tuple[str, Path | str]]
    alignment: Path | None
    stamp: str


def check_clip(out: Path, tracker: FaceTracker, check: Check) -> Record:
    """Check a clip's candidates and put the best usable one at OUT/sN/NAME.mpg, with its .align."""
    speaker = check.clip_id.partition("/")[0]
    head: dict[str, Any] = {"clip_id": check.clip_id, "speaker": speaker, "stamp": check.stamp}
    best: tuple[Path, dict[str, Any]] | None = None
    facts: dict[str, Any] = {"problem": "no file"}
    for place, file in check.candidates:
        facts = {"source": place} | (
            {"problem": file} if isinstance(file, str) else _examine(check.clip_id, file, tracker)
        )
        if facts["problem"] or isinstance(file, str):
            continue
        if best is None or (facts["width"], facts["height"]) == SIZES[0]:
            best = file, facts
        if (facts["width"], facts["height"]) == SIZES[0]:
            break
    target = out / f"{check.clip_id}.mpg"
    if best is None:
        target.unlink(missing_ok=True)  # what an earlier file left
        return Record(**head, **facts)
    file, facts = best
    _put(file, target)
    if check.alignment:
        _put(check.alignment, target.with_suffix(".align"))
    return Record(**head, **facts, ok=True, alignment=check.alignment is not None)


def _examine(clip_id: str, file: Path, tracker: FaceTracker) -> dict[str, Any]:
    """What a file holds, as fields of a Record; `problem` is empty where it is usable."""
    facts: dict[str, Any] = {"problem": "", "bytes": file.stat().st_size}
    if facts["bytes"] > MAX_MEMBER_BYTES:
        return facts | {"problem": f"{facts['bytes']:,} bytes; a clip has at most {MAX_MEMBER_BYTES:,}"}
    try:
        facts["sha256"] = content_sha256(file)
        with fits_in_memory(clip_id):
            video = read_video(file, clip_id)
    except MediaError as error:
        return facts | {"problem": str(error).removeprefix(f"{clip_id}: ")}
    film = video.film(clip_id)
    facts |= {"frames": len(film), "fps": film.fps, "width": film.size[1], "height": film.size[0]}
    facts["audio_rate"] = video.speech.source_rate
    if problem := _problem(facts, film):
        return facts | {"problem": problem}
    track = tracker.measure_cached(film, facts["sha256"])
    facts["faces"] = int(np.count_nonzero(track.found))
    try:
        fill_gaps(track, clip_id)
    except FaceError as error:
        return facts | {"problem": str(error).partition(";")[0].removeprefix(f"clip {clip_id}: ")}
    return facts


def _problem(facts: dict[str, Any], film: Film) -> str:
    size, length_s = (facts["width"], facts["height"]), FRAMES / FPS
    if facts["frames"] != FRAMES:
        return f"{facts['frames']} frames; expected {FRAMES}"
    if abs(facts["fps"] - FPS) > 0.01:
        return f"{facts['fps']:g} frames a second; expected {FPS:g}"
    if size not in SIZES:
        return f"{size[0]}x{size[1]} px; expected {' or '.join(f'{width}x{height}' for width, height in SIZES)}"
    if not len(film.speech):
        return "no sound"
    if (heard_s := len(film.speech) / film.sample_rate) < LEAST_SOUND * length_s:
        return f"{heard_s:.2f} s of sound under {length_s:g} s of video"
    return "" if np.abs(film.speech).max() > 0 else "its sound is silent"


def _put(source: Path, target: Path) -> None:
    """Make target the same file as source, by a hard link where the file system can, else by a copy; whole or not."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), part)
    except OSError:
        shutil.copyfile(source, part)
    part.replace(target)
