"""Protocols: which clips are compared, under which rules. Finds, binds to data and digests them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from lsbench import registry
from lsbench.errors import MediaError, ProtocolError
from lsbench.face.track import Region
from lsbench.face.tracker import sidecar
from lsbench.media.clip import Clip, gray
from lsbench.media.files import Sound, clips_at, content_sha256, read_film
from lsbench.media.film import Film, Look
from lsbench.media.looks import METHOD
from lsbench.protocol.manifest import Reference, Select, first_few
from lsbench.protocol.toml_file import Align, Color, Drive, Fit, Rate, Task, read_file

__all__ = [
    "Align",
    "Drive",
    "Fit",
    "Protocol",
    "Rate",
    "Reference",
    "Task",
    "alone",
    "describe",
    "first_few",
    "from_folder",
    "load",
    "read",
    "recall",
]

# What notices every fault of the audit, and the field's headline numbers (see docs/metrics.md).
DEFAULT_METRICS = (
    *("psnr", "ssim", "lpips", "fid", "seam", "lmd", "mouth_aperture_error"),
    *("silence_motion", "sync_corr", "sync_lag", "lse_d", "lse_c"),
)
AD_HOC = "folder"  # name of the protocol of a folder of clips, whose rules are the options of a command
# What a video and its sound alone can show; a source of its own has a zero of its own, so its rank forgives a delay.
ALONE_METRICS = (
    *("sync_peak", "sync_corr", "sync_lag", "viseme_closure", "silence_motion", "lip_leak"),
    *("blink_rate", "brow_motion", "head_motion", "lip_dynamics", "lse_d", "lse_c", "lse_d0", "av_offset"),
)
ALONE_RANK = "sync_peak"
FACELESS = 0.25  # of a clip, in a folder that has no protocol
DEFAULT_REGIONS = (Region.WHOLE, Region.FACE, Region.MOUTH)
RULES = ("fps", "frames", "sample_rate", "align", "task", "identity", "color")
# No part of the digest at their defaults, so that the digests of older protocols stay.
LATER_RULES = ("drive", "face", "faceless", "fit", "rate", "segment_s")


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol.

    The task says what a generator is asked for:

    - reconstruction: the clip itself, from its own sound and the frames that identity allows
    - still: the clip itself, from its own sound and one picture
    - dubbing: the clip's face speaking another clip's sound (Reference.audio); there is no true answer
    - alone: nothing; there are finished videos and no reference clips, so that each is measured with its own sound

    The identity says what it sees of the face at frame t, counted from 0 of T. "Masked" is a frame in which the lower
    half of the reference's face box (Region.FACE) is black, so that the mouth to be made is never seen.

    - shifted:N: frame t - N where t >= N, else frame min(t + N, T - 1), as it is; and frame t, masked
    - masked-video: frame 0 as it is; and frame t, masked
    - first-frame: frame 0 as it is, and nothing else

    Attributes:
        name: as boards call it.
        version: of its rules and clips.
        clips: the manifest, the denominator of every score.
        select: in its place, the rule that finds the clips in the data when the protocol is bound.
        fps: frames a second; None where any is allowed.
        frames: per clip; None where any is allowed.
        sample_rate: of the speech, Hz.
        align: what to do where generated and reference differ in length (see lsbench.protocol.align.align).
        fit: what to do where they differ in size (see lsbench.protocol.fit.fitted).
        rate: what to do where they differ in frame rate (see lsbench.protocol.rate.timed).
        task: see above.
        identity: see above.
        segment_s: into segments of about how many seconds clips are cut where there are too few of them to draw for
            intervals and tests (see lsbench.statistics.units); None where clips stay whole.
        color: `gray` shows the clips in BT.601 luma, to generators and to metrics; generated videos are compared as
            they are.
        drive: what drives the face: `sound`, the clip's own or that of Reference.audio; or `silence` as long as the
            clip, so that its mouth should rest, there is no true answer, and the sound of videos is not listened to.
        face: which of several faces of a clip is followed: `largest`, `left`, `right`, or the one nearest to the point
            `x,y`, shares of width and height (see lsbench.face.follow.chosen).
        faceless: the greatest share of a clip's frames, 0 to 1, in which the reference's face may be lost (no face for
            more than five frames running); they are left out of face and mouth scores. With 0 such a clip is an error.
        metrics: measured when none is named.
        regions: measured when none is named.
        rank_by: the score that boards are ranked by when none is named.
        data: where the bound clips were found.
    """

    name: str
    version: str
    clips: tuple[Reference, ...] = ()
    select: Select | None = None
    fps: float | None = None
    frames: int | None = None
    sample_rate: int = 16000
    align: Align = "strict"
    task: Task = "reconstruction"
    identity: str = "shifted:6"
    color: Color = "rgb"
    drive: Drive = "sound"
    fit: Fit = "strict"
    rate: Rate = "strict"
    face: str = "largest"
    faceless: float = 0.0
    segment_s: float | None = None
    metrics: tuple[str, ...] = DEFAULT_METRICS
    regions: tuple[Region, ...] = DEFAULT_REGIONS
    rank_by: str = "ssim/mouth"
    data: Path | None = field(default=None, compare=False)

    @property
    def rules(self) -> dict[str, Any]:
        """The fields, beside the clips, that can move a number or an interval; by what method frames are resized."""
        defaults = {field.name: field.default for field in fields(self)}
        later = {name: getattr(self, name) for name in LATER_RULES if getattr(self, name) != defaults[name]}
        method = {"fit_method": METHOD} if "fit" in later else {}
        return {name: getattr(self, name) for name in RULES} | later | method

    @property
    def has_truth(self) -> bool:
        """Whether a reference clip is what its generated video should look like."""
        return self.task not in ("dubbing", "alone") and not self.is_silent

    @property
    def is_silent(self) -> bool:
        """Whether silence drives the faces."""
        return self.drive == "silence"

    @property
    def is_bound(self) -> bool:
        """Whether every clip's file is known."""
        return bool(self.clips) and all(clip.source is not None for clip in self.clips)

    @property
    def folder(self) -> Path:
        """The folder that the bound clips lie in, the one that their ids are relative to; or the one clip itself."""
        if self.data is not None:
            return self.data.absolute()
        clip = self.clips[0]
        return clip.file.absolute().parents[clip.id.count("/")]

    @property
    def files(self) -> list[Path]:
        """What is read of it, once bound: its folder, and the files of its clips, which may lie elsewhere."""
        return [self.folder, *(clip.file for clip in self.clips)]

    @cached_property
    def manifest_sha256(self) -> str:
        """Digest of ids, speakers, contents and driving sounds of the clips, side-cars included; once bound."""
        rows = [
            (
                clip.id,
                clip.speaker,
                clip.digest if self.task != "alone" else None,  # videos of several generators under one protocol
                content_sha256(clip.landmarks) if clip.landmarks else None,
                self.driver(clip).id,
            )
            for clip in self.clips
        ]
        return _digest(rows)

    @property
    def digest(self) -> str:
        """sha256 over everything that can move a number: the rules and the manifest. Names are not part of it."""
        return _digest({"rules": self.rules, "clips": self.manifest_sha256})

    def driver(self, clip: Reference) -> Reference:
        """The clip whose sound drives a clip of this protocol: often the clip itself."""
        return self._by_id[clip.audio or clip.id]

    def another(self, clip: Reference) -> Reference:
        """The next clip of the same speaker, round to the first; where there is none the next clip of all.

        Raises:
            ProtocolError: where the protocol has one clip alone.
        """
        if len(self.clips) < 2:
            raise ProtocolError(f"protocol {self.name}: swapping sounds takes 2 clips or more; it has {clip.id} alone")
        return self._next[clip.id]

    def shown(self, film: Film) -> Film:
        """A reference clip in the colour that this protocol shows and compares with."""
        return film.looked_at(Look(lambda frames, _: gray(frames), *film.size)) if self.color == "gray" else film

    def film(self, clip: Reference, sound: Sound = "required") -> Film:
        """A bound clip as this protocol shows it to generators and to metrics, to be read.

        Args:
            clip: of this protocol, bound.
            sound: whether it must have some.

        Raises:
            MediaError: where the file cannot be read, or has no sound and must have some.
        """
        rates: dict[str, Any] = {"sample_rate": self.sample_rate, "folder_fps": self.fps or 25.0}
        film = replace(read_film(clip.file, clip.id, sound=sound, **rates), said=clip.said)
        return self.shown(film)

    def read(self, clip: Reference, sound: Sound = "required") -> Clip:
        """All of film() at once; MediaError also where it is too large for that."""
        return self.film(clip, sound).clip()

    def content(self, clip: Reference) -> str:
        """A sha256 that stands for the pictures of a bound clip as they are shown: the key of what is kept of them."""
        return _digest([clip.digest, self.color]) if self.color != "rgb" else clip.digest

    @cached_property
    def _by_id(self) -> dict[str, Reference]:
        return {clip.id: clip for clip in self.clips}

    @cached_property
    def _next(self) -> dict[str, Reference]:
        """Clip id -> the clip after it: of the same speaker where that has several."""
        following = _following(self.clips)
        for speaker in {clip.speaker for clip in self.clips}:
            speaker_clips = [clip for clip in self.clips if clip.speaker == speaker]
            following |= _following(speaker_clips) if len(speaker_clips) > 1 else {}
        return following

    def bind(self, data: Path) -> Protocol:
        """This protocol with its reference files found and hashed.

        Args:
            data: the folder that clip ids are relative to; or the one clip.

        Raises:
            ProtocolError: where a file is missing, or is another than the manifest says.
        """
        try:
            sources = clips_at(data)
            clips = self.select.clips(sources) if self.select else self.clips
        except MediaError as error:
            raise ProtocolError(f"protocol {self.name}: {error}") from error
        except ProtocolError as error:
            raise ProtocolError(f"protocol {self.name}: in {data}: {error}") from error
        missing = [clip.id for clip in clips if clip.id not in sources]
        if missing:
            raise ProtocolError(
                f"protocol {self.name}: {len(missing)} of {len(clips)} reference clips are not in {data}: "
                f"{first_few(missing)}. Expected files such as {missing[0]}.mpg"
            )
        bound = []
        for clip in clips:
            source = sources[clip.id]
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
        return replace(self, clips=tuple(bound), data=data)


def _following(clips: Sequence[Reference]) -> dict[str, Reference]:
    """Clip id -> the next clip, round to the first."""
    return {clip.id: clips[index - len(clips) + 1] for index, clip in enumerate(clips)}


def from_folder(folder: Path) -> Protocol:
    """Any folder of clips, or one clip, as an ad-hoc protocol, bound: every clip, the parent folder as the speaker.

    Up to FACELESS of a clip may be without a face.

    Raises:
        MediaError: where it holds no clips.
    """
    parents = {clip_id: PurePosixPath(clip_id).parent for clip_id in clips_at(folder)}
    clips = tuple(
        Reference(clip_id, "" if parent == PurePosixPath(".") else str(parent)) for clip_id, parent in parents.items()
    )
    return Protocol(name=AD_HOC, version="1", clips=clips, faceless=FACELESS).bind(folder)


def alone(videos: Path) -> Protocol:
    """Finished videos on their own, a folder of them or one, as an ad-hoc protocol: their ids, not their contents.

    Raises:
        MediaError: where there are none.
    """
    protocol = from_folder(videos)
    clips = tuple(replace(clip, landmarks=None) for clip in protocol.clips)
    return replace(protocol, name="alone", task="alone", clips=clips, metrics=ALONE_METRICS, rank_by=ALONE_RANK)


def load(name: str) -> Protocol:
    """A registered protocol by name, or one from a .toml file, not yet bound to data.

    Args:
        name: such as `grid-test`, or the path of a .toml file.

    Raises:
        ProtocolError: for an unknown name, and for a file that cannot be read or has a fault.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return read(path)
    target = registry.find("protocols", "protocol", name, registry.PROTOCOLS, ProtocolError)
    package, _, file = target.partition(":")
    try:
        folder = Path(str(files(package)))
    except ImportError as error:
        raise ProtocolError(f"protocol {name}: its package {package} cannot be imported ({error})") from error
    return read(folder / file)


def read(path: Path) -> Protocol:
    """Read a protocol's TOML file, and the CSV manifest beside it where it names one.

    Raises:
        ProtocolError: naming the file, the key or the line, and what was expected.
    """
    defaults = {field.name: field.default for field in fields(Protocol) if field.default is not MISSING}
    return Protocol(**read_file(Path(path), defaults))


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


def recall(described: Mapping[str, Any], clips: tuple[Reference, ...] = ()) -> Protocol:
    """The rules that describe() wrote down, with other clips or none."""
    rules = {name: described[name] for name in (*RULES, *LATER_RULES, "rank_by") if name in described}
    return Protocol(str(described.get("name")), str(described.get("version")), clips, **rules)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
