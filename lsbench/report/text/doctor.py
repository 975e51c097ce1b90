"""What was seen of videos before they are scored, in the terminal and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsbench.media.streams import Stream
from lsbench.report.text.console import plain_table, words
from lsbench.run.doctor import Examination
from lsbench.run.inspection import Inspection
from lsbench.run.prospects import Prospect
from lsbench.statistics.units import FEW_CLIPS
from lsbench.system import strict_json
from lsbench.system.strict_json import encode

LONG_S = 20.0  # from which on a clip has segments enough to be worth drawing
FILES = ("file", "streams", "size", "frames", "rate", "sound", "faces", "memory", "time")
PAIRS = ("clip", "generated", "as asked", "compared", "options that help")


def show(seen: Examination, out: Console) -> None:
    """Print a table of the videos, what must be read with it, and a table of what would be compared."""
    out.print(plain_table(FILES, [file_row(file) for file in seen.files]))
    lines = [
        note if note == file.error else f"{file.source}: {note}" for file in seen.files for note in file_notes(file)
    ]
    lines += [
        f"{' and '.join(map(str, twins))} are one clip by name: scoring takes one; move one" for twins in seen.twins
    ]
    if seen.no_faces:
        lines.append(f"nobody looked for faces: {seen.no_faces}")
    lines.append("memory and time are rough: one worker, one core, metrics without networks, a reference like it")
    _lines(lines, out)
    if seen.prospects:
        out.print(plain_table(PAIRS, [pair_row(each) for each in seen.prospects]))
        lines = [
            line
            for each in seen.prospects
            for line in (*each.faults, *(f"clip {each.clip_id}: {note}" for note in each.notes))
        ]
        lines += [f"{path}: matches no reference clip; --on-error skip leaves it out" for path in seen.extra]
        longest = max((file.shown.length_s for file in seen.files if file.shown), default=0.0)
        if len(seen.prospects) < FEW_CLIPS and longest >= LONG_S:
            lines.append(
                "few clips, and long ones: --segment 5 draws segments of about 5 s, so that they give error bars"
            )
        _lines(lines, out)


def to_json(seen: Examination) -> str:
    """Everything that was seen."""
    content: dict[str, Any] = {
        "files": [_file(file) for file in seen.files],
        "pairs": [
            asdict(each) | {"generated": each.generated and str(each.generated), "ready": each.ready}
            for each in seen.prospects
        ],
        "extra": [str(path) for path in seen.extra],
        "twins": [[str(path) for path in twins] for twins in seen.twins],
        "no_faces": seen.no_faces,
        "well": seen.well,
    }
    return strict_json.text(encode(content))


def file_row(file: Inspection) -> list[str]:
    """A row of FILES."""
    streams = ", ".join(_stream(stream) for stream in file.container.streams) if file.container else ""
    name = file.container.format if file.container else "frames" if file.source.is_dir() else ""
    says = f"{name}: {streams}" if streams else name
    shown = file.shown
    if shown is None:
        return [str(file.source), says, "cannot be read", *[""] * (len(FILES) - 3)]
    return [
        str(file.source),
        says,
        f"{shown.width}x{shown.height}",
        f"{shown.frames}, {shown.length_s:.2f} s",
        f"{shown.fps:g}" + (" variable" if shown.variable else ""),
        _sound(file),
        _faces(file),
        f"{file.memory_bytes / 2**30:.1f} GiB",
        _duration(file.time_s),
    ]


def file_notes(file: Inspection) -> list[str]:
    """What must be read with a row, a sentence each."""
    if file.error:
        return [file.error]
    lines = [*file.shown.notes] if file.shown else []
    if file.shown and "time stamps" in file.shown.fps_source:
        lines.append(f"{file.shown.fps:g} frames a second {file.shown.fps_source}")
    if file.sound is None:
        lines.append("no sound")
    elif math.isinf(file.sound.level_db):
        lines.append("its sound is nothing but silence")
    faces = file.faces
    if faces is not None:
        lines += faces.notes
        if not faces.seen:
            lines.append("no face in it: score --region whole only")
        elif faces.missing and not faces.notes:
            lines.append(f"no face in {faces.looked - faces.seen} of {faces.looked} frames: {faces.missing}")
    return lines


def pair_row(each: Prospect) -> list[str]:
    """A row of PAIRS."""
    compared = "-"
    if each.frames is not None:
        compared = (
            f"{each.frames} of {each.reference_frames} frames" if each.reference_frames else f"{each.frames} frames"
        )
    options = " ".join(each.options) or ("none needed" if each.ready else "none known")
    return [each.clip_id, str(each.generated or "-"), "yes" if each.ready else "no", compared, options]


def _lines(lines: list[str], out: Console) -> None:
    for line in lines:
        out.print(words(f"· {' '.join(line.split())}"), soft_wrap=True)


def _stream(stream: Stream) -> str:
    """A stream in a few words."""
    parts = [stream.codec or "unknown"]
    if stream.kind == "video":
        parts += [f"{stream.width}x{stream.height}", stream.pixels or ""]
        parts += [f"pixels {stream.aspect}" if stream.aspect else "", stream.turned or ""]
    elif stream.kind == "audio":
        parts += [f"{stream.sample_rate} Hz", stream.channels or ""]
    else:
        parts.insert(0, stream.kind)
    return " ".join(filter(None, parts)) + ("" if stream.read else " (not read)")


def _sound(file: Inspection) -> str:
    sound = file.sound
    if sound is None:
        return "none"
    late = f", {sound.late_s:+.2f} s" if sound.late_s and abs(sound.late_s) >= 0.005 else ""
    level = "silent" if math.isinf(sound.level_db) else f"{sound.level_db:.0f} dB"
    return f"{sound.length_s:.2f} s{late}, {level}"


def _faces(file: Inspection) -> str:
    faces = file.faces
    if faces is None:
        return "-"
    if not faces.seen:
        return f"none in {faces.looked}"
    return f"{faces.most}, {faces.size_px:.0f} px" + (
        f", in {faces.seen} of {faces.looked}" * (faces.seen < faces.looked)
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _file(file: Inspection) -> dict[str, Any]:
    return asdict(file) | {
        "source": str(file.source),
        "memory_bytes": file.memory_bytes,
        "time_s": file.time_s,
    }
