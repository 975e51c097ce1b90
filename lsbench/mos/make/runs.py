"""What a study is made of: complete runs of one protocol, their clips, and where the videos lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import StudyError
from lsbench.media.files import read_film
from lsbench.mos.key import REFERENCE, KeyRun
from lsbench.protocol.protocol import Protocol
from lsbench.run.folder import Run
from lsbench.run.footage import Footage, Sources
from lsbench.run.result import Partial


@dataclass(frozen=True)
class Video:
    """One clip of one generator as it lies on disk.

    start, frames: what is shown of it, in frames of this file; or in those that were compared, where the video was
    fitted to its reference. fitted: then both, and the scored clip.
    """

    generator: str
    clip: str
    speaker: str
    source: Path
    sha256: str
    start: int
    frames: int
    rules: Protocol
    fitted: tuple[Sources, Partial] | None = None

    @property
    def real(self) -> bool:
        """Whether it is the hidden reference."""
        return self.generator == REFERENCE


class StudyRuns:
    """The runs of a study. runs: in the order given; protocol: name and digest; speakers: clip -> speaker."""

    def __init__(self, paths: Sequence[Path], reference: Path | None) -> None:
        self._folders = _folders(paths)
        first = next(iter(self._folders.values()))
        described = first.conditions.protocol
        self.runs = tuple(KeyRun(name, str(folder.path.absolute())) for name, folder in self._folders.items())
        self.protocol: Mapping[str, str] = {name: str(described[name]) for name in ("name", "digest")}
        table = first.table()
        self.speakers: dict[str, str] = {
            str(clip): str(speaker or "") for clip, speaker in zip(table["clip_id"], table["speaker"], strict=True)
        }
        if not self.speakers:
            raise StudyError(f"run {first.path}: no clip has a score; expected a run with one metric at least")
        ids = list(self.speakers)
        self._footage = {name: Footage(folder, ids, reference) for name, folder in self._folders.items()}

    @property
    def inputs(self) -> list[Path]:
        """The folders of the runs, and those of their clips."""
        return [path for folder in self._folders.values() for path in folder.inputs()]

    @property
    def generators(self) -> tuple[str, ...]:
        """The reference, then the runs in the order given."""
        return (REFERENCE, *self._folders)

    def videos(self, clip: str) -> dict[str, Video]:
        """Generator -> its video of a clip, all of them showing the same frames; StudyError where one is not there.

        Shown are the frames that every run compared, each video from where its alignment found the first of them.
        """
        partials = {name: self._partial(name, clip) for name in self._folders}
        start = max(max(0, -partial.lag_frames) for partial in partials.values())
        stop = min(max(0, -partial.lag_frames) + partial.frames for partial in partials.values())
        if stop <= start:
            raise StudyError(f"clip {clip}: the runs compared no frame in common; score them with another --align")
        videos = {REFERENCE: self._real(clip, partials, start, stop - start)}
        for name, partial in partials.items():
            sources = self._footage[name].of(clip)
            if sources.generated is None:
                raise StudyError(f"run {name}, clip {clip}: {self._footage[name].no_generated}")
            if sources.context.rules.fit == "face":
                raise StudyError(f"run {name}: --fit face compared the faces alone; raters need whole videos")
            videos[name] = Video(
                name,
                clip,
                self.speakers[clip],
                sources.generated,
                partial.generated_sha256,
                start - max(0, -partial.lag_frames) if sources.fitted else start + partial.lag_frames,
                stop - start,
                sources.context.rules,
                (sources, partial) if sources.fitted else None,
            )
        return videos

    def clip_s(self, clip: str) -> float:
        """Seconds that a clip lasts."""
        video = self.videos(clip)[REFERENCE]
        whole = read_film(video.source, clip, sound="optional", folder_fps=video.rules.fps or 25.0)
        return video.frames / whole.fps

    def _real(self, clip: str, partials: Mapping[str, Partial], start: int, frames: int) -> Video:
        absent = ""
        for name, footage in self._footage.items():
            sources = footage.of(clip)
            if sources.reference is not None:
                sha256 = partials[name].reference_sha256
                return Video(
                    REFERENCE,
                    clip,
                    self.speakers[clip],
                    sources.reference,
                    sha256,
                    start,
                    frames,
                    sources.context.rules,
                )
            absent = absent or footage.no_reference
        raise StudyError(f"clip {clip}: {absent}")

    def _partial(self, name: str, clip: str) -> Partial:
        folder = self._folders[name]
        partial = folder.read_partial(clip, [])
        if partial is None:
            raise StudyError(f"run {folder.path}: clip {clip} is not kept in it; score the run again")
        return partial


def _folders(paths: Sequence[Path]) -> dict[str, Run]:
    """Name -> run, after checking that they may be shown to one rater."""
    runs: dict[str, Run] = {}
    first: tuple[str, Mapping[str, Any]] | None = None
    for path in {path.resolve(): path for path in paths}.values():
        folder = Run(path)
        result = folder.result()
        if not result.complete:
            raise StudyError(
                f"run {path}: {result.clips} of {result.expected} clips are scored; expected a complete run. Give the "
                "command that scored it again"
            )
        if result.name == REFERENCE:
            raise StudyError(
                f"run {path}: its name is {REFERENCE}, which stands for the real clips; score it as another"
            )
        if result.name in runs:
            raise StudyError(
                f"runs {runs[result.name].path} and {path} are both called {result.name}; score one as another --name"
            )
        described = folder.conditions.protocol
        if first and described["digest"] != first[1]["digest"]:
            raise StudyError(
                f"run {path} follows protocol {described['name']} ({described['digest'][:12]}), {first[0]} follows "
                f"{first[1]['name']} ({first[1]['digest'][:12]}); expected runs of one protocol over the same clips"
            )
        first = first or (str(path), described)
        runs[result.name] = folder
    if not runs:
        raise StudyError("no runs to show; expected one run folder or more")
    return runs
