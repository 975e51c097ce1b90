"""Protocols: which clips are compared, under which rules. Reads, validates, binds to data and digests them."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import unicodedata
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from lsbench import registry
from lsbench.clip import Region
from lsbench.errors import MediaError, ProtocolError
from lsbench.face import sidecar
from lsbench.media import content_sha256, find_clips

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Align = Literal["strict", "trim", "lag"]
DEFAULT_METRICS = ("psnr", "ssim", "lpips", "fid", "sharpness", "seam", "flicker", "lmd", "jitter")
DEFAULT_REGIONS = (Region.WHOLE, Region.FACE, Region.MOUTH)


@dataclass(frozen=True)
class Reference:
    """One clip of a protocol's manifest.

    id: `s1/bbaf2n`. speaker: whose clips vary together; empty where unknown. sha256: of the reference file where the
    manifest knows it, and always once bound. source, landmarks: the files, once bound; landmarks is an exact side-car.
    """

    id: str
    speaker: str = ""
    sha256: str | None = None
    source: Path | None = None
    landmarks: Path | None = None

    @property
    def file(self) -> Path:
        """The bound clip's file."""
        if self.source is None:
            raise ProtocolError(f"clip {self.id}: the protocol is not bound to data")
        return self.source

    @property
    def digest(self) -> str:
        """The bound clip's sha256."""
        if self.sha256 is None:
            raise ProtocolError(f"clip {self.id}: the protocol is not bound to data")
        return self.sha256


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol.

    clips: the manifest, the denominator of every score. fps: frames a second, frames: per clip; None where any is
    allowed. sample_rate: of the speech, Hz. align: what to do where generated and reference differ in length. metrics,
    regions, rank_by: what is measured and ranked when nothing is named.
    """

    name: str
    version: str
    clips: tuple[Reference, ...]
    fps: float | None = None
    frames: int | None = None
    sample_rate: int = 16000
    align: Align = "strict"
    metrics: tuple[str, ...] = DEFAULT_METRICS
    regions: tuple[Region, ...] = DEFAULT_REGIONS
    rank_by: str = "ssim/mouth"

    @property
    def rules(self) -> dict[str, Any]:
        """The fields, beside the clips, that can move a number."""
        return {name: getattr(self, name) for name in ("fps", "frames", "sample_rate", "align")}

    @cached_property
    def manifest_sha256(self) -> str:
        """Digest of ids, speakers and contents of the clips, side-cars included; of a bound protocol only."""
        rows = [
            (clip.id, clip.speaker, clip.sha256, content_sha256(clip.landmarks) if clip.landmarks else None)
            for clip in self.clips
        ]
        return _digest(rows)

    @property
    def digest(self) -> str:
        """sha256 over everything that can move a number: the rules and the manifest. Names are not part of it."""
        return _digest({"rules": self.rules, "clips": self.manifest_sha256})

    def bind(self, data: Path) -> Protocol:
        """This protocol with the reference files under `data` found and hashed; ProtocolError where any is missing."""
        try:
            found = find_clips(data)
        except MediaError as error:
            raise ProtocolError(f"protocol {self.name}: {error}") from error
        missing = [clip.id for clip in self.clips if clip.id not in found]
        if missing:
            raise ProtocolError(
                f"protocol {self.name}: {len(missing)} of {len(self.clips)} reference clips are not in {data}: "
                f"{listed(missing)}. Expected files such as {missing[0]}.mpg"
            )
        bound = []
        for clip in self.clips:
            source = found[clip.id]
            sha256 = content_sha256(source)
            if clip.sha256 and clip.sha256 != sha256:
                raise ProtocolError(
                    f"protocol {self.name}: clip {clip.id}: {source} has sha256 {sha256[:16]}..., the manifest says "
                    f"{clip.sha256[:16]}...; it is another file than the one the protocol was made with"
                )
            landmarks = sidecar(source)
            bound.append(
                replace(clip, sha256=sha256, source=source, landmarks=landmarks if landmarks.exists() else None)
            )
        return replace(self, clips=tuple(bound))


def from_folder(folder: Path) -> Protocol:
    """Any folder of clips as an ad-hoc protocol, bound: every clip in it, the parent folder as the speaker."""
    parents = {clip_id: PurePosixPath(clip_id).parent for clip_id in find_clips(folder)}
    clips = tuple(
        Reference(clip_id, "" if parent == PurePosixPath(".") else str(parent)) for clip_id, parent in parents.items()
    )
    return Protocol(name="folder", version="1", clips=clips).bind(folder)


def load(name: str) -> Protocol:
    """A registered protocol by name, or one from a .toml file, not yet bound to data."""
    path = Path(name)
    if path.suffix == ".toml":
        return read(path)
    target = registry.find("protocols", "protocol", name, registry.PROTOCOLS, ProtocolError)
    package, _, file = target.partition(":")
    return read(Path(str(files(package).joinpath(file))))


def read(path: Path) -> Protocol:
    """Read a protocol's TOML file and the CSV manifest (columns speaker, clip and optionally sha256) beside it."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProtocolError(f"{path}: not a readable protocol ({error})") from error
    known = {field.name for field in fields(Protocol)} - {"clips"} | {"manifest"}
    for key in content:
        if key not in known:
            raise ProtocolError(f"{path}: {registry.unknown('key', key, known)}")
    for key, kind in {"name": str, "version": str, "manifest": str}.items():
        if not isinstance(content.get(key), kind):
            raise ProtocolError(f"{path}: expected a text value for {key}, found {content.get(key)!r}")
    manifest = PurePosixPath(content.pop("manifest"))
    if manifest.is_absolute() or ".." in manifest.parts:
        raise ProtocolError(f"{path}: manifest {manifest} points outside the protocol's folder")
    kinds: Any
    for key, kinds in {"fps": (int, float), "frames": int, "sample_rate": int, "rank_by": str}.items():
        if key in content and (not isinstance(content[key], kinds) or isinstance(content[key], bool)):
            raise ProtocolError(f"{path}: {key} = {content[key]!r} is not of the expected kind")
        if key in content and kinds is not str and content[key] <= 0:
            raise ProtocolError(f"{path}: {key} = {content[key]}; expected more than 0")
    for key in ("metrics", "regions"):
        if not isinstance(texts := content.get(key, ["text"]), list) or not all(isinstance(x, str) for x in texts):
            raise ProtocolError(f"{path}: {key} = {texts!r}; expected a list of names")
    if content.get("align", "strict") not in get_args(Align):
        raise ProtocolError(f"{path}: align = {content['align']!r}; expected one of {', '.join(get_args(Align))}")
    if "fps" in content:
        content["fps"] = float(content["fps"])
    try:
        if "regions" in content:
            content["regions"] = tuple(Region(region) for region in content["regions"])
    except ValueError as error:
        raise ProtocolError(f"{path}: regions: {error}; expected {', '.join(r.value for r in Region)}") from None
    if "metrics" in content:
        content["metrics"] = tuple(content["metrics"])
    return Protocol(clips=_read_manifest(path.parent / manifest), **content)


def _read_manifest(path: Path) -> tuple[Reference, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = set(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: not a readable manifest ({error})") from error
    if not {"speaker", "clip"} <= columns <= {"speaker", "clip", "sha256"}:
        raise ProtocolError(f"{path}: columns {sorted(columns)}; expected speaker, clip and optionally sha256")
    clips: dict[str, Reference] = {}
    for number, row in enumerate(rows, start=2):
        speaker, clip = (row["speaker"] or "").strip(), (row["clip"] or "").strip()
        clip_id = unicodedata.normalize("NFC", f"{speaker}/{clip}")
        if (
            not speaker
            or not clip
            or not set(PurePosixPath(clip_id).parts).isdisjoint({"..", "/"})
            or "\\" in clip_id
            or not clip_id.isprintable()
        ):
            raise ProtocolError(f"{path}: line {number}: {clip_id!r} is not a clip of a speaker")
        if clip_id in clips:
            raise ProtocolError(f"{path}: line {number}: clip {clip_id} is listed twice")
        clips[clip_id] = Reference(clip_id, speaker, (row.get("sha256") or "").strip() or None)
    if not clips:
        raise ProtocolError(f"{path}: the manifest lists no clips")
    return tuple(clips.values())


def listed(ids: list[str], most: int = 5) -> str:
    """The first few of many ids, and how many more there are."""
    rest = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {rest} more" if rest > 0 else "")


def describe(protocol: Protocol) -> dict[str, Any]:
    """What a run keeps of its protocol: name, version, digest, and the parts of the digest one by one."""
    return {
        "name": protocol.name,
        "version": protocol.version,
        "digest": protocol.digest,
        **protocol.rules,
        "clips": len(protocol.clips),
        "manifest_sha256": protocol.manifest_sha256,
        "rank_by": protocol.rank_by,
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
