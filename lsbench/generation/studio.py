"""Rendering a generator over the clips of a protocol: one video a clip, whole or absent, kept for the next time."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lsbench.errors import AlignmentError, GeneratorError, LsbenchError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, reference_track
from lsbench.generation import spelling
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.generator import Generator, Rendered, perform
from lsbench.generation.shown_face import lasting, needs_face, seen
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, read_clip, write_clip
from lsbench.networks import weights
from lsbench.protocol.align import align, demand_length
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.system import pool
from lsbench.system.cache import write_atomically
from lsbench.system.pool import Progress

REVISION = 1  # of how a generator is fed and its videos are written
# A stand-in shows its one fault, so its codec must add next to nothing: what is left is the rounding of RGB to YUV.
CRF = 0
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024


def demand_generator(text: str) -> None:
    """Raise GeneratorError where this is no generator, or one that cannot be what it is said to be."""
    if not spelling.is_generator(text):
        raise GeneratorError(f"{text} is a folder or a path; expected a name, cmd:TEMPLATE or py:module:attribute")
    spelling.check(text)


def tracker_for(
    text: str, bench: Protocol, overrides: Mapping[str, Path], *, offline: bool = False
) -> FaceTracker | None:
    """The face tracker where rendering needs one: clips without side-cars, and a mouth to be hidden or found."""
    faces = needs_face(bench.identity) or spelling.needs_track(text)
    if not faces or all(clip.landmarks for clip in bench.clips):
        return None
    return FaceTracker(*weights.require("face_landmarker", override=overrides.get("face_landmarker"), offline=offline))


@dataclass(frozen=True)
class Studio:
    """What a worker needs to know to render a clip: pickled to other processes.

    text: the generator as it is spelled; made_by: what is known of it. rules: the protocol without its clips. videos:
    their folder; notes: that of generation.json and logs/. suffix: .mkv is lossless.
    """

    text: str
    made_by: Mapping[str, Any]
    rules: Protocol
    videos: Path
    notes: Path
    suffix: str
    tracker: FaceTracker | None
    timeout_s: float

    def video(self, clip_id: str) -> Path:
        """Where a clip's video is."""
        return self.videos / f"{clip_id}{self.suffix}"

    def record(self, clip_id: str) -> Path:
        """Where it is kept how a clip's video was made."""
        return self.logs / f"{clip_id}.json"

    @property
    def logs(self) -> Path:
        """Where records are, and what programs print."""
        return self.notes / "logs"


@dataclass(frozen=True)
class Order:
    """One video to make: the clip that lends the face, and the clip whose sound drives it."""

    face: Reference
    driver: Reference


def generate(
    text: str,
    bench: Protocol,
    out: str | Path,
    *,
    lossless: bool = False,
    workers: int = 1,
    tracker: FaceTracker | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
) -> list[Path]:
    """Render a generator over the clips of a bound protocol, as OUT/ID.mp4 (lossless: .mkv): `lsbench generate`.

    tracker: finds the faces of clips that have no side-car. Videos that are whole, and made by the same generator of
    the same input, are kept. OUT/generation.json holds speed, memory and failures; OUT/logs a record of each clip, and
    what a program printed. Raises the first LsbenchError; files are whole or absent.
    """
    spelling.check(text)
    out = Path(out)
    targets = {(out / clip.id).resolve() for clip in bench.clips}
    for clip in bench.clips:
        if clip.file.with_suffix("").resolve() in targets or clip.file.resolve() in targets:
            raise GeneratorError(f"clip {clip.id}: {out} holds the reference clips themselves; pass another --out")
    studio = studio_of(text, bench, out, out, tracker, timeout_s, ".mkv" if lossless else ".mp4")
    orders = [Order(clip, driver(text, bench, clip)) for clip in bench.clips]
    try:
        for done, (order, outcome) in enumerate(pool.run(partial(render_clip, studio), orders, workers), start=1):
            if isinstance(outcome, LsbenchError):
                raise outcome
            if progress:
                progress(order.face.id, done, len(orders))
    finally:
        write_summary(studio, bench.clips)
    return [studio.video(clip.id) for clip in bench.clips]


def studio_of(
    text: str,
    bench: Protocol,
    videos: Path,
    notes: Path,
    tracker: FaceTracker | None,
    timeout_s: float,
    suffix: str = ".mkv",
) -> Studio:
    """A studio for a generator, as it is spelled, and a bound protocol."""
    spelling.check(text)
    rules = replace(bench, clips=())
    return Studio(text, spelling.signature(text), rules, videos, notes, suffix, tracker, timeout_s)


def driver(text: str, bench: Protocol, clip: Reference) -> Reference:
    """The clip whose sound drives a generator on a clip."""
    return bench.another(clip) if spelling.swaps_sound(text) else bench.driver(clip)


def render_clip(studio: Studio, order: Order) -> None:
    """Make one video, unless it is there: the frames that the generator made, with the sound that drove it."""
    if kept_sha256(studio, order.face, order.driver):
        return
    path, record = studio.video(order.face.id), studio.record(order.face.id)
    path.unlink(missing_ok=True)
    try:
        found = _made(studio, order, path)
    except LsbenchError as error:
        _write_json(record, {"failed": str(error)})
        raise
    _write_json(record, {"made_of": _made_of(studio, order.face, order.driver), **found})


def _made(studio: Studio, order: Order, path: Path) -> dict[str, Any]:
    """Make one video at a path; what to keep of how it was made."""
    generator = spelling.open_generator(studio.text, studio.timeout_s, studio.logs)
    clip, track, speech = take(studio.rules, order, studio.tracker, generator)
    face, face_track = (clip, track) if generator.sees_answer else seen(clip, track, studio.rules.identity)
    with _measured() as cost:
        made = perform(generator, _who(studio.text), face, speech, face_track)
    video = as_video(clip, made, speech)
    demand_fit(studio.rules, order, clip, video)
    write_clip(
        path,
        video.frames,
        video.speech,
        video.fps,
        sample_rate=clip.sample_rate,
        crf=CRF,
        chroma="444",
        metadata={"comment": generator.comment or f"synthetic: rendered by {studio.text}, not a recording"},
    )
    return {
        "video_sha256": content_sha256(path),
        "frames": len(video),
        "seconds": cost["seconds"],
        "peak_memory_bytes": made.peak_bytes or cost["peak_bytes"],
        "sees_answer": generator.sees_answer,
        "boxes": None if made.boxes is None else np.asarray(made.boxes).tolist(),
    }


def take(
    rules: Protocol, order: Order, tracker: FaceTracker | None, generator: Generator
) -> tuple[Clip, FaceTrack | None, np.ndarray]:
    """The clip that lends the face, as long as the sound that drives it, its landmarks where needed, and that sound."""

    def read(clip: Reference) -> Clip:
        sound: Literal["required", "optional"] = "optional" if generator.sees_answer else "required"
        real = read_clip(clip.file, clip.id, sample_rate=rules.sample_rate, sound=sound, folder_fps=rules.fps or 25.0)
        return rules.shown(real)

    clip, track = read(order.face), None
    if generator.needs_track or needs_face(rules.identity):
        track = reference_track(clip, rules.content(order.face), order.face.landmarks, tracker)
    if order.driver.id == order.face.id:
        return clip, track, clip.speech
    driving = read(order.driver)
    if not generator.swaps_sound:
        clip, track = lasting(clip, track, len(driving))
    return clip, track, driving.speech


def as_video(face: Clip, made: Rendered, speech: np.ndarray) -> Clip:
    """What a generator made, as a clip."""
    return Clip(
        face.id, made.frames, speech if made.speech is None else made.speech, made.fps or face.fps, face.sample_rate
    )


def demand_fit(rules: Protocol, order: Order, face: Clip, video: Clip) -> None:
    """Raise AlignmentError where the protocol cannot take a video: its size, its frame rate, its length."""
    if rules.task != "dubbing":
        align(face, video, rules.align, rules.fps, rules.frames)
        return
    demand_length(video, replace(face, id=order.driver.id), rules.align)
    if video.frames.shape[1:] != face.frames.shape[1:]:
        sizes = ["{1}x{0}".format(*clip.frames.shape[1:3]) for clip in (video, face)]
        raise AlignmentError(f"clip {face.id}: generated {sizes[0]} px, the face it was given {sizes[1]} px")


def _who(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def kept_sha256(studio: Studio, face: Reference, driver: Reference) -> str:
    """The sha256 of a video that is there, whole, and made by this generator of these clips; else empty."""
    found, video = _read_json(studio.record(face.id)), studio.video(face.id)
    if found.get("made_of") != _made_of(studio, face, driver) or not video.is_file():
        return ""
    sha256 = content_sha256(video)
    return sha256 if sha256 == found.get("video_sha256") else ""


def _made_of(studio: Studio, face: Reference, driver: Reference) -> str:
    """Digest of everything that a video depends on, as far as it can be known."""
    parts = {
        "revision": REVISION,
        "made_by": studio.made_by,
        "rules": {name: value for name, value in studio.rules.rules.items() if name != "align"},
        "face": face.digest,
        "driver": driver.digest,
        "landmarks": content_sha256(face.landmarks) if face.landmarks else None,
        "tracker": studio.tracker.signature if studio.tracker and not face.landmarks else None,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def _measured() -> Iterator[dict[str, Any]]:
    """How long something took, s, and the peak memory of this process after it."""
    cost: dict[str, Any] = {}
    started = time.perf_counter()
    yield cost
    cost["seconds"] = time.perf_counter() - started
    cost["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_BYTES


def write_summary(studio: Studio, clips: Sequence[Reference]) -> None:
    """generation.json: how fast, with how much memory, and what failed. Nothing in it moves a number."""
    records = {clip.id: _read_json(studio.record(clip.id)) for clip in clips}
    made = [found for found in records.values() if "made_of" in found]
    frames, seconds = sum(found["frames"] for found in made), sum(found["seconds"] for found in made)
    _write_json(
        studio.notes / "generation.json",
        {
            **studio.made_by,
            "clips": len(clips),
            "made": len(made),
            "failed": {clip_id: found["failed"] for clip_id, found in records.items() if "failed" in found},
            "sees_answer": any(found["sees_answer"] for found in made),
            "frames_per_second": frames / seconds if seconds else None,
            "peak_memory_bytes": max((found["peak_memory_bytes"] for found in made), default=None),
        },
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    try:
        write_atomically(path, lambda file: file.write(json.dumps(content, indent=1, ensure_ascii=False).encode()))
    except OSError as error:
        raise GeneratorError(f"{path}: cannot be written ({error})") from error
