"""What is measured, and what it needs before it can be: weight files, a device, a reference that is the truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lsbench.errors import LsbenchError, MetricError, WeightsError
from lsbench.face.track import BOX_RULES, Region
from lsbench.face.tracker import FaceTracker
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric
from lsbench.networks import weights
from lsbench.protocol.protocol import Protocol
from lsbench.system.pool import Progress

FACE_LANDMARKER = "face_landmarker"


@dataclass(frozen=True)
class Measurable:
    """The metrics that can be measured, with what they need.

    Attributes:
        metrics: in the order in which they were asked for.
        unavailable: metric key -> why it cannot be measured.
        files: weight files ready for use by name.
        sha256: of each file.
        face: which one the tracker follows.
    """

    metrics: tuple[Metric, ...]
    unavailable: Mapping[str, str]
    files: Mapping[str, Path]
    sha256: Mapping[str, str]
    face: str = "largest"

    @property
    def tracker(self) -> FaceTracker | None:
        """Finds faces; None where nothing asked for one."""
        if FACE_LANDMARKER not in self.files:
            return None
        return FaceTracker(self.files[FACE_LANDMARKER], self.sha256[FACE_LANDMARKER], self.face)


def measurable(
    metrics: Sequence[str | Metric | type[Metric]] | None,
    regions: Sequence[str | Region] | None,
    protocol: Protocol,
    *,
    demanded: Collection[str] = (),
    offline: bool = False,
    weight_files: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> Measurable:
    """Sort out which metrics can be measured under a protocol, and fetch what they need.

    Args:
        metrics: spellings such as `ssim:color=luma`; the protocol's where None.
        regions: `whole`, `face`, `mouth`; the protocol's where None.
        protocol: bound to its clips.
        demanded: names of weights that are needed whatever the metrics say.
        offline: never fetch.
        weight_files: files to use in place of the registered ones, by name.
        progress: is told what is fetched.

    Raises:
        MetricError: where a metric that was named needs an extra that is not installed.
        WeightsError: where a file cannot be had for a metric that was named, or that is demanded.
        LsbenchError: where nothing is left to measure.
    """
    overrides = weight_files or {}
    wanted = catalogue.metrics(metrics or protocol.metrics, [Region(region) for region in regions or protocol.regions])
    if not protocol.has_truth:
        wanted = list({other.key: other for other in (metric.without_truth() for metric in wanted)}.values())
    unavailable = untrue(wanted, protocol)
    wanted = [metric for metric in wanted if metric.key not in unavailable]
    absent = {metric.key: reason for metric in wanted if (reason := metric.lacking())}
    if metrics and absent:
        raise MetricError(next(iter(absent.values())))
    unavailable |= absent
    wanted = [metric for metric in wanted if metric.key not in absent]
    indispensable = {*demanded, *overrides}
    if metrics:
        indispensable.update(*(needs(metric, protocol) for metric in wanted))
    elif regions and any(
        metric.region in BOX_RULES and FACE_LANDMARKER in needs(metric, protocol) for metric in wanted
    ):
        indispensable.add(FACE_LANDMARKER)
    required = {name for metric in wanted for name in needs(metric, protocol)} | set(demanded)
    files, reasons = _files(sorted(required), indispensable, overrides, offline, progress)
    for metric in wanted:
        if lacking := [reasons[name] for name in sorted(needs(metric, protocol)) if name in reasons]:
            unavailable[metric.key] = "; ".join(lacking)
    chosen = tuple(metric for metric in wanted if metric.key not in unavailable)
    if not chosen:
        raise LsbenchError("nothing to measure: " + "; ".join(sorted(set(unavailable.values())) or ["no metric named"]))
    return Measurable(
        chosen,
        unavailable,
        {name: path for name, (path, _) in files.items()},
        {name: sha256 for name, (_, sha256) in files.items()},
        protocol.face,
    )


def needs(metric: Metric, protocol: Protocol) -> set[str]:
    """Names of the weight files without which a metric cannot be measured under a protocol."""
    exact = protocol.has_truth and all(clip.landmarks for clip in protocol.clips)
    faces = metric.needs_landmarks or metric.learner or (metric.needs_track and not exact)
    return {*metric.needed_weights, *([FACE_LANDMARKER] if faces or protocol.fit == "face" else [])}


def untrue(metrics: Iterable[Metric], protocol: Protocol) -> dict[str, str]:
    """Metric key -> why it cannot be measured, for those whose truth, pictures or speech the protocol does not have."""
    if protocol.is_silent:
        return _unspoken(metrics)
    spoken = "it asks what a mouth does that hears silence; pass --drive silence, or a protocol that says so"
    return {metric.key: spoken for metric in metrics if metric.of_silence} | _without_truth(
        [metric for metric in metrics if not metric.of_silence], protocol
    )


def _unspoken(metrics: Iterable[Metric]) -> dict[str, str]:
    """Of those that make no sense where silence drives the videos."""
    no_truth = "it compares with the reference's own pictures, which speak, and what hears silence should not"
    no_speech = "it needs speech, and silence drives the videos"
    return {
        metric.key: no_truth if metric.paired else no_speech
        for metric in metrics
        if (metric.paired or metric.needs_speech or metric.learner) and not metric.of_silence
    }


def _without_truth(metrics: Iterable[Metric], protocol: Protocol) -> dict[str, str]:
    """Of those whose truth, or whose pictures, a protocol does not have."""
    if protocol.task == "alone":
        nothing = "there are no reference clips to compare with; pass --reference DIR"
        untaught = "it learns from real clips, and there are none; pass --reference DIR"
        return {
            metric.key: nothing if metric.paired else untaught
            for metric in metrics
            if metric.paired or (metric.learner and not metric.self_taught)
        }
    if protocol.task == "dubbing":
        no_truth = "it compares with the reference's own pictures, and in a dubbing task the reference says something "
        return {metric.key: f"{no_truth}else: there is no ground truth" for metric in metrics if metric.paired}
    if protocol.fit != "face":
        return {}
    return {
        metric.key: "--fit face compares the faces alone, and it looks at more of the frames"
        for metric in metrics
        if metric.region is Region.WHOLE or (metric.region is None and metric.needs_pictures)
    }


def demand_device(device: str) -> None:
    """Raise LsbenchError where PyTorch cannot run on a device, before any work is done."""
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise LsbenchError(f"device {device}: PyTorch cannot use it ({reason}); pass --device cpu") from None


def _files(
    names: Iterable[str],
    indispensable: Collection[str],
    overrides: Mapping[str, Path],
    offline: bool,
    progress: Progress | None,
) -> tuple[dict[str, tuple[Path, str]], dict[str, str]]:
    """Weight files ready for use (path, sha256) by name, and name -> why one cannot be had.

    Raises WeightsError where one that is indispensable cannot be had.
    """
    for name, path in overrides.items():
        if not path.is_file():
            raise WeightsError(f"weights {name}: {path} is not a file")
    files: dict[str, tuple[Path, str]] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            fetching = partial(progress, f"fetch {name}") if progress else None
            files[name] = weights.require(name, override=overrides.get(name), offline=offline, progress=fetching)
        except WeightsError as error:
            if name in indispensable:
                raise
            reasons[name] = str(error)
    return files, reasons
