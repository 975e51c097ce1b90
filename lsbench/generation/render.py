"""Rendering: a generator fed, run and checked over the clips of a protocol, one video a clip."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import AlignmentError, GeneratorError, LsbenchError, OutputError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.generator import FilmGenerator, Generator, Rendered, perform
from lsbench.generation.shown_face import needs_face, play_to_and_fro, visible_face
from lsbench.generation.source import Source, of_any
from lsbench.generation.studio import (
    Order,
    Studio,
    driver,
    inputs_sha256,
    kept_sha256,
    tracker_for,
    write_json,
    write_summary,
)
from lsbench.media.clip import Clip
from lsbench.media.encode import comment_of
from lsbench.media.files import Sound, content_sha256, write_film
from lsbench.media.film import Film
from lsbench.protocol.align import align, demand_length
from lsbench.protocol.bound import bound
from lsbench.protocol.context import Context
from lsbench.protocol.fit import fitted
from lsbench.protocol.protocol import Drive, Protocol
from lsbench.protocol.rate import timed
from lsbench.system import pool
from lsbench.system.memory import enough
from lsbench.system.outputs import demand_file
from lsbench.system.pool import Progress

# A stand-in shows its one fault, so its codec must add next to nothing: what is left is the rounding of RGB to YUV.
CRF = 0
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024


def generate(
    generator: str | Source | Generator | Callable[..., Any],
    protocol: str | Path | Protocol | None = None,
    out: str | Path = "generated",
    *,
    reference: str | Path | None = None,
    data: str | Path | None = None,
    drive: Drive | None = None,
    lossless: bool = False,
    workers: int = 1,
    tracker: FaceTracker | None = None,
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
) -> list[Path]:
    """Render a generator over reference clips, as OUT/ID.mp4 (lossless: .mkv): what `lsbench generate` calls.

    Videos that are whole, and made by the same generator of the same input, are kept. OUT/generation.json holds speed,
    memory and failures; OUT/logs a record of each clip, and what a program printed.

    Args:
        generator: as it is spelled (see lsbench.score), or a Generator or function.
        protocol: a name, a .toml file, or a Protocol. Either this or reference.
        out: folder of the videos.
        reference: a folder of reference clips.
        data: the folder that holds the protocol's clips, unless it is bound already.
        drive: in place of the protocol's; `silence`: generators are given that in place of the clips' sound.
        lossless: FFV1 in .mkv instead of H.264 in .mp4.
        workers: processes.
        tracker: finds the faces of clips that have no side-car; the face landmarker if not given.
        offline: never fetch weights.
        weight_files: files to use in place of the registered weights, by name.
        timeout_s: for a program that makes one video, seconds.
        progress: is told which clip is made, how many are, of how many.

    Returns:
        The videos, in the order of the clips.

    Raises:
        OutputError: where `out` holds something else, videos of another generator for one, or is what is read.
        LsbenchError: the first that a clip gives; files are whole or absent.
    """
    protocol, out = bound(reference, protocol, data, drive=drive), Path(out)
    source = of_any(generator)
    if workers > 1:
        source.demand_portable()
    tracker = tracker or tracker_for(source, protocol, weight_files or {}, offline=offline)
    suffix = ".mkv" if lossless else ".mp4"
    studio = Studio.of(source, protocol, tracker, out, out, suffix=suffix, timeout_s=timeout_s)
    studio.claim(protocol)
    orders = [Order(clip, driver(source, protocol, clip)) for clip in protocol.clips]
    try:
        make = partial(render_clip, studio)
        for _ in pool.each(make, orders, workers, progress=progress, label=lambda order: order.face.id):
            pass
    finally:
        write_summary(studio, protocol.clips)
    return [studio.video(clip.id) for clip in protocol.clips]


def render_clip(studio: Studio, order: Order) -> None:
    """Make one video, unless it is there: the frames that the generator made, with the sound that drove it.

    One that is there, and was made of something else by the same generator, stands until the new one is whole.

    Raises:
        OutputError: where another's file stands in its place.
        LsbenchError: where it cannot be made, or does not fit the protocol; the clip's record says so too.
    """
    if kept_sha256(studio, order.face, order.driver):
        return
    path, record = studio.video(order.face.id), studio.record(order.face.id)
    try:
        with enough(f"clip {order.face.id}"):
            facts = _render(studio, order, path)
    except OutputError:
        raise  # what stands there is not ours, and its record, if there is one, is true of it
    except LsbenchError as error:
        write_json(record, {"failed": str(error)})
        raise
    write_json(record, {"made_of": inputs_sha256(studio, order.face, order.driver), **facts})


def face_and_sound(context: Context, order: Order, generator: Generator) -> tuple[Film, FaceTrack | None, np.ndarray]:
    """What goes into a video.

    Args:
        context: how clips are read, and faces found.
        order: the video to make.
        generator: what makes it.

    Returns:
        The film that lends the face, brought to the length of the sound unless the generator swaps sounds; its
        landmarks, None where nobody needs them; and the sound that drives it, float32 (N,) at the film's sample rate,
        which is the film's own, too, where that is silence.

    Raises:
        MediaError: where a clip cannot be read, or has no sound and must have some.
        FaceError: where landmarks are needed and the face is not found.
    """
    silent = context.rules.is_silent
    sound: Sound = "optional" if generator.sees_answer or silent else "required"
    film, track = context.film(order.face, sound), None
    if silent:
        if generator.swaps_sound:
            raise GeneratorError(f"clip {order.face.id}: silence drives it, so there is no sound to be swapped")
        film = film.muted()
    if generator.needs_track or needs_face(context.rules.identity):
        track = context.track(order.face, film)
    if order.driver.id == order.face.id:
        return film, track, film.speech
    driving = context.film(order.driver, sound)
    if not generator.swaps_sound:
        clip, track = play_to_and_fro(film.clip(), track, len(driving))
        film = Film.of(clip)
    return film, track, driving.speech


def as_video(face: Film, rendered: Rendered, speech: np.ndarray) -> Film:
    """What a generator made, as a film with its own sound and frame rate, else those that drove it."""
    sound = speech if rendered.speech is None else rendered.speech
    return Film.of(Clip(face.id, rendered.frames, sound, rendered.fps or face.fps, face.sample_rate))


def demand_fit(rules: Protocol, order: Order, face: Film, made: Film) -> None:
    """Raise AlignmentError where the protocol cannot take a video: its size, its frame rate, its length."""
    if rules.task == "dubbing" or rules.is_silent:
        demand_length(made, replace(face, id=order.driver.id), rules.align)
        if made.size != face.size:
            sizes = ["{1}x{0}".format(*film.size) for film in (made, face)]
            raise AlignmentError(f"clip {face.id}: generated {sizes[0]} px, the face it was given {sizes[1]} px")
        return
    made = timed(face, made, rules.rate).generated
    made = fitted(face, made, "resize" if rules.fit == "face" else rules.fit).generated  # a face crop is of any size
    align(face, made, rules.align, rules.fps, rules.frames)


def _peak_bytes() -> int | None:
    """Peak memory of this process; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_BYTES


def _render(studio: Studio, order: Order, path: Path) -> dict[str, Any]:
    """Make one video at a path; what to keep of how it was made."""
    generator, rules = studio.source.open(studio.timeout_s, studio.logs), studio.context.rules
    comment = generator.comment or f"synthetic: rendered by {studio.source.text}, not a recording"
    demand_file(path, f"lsbench generate {studio.source.short}", lambda video: comment_of(video) == comment)
    film, track, speech = face_and_sound(studio.context, order, generator)
    boxes = peak = None
    if isinstance(generator, FilmGenerator):
        with studio.source.at_work(), _cost() as cost:
            video = generator.render_film(film, speech, track)
    else:
        clip = film.clip()
        face, face_track = (clip, track) if generator.sees_answer else visible_face(clip, track, rules.identity)
        with studio.source.at_work(), _cost() as cost:
            rendered = perform(generator, studio.source.short, face, speech, face_track)
        video, boxes, peak = as_video(film, rendered, speech), rendered.boxes, rendered.peak_bytes
    demand_fit(rules, order, film, video)
    write_film(path, video, crf=CRF, chroma="444", metadata={"comment": comment})
    return {
        "video_sha256": content_sha256(path),
        "frames": len(video),
        "seconds": cost["seconds"],
        "peak_memory_bytes": peak or cost["peak_bytes"],
        "sees_answer": generator.sees_answer,
        "boxes": None if boxes is None else np.asarray(boxes).tolist(),
    }


@contextmanager
def _cost() -> Iterator[dict[str, Any]]:
    """How long something took, s, and the peak memory of this process after it."""
    cost: dict[str, Any] = {}
    started = time.perf_counter()
    yield cost
    cost["seconds"] = time.perf_counter() - started
    cost["peak_bytes"] = _peak_bytes()
