"""Preparing the GRID corpus: a folder of downloads becomes checked clips, an index and training shards.

OUT/sN/NAME.mpg and NAME.align, as `--data OUT` wants them; OUT/index.parquet; OUT/shards/sN. Clips keep their bytes and
their size: of a clip that is there in 360x288 and in 720x576 the former is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lsbench.corpus.grid.archives import Listing, contents, extract, is_archive
from lsbench.corpus.grid.check import REVISION, Check, Record, check_clip
from lsbench.corpus.grid.sources import Found, Source, find_files, find_sources
from lsbench.corpus.grid.state import State, is_prepared
from lsbench.corpus.shards import write_shards
from lsbench.errors import CorpusError
from lsbench.face.tracker import FaceTracker
from lsbench.networks import weights
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import Protocol
from lsbench.system import pool
from lsbench.system.locks import exclusive
from lsbench.system.outputs import demand_folder
from lsbench.system.pool import Progress

MISSING = "missing"


@dataclass(frozen=True)
class Prepared:
    """The outcome.

    ready: usable clips in OUT that were asked for. broken: those that are not, with the reason in `problem`. missing:
    ids of clips that a protocol lists and neither RAW nor OUT has. few: speakers of whom a protocol's rule asks for
    more clips. faults: what was left out of RAW, and why. unread: those of them that are archives, members of archives
    and what is no file: there may be clips in them. checked: clips that this run had to look at. listed: whether
    protocols list the clips one by one, so that none can have been overlooked.
    """

    ready: tuple[Record, ...]
    broken: tuple[Record, ...]
    missing: tuple[str, ...]
    few: tuple[str, ...]
    faults: tuple[str, ...]
    unread: tuple[str, ...]
    checked: int
    listed: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there and usable."""
        return not (self.broken or self.missing or self.few or (self.unread and not self.listed))


def prepare(
    raw: str | Path,
    out: str | Path,
    *,
    tracker: FaceTracker | None = None,
    protocols: Sequence[Protocol] = (),
    shards: bool = True,
    workers: int = 1,
    progress: Progress | None = None,
) -> Prepared:
    """Check a raw GRID download, and put the usable clips, their index and training shards into a folder.

    A call that was cut short goes on where it stopped; one that has nothing to do does nothing.

    Args:
        raw: folder of the downloads, archives or unpacked.
        out: folder of what is made.
        tracker: finds faces; the face landmarker if not given.
        protocols: prepare only their clips; without any, all.
        shards: whether training shards are made.
        workers: processes.
        progress: is told what is done, how much of it is done, of how much.

    Returns:
        What is ready, broken and missing.

    Raises:
        OutputError: where something else lies in out, or it and raw lie in one another.
        CorpusError: where raw cannot be read or out not be written.
    """
    tracker = tracker or FaceTracker(*weights.require("face_landmarker"))
    raw, out = Path(raw), Path(out)
    if not raw.is_dir():
        raise CorpusError(f"{raw}: no such folder; expected the downloads of the GRID corpus")
    demand_folder(out, "lsbench prepare", is_prepared, [raw])
    try:
        state = State(out)
        with exclusive(state.lock, wait=False):
            run = _Run(raw, state, tracker, workers, progress or (lambda *_: None))
            prepared = run.check(protocols)
            if shards:
                usable = sorted(run.ready(), key=lambda record: record.clip_id)
                clips = [
                    Reference(record.clip_id, record.speaker, record.sha256, out / f"{record.clip_id}.mpg")
                    for record in usable
                ]
                write_shards(clips, out, tracker=tracker, workers=workers, progress=run.progress)
            state.finish(run.records.values())
            return prepared
    except BlockingIOError:
        raise CorpusError(f"{out}: another process is preparing it; wait for that one, or pass another --out") from None
    except OSError as error:
        where = error.filename or out
        raise CorpusError(
            f"{where}: {error.strerror or error}. What is finished is kept: mend that, and give the same command again"
        ) from error


class _Run:
    """One preparation: what RAW holds, what is known of each clip, and the steps that close the gap."""

    def __init__(self, raw: Path, state: State, tracker: FaceTracker, workers: int, progress: Progress) -> None:
        self.state, self.tracker, self.workers, self.progress = state, tracker, workers, progress
        self.records = state.records()
        self.found = self._find(raw)

    def check(self, protocols: Sequence[Protocol]) -> Prepared:
        """Check what the protocols ask for, until nothing that they ask for is unchecked."""
        checked = 0
        while todo := [clip_id for clip_id in self._wanted(protocols) if not self._known(clip_id)]:
            checked += len(todo)
            self._check(todo)
        wanted = self._wanted(protocols)
        held = set(wanted)
        missing = [clip.id for bench in protocols for clip in bench.clips if clip.id not in held]
        self.records = {clip_id: record for clip_id, record in self.records.items() if record.problem != MISSING}
        self.records |= {clip_id: Record(clip_id, clip_id.partition("/")[0], problem=MISSING) for clip_id in missing}
        records = [self.records[clip_id] for clip_id in wanted]
        passed = [
            f"{clip_id}: {self.records[clip_id].problem}; passed over by the rule of {bench.name}"
            for bench in protocols
            for clip_id in self._passed_over(bench)
        ]
        return Prepared(
            ready=tuple(record for record in records if record.ok),
            broken=tuple(record for record in records if not record.ok),
            missing=tuple(dict.fromkeys(missing)),
            few=tuple(self._few(protocols)),
            faults=(*self.found.faults, *self.found.unused, *passed),
            unread=tuple(self.found.faults),
            checked=checked,
            listed=bool(protocols) and not any(bench.select for bench in protocols),
        )

    def ready(self) -> list[Record]:
        """Every usable clip in OUT, whichever run put it there."""
        return [record for record in self.records.values() if record.ok and self._in_place(record)]

    def _find(self, raw: Path) -> Found:
        """What RAW holds; archives that have not changed are not read again."""
        files = find_files(raw)
        archives = {path: _archive_stamp(raw, path) for path in files if is_archive(path) and path.is_file()}
        by_stamp = self.state.listings()
        new = [path for path, stamp in archives.items() if stamp not in by_stamp]
        listed = pool.each(contents, new, self.workers, progress=self.progress, label="list archives")
        for path, listing in zip(new, listed, strict=True):
            by_stamp[archives[path]] = listing
        listings: dict[Path, Listing] = {path: by_stamp[stamp] for path, stamp in archives.items()}
        if new:
            self.state.keep_listings({stamp: by_stamp[stamp] for stamp in archives.values()})
        return find_sources(raw, files, listings.__getitem__)

    def _wanted(self, protocols: Sequence[Protocol]) -> list[str]:
        """The clips to prepare, of those that RAW or OUT has: the protocols' or all; a rule passes over broken ones."""
        present = {record.clip_id for record in self.ready()} | set(self.found.videos)
        if not protocols:
            return sorted(present)
        sound = [clip_id for clip_id in present if not self._known(clip_id) or self.records[clip_id].ok]
        clip_ids: set[str] = set()
        for bench in protocols:
            if bench.select:
                clip_ids.update(*bench.select.choose(sound).values())
            clip_ids.update(clip.id for clip in bench.clips if clip.id in present)
        return sorted(clip_ids)

    def _passed_over(self, bench: Protocol) -> list[str]:
        """Broken clips that a protocol's rule would choose if they were sound."""
        if not bench.select:
            return []
        chosen = bench.select.choose({record.clip_id for record in self.ready()} | set(self.found.videos))
        checked = [clip_id for clips in chosen.values() for clip_id in clips if clip_id in self.records]
        return [clip_id for clip_id in checked if not self.records[clip_id].ok]

    def _few(self, protocols: Sequence[Protocol]) -> Iterator[str]:
        """Speakers of whom a protocol's rule asks for more usable clips than there are."""
        usable = [record.clip_id for record in self.ready()]
        for bench in protocols:
            if bench.select:
                for speaker, clips in bench.select.choose(usable).items():
                    if len(clips) < bench.select.least:
                        yield f"{bench.name}: {speaker} has {len(clips)} usable clips of {bench.select.least}"

    def _known(self, clip_id: str) -> bool:
        """Whether a clip was checked as it is, by these checks."""
        record = self.records.get(clip_id)
        if record is None or record.problem == MISSING or (record.ok and not self._in_place(record)):
            return False
        return clip_id not in self.found.videos or record.stamp == self._stamp(clip_id)

    def _in_place(self, record: Record) -> bool:
        path = self.state.out / f"{record.clip_id}.mpg"
        return path.is_file() and path.stat().st_size == record.bytes

    def _sources(self, clip_id: str) -> list[Source]:
        """The candidates of a clip, of one version, and its alignment last."""
        videos = self.found.videos[clip_id]
        alignment = self.found.alignments.get(clip_id)
        return [video for video in videos if video.large == videos[0].large] + ([alignment] if alignment else [])

    def _stamp(self, clip_id: str) -> str:
        return _stamp([REVISION, self.tracker.signature, *(source.stamp for source in self._sources(clip_id))])

    def _check(self, clip_ids: Sequence[str]) -> None:
        """Unpack, check and put in place some clips."""
        faults = self._unpack(clip_ids)
        checks = []
        for clip_id in clip_ids:
            places = [
                (source, faults.get(source.place) or (self._staged(source) if source.member else source.path))
                for source in self._sources(clip_id)
            ]
            alignment = self.found.alignments.get(clip_id)
            aligned = next((file for source, file in places if source is alignment and isinstance(file, Path)), None)
            candidates = [(source.place, file) for source, file in places if source is not alignment]
            checks.append(Check(clip_id, candidates, aligned, self._stamp(clip_id)))
        check = partial(check_clip, self.state.out, self.tracker)
        for record in pool.each(check, checks, self.workers, progress=self.progress, label="check clips"):
            self.records[record.clip_id] = record
            self.state.add(record)

    def _unpack(self, clip_ids: Sequence[str]) -> dict[str, str]:
        """Unpack what some clips need of archives; place -> why, for what cannot be unpacked."""
        needed: dict[Path, dict[str, Source]] = {}
        for clip_id in clip_ids:
            for source in self._sources(clip_id):
                if source.member:
                    needed.setdefault(source.path, {})[source.member] = source
        faults: dict[str, str] = {}
        jobs = [
            (path, {member: self._staged(source) for member, source in members.items()})
            for path, members in needed.items()
        ]
        refusals = pool.each(_extract, jobs, self.workers, progress=self.progress, label="unpack")
        for (path, _), refused in zip(jobs, refusals, strict=True):
            faults |= {needed[path][member].place: why for member, why in refused.items()}
        return faults

    def _staged(self, source: Source) -> Path:
        """Where a member is unpacked to: by content of its stamp, never by its own name."""
        return self.state.unpacked / (_stamp([source.stamp]) + Path(source.member).suffix.lower())


def _extract(job: tuple[Path, dict[str, Path]]) -> dict[str, str]:
    return extract(*job)


def _archive_stamp(raw: Path, archive: Path) -> str:
    stat = archive.stat()
    return _stamp([archive.relative_to(raw), stat.st_size, stat.st_mtime_ns])


def _stamp(parts: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]
