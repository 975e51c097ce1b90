"""The public archives of the GRID corpus: Zenodo record 3625687, doi 10.5281/zenodo.3625687.

The record itself says which files there are, how large they are, and their md5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from lsbench.corpus.grid.sources import SPEAKERS
from lsbench.errors import CorpusError, LsbenchError
from lsbench.protocol.protocol import Protocol
from lsbench.system import pool
from lsbench.system.download import TIMEOUT_S, Progress, Web

RECORD = "https://zenodo.org/api/records/3625687"
ALIGNMENTS = "alignments.zip"
_MOST_BYTES = 1 << 22  # that the record's description may have


@dataclass(frozen=True)
class Archive:
    """A file of the record: its size in bytes and its md5, empty where the record gives another checksum or none."""

    name: str
    size: int
    md5: str
    source: Web


def download_archives(
    raw: Path, protocols: Sequence[Protocol] = (), *, record: str = RECORD, progress: pool.Progress | None = None
) -> list[Path]:
    """Fetch the archives that RAW lacks: the alignments and the speakers of the protocols, or all; their paths in RAW.

    An archive bears its name only when it is whole; a download that was cut goes on from where it stopped.
    """
    speakers = {speaker for bench in protocols for speaker in _speakers(bench)} if protocols else set(SPEAKERS)
    listed = describe(record)
    wanted = [f"{speaker}.zip" for speaker in SPEAKERS if speaker in speakers] + [ALIGNMENTS]
    if lacking := [name for name in wanted if name not in listed]:
        raise CorpusError(
            f"{record}: lists no {', '.join(lacking)}; fetch the archives by hand and put them into {raw}"
        )
    paths = []
    for name in wanted:
        fetching = partial(progress, f"fetch {name}") if progress else None
        path = Path(raw) / name
        if path.exists() and (size := path.stat().st_size) != listed[name].size:
            raise CorpusError(
                f"{path}: {size:,} bytes; the record's {name} has {listed[name].size:,}. It is another archive, or cut "
                "short: move it away, and it is fetched"
            )
        if not path.exists():
            _fetch(listed[name], path, fetching or (lambda *_: None))
        paths.append(path)
    return paths


def describe(record: str = RECORD) -> dict[str, Archive]:
    """The files of the record, by name."""
    try:
        with urlopen(Request(record, headers={"User-Agent": "lsbench"}), timeout=TIMEOUT_S) as response:
            files = json.loads(response.read(_MOST_BYTES))["files"]
        archives = {}
        for file in files:
            kind, _, digest = str(file.get("checksum", "")).partition(":")
            source = Web(str(file["links"]["self"]))
            if not source.url.startswith(("https://", "http://")):
                raise ValueError(f"{source.url} is no web address")
            archives[str(file["key"])] = Archive(
                str(file["key"]), int(file["size"]), digest if kind == "md5" else "", source
            )
        return archives
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise CorpusError(
            f"{record}: {reason or type(error).__name__}; expected a description of the GRID corpus. Where there is no "
            "network, bring the archives and leave out --download"
        ) from error


def _fetch(archive: Archive, path: Path, progress: Progress) -> None:
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        left_over = part.exists()
        archive.source.download(part, archive.size, progress)
        why = _damage(archive, part)
        if why and left_over:  # the left-over may be at fault: once more, from the first byte
            part.unlink()
            archive.source.download(part, archive.size, progress)
            why = _damage(archive, part)
    except (LsbenchError, OSError, HTTPException) as error:
        raise CorpusError(f"{archive.source}: {error}. What has arrived is kept; repeat to go on") from error
    if why:
        part.unlink()
        raise CorpusError(f"{archive.source}: {why}; it was thrown away. Repeat, or fetch it by hand")
    part.replace(path)


def _damage(archive: Archive, part: Path) -> str:
    size = part.stat().st_size
    if size != archive.size:
        return f"{size:,} bytes arrived; expected {archive.size:,}"
    if not archive.md5:
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    with part.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return "" if digest.hexdigest() == archive.md5 else f"md5 {digest.hexdigest()}; expected {archive.md5}"


def _speakers(bench: Protocol) -> set[str]:
    return set(bench.select.speakers) if bench.select else {clip.speaker for clip in bench.clips}
