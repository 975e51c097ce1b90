"""Where a generator's videos are made and kept: one video a clip, whole or absent, with a record of how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import GeneratorError
from lsbench.face.tracker import FaceTracker
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.shown_face import needs_face
from lsbench.generation.source import Source
from lsbench.media.files import content_sha256
from lsbench.networks import weights
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.system import shape, strict_json
from lsbench.system.outputs import demand_folder

COMPARING = ("align", "fit", "fit_method", "rate")  # rules that no video depends on
SUMMARY = "generation.json"
REVISION = 1  # of how a generator is fed and its videos are written


def tracker_for(
    source: Source, protocol: Protocol, overrides: Mapping[str, Path], *, offline: bool = False
) -> FaceTracker | None:
    """The face tracker where rendering needs one: clips without side-cars, and a mouth to be hidden or found.

    Args:
        source: the generator.
        protocol: bound to its clips.
        overrides: files to use in place of installed weights, by name.
        offline: whether weights that are missing may not be fetched.

    Raises:
        WeightsError: where its weights are needed and cannot be had.
    """
    faces = needs_face(protocol.identity) or source.needs_track
    if not faces or all(clip.landmarks for clip in protocol.clips):
        return None
    return FaceTracker(*weights.require("face_landmarker", override=overrides.get("face_landmarker"), offline=offline))


@dataclass(frozen=True)
class Studio:
    """Where a generator's videos are made and kept: pickled to other processes.

    Attributes:
        source: the generator.
        made_by: what is known of it.
        context: how clips are read, and faces found.
        videos: the folder of its videos.
        notes: that of generation.json and logs/.
        suffix: of the videos; .mkv is lossless.
        timeout_s: for a program that makes one video.
    """

    source: Source
    made_by: Mapping[str, Any]
    context: Context
    videos: Path
    notes: Path
    suffix: str
    timeout_s: float

    @classmethod
    def of(
        cls,
        source: Source,
        protocol: Protocol,
        tracker: FaceTracker | None,
        videos: Path,
        notes: Path,
        *,
        suffix: str = ".mkv",
        timeout_s: float = TIMEOUT_S,
    ) -> Studio:
        """A studio for a generator and a bound protocol (see the attributes)."""
        return cls(source, source.signature, Context(protocol, tracker), videos, notes, suffix, timeout_s)

    def claim(self, protocol: Protocol) -> None:
        """Make the folder of the videos this generator's own, before there is one.

        Raises:
            OutputError: where something else lies in it, videos of another generator for one, or it is what is read.
        """
        named = self.made_by["generator"]
        demand_folder(
            self.videos,
            f"lsbench generate {self.source.short}",
            lambda folder: _is_of(folder / SUMMARY, named),
            [*self.source.files, *protocol.files],
        )
        write_summary(self, protocol.clips)

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
    """One video to make.

    Attributes:
        face: the clip that lends the face.
        driver: the clip whose sound drives it.
    """

    face: Reference
    driver: Reference


def driver(source: Source, protocol: Protocol, clip: Reference) -> Reference:
    """The clip whose sound drives a generator on a clip."""
    return protocol.another(clip) if source.swaps_sound else protocol.driver(clip)


def kept_sha256(studio: Studio, face: Reference, driver: Reference) -> str:
    """The sha256 of a video that is there, whole, and made by this generator of these clips; else empty."""
    record, video = _read_json(studio.record(face.id)), studio.video(face.id)
    if record.get("made_of") != inputs_sha256(studio, face, driver) or not video.is_file():
        return ""
    sha256 = content_sha256(video)
    return sha256 if sha256 == record.get("video_sha256") else ""


def inputs_sha256(studio: Studio, face: Reference, driver: Reference) -> str:
    """Digest of everything that a video depends on, as far as it can be known."""
    tracker = studio.context.tracker
    parts = {
        "revision": REVISION,
        "made_by": studio.made_by,
        "rules": {name: value for name, value in studio.context.rules.rules.items() if name not in COMPARING},
        "face": face.digest,
        "driver": driver.digest,
        "landmarks": content_sha256(face.landmarks) if face.landmarks else None,
        "tracker": tracker.signature if tracker and not face.landmarks else None,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_summary(studio: Studio, clips: Sequence[Reference]) -> None:
    """generation.json: how fast, with how much memory, and what failed. Nothing in it moves a number."""
    records = {clip.id: _read_json(studio.record(clip.id)) for clip in clips}
    made = [record for record in records.values() if "made_of" in record]
    frames, seconds = sum(record["frames"] for record in made), sum(record["seconds"] for record in made)
    write_json(
        studio.notes / SUMMARY,
        {
            **studio.made_by,
            "clips": len(clips),
            "made": len(made),
            "failed": {clip_id: record["failed"] for clip_id, record in records.items() if "failed" in record},
            "sees_answer": any(record["sees_answer"] for record in made),
            "frames_per_second": frames / seconds if seconds else None,
            "peak_memory_bytes": max((peak for record in made if (peak := record["peak_memory_bytes"])), default=None),
        },
    )


def _is_of(path: Path, generator: str) -> bool:
    """Whether a generation.json is a generator's own; one by which nothing was made is anybody's."""
    try:
        summary = strict_json.read(path)
    except (OSError, ValueError):
        return False
    return summary.get("generator") == generator or ("generator" in summary and summary.get("made") == 0)


def _read_json(path: Path) -> dict[str, Any]:
    """A record; empty where there is none that can be read."""
    try:
        content = strict_json.read(path)
        return dict((_FAILED if "failed" in content else _MADE)(content, ""))
    except (OSError, ValueError):
        return {}


_FAILED = shape.record({"failed": shape.text})
_MADE = shape.record(
    {
        "made_of": shape.text,
        "video_sha256": shape.text,
        "frames": shape.whole(),
        "seconds": shape.number(0),
        "peak_memory_bytes": shape.maybe(shape.whole()),
        "sees_answer": shape.flag,
    },
    {"boxes": shape.anything},
)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    try:
        strict_json.write(path, content, indent=1)
    except OSError as error:
        raise GeneratorError(f"{path}: cannot be written ({error})") from error
