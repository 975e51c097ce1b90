"""Generated videos: a folder of finished ones matched to reference ids, and registered generators rendered to files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path, PurePosixPath

from lsbench import pool, registry
from lsbench.errors import GeneratorError, LsbenchError, MatchError
from lsbench.face import FaceTracker, reference_track
from lsbench.media import find_clips, read_clip, write_clip
from lsbench.pool import Progress
from lsbench.protocol import Protocol, Reference

# A stand-in shows its one fault, so its codec must add next to nothing: what is left is the rounding of RGB to YUV.
CRF = 0


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


@dataclass(frozen=True)
class Rendering:
    """What a worker needs to know to render a clip: the stand-in's name, where to write, and in which container."""

    name: str
    out: Path
    suffix: str
    sample_rate: int
    tracker: FaceTracker | None


def generate(
    name: str,
    bench: Protocol,
    out: str | Path,
    *,
    lossless: bool = False,
    workers: int = 1,
    tracker: FaceTracker | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Render a registered generator over the clips of a bound protocol, as OUT/ID.mp4 (lossless: .mkv).

    tracker: finds the faces of clips that have no side-car. Raises the first LsbenchError; files are whole or absent.
    """
    registry.find("generators", "generator", name, registry.GENERATORS, GeneratorError)
    targets = {(Path(out) / clip.id).resolve() for clip in bench.clips}
    for clip in bench.clips:
        if clip.file.with_suffix("").resolve() in targets or clip.file.resolve() in targets:
            raise GeneratorError(f"clip {clip.id}: {out} holds the reference clips themselves; pass another --out")
    rendering = Rendering(name, Path(out), ".mkv" if lossless else ".mp4", bench.sample_rate, tracker)
    paths: list[Path] = []
    for clip, outcome in pool.run(bound(render_clip, rendering), bench.clips, workers):
        if isinstance(outcome, LsbenchError):
            raise outcome
        paths.append(outcome)
        if progress:
            progress(clip.id, len(paths), len(bench.clips))
    return paths


def render_clip(rendering: Rendering, reference: Reference) -> Path:
    """Render one clip, with the reference's sound."""
    render = registry.load(
        registry.find("generators", "generator", rendering.name, registry.GENERATORS, GeneratorError)
    )
    clip = read_clip(reference.file, reference.id, sample_rate=rendering.sample_rate, sound="optional")
    track = reference_track(clip, reference.digest, reference.landmarks, rendering.tracker)
    path = rendering.out / f"{reference.id}{rendering.suffix}"
    comment = f"synthetic: lsbench stand-in {rendering.name}, not a recording"
    write_clip(
        path,
        render(clip, track),
        clip.speech,
        clip.fps,
        sample_rate=clip.sample_rate,
        metadata={"comment": comment},
        crf=CRF,
        chroma="444",
    )
    return path
