"""Videos and pairs of them, looked at before they are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from lsbench.errors import WeightsError
from lsbench.face.tracker import FaceTracker
from lsbench.media.files import Sound, content_sha256, every_source
from lsbench.media.film import Film
from lsbench.networks import weights
from lsbench.protocol.bound import bound
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.inspection import Faces, Inspection, inspected
from lsbench.run.match import match_folder, no_video
from lsbench.run.needs import FACE_LANDMARKER
from lsbench.run.pairing import Job
from lsbench.run.prospects import Prospect, prospect
from lsbench.system.pool import Progress


@dataclass(frozen=True)
class Examination:
    """What was seen of some files.

    Attributes:
        files: every video; where there is a reference, each reference clip before the video of it.
        prospects: of every reference clip; none where there is no reference.
        extra: videos that match no reference clip.
        twins: sources of one folder that have one clip id.
        no_faces: why nobody looked for faces; None where that was done.
    """

    files: tuple[Inspection, ...]
    prospects: tuple[Prospect, ...] = ()
    extra: tuple[Path, ...] = ()
    twins: tuple[tuple[Path, ...], ...] = ()
    no_faces: str | None = None

    @property
    def well(self) -> bool:
        """Whether all videos can be read and, where there is a reference, compared as asked, each with a clip."""
        unread = any(file.error for file in self.files)
        return not (unread or self.extra or self.twins) and all(each.ready for each in self.prospects)


def examined(
    files: Sequence[Path],
    *,
    reference: Path | None = None,
    rules: Mapping[str, Any] | None = None,
    face: str | None = None,
    sound: Sound = "required",
    every: bool = False,
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Look at videos, and at what scoring would make of them.

    Args:
        files: videos, folders of numbered frames, or folders of such; one where there is a reference.
        reference: such a file or folder of the real videos.
        rules: those of bound() that say how to compare: align, fit, rate, task.
        face: which of several is followed, as for bound().
        sound: whether generated videos must have some.
        every: follow the face through every frame, as scoring does, not in a sample of them.
        offline: never fetch weights.
        weight_files: files to use in place of the registered weights, by name.
        progress: is told what is done, how much of it is done, of how much.

    Returns:
        What was seen. Videos that cannot be read or compared say so in it.

    Raises:
        LsbenchError: where a folder holds no video, or there is no such file.
    """
    tracker, no_faces = _tracker(face, offline, weight_files or {})

    def look(source: Path, clip_id: str, fps: float = 25.0) -> Film | None:
        inspection, film = inspected(source, clip_id, tracker, every=every, folder_fps=fps)
        seen.append(inspection)
        if progress:
            progress("look", len(seen), total)
        return film

    seen: list[Inspection] = []
    if reference is None:
        targets = [every_source(file) for file in files]
        total = sum(map(len, targets))
        for clip_id, source in chain(*targets):
            look(source, clip_id)
        return Examination(tuple(seen), twins=tuple(chain(*map(_twins, targets))), no_faces=no_faces)
    protocol = bound(reference, None, None, face=face, **(rules or {}))
    matches = match_folder(files[0], [clip.id for clip in protocol.clips], reference)
    total = len(protocol.clips) + len(matches.videos)
    context = Context(protocol, tracker, sound=sound)
    prospects = []
    for clip in protocol.clips:
        real, video = look(clip.file, clip.id), matches.videos.get(clip.id)
        if video is None:
            prospects.append(Prospect(clip.id, None, (no_video(clip.id, files[0]),)))
            continue
        made = look(video, clip.id, real.fps if real else 25.0)
        if real is None or made is None:
            faults = tuple(each.error for each in seen[-2:] if each.error)
            prospects.append(Prospect(clip.id, video, faults))
        else:
            found = prospect(context, Job(clip, video, content_sha256(video)), real, made)
            prospects.append(_with_face(found, context, clip, seen[-2].faces))
    return Examination(tuple(seen), tuple(prospects), tuple(matches.extra), no_faces=no_faces)


def _twins(sources: Sequence[tuple[str, Path]]) -> list[tuple[Path, ...]]:
    """Those of one clip id, by turns; sources: of one folder, sorted."""
    grouped = [[source for _, source in same] for _, same in groupby(sources, lambda target: target[0])]
    return [tuple(same) for same in grouped if len(same) > 1]


def _with_face(found: Prospect, context: Context, clip: Reference, faces: Faces | None) -> Prospect:
    """The same, with what is wrong with the reference's face, which lends its boxes to face and mouth scores."""
    rules = context.rules
    if faces is None or clip.landmarks or rules.task == "dubbing":
        return found
    if faces.may_pass(rules.faceless):
        doubt = (
            f"faces were looked for in {faces.looked} frames of its reference, and {faces.looked - faces.seen} show "
            f"none: too near the {100 * rules.faceless:g} % that may be left out to say; --full looks at every frame"
        )
        found = replace(found, notes=(*found.notes, doubt))
    if faces.seen and faces.lost <= rules.faceless:
        return found
    fault = (
        f"clip {clip.id}: no face in {faces.looked - faces.seen} of {faces.looked} frames of its reference; face and "
        f"mouth scores leave out at most {100 * rules.faceless:g} %. --region whole needs no face"
    )
    return replace(found, faults=(*found.faults, fault), options=(*found.options, "--region whole"))


def _tracker(
    face: str | None, offline: bool, weight_files: Mapping[str, Path]
) -> tuple[FaceTracker | None, str | None]:
    """The face tracker, or why there is none."""
    override = weight_files.get(FACE_LANDMARKER)
    try:
        model = weights.require(FACE_LANDMARKER, override=override, offline=offline)
    except WeightsError as error:
        if override is not None:
            raise
        return None, str(error)
    return FaceTracker(*model, face or "largest"), None
