"""A protocol's TOML file: read and strictly validated, as the keywords of a Protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from lsbench import registry
from lsbench.errors import FaceError, MetricError, ProtocolError, reason
from lsbench.face.follow import parse_rule
from lsbench.face.track import Region
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.protocol.facts import FACELESS, FPS, FRAMES, SAMPLE_RATE, SEGMENT_S
from lsbench.protocol.manifest import Select, read_manifest
from lsbench.system import shape, strict_toml
from lsbench.system.shape import Kind

Align = Literal["strict", "trim", "lag"]
Fit = Literal["strict", "resize", "pad", "face"]
Rate = Literal["strict", "resample"]
Task = Literal["reconstruction", "still", "dubbing", "alone"]
Color = Literal["rgb", "gray"]
Drive = Literal["sound", "silence"]

CHOICES = {
    "align": get_args(Align),
    "fit": get_args(Fit),
    "rate": get_args(Rate),
    "task": ("reconstruction", "still", "dubbing"),  # alone is what score() makes of videos without a reference
    "color": get_args(Color),
    "drive": get_args(Drive),
}
# The identity rules that each task can have; N is a number of frames.
IDENTITIES = {
    "reconstruction": ("shifted:N", "masked-video"),
    "still": ("first-frame",),
    "dubbing": ("shifted:N", "masked-video", "first-frame"),
}


def _printable(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise shape.Unexpected(key, value, "a text")
    if not (value.strip() and value.isprintable()):
        raise shape.Unexpected(key, value, "a text of printable characters")
    return value


def _names(value: Any, key: str) -> tuple[str, ...]:
    if not (isinstance(value, list) and value and all(isinstance(item, str) and item.strip() for item in value)):
        raise shape.Unexpected(key, value, "a list of names")
    if len(set(value)) < len(value):
        raise shape.Unexpected(key, value, "each name once")
    return tuple(value)


def _select(value: Any, key: str) -> Select:
    own = shape.record({"speakers": shape.anything}, {"clips_per_speaker": shape.whole(1)})(value, key)
    speakers = own["speakers"]
    if isinstance(speakers, list) and len(set(map(str, speakers))) < len(speakers):
        raise shape.Misfit(f"{key}: speakers", "names one twice")
    return Select(_names(speakers, f"{key}: speakers"), own.get("clips_per_speaker"))


KINDS: dict[str, Kind] = {
    "name": _printable,
    "version": _printable,
    "manifest": _printable,
    "select": _select,
    "fps": FPS,
    "frames": FRAMES,
    "sample_rate": SAMPLE_RATE,
    **{key: shape.choice(*choices) for key, choices in CHOICES.items()},
    "identity": _printable,
    "face": _printable,
    "faceless": FACELESS,
    "segment_s": SEGMENT_S,
    "metrics": _names,
    "regions": _names,
    "rank_by": _printable,
}
_SELECT = ("speakers", "clips_per_speaker")


def read_file(path: Path, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of the Protocol that a TOML file describes.

    Args:
        path: the file.
        defaults: values of the fields that it may leave out.

    Returns:
        The fields that it names, with `clips` in place of `manifest`.

    Raises:
        ProtocolError: naming the file, the key and what was expected.
    """
    try:
        content = strict_toml.read(path)
    except (OSError, ValueError) as error:
        raise ProtocolError(f"{path}: not a readable protocol ({reason(error)}); expected UTF-8 TOML") from error
    try:
        keywords = _checked(content)
        _check_choices({**defaults, **keywords})
        keywords.pop("manifest", None)
        if "regions" in keywords:
            keywords["regions"] = tuple(map(Region, keywords["regions"]))
    except ProtocolError as error:
        raise ProtocolError(f"{path}: {error}") from None
    keywords["clips"] = read_manifest(_manifest_path(path, content["manifest"])) if "manifest" in content else ()
    _check_audio(path, {**defaults, **keywords})
    return keywords


def shift_frames(identity: str) -> int | None:
    """N of the identity rule `shifted:N`; None for another rule."""
    shifted = re.fullmatch(r"shifted:([1-9][0-9]{0,3})", identity)
    return int(shifted[1]) if shifted else None


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    """The content, every key known and every value of its kind."""
    selected = content.get("select")
    for where, table, known in (("", content, KINDS), ("select: ", selected, _SELECT)):
        for key in table if isinstance(table, dict) else ():
            if key not in known:
                raise ProtocolError(where + registry.unknown("key", key, known))
    for key in ("name", "version"):
        if key not in content:
            raise ProtocolError(f"{key} is missing; expected a text")
    if ("manifest" in content) == ("select" in content):
        raise ProtocolError("expected either manifest (a CSV file) or a table select")
    try:
        return {key: KINDS[key](value, key) for key, value in content.items()}
    except shape.Unexpected as fault:
        raise ProtocolError(fault.assigned) from None
    except ValueError as fault:
        raise ProtocolError(str(fault)) from None


def _check_choices(content: dict[str, Any]) -> None:
    try:
        parse_rule(content["face"])
    except FaceError as error:
        raise ProtocolError(str(error)) from None
    if content["drive"] == "silence" and content["task"] == "dubbing":
        raise ProtocolError("drive = 'silence'; task dubbing is driven by the sound of other clips")
    identity, choices = content["identity"], IDENTITIES[content["task"]]
    if ("shifted:N" if shift_frames(identity) else identity) not in choices:
        raise ProtocolError(
            f"identity = {identity!r}; task {content['task']} expects {' or '.join(choices)}, N from 1 to 9999"
        )
    regions = [getattr(region, "value", region) for region in content["regions"]]
    for region in regions:
        if region not in (names := [known_region.value for known_region in Region]):
            raise ProtocolError(f"regions: {registry.unknown('region', region, names)}")
    for metric in content["metrics"]:
        try:
            catalogue.demand_name(ScoreKey.parse(metric).metric)
        except MetricError as error:
            raise ProtocolError(f"metrics: {error}") from None
    rank_by, metrics = ScoreKey.parse(content["rank_by"]), content["metrics"]
    everywhere = rank_by.spec in metrics and (not rank_by.region or rank_by.region in regions)
    if not everywhere and str(rank_by) not in metrics:
        raise ProtocolError(f"rank_by = {content['rank_by']!r}; expected a METRIC/REGION of its metrics and regions")


def _manifest_path(path: Path, manifest: str) -> Path:
    """Where the manifest lies: in the protocol's folder or below it, links followed."""
    target = path.parent / manifest
    parts = PurePosixPath(manifest)
    outside = parts.is_absolute() or ".." in parts.parts or "\\" in manifest
    if outside or not target.resolve().is_relative_to(path.parent.resolve()):
        raise ProtocolError(
            f"{path}: manifest {manifest} points outside the protocol's folder; put it beside {path.name}"
        )
    return target


def _check_audio(path: Path, keywords: dict[str, Any]) -> None:
    """Dubbing means the sound of another clip, any other task the clip's own."""
    task, clips = keywords["task"], keywords["clips"]
    for clip in clips:
        if (clip.audio not in ("", clip.id)) != (task == "dubbing"):
            expected = "the audio of another clip" if task == "dubbing" else "no audio but its own"
            raise ProtocolError(f"{path}: clip {clip.id}: audio {clip.audio!r}; task {task} expects {expected}")
    if task == "dubbing" and not clips:
        raise ProtocolError(f"{path}: task dubbing expects a manifest with a column audio, not a table select")
