"""What an audit does: which clips, artifacts and strengths, chosen so that more of them add to what is there."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence

from lsbench.auditing.artifacts.catalogue import ARTIFACTS, artifact
from lsbench.errors import ArtifactError
from lsbench.protocol.protocol import Reference

CLIPS = 6
QUICK_CLIPS = 4
QUICK_STEPS = (0, 2)  # the first and the last of a ladder of three: the verdict's own is among them
METRICS = (
    *("psnr", "ssim", "lpips", "dists/mouth", "sharpness"),
    *("fid:every=25", "fd_efficientnet_lite0:every=25", "fvd:stride=32"),
    *("seam", "flicker", "jitter", "lmd", "mouth_aperture_corr", "mouth_aperture_error", "closure_f1"),
    *("viseme_closure", "viseme_lmd:relative=yes"),
    *("akd", "blink_rate", "brow_motion", "head_motion", "lip_dynamics", "silence_motion", "lip_leak", "coverage"),
    *("sync_corr", "sync_lag", "sync_peak", "lse_d", "lse_c", "lse_d0", "offset_error_frames"),
)
QUICK_METRICS = ("psnr", "ssim", "sharpness", "seam", "flicker", "lmd", "mouth_aperture_corr", "sync_corr")


def ladders(names: Sequence[str] = (), *, quick: bool = False) -> dict[str, tuple[float, ...]]:
    """The ladders of artifacts: their strengths by name.

    Args:
        names: such as `mouth-blur`, or `mouth-blur=1,3` with strengths of one's own; all where there is none.
        quick: two strengths of the longer ladders.

    Raises:
        ArtifactError: for unknown names, and strengths that make no ladder.
    """
    ladders_of: dict[str, tuple[float, ...]] = {}
    for text in names or ARTIFACTS:
        name, equals, listed = text.partition("=")
        named_artifact = artifact(name)
        steps = _parsed(text, listed) if equals else named_artifact.strengths
        if not equals and quick and len(steps) > max(QUICK_STEPS):
            steps = tuple(steps[step] for step in QUICK_STEPS)
        if name in ladders_of:
            raise ArtifactError(f"artifact {name} is asked twice; expected all its strengths at once, NAME=1,2")
        if (
            not steps
            or any(not 0 < step <= min(named_artifact.most, sys.float_info.max) for step in steps)
            or sorted(set(steps)) != list(steps)
        ):
            limit = f", at most {named_artifact.most:g}" if named_artifact.most < float("inf") else ""
            raise ArtifactError(f"artifact {text}: expected rising strengths above 0 in {named_artifact.unit}{limit}")
        ladders_of[name] = steps
    return ladders_of


def spread(clips: Sequence[Reference], number: int | None) -> tuple[Reference, ...]:
    """So many of the clips, of every speaker in turn, in the order of the manifest; all where None.

    Which ones follows from their ids alone, and a larger number holds the smaller one's clips.
    """
    if number is None or number >= len(clips):
        return tuple(clips)
    queues: dict[str, list[Reference]] = {}
    for clip in sorted(clips, key=lambda clip: _digest(clip.id)):
        queues.setdefault(clip.speaker, []).append(clip)
    turns = sorted(
        (turn, _digest(speaker), clip.id) for speaker, queue in queues.items() for turn, clip in enumerate(queue)
    )
    ids = {clip_id for _, _, clip_id in turns[:number]}
    return tuple(clip for clip in clips if clip.id in ids)


def _parsed(text: str, listed: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in filter(None, listed.split(",")))
    except ValueError:
        raise ArtifactError(f"artifact {text}: expected NAME=STRENGTH,STRENGTH such as mouth-blur=1,3") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def named(names: Iterable[str]) -> list[str]:
    """The artifacts in the order of the catalogue."""
    asked = set(names)
    return [name for name in ARTIFACTS if name in asked]
