"""Videos and pictures for the page of a clip: made once, kept by content, so that a second report makes none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import FaceError, LsbenchError, MediaError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import sidecar
from lsbench.media.encode import even
from lsbench.media.files import content_sha256, read_film, write_film
from lsbench.media.film import Film
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.footage import Sources
from lsbench.run.result import Partial
from lsbench.system import shape, strict_json
from lsbench.system.cache import write_atomically

REVISION = 1  # of what is made; a change makes everything again
SAMPLE_RATE = 48000
CRF = 18
THUMBNAIL = (160, 128)  # at most, px


def show(media: Path, sources: Sources, partial: Partial) -> dict[str, Any]:
    """Make what the page shows of a clip, in the folder `media`: the frames that were compared, both from frame 0.

    reference, generated: {name, fps, frames, width, height} of media/NAME.mp4 and NAME.jpg, or None; boxes: the top
    left corners of the mouth box, frame by frame, and box its sides, or None; paired: whether both should look alike;
    problems: why something is not there.
    """
    shown: dict[str, Any] = {"reference": None, "generated": None, "boxes": None, "box": None}
    shown["paired"] = sources.context.rules.has_truth
    problems = list(sources.absent)
    start = max(0, -partial.lag_frames)
    for side, source, sha256, first in (
        ("reference", sources.reference, partial.reference_sha256, start),
        ("generated", sources.generated, partial.generated_sha256, start + partial.lag_frames),
    ):
        if source is None:
            continue
        try:
            shown[side] = _entry(media, side, source, sha256, first, partial, sources)
        except LsbenchError as error:
            problems.append(str(error))
    if shown["reference"]:
        shown |= {name: shown["reference"].pop(name) for name in ("boxes", "box")}
        problems += filter(None, [shown["reference"].pop("unboxed")])
    return shown | {"problems": problems}


_PLACE = shape.whole(-shape.MOST)


def _entry(
    media: Path, side: str, source: Path, sha256: str, first: int, partial: Partial, sources: Sources
) -> dict[str, Any]:
    asked: list[Any] = [REVISION, sha256, first, partial.frames]
    if side == "reference" or sources.fitted:
        tracker = sources.context.tracker
        asked += [sources.context.rules.rules, tracker.signature if tracker else None]
    if sources.fitted:
        asked += [side, partial.reference_sha256, partial.generated_sha256]
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]
    note = media / f"{name}.json"
    if not note.exists():
        made = _make(media, name, side, source, sha256, first, partial, sources)
        strict_json.write(note, made)
    try:
        facts: dict[str, Any] = _FACTS(strict_json.read(note), "")
    except ValueError as error:
        raise MediaError(f"{note}: not readable ({error}); delete it") from error
    return facts | {"name": name}


_FACTS = shape.record(
    {"fps": shape.number(0, above=True), **dict.fromkeys(("frames", "width", "height"), shape.whole(1))},
    {
        "boxes": shape.maybe(shape.listed(shape.series(_PLACE, _PLACE))),
        "box": shape.maybe(shape.series(_PLACE, _PLACE)),
        "unboxed": shape.maybe(shape.text),
    },
)


def _make(
    media: Path, name: str, side: str, source: Path, sha256: str, first: int, partial: Partial, sources: Sources
) -> dict[str, Any]:
    from PIL import Image

    if content_sha256(source) != sha256:
        raise MediaError(f"clip {partial.clip_id}: {source} is another file than was scored; it is not shown")
    rules = sources.context.rules
    landmarks = sidecar(source)
    real = Reference(partial.clip_id, sha256=sha256, source=source, landmarks=landmarks if landmarks.exists() else None)
    track: FaceTrack | None = None
    if sources.fitted:
        films = sources.compared(partial, SAMPLE_RATE)
        film, first, track = films.reference if side == "reference" else films.generated, 0, films.track
    elif side == "reference":
        film = replace(rules, sample_rate=SAMPLE_RATE).film(real, "optional")
    else:
        fps = rules.fps or 25.0
        film = read_film(source, partial.clip_id, sample_rate=SAMPLE_RATE, sound="optional", folder_fps=fps)
    shown = even(film.cut(first, min(len(film), first + partial.frames)))
    write_film(media / f"{name}.mp4", shown, crf=CRF)
    middle = shown.taken(np.array([len(shown) // 2])).clip()
    picture = Image.fromarray(middle.frames[0])
    picture.thumbnail(THUMBNAIL)
    write_atomically(media / f"{name}.jpg", lambda file: picture.save(file, "JPEG", quality=80))
    height, width = shown.size
    facts: dict[str, Any] = {"fps": shown.fps, "frames": len(shown), "width": width, "height": height}
    if side == "reference":
        facts |= _mouth(film, real, first, len(shown), sources.context, track)
    return facts


def _mouth(
    film: Film, real: Reference, first: int, frames: int, context: Context, track: FaceTrack | None
) -> Mapping[str, Any]:
    """The mouth boxes of the shown frames. track: in these frames, where it is not that of the file."""
    if not context.rules.has_truth:
        driven = "a clip that silence drives" if context.rules.is_silent else "a dubbed clip"
        return {
            "boxes": None,
            "box": None,
            "unboxed": f"no mouth view: {driven} has no reference to take boxes from",
        }
    try:
        track = track or context.track(real, film)
        boxes = track.box(Region.MOUTH)[first : first + frames]
    except FaceError as error:
        return {"boxes": None, "box": None, "unboxed": f"no mouth view: {error}"}
    return {"boxes": boxes[:, :2].tolist(), "box": (boxes[0, 2:] - boxes[0, :2]).tolist(), "unboxed": None}
