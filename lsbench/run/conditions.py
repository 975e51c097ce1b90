"""Whether two runs may be ranked together: which fields of their run.json differ, and whether that moves a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lsbench.errors import ComparisonError, RunError
from lsbench.system.strict_json import flat

# Libraries that decide what a metric sees or computes: of every metric (None), or of the metrics named. Others round:
# sharpness by OpenCV's filter (1e-13 of its value), the networks of engine=onnx; Pillow only reads frames.
DECISIVE = {
    "av": None,
    "soxr": None,
    "piq": ("ms_ssim", "gmsd", "fsim", "vif", "haarpsi"),
    "lpips": ("lpips",),
    "opencv-contrib-python": ("lse_d", "lse_c", "lse_d0", "av_offset", "offset_error_frames"),
}
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


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """The fields in which two requests (run.json) differ, decisive ones first.

    Metrics, weights and a tracker that only one run has do not count. Mediapipe's version is part of the tracker's
    signature, lsbench's own changes show in the signatures' revisions; other libraries (NumPy, PyTorch ...) and the
    device move last digits only.
    """
    yield from _protocol(one["protocol"], other["protocol"])
    shared = sorted(one["metrics"].keys() & other["metrics"].keys())
    for key in shared:
        if one["metrics"][key] != other["metrics"][key]:
            yield Difference(f"signature of {key}", one["metrics"][key], other["metrics"][key], True)
    if one["tracker"] and other["tracker"] and one["tracker"] != other["tracker"]:
        yield Difference("face tracker", one["tracker"], other["tracker"], True)
    for name in sorted(one["weights"].keys() & other["weights"].keys()):
        if one["weights"][name] != other["weights"][name]:
            yield Difference(f"sha256 of {name}", one["weights"][name], other["weights"][name], True)
    names = {key.partition("/")[0].partition(":")[0] for key in shared}
    versions = [
        Difference(f"version of {library}", mine, theirs, _decides(library, names))
        for library in sorted(one["versions"].keys() | other["versions"].keys())
        if (mine := one["versions"].get(library)) != (theirs := other["versions"].get(library))
    ]
    if one.get("device") != other.get("device"):
        versions.append(Difference("device", one.get("device"), other.get("device"), False))
    yield from sorted(versions, key=lambda difference: not difference.decisive)


def demand_comparable(name: str, request: Mapping[str, Any], other_name: str, other: Mapping[str, Any]) -> None:
    """Raise ComparisonError naming the first decisive field in which two runs differ."""
    for difference in differences(request, other):
        if difference.decisive:
            raise ComparisonError(
                f"runs {name} and {other_name} cannot be ranked together: {difference}. "
                "Score both again under the same conditions"
            )


def _protocol(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    if one["digest"] == other["digest"]:
        return
    for name in sorted((one.keys() | other.keys()) - set(DESCRIPTIVE)):
        if one.get(name) != other.get(name):
            yield Difference(f"protocol {name}", one.get(name), other.get(name), True)
    yield Difference("protocol digest", one["digest"], other["digest"], True)


def _decides(library: str, names: set[str]) -> bool:
    users = DECISIVE.get(library, ())
    return users is None or not names.isdisjoint(users)


def _demand_same(path: Path, before: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise RunError naming the first field that both requests fill and fill otherwise; the digest last.

    Where the reference clips lie may change: what they hold is part of the digest.
    """
    old, new = flat(before), flat(asked)
    shared = (old.keys() & new.keys()) - {"reference"}
    for name in sorted(shared, key=lambda name: ("digest" in name, "sha256" in name, name)):
        added = name == "tracker" and None in (old[name], new[name])
        if old[name] != new[name] and not added:
            raise RunError(
                f"run {path} was started with {name} {old[name]}, now asked with {new[name]}; "
                "pass another --name or --out, or delete the run folder"
            )


# Libraries whose version can move a number.
LIBRARIES = (
    *("lsbench", "numpy", "scipy", "av", "soxr", "numba", "mediapipe", "torch", "torchvision", "piq", "lpips"),
    *("opencv-contrib-python", "onnxruntime", "pillow"),
)


def library_versions() -> dict[str, str]:
    """What of the libraries can move a number, for run.json."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "absent"
    return versions
