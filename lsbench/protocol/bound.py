"""The protocol that a call asks for: a folder of clips, or a protocol with its data."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsbench.errors import ProtocolError
from lsbench.face.follow import parse_rule
from lsbench.protocol.protocol import Align, Drive, Fit, Protocol, Rate, Task, alone, from_folder, load


def bound(
    reference: str | Path | None,
    protocol: str | Path | Protocol | None,
    data: str | Path | None,
    *,
    videos: Path | None = None,
    align: Align | None = None,
    fit: Fit | None = None,
    rate: Rate | None = None,
    face: str | None = None,
    task: Task | None = None,
    drive: Drive | None = None,
    segment_s: float | None = None,
) -> Protocol:
    """The protocol that the arguments ask for, bound to its data.

    Args:
        reference: a folder of reference clips, all of them. Either this or protocol.
        protocol: a name, a .toml file, or a Protocol.
        data: the folder that holds the protocol's clips, unless it is bound already.
        videos: finished videos that are measured on their own where neither is named.
        align, task, drive, segment_s: in place of its own.
        fit, rate, face: of a folder of clips. A protocol's own rules say what it allows.

    Raises:
        FaceError: where face is spelled otherwise.
        ProtocolError: where not exactly one is named, clips are missing, a protocol does not allow what is asked, or
            segments are not longer than 0.
    """
    if segment_s is not None and not 0 < segment_s < math.inf:
        raise ProtocolError(f"segment {segment_s:g}; expected more than 0 seconds")
    if face is not None:
        parse_rule(face)
    on_their_own = videos if reference is None and protocol is None else None
    if (reference is None) == (protocol is None) and on_their_own is None:
        raise ProtocolError("pass either reference (a folder of clips) or protocol with data")
    if on_their_own is not None:
        protocol = alone(on_their_own)
        alone_options = {"data": data, "align": align, "fit": fit, "rate": rate, "task": task, "drive": drive}
        for option, wanted in alone_options.items():
            if wanted is not None:
                raise ProtocolError(
                    f"--{option} {wanted}: there are no reference clips to bring the videos together with. Pass "
                    "--reference DIR, or leave it out to measure the videos on their own"
                )
    elif reference is not None:
        protocol = from_folder(Path(reference))
    else:
        protocol = protocol if isinstance(protocol, Protocol) else load(str(protocol))
        for option, wanted in (("fit", fit), ("rate", rate), ("face", face)):
            own = getattr(protocol, option)
            if wanted not in (None, own):
                raise ProtocolError(
                    f"protocol {protocol.name}: --{option} {wanted}; it says {option} = {own} and allows nothing else. "
                    f"Score with --reference DIR --{option} {wanted}, or with a copy of its file that says {option} = "
                    f'"{wanted}": another protocol, with a board of its own'
                )
        if data is not None:
            protocol = protocol.bind(Path(data))
        elif not protocol.is_bound:
            raise ProtocolError(f"protocol {protocol.name}: pass --data, the folder that holds its reference clips")
    asked: dict[str, Any] = {"align": align, "fit": fit, "rate": rate, "face": face, "task": task, "drive": drive}
    asked["segment_s"] = segment_s
    if (task or protocol.task) == "dubbing" and (drive or protocol.drive) == "silence":
        raise ProtocolError(
            f"protocol {protocol.name}: --drive silence with --task dubbing: what hears silence speaks no other words. "
            "Leave one of them out"
        )
    return replace(protocol, **{name: value for name, value in asked.items() if value is not None})
