"""A protocol's TOML file: read and strictly validated, as the keywords of a Protocol."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from lsbench import registry
from lsbench.errors import FaceError, MetricError, ProtocolError
from lsbench.face.follow import parse_rule
from lsbench.face.track import Region
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.protocol.manifest import Select, read_manifest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Align = Literal["strict", "trim", "lag"]
Fit = Literal["strict", "resize", "pad", "face"]
Rate = Literal["strict", "resample"]
Task = Literal["reconstruction", "still", "dubbing", "alone"]
Color = Literal["rgb", "gray"]

CHOICES = {
    "align": get_args(Align),
    "fit": get_args(Fit),
    "rate": get_args(Rate),
    "task": ("reconstruction", "still", "dubbing"),  # alone is what score() makes of videos without a reference
    "color": get_args(Color),
}
# The identity rules that each task can have; N is a number of frames.
IDENTITIES = {
    "reconstruction": ("shifted:N", "masked-video"),
    "still": ("first-frame",),
    "dubbing": ("shifted:N", "masked-video", "first-frame"),
}
KINDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "version": str,
    "manifest": str,
    "select": dict,
    "fps": (int, float),
    "frames": int,
    "sample_rate": int,
    "align": str,
    "fit": str,
    "rate": str,
    "task": str,
    "identity": str,
    "color": str,
    "face": str,
    "faceless": (int, float),
    "segment_s": (int, float),
    "metrics": list,
    "regions": list,
    "rank_by": str,
}
_EXPECTED = {str: "a text", dict: "a table", list: "a list of texts", int: "a whole number"}


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
        with path.open("rb") as file:
            content: dict[str, Any] = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProtocolError(f"{path}: not a readable protocol ({error}); expected UTF-8 TOML") from error
    try:
        _check_kinds(content)
        _check_choices({**defaults, **content})
        keywords = {key: value for key, value in content.items() if key != "manifest"}
        keywords |= {key: float(content[key]) for key in ("fps", "faceless", "segment_s") if key in content}
        if "regions" in content:
            keywords["regions"] = tuple(Region(region) for region in content["regions"])
        if "metrics" in content:
            keywords["metrics"] = tuple(content["metrics"])
        if "select" in content:
            keywords["select"] = _select(content["select"])
    except ProtocolError as error:
        raise ProtocolError(f"{path}: {error}") from None
    keywords["clips"] = read_manifest(_manifest_path(path, content["manifest"])) if "manifest" in content else ()
    _check_audio(path, {**defaults, **keywords})
    return keywords


def shift_frames(identity: str) -> int | None:
    """N of the identity rule `shifted:N`; None for another rule."""
    shifted = re.fullmatch(r"shifted:([1-9][0-9]{0,3})", identity)
    return int(shifted[1]) if shifted else None


def _check_kinds(content: dict[str, Any]) -> None:
    for key, value in content.items():
        if key not in KINDS:
            raise ProtocolError(registry.unknown("key", key, KINDS))
        kind = KINDS[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            expected = _EXPECTED[kind] if isinstance(kind, type) else "a number"
            raise ProtocolError(f"{key} = {value!r}; expected {expected}")
        if isinstance(value, str) and not (value.strip() and value.isprintable()):
            raise ProtocolError(f"{key} = {value!r}; expected a text of printable characters")
        if key == "faceless" and isinstance(value, (int, float)):
            if not 0 <= value <= 1:
                raise ProtocolError(f"faceless = {value}; expected a share from 0 to 1")
        elif isinstance(value, (int, float)) and not 0 < value < math.inf:
            raise ProtocolError(f"{key} = {value}; expected more than 0")
        if isinstance(value, list) and not (value and all(isinstance(item, str) for item in value)):
            raise ProtocolError(f"{key} = {value!r}; expected a list of names")
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ProtocolError(f"{key} = {value!r}; expected each name once")
    for key in ("name", "version"):
        if key not in content:
            raise ProtocolError(f"{key} is missing; expected a text")
    if ("manifest" in content) == ("select" in content):
        raise ProtocolError("expected either manifest (a CSV file) or a table select")


def _check_choices(content: dict[str, Any]) -> None:
    try:
        parse_rule(content["face"])
    except FaceError as error:
        raise ProtocolError(str(error)) from None
    for key, choices in CHOICES.items():
        if content[key] not in choices:
            raise ProtocolError(f"{key} = {content[key]!r}; expected one of {', '.join(choices)}")
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


def _select(table: dict[str, Any]) -> Select:
    keys = ("speakers", "clips_per_speaker")
    for key in table:
        if key not in keys:
            raise ProtocolError(f"select: {registry.unknown('key', key, keys)}")
    speakers, count = table.get("speakers"), table.get("clips_per_speaker")
    if not isinstance(speakers, list) or not speakers or not all(isinstance(x, str) and x.strip() for x in speakers):
        raise ProtocolError(f"select: speakers = {speakers!r}; expected a list of names")
    if len(set(speakers)) < len(speakers):
        raise ProtocolError("select: speakers names one twice")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ProtocolError(f"select: clips_per_speaker = {count!r}; expected a whole number of 1 or more")
    return Select(tuple(speakers), count)


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
