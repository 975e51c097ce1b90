"""A folder of finished videos, matched to the ids of the reference clips."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lsbench.errors import MatchError
from lsbench.media.files import find_clips


@dataclass(frozen=True)
class Matches:
    """Reference ids paired with generated files: found by id, ids without a file, files without an id."""

    found: dict[str, Path]
    missing: list[str]
    extra: list[Path]


def match_folder(folder: Path, ids: Iterable[str]) -> Matches:
    """Pair ids such as `s1/bbaf2n` with s1/bbaf2n.*, s1_bbaf2n.*, or bbaf2n.* where that name is unique on both sides.

    Raises MatchError where one id has two candidates, and MediaError where the folder holds no clip at all.
    """
    files = find_clips(folder)
    ids = list(ids)
    by_last_part: dict[str, list[str]] = {}
    for clip_id in ids:
        by_last_part.setdefault(_name(clip_id), []).append(clip_id)
    found: dict[str, Path] = {}
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
            found[clip_id] = hits[0]
    used = set(found.values())
    return Matches(
        found=found,
        missing=[clip_id for clip_id in ids if clip_id not in found],
        extra=[path for path in files.values() if path not in used],
    )


def _name(clip_id: str) -> str:
    return PurePosixPath(clip_id).name


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
