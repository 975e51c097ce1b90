"""What a run was made under: one value that answers resume, rank, compare, verify, anchors, audit and study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from lsbench.errors import ComparisonError, LsbenchError, RunError
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.networks.weights import network_digest
from lsbench.run.forms import REQUEST
from lsbench.system.strict_json import flat

if TYPE_CHECKING:
    from lsbench.face.tracker import FaceTracker
    from lsbench.metrics._base.metric import Metric
    from lsbench.protocol.protocol import Protocol

# Libraries whose version can move a number, if only in the last digit.
LIBRARIES = (
    *("lsbench", "numpy", "scipy", "av", "soxr", "librosa", "numba", "mediapipe", "torch", "torchvision"),
    *("piq", "lpips", "opencv-contrib-python", "onnxruntime", "pillow", "imageio-ffmpeg", "dlib-bin", "pocketsphinx"),
)
# Those that decide what every metric sees; a metric names those that decide what it computes (Metric.libraries). Others
# round: sharpness by OpenCV's filter (1e-13 of its value), the networks of engine=onnx; Pillow, by its resizing.
# MediaPipe's version is part of the tracker's signature, lsbench's own changes show in the signatures' revisions.
EVERY_CLIP = ("av", "soxr")
DESCRIPTIVE = ("name", "version", "rank_by", "digest")  # fields of a protocol that move no number themselves


@dataclass(frozen=True)
class Difference:
    """A field of run.json in which two runs differ. decisive: it can move a number by more than rounding."""

    field: str
    one: Any
    other: Any
    decisive: bool

    def __str__(self) -> str:
        return f"{self.field} is {self.one} in the one, {self.other} in the other"


@dataclass(frozen=True)
class Conditions:
    """Everything in run.json that can move a number.

    Attributes:
        protocol: what describe() says of it: its rules, its digest, how many clips it has.
        metrics: signatures by score key.
        tracker: the face tracker's signature; None where no metric needed a face.
        weights: by name, digest of a network's tensors, or sha256 of its file (see lsbench.networks.weights.require).
        device: where networks ran; None where it is not known.
        sound: whether generated videos had to have some; None where nothing was generated.
        versions: of the libraries that can move a number, "absent" where one was not installed.
        words: digest of what the clips say; None where no metric asks for it, or where nothing says it.
        audit: revision and seed of an audit; empty for a run.
        decoding: revision of how frames come out of files (see lsbench.media.decode); 1 where a run does not say.
    """

    protocol: Mapping[str, Any]
    metrics: Mapping[str, str]
    tracker: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    sound: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    words: str | None = None
    audit: Mapping[str, Any] = field(default_factory=dict)
    decoding: int = 1

    @classmethod
    def here(
        cls,
        protocol: Protocol,
        metrics: Iterable[Metric],
        tracker: FaceTracker | None,
        weights: Mapping[str, str],
        device: str,
        sound: str | None = None,
        audit: Mapping[str, Any] | None = None,
    ) -> Conditions:
        """The conditions of a run that is made here and now. weights: sha256 by name."""
        from lsbench.media.decode import REVISION
        from lsbench.protocol.protocol import describe
        from lsbench.protocol.words import words_sha256

        metrics = list(metrics)
        return cls(
            protocol=describe(protocol),
            metrics={metric.key: metric.signature for metric in metrics},
            tracker=tracker.signature if tracker else None,
            weights=dict(weights),
            device=device,
            sound=sound,
            versions=library_versions(),
            words=words_sha256(protocol) if any(metric.needs_words for metric in metrics) else None,
            audit=audit or {},
            decoding=REVISION,
        )

    @classmethod
    def read(cls, request: Mapping[str, Any], where: str) -> Conditions:
        """The conditions in a run.json; what an older version of lsbench did not write is not known.

        Raises:
            RunError: where it is no request of lsbench. where: names the file in the message.
        """
        try:
            REQUEST(request, "")
        except ValueError as fault:
            raise RunError(
                f"{where}: {fault}. It is not a request as lsbench writes it; score again under another --name"
            ) from fault
        return cls(**{each.name: request[each.name] for each in fields(cls) if request.get(each.name) is not None})

    def written(self) -> dict[str, Any]:
        """The fields as run.json holds them; what is not known, and what a run has none of, is left out."""
        return {name: value for name, value in asdict(self).items() if name == "tracker" or value not in (None, {})} | {
            "weights": dict(self.weights)
        }

    @property
    def networks(self) -> dict[str, str]:
        """`weights` as they would be recorded now: a run of an earlier version has the sha256 of the file it used."""
        return {name: network_digest(name, recorded) for name, recorded in self.weights.items()}

    @property
    def digest(self) -> str:
        """A sha256 that two runs share only where their numbers mean the same."""
        decisive = {name: self.versions.get(name) for name in sorted(decisive_libraries(self.metrics))}
        parts = [self.protocol["digest"], self.metrics, self.tracker, self.networks, decisive]
        parts += [self.decoding] if self.decoding > 1 else []
        parts += [self.words] if self.words else []
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def differences(self, other: Conditions) -> list[Difference]:
        """The fields in which two runs differ, decisive ones first.

        Metrics, weights, a tracker and libraries that only one of them names do not count. Libraries that decide
        nothing (NumPy, PyTorch ...) and the device move last digits only.
        """
        shared = sorted(self.metrics.keys() & other.metrics.keys())
        decisive = decisive_libraries(shared)
        pairs: list[tuple[str, Any, Any, bool]] = [
            *((f"signature of {key}", self.metrics[key], other.metrics[key], True) for key in shared),
            ("revision of decoding", self.decoding, other.decoding, True),
            ("words that are said", self.words or other.words, other.words or self.words, True),
            ("face tracker", self.tracker or other.tracker, other.tracker or self.tracker, True),
            *((f"weights {name}", one, two, True) for name, one, two in _shared(self.networks, other.networks)),
            *(
                (f"version of {name}", one, two, name in decisive)
                for name, one, two in _shared(self.versions, other.versions)
            ),
            ("device", self.device or other.device, other.device or self.device, False),
        ]
        differences = [Difference(*pair) for pair in pairs if pair[1] != pair[2]]
        differences.sort(key=lambda difference: not difference.decisive)
        return [*_protocol(self.protocol, other.protocol), *differences]

    def decisive_difference(self, other: Conditions) -> Difference | None:
        """The first field that keeps the numbers of two runs apart; None where they may stand side by side."""
        return next((each for each in self.differences(other) if each.decisive), None)

    def explains(self, other: Conditions) -> bool:
        """Whether a run made under these conditions has every score of another, with the same meaning."""
        return self.metrics.keys() >= other.metrics.keys() and self.decisive_difference(other) is None

    def demand_same(self, other: Conditions, path: object) -> None:
        """Raise RunError naming the first field that both fill, and fill otherwise: clips of both would not mix.

        self: of the clips that are there; other: what is asked now. path: of the run. Metrics, and what they need, may
        come and go. The digests come last, for they say least.
        """
        before, asked = (flat(each.written() | {"weights": each.networks}) for each in (self, other))
        for name in sorted(before.keys() & asked.keys(), key=lambda name: ("digest" in name, "sha256" in name, name)):
            added = name == "tracker" and None in (before[name], asked[name])
            if before[name] != asked[name] and not added:
                raise started_otherwise(path, name, before[name], asked[name])


def started_otherwise(path: object, name: str, before: Any, asked: Any) -> RunError:
    """The error that says in which field a run that is there differs from what is asked."""
    return RunError(
        f"run {path} was started with {name} {before}, now asked with {asked}; "
        "pass another --name or --out, or delete the run folder"
    )


def demand_comparable(name: str, conditions: Conditions, other_name: str, other: Conditions) -> None:
    """Raise ComparisonError naming the first decisive field in which two runs differ."""
    difference = conditions.decisive_difference(other)
    if difference is not None:
        raise ComparisonError(
            f"runs {name} and {other_name} cannot be ranked together: {difference}. "
            "Score both again under the same conditions"
        )


def decisive_libraries(keys: Iterable[str]) -> set[str]:
    """The libraries that decide what the metrics of these score keys see or compute."""
    from lsbench.metrics._base import catalogue

    libraries = set(EVERY_CLIP)
    for name in {ScoreKey.parse(key).metric for key in keys}:
        try:
            catalogue.demand_at_hand(name)
            libraries.update(catalogue.kind(name).libraries)
        except LsbenchError:  # of a package that is not here, or a file of another folder
            continue
    return libraries


def library_versions() -> dict[str, str]:
    """What of the libraries can move a number, for run.json."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "absent"
    return versions


def _shared(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(one.keys() & other.keys()):
        yield name, one[name], other[name]


def _protocol(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    if one["digest"] == other["digest"]:
        return
    for name in sorted((one.keys() | other.keys()) - set(DESCRIPTIVE)):
        if one.get(name) != other.get(name):
            yield Difference(f"protocol {name}", one.get(name), other.get(name), True)
    yield Difference("protocol digest", one["digest"], other["digest"], True)
