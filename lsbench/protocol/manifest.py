"""The clips of a protocol: one entry each, the CSV file that lists them, and the rule that selects them from data."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lsbench.errors import ProtocolError, reason
from lsbench.speech.transcript import Transcript, of_text
from lsbench.system.shape import shown
from lsbench.system.small_files import read_small_text

COLUMNS = {"speaker", "clip", "sha256", "audio", "words"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """One clip of a protocol's manifest.

    Attributes:
        id: `s1/bbaf2n`.
        speaker: whose clips vary together; empty where unknown.
        sha256: of the reference file, where the manifest knows it, and always once bound.
        source: the reference file, once bound.
        landmarks: the exact landmarks in a side-car, once bound, where there is one.
        audio: id of the clip of the manifest whose sound drives this one; empty for its own.
        said: what its own sound says: the manifest's words, or where those are not given, what the data say once words
            are asked for (see lsbench.protocol.words).
    """

    id: str
    speaker: str = ""
    sha256: str | None = None
    source: Path | None = None
    landmarks: Path | None = None
    audio: str = ""
    said: Transcript | None = None

    @property
    def file(self) -> Path:
        """The bound clip's file; ProtocolError where it is not bound."""
        if self.source is None:
            raise ProtocolError(f"clip {self.id}: the protocol is not bound to data")
        return self.source

    @property
    def digest(self) -> str:
        """The bound clip's sha256; ProtocolError where it is not bound."""
        if self.sha256 is None:
            raise ProtocolError(f"clip {self.id}: the protocol is not bound to data")
        return self.sha256


@dataclass(frozen=True)
class Select:
    """A rule that stands for a list of clips: all clips of some speakers, or a fixed few of each.

    Attributes:
        speakers: folders below the data, each clip lying directly in its speaker's.
        clips_per_speaker: how many, those whose sha256("SPEAKER/CLIP") is smallest, so that the choice depends on
            nothing but the names; None takes all of them.
    """

    speakers: tuple[str, ...]
    clips_per_speaker: int | None = None

    @property
    def least(self) -> int:
        """How many clips each speaker must have."""
        return self.clips_per_speaker or 1

    def choose(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """The selected ones of the clip ids that there are, speaker -> ids by name: fewer where there are fewer."""
        ids_of: dict[str, list[str]] = {speaker: [] for speaker in self.speakers}
        for clip_id in ids:
            speaker, _, name = clip_id.partition("/")
            if speaker in ids_of and "/" not in name:
                ids_of[speaker].append(clip_id)
        return {speaker: sorted(sorted(ids_of[speaker], key=_sha256)[: self.clips_per_speaker]) for speaker in ids_of}

    def clips(self, ids: Iterable[str]) -> tuple[Reference, ...]:
        """The manifest that the rule gives; ProtocolError where a speaker has too few clips."""
        chosen = self.choose(ids)
        if few := [f"{speaker} has {len(clips)}" for speaker, clips in chosen.items() if len(clips) < self.least]:
            clips = f"at least {self.least} clip{'s' * (self.least > 1)}"
            raise ProtocolError(f"expected {clips} of each of {len(self.speakers)} speakers; {first_few(few)}")
        return tuple(Reference(clip_id, speaker) for speaker, clips in chosen.items() for clip_id in clips)


def read_manifest(path: Path) -> tuple[Reference, ...]:
    """The clips that a CSV file lists.

    Args:
        path: with the columns speaker and clip, and optionally sha256, audio (a clip id) and words (what it says).

    Raises:
        ProtocolError: naming the file, and the line and the fault in it.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_small_text(path), newline=""), strict=True)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise ProtocolError(f"{path}: not a readable manifest ({reason(error)}); expected UTF-8 CSV") from error
    if not {"speaker", "clip"} <= set(columns) <= COLUMNS or len(set(columns)) < len(columns):
        raise ProtocolError(
            f"{path}: columns {shown(columns)}; expected speaker, clip and optionally sha256, audio, words"
        )
    clips: dict[str, Reference] = {}
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ProtocolError(f"{path}: line {number}: expected {len(columns)} cells, as in the first line")
        cells = {column: unicodedata.normalize("NFC", cell.strip()) for column, cell in row.items()}
        speaker, clip_id = cells["speaker"], f"{cells['speaker']}/{cells['clip']}"
        if not speaker or not cells["clip"] or not _is_plain(clip_id):
            raise ProtocolError(f"{path}: line {number}: {shown(clip_id)} is not a clip of a speaker")
        if clip_id in clips:
            raise ProtocolError(f"{path}: line {number}: clip {clip_id} is listed twice")
        sha256 = cells.get("sha256", "").lower()
        if sha256 and not _SHA256.fullmatch(sha256):
            raise ProtocolError(
                f"{path}: line {number}: sha256 {shown(sha256)}; expected 64 hexadecimal digits, or none"
            )
        said = of_text(cells["words"], f"{path}: line {number}") if cells.get("words") else None
        clips[clip_id] = Reference(clip_id, speaker, sha256 or None, audio=cells.get("audio", ""), said=said)
    if not clips:
        raise ProtocolError(f"{path}: the manifest lists no clips")
    for clip in clips.values():
        if clip.audio and clip.audio not in clips:
            raise ProtocolError(f"{path}: clip {clip.id}: its audio {clip.audio!r} is no clip of the manifest")
    return tuple(clips.values())


def first_few(ids: list[str], most: int = 5) -> str:
    """The first few of many ids, and how many more there are."""
    rest = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {rest} more" if rest > 0 else "")


def _is_plain(clip_id: str) -> bool:
    parts = clip_id.split("/")
    return clip_id.isprintable() and "\\" not in clip_id and {"", ".", ".."}.isdisjoint(parts)


def _sha256(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode()).hexdigest()
