"""What metrics need before they can measure: weight files, and a reference that is the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lsbench.errors import WeightsError
from lsbench.metrics._base.metric import Metric
from lsbench.networks import weights
from lsbench.protocol.protocol import Protocol
from lsbench.system.pool import Progress


def needs(metric: Metric, bench: Protocol) -> set[str]:
    """Names of the weight files without which a metric cannot be measured under a protocol."""
    exact = bench.task != "dubbing" and all(clip.landmarks for clip in bench.clips)
    faces = metric.needs_landmarks or metric.learner or (metric.needs_track and not exact)
    return {*metric.weights, *(["face_landmarker"] if faces else [])}


def untrue(wanted: Sequence[Metric], bench: Protocol) -> dict[str, str]:
    """Metric key -> why it cannot be measured, for those that compare with a truth that the protocol does not have."""
    if bench.task != "dubbing":
        return {}
    return {
        metric.key: "it compares with the reference's own pictures, and in a dubbing task the reference says something "
        "else: there is no ground truth"
        for metric in wanted
        if metric.paired
    }


def weight_paths(
    wanted: Sequence[Metric],
    bench: Protocol,
    demanded: set[str],
    offline: bool,
    overrides: Mapping[str, Path],
    progress: Progress | None,
) -> tuple[dict[str, tuple[Path, str]], dict[str, str]]:
    """Weight files ready for use (path, sha256) by name, and metric key -> reason where one cannot be had.

    Raises WeightsError where a file of `demanded` cannot be had.
    """
    for name, path in overrides.items():
        if not path.is_file():
            raise WeightsError(f"weights {name}: {path} is not a file")
    files: dict[str, tuple[Path, str]] = {}
    reasons: dict[str, str] = {}
    for name in sorted({name for metric in wanted for name in needs(metric, bench)}):
        try:
            fetching = partial(progress, f"fetch {name}") if progress else None
            files[name] = weights.require(name, override=overrides.get(name), offline=offline, progress=fetching)
        except WeightsError as error:
            if name in demanded:
                raise
            reasons[name] = str(error)
    unavailable = {
        metric.key: "; ".join(reasons[name] for name in sorted(needs(metric, bench)) if name in reasons)
        for metric in wanted
        if not needs(metric, bench).isdisjoint(reasons)
    }
    return files, unavailable
