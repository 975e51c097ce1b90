"""What of the GRID corpus lies in a folder of downloads: clips and alignments, unpacked or in archives.

A clip is known by its name, six letters and digits of GRID's grammar, and by its speaker, which a folder above it or
its archive is named after:

    s1.zip!s1/bbaf2n.mpg   s1.mpg_vcd.zip!bbaf2n.mpg   s1/bbaf2n.mpg   s1/video/mpg_6000/bbaf2n.mpg
    s1/align/bbaf2n.align   align/s1/bbaf2n.align   alignments.zip!alignments/s1/bbaf2n.align   s1/bbaf2n.align

An alignment may lack the speaker: in GRID no two speakers share a clip name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lsbench.corpus.grid.archives import Listing, is_archive
from lsbench.errors import CorpusError
from lsbench.system import regular

VIDEO_SUFFIXES = (".mpg", ".mpeg")
ALIGN_SUFFIX = ".align"
SPEAKERS = tuple(f"s{number}" for number in range(1, 35) if number != 21)  # s21 has no video
_NAME = re.compile(r"[blps][bgrw][abiw][a-vx-z][1-9z][anps]")
_SPEAKER = re.compile(r"s(\d{1,2})(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A file in RAW or a member of an archive: place is relative to RAW, `s1.zip!s1/bbaf2n.mpg` for a member.

    path: of the file or the archive. size: bytes of the file or member. changed_ns: when path was last changed.
    """

    place: str
    path: Path
    member: str
    size: int
    changed_ns: int

    @property
    def large(self) -> bool:
        """Whether its place says that it is of the 720x576 version."""
        return "6000" in self.place

    @property
    def stamp(self) -> str:
        """What changes when the source changes."""
        return f"{self.place}|{self.size}|{self.changed_ns}"


@dataclass
class Found:
    """What RAW holds.

    Attributes:
        videos: of each clip id, the 360x288 version first.
        alignments: of each clip id that has one.
        faults: what of archives, or of what is no file, could not be looked at, and why: there may be clips in it.
        unused: what else is left.
    """

    videos: dict[str, list[Source]] = field(default_factory=dict)
    alignments: dict[str, Source] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def find_files(raw: Path) -> list[Path]:
    """Every file below RAW that may matter, archives included, sorted; hidden ones are left."""
    files = []
    for name, folders, names in os.walk(raw, onerror=_refuse):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for file in names:
            path = Path(name, file)
            if not file.startswith(".") and (is_archive(path) or _kind(file)):
                files.append(path)
    if not files:
        raise CorpusError(f"{raw}: no clip, alignment or archive in it; expected sN/NAME.mpg, sN.zip or sN.tar")
    return sorted(files)


def find_sources(raw: Path, files: Iterable[Path], listing: Callable[[Path], Listing]) -> Found:
    """Sort the files of RAW, and the members of its archives by `listing`, into clips and alignments."""
    found = Found()
    loose: dict[str, Source] = {}
    for path in files:
        place = path.relative_to(raw).as_posix()
        try:
            regular.demand(path)
            stat = path.stat()
        except OSError as error:
            found.faults.append(f"{place}: {error.strerror}")
            continue
        if not is_archive(path):
            _sort(Source(place, path, "", stat.st_size, stat.st_mtime_ns), raw, found, loose)
            continue
        held = listing(path)
        found.faults += [fault if fault.startswith(str(path)) else f"{path}: {fault}" for fault in held.faults]
        found.unused += [f"{path}: {member}" for member in held.twice]
        for member, size in held.members.items():
            _sort(Source(f"{place}!{member}", path, member, size, stat.st_mtime_ns), raw, found, loose)
    for clip_id, videos in found.videos.items():
        videos.sort(key=lambda source: (source.large, source.place))
        if alignment := loose.get(clip_id.partition("/")[2]):
            found.alignments.setdefault(clip_id, alignment)
    return found


def _sort(source: Source, raw: Path, found: Found, loose: dict[str, Source]) -> None:
    """File a source under the clip that its place names, if it names one."""
    path = PurePosixPath(source.place.replace("!", "/"))
    kind, name = _kind(path.name), path.stem.lower()
    if not kind or not _NAME.fullmatch(name):
        return
    above = (*reversed(path.parts[:-1]), raw.resolve().name)
    speaker = next((f"s{int(match[1])}" for part in above if (match := _SPEAKER.match(part))), "")
    if speaker in SPEAKERS and kind == "video":
        found.videos.setdefault(f"{speaker}/{name}", []).append(source)
    elif speaker in SPEAKERS:
        found.alignments.setdefault(f"{speaker}/{name}", source)
    elif kind == "alignment":
        loose.setdefault(name, source)
    else:
        found.unused.append(f"{source.place}: no folder or archive names its speaker; expected sN")


def _kind(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return "video" if suffix in VIDEO_SUFFIXES else "alignment" if suffix == ALIGN_SUFFIX else ""


def _refuse(error: OSError) -> None:
    raise CorpusError(f"{error.filename}: cannot be read: {error.strerror}")
