"""A folder of finished videos, matched to the ids of the reference clips."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lsbench.errors import MatchError
from lsbench.media.files import clips_at, is_clip
from lsbench.protocol.manifest import first_few


@dataclass(frozen=True)
class Matches:
    """Reference ids paired with generated files.

    Attributes:
        videos: of each clip that has one, by id.
        missing: ids without a video.
        extra: videos without an id.
    """

    videos: dict[str, Path]
    missing: list[str] = field(default_factory=list)
    extra: list[Path] = field(default_factory=list)

    def demand_all(self, folder: Path) -> None:
        """Raise MatchError where a clip has no video, or a video no clip. folder: in which they were looked for."""
        faults = []
        if self.missing:
            total = len(self.missing) + len(self.videos)
            rest = f" ({len(self.missing)} of {total} missing: {first_few(self.missing)})"
            faults.append(no_video(self.missing[0], folder) + (rest if len(self.missing) > 1 else ""))
        if self.extra:
            names = first_few([str(path if path == folder else path.relative_to(folder)) for path in self.extra])
            faults.append(f"{len(self.extra)} videos in {folder} match no reference clip: {names}")
        if faults:
            raise MatchError("; ".join(faults) + ". Mend the folder, or pass --on-error skip to score what is there")


def no_video(clip_id: str, folder: Path) -> str:
    """Why a clip cannot be scored whose video is not in the folder, with the names that were looked for."""
    last = clip_id.rsplit("/", 1)[-1]
    spellings = dict.fromkeys([f"{clip_id}.*", f"{clip_id.replace('/', '_')}.*", f"{last}.* where unique"])
    return f"clip {clip_id}: no generated video in {folder} (looked for {', '.join(spellings)})"


def match_folder(folder: Path, ids: Iterable[str], reference: Path | None = None) -> Matches:
    """Pair ids such as `s1/bbaf2n` with s1/bbaf2n.*, s1_bbaf2n.*, or bbaf2n.* where that name is unique on both sides.

    Args:
        folder: of the videos; or one video alone.
        ids: of the reference clips.
        reference: where these lie. Where it or `folder` is a clip itself, not a folder of clips, and there is one of
            each, they are paired whatever their names.

    Raises:
        MatchError: where one id has two candidates.
        MediaError: where the folder holds no clip at all.
    """
    files = clips_at(folder)
    ids = list(ids)
    if len(ids) == len(files) == 1 and (is_clip(folder) or (reference is not None and is_clip(reference))):
        return Matches(dict(zip(ids, files.values(), strict=True)))
    by_last_part: dict[str, list[str]] = {}
    for clip_id in ids:
        by_last_part.setdefault(_name(clip_id), []).append(clip_id)
    videos: dict[str, Path] = {}
    owner: dict[Path, str] = {}
    for clip_id in ids:
        spellings = [clip_id, clip_id.replace("/", "_")]
        if len(by_last_part[_name(clip_id)]) == 1:
            spellings.append(_name(clip_id))
        hits = [files[spelling] for spelling in dict.fromkeys(map(_normal, spellings)) if spelling in files]
        if len(hits) > 1:
            raise MatchError(f"clip {clip_id}: {' and '.join(map(str, hits))} both match; keep one of them")
        if hits and owner.setdefault(hits[0], clip_id) != clip_id:
            raise MatchError(f"clips {owner[hits[0]]} and {clip_id}: {hits[0]} matches both; move it into its folder")
        if hits:
            videos[clip_id] = hits[0]
    used = set(videos.values())
    return Matches(
        videos,
        missing=[clip_id for clip_id in ids if clip_id not in videos],
        extra=[path for path in files.values() if path not in used],
    )


def _name(clip_id: str) -> str:
    return PurePosixPath(clip_id).name


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
