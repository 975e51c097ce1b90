"""What the clips of a protocol say: from its manifest, from files beside the clips, or from the names of GRID."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from lsbench.metrics._base.metric import Metric
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import Protocol
from lsbench.speech.grid_names import sentence
from lsbench.speech.text import read_words
from lsbench.speech.textgrid import read_textgrid
from lsbench.speech.time_lists import read_align, read_ctm
from lsbench.speech.transcript import Transcript, of_text

# The files beside a clip that may say it, the first that is there; those with times go before those without.
READERS: Mapping[str, Callable[[Path, str], Transcript]] = {
    ".TextGrid": lambda path, _: read_textgrid(path),
    ".ctm": read_ctm,
    ".align": lambda path, _: read_align(path),
    ".txt": lambda path, _: read_words(path),
}


def worded(protocol: Protocol, metrics: Iterable[Metric]) -> Protocol:
    """A bound protocol whose clips bear what they say, where that is known and a metric asks for it.

    Raises:
        ProtocolError: naming the file that says it, and the fault in it.
    """
    if not any(metric.needs_words for metric in metrics):
        return protocol
    return replace(protocol, clips=tuple(replace(clip, said=transcript(clip)) for clip in protocol.clips))


def transcript(clip: Reference) -> Transcript | None:
    """What a bound clip says: by its manifest, else by a file beside it, else by its name in GRID; None if unknown."""
    if clip.said is not None:
        return clip.said
    stem = clip.file.name if clip.file.is_dir() else clip.file.stem
    for suffix, read in READERS.items():
        path = clip.file.with_name(stem + suffix)
        if path.is_file():
            return read(path, clip.id)
    named = sentence(clip.id)
    return of_text(named, f"the name of clip {clip.id}") if named else None


def words_sha256(protocol: Protocol) -> str | None:
    """A digest of what all clips say, once they are worded; None where no clip says anything that is known."""
    rows = [[clip.id, clip.said.digest if clip.said else None] for clip in protocol.clips]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest() if any(said for _, said in rows) else None
