"""The generated videos of a run: finished ones of a folder, or those that a generator makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from lsbench.errors import LsbenchError, RunError
from lsbench.generation.source import Source
from lsbench.generation.studio import Studio, driver, kept_sha256, tracker_for, write_summary
from lsbench.media.files import content_sha256
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import Protocol
from lsbench.run.folder import Run
from lsbench.run.match import match_folder, no_video
from lsbench.run.measure import Scoring, Work, make_and_measure, measure_clip
from lsbench.run.pairing import Job
from lsbench.system.ranks import Ranks


@dataclass(frozen=True)
class Videos(ABC):
    """Base of both kinds.

    Attributes:
        missing: clip id -> why there is no video of it.
        extra: videos that are of no clip.
        doing: what is done with each, for a reader.
        in_threads: whether clips can be scored side by side in one process: a generator may not be made for that.
    """

    doing: ClassVar[str]
    in_threads: ClassVar[bool]

    missing: Mapping[str, str] = field(default_factory=dict)
    extra: Sequence[Path] = ()

    @abstractmethod
    def job(self, protocol: Protocol, clip: Reference) -> Job:
        """What is to be scored of one clip."""

    @abstractmethod
    def work(self, scoring: Scoring) -> Work:
        """How one clip is scored; gives how many frames were compared."""

    def conclude(self, clips: Sequence[Reference], ranks: Ranks) -> None:
        """What is to be done when all clips are scored, or one could not be: nothing, unless a sub-class says so."""
        return


@dataclass(frozen=True)
class FinishedVideos(Videos):
    """Videos that are there. videos: by clip id."""

    doing: ClassVar[str] = "measured"
    in_threads: ClassVar[bool] = True

    videos: Mapping[str, Path] = field(default_factory=dict)

    def job(self, protocol: Protocol, clip: Reference) -> Job:
        """The clip as it is, with the one whose sound drove it where the protocol says so."""
        video = self.videos[clip.id]
        return Job(clip, video, content_sha256(video), protocol.driver(clip) if clip.audio else None)

    def work(self, scoring: Scoring) -> Work:
        """Decoding and measuring."""
        return partial(measure_clip, scoring)


@dataclass(frozen=True, kw_only=True)
class MadeVideos(Videos):
    """Videos that a generator makes, unless they are there."""

    doing: ClassVar[str] = "made and measured"
    in_threads: ClassVar[bool] = False

    studio: Studio

    def job(self, protocol: Protocol, clip: Reference) -> Job:
        """The clip with those that drive it; the video's sha256 is empty where it has yet to be made."""
        sound = driver(self.studio.source, protocol, clip)
        driving = protocol.driver(clip) if clip.audio else None
        return Job(clip, self.studio.video(clip.id), kept_sha256(self.studio, clip, sound), driving, sound)

    def work(self, scoring: Scoring) -> Work:
        """Rendering, decoding and measuring."""
        return partial(make_and_measure, self.studio, scoring)

    def conclude(self, clips: Sequence[Reference], ranks: Ranks) -> None:
        """Say how fast they were made, and what failed."""
        if ranks.first:
            write_summary(self.studio, clips)


def made_videos(
    source: Source,
    protocol: Protocol,
    run: Run,
    workers: int,
    weight_files: Mapping[str, Path],
    offline: bool,
    timeout_s: float,
) -> MadeVideos:
    """The videos of a generator, kept in the run folder."""
    if workers > 1:
        source.demand_portable()
    tracker = tracker_for(source, protocol, weight_files, offline=offline)
    studio = Studio.of(source, protocol, tracker, run.path / "videos", run.path, timeout_s=timeout_s)
    return MadeVideos(studio=studio)


def finished_videos(folder: Path, protocol: Protocol, run: Run, on_error: str) -> FinishedVideos:
    """The videos of a folder, matched to the clips.

    Raises:
        MatchError: where some are missing or too many, unless they may be skipped.
    """
    try:
        matches = match_folder(folder, [clip.id for clip in protocol.clips], protocol.folder)
        if on_error == "stop":
            matches.demand_all(folder)
    except LsbenchError:
        _forget(run, folder, protocol)
        raise
    missing = {clip_id: no_video(clip_id, folder) for clip_id in matches.missing}
    return FinishedVideos(missing, matches.extra, matches.videos)


def _forget(run: Run, folder: Path, protocol: Protocol) -> None:
    """Remove the result of a run of this protocol and of this folder: it is no longer true of the videos in it."""
    with suppress(RunError):
        same_videos = run.request().get("generated") == str(folder.resolve())
        if same_videos and run.conditions.protocol["digest"] == protocol.digest:
            run.discard_result()
